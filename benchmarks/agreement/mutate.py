"""Mutants: small breaks of contracts in a source, each one edit or a few."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.agreement.tree import Call, Function, Statement, Test
from benchmarks.agreement.words import Words

KINDS = (
    "delete-release",
    "delete-null-check",
    "invert-null-check",
    "swap-calls",
    "drop-iter-destroy",
    "drop-unlock",
    "use-behind-release",
    "replace-release-argument",
    "drop-acquire",
    "drop-lock",
    "duplicate-release",
)

Edit = tuple[int, int, bytes]
"""Start, end, what stands there instead; offsets in bytes."""

_REACH = 4
"""How many statements above a release may be moved behind it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutant of a source: its kind, the function it is in, the 1-based line, what was done, the edits."""

    kind: str
    function: str
    line: int
    what: str
    edits: tuple[Edit, ...]

    @property
    def key(self) -> str:
        """Eight digits that tell mutants of one source apart."""
        return hashlib.sha256(repr(self.edits).encode()).hexdigest()[:8]

    def apply(self, text: bytes) -> bytes:
        """The mutated source."""
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def mutants(text: bytes, functions: Sequence[Function], words: Words) -> list[Mutant]:
    """All mutants of a source, by kind as in KINDS and by place; no two of them make the same text."""
    found: list[Mutant] = []
    for function in functions:
        maker = _Maker(text, function, words)
        found += maker.all()
    seen: set[tuple[Edit, ...]] = set()
    unique = []
    for mutant in sorted(found, key=lambda m: (KINDS.index(m.kind), m.edits)):
        key = tuple(sorted(mutant.edits))
        if key not in seen:
            seen.add(key)
            unique.append(mutant)
    return unique


class _Maker:
    def __init__(self, text: bytes, function: Function, words: Words) -> None:
        self.text = text
        self.function = function
        self.words = words

    def all(self) -> Iterator[Mutant]:
        for test in self.function.tests:
            yield from self._test(test)
        for block in self.function.blocks:
            for position, statement in enumerate(block):
                yield from self._statement(statement)
                if position:
                    yield from self._pair(block, position)

    def _mutant(self, kind: str, what: str, *edits: Edit) -> Mutant:
        line = self.text.count(b"\n", 0, edits[0][0]) + 1
        return Mutant(kind, self.function.name, line, what, edits)

    def _part(self, statement: Statement) -> bytes:
        return self.text[statement.start : statement.end]

    def _test(self, test: Test) -> Iterator[Mutant]:
        pointer = test.pointer
        effects = b"(" in pointer or re.search(rb"[^=!<>]=[^=]", pointer) is not None
        value = b"0" if test.negative else b"1"
        constant = b"((void)(%s), %s)" % (pointer, value) if effects else value
        name = pointer.decode(errors="replace")
        if test.statement is not None:
            start, end = test.statement
            kept = b"(void)(%s);" % pointer if effects else b";"
            yield self._mutant("delete-null-check", f"check of {name} deleted", (start, end, kept))
        else:
            edit = (test.start, test.end, constant)
            yield self._mutant("delete-null-check", f"check of {name} is always passed", edit)
        inverted = b"(%s)" % pointer if test.negative else b"!(%s)" % pointer
        yield self._mutant("invert-null-check", f"check of {name} inverted", (test.start, test.end, inverted))

    def _statement(self, statement: Statement) -> Iterator[Mutant]:
        call, words = statement.call, self.words
        if call is None:
            return
        gone: Edit = (statement.start, statement.end, b";")
        name = call.name
        if statement.bare:
            for kind, names in (
                ("delete-release", words.releases | words.transfers),
                ("drop-iter-destroy", words.destructors),
                ("drop-unlock", words.unlocks),
                ("drop-lock", words.locks | words.constructors),
                ("drop-acquire", words.acquires - words.releases),
            ):
                if name in names:
                    yield self._mutant(kind, f"{name}() deleted", gone)
            if name in words.releases | words.transfers | words.unlocks | words.destructors:
                twice = b"{ %s %s }" % (self._part(statement), self._part(statement))
                yield self._mutant("duplicate-release", f"{name}() twice", (statement.start, statement.end, twice))
            if name in words.releases | words.transfers:
                yield from self._argument(call)
        elif name in words.acquires - words.releases:
            yield from self._acquire(call)
        elif name in words.locks:
            yield self._mutant("drop-lock", f"{name}() left out", (call.start, call.end, b"0"))

    def _acquire(self, call: Call) -> Iterator[Mutant]:
        """The pointer itself in place of a new reference to it; NULL where the reference is to another object."""
        same = call.name.endswith(("_acquire", "_acquire_impl"))
        value = b"(void *)(%s)" % call.arguments[0] if same and call.arguments else b"(void *)0"
        what = f"{call.name}() replaced by {'its argument' if same else 'NULL'}"
        yield self._mutant("drop-acquire", what, (call.start, call.end, value))

    def _argument(self, call: Call) -> Iterator[Mutant]:
        position = 1 if call.name in self.words.transfers else 0
        if position >= len(call.arguments):
            return
        old = call.arguments[position]
        start = self.text.find(old, call.start + len(call.name))
        if start < 0 or start >= call.end:
            return
        wanted = next((pointee for name, pointee in self.function.pointers if name.encode() == old), None)
        others = sorted(
            {name for name, pointee in self.function.pointers if pointee == wanted and name.encode() != old}
        )
        for other in ["(void *)0", *others[:1]]:
            edit = (start, start + len(old), other.encode())
            yield self._mutant("replace-release-argument", f"{call.name}({other})", edit)

    def _pair(self, block: list[Statement], position: int) -> Iterator[Mutant]:
        this, before = block[position], block[position - 1]
        call, words = this.call, self.words
        if call is None:
            return
        one, two = self._part(before), self._part(this)
        gap = self.text[before.end : this.start]
        if (
            before.call is not None
            and "declaration" not in (before.kind, this.kind)
            and {call.name, before.call.name} & words.known
        ):
            edit = (before.start, this.end, two + gap + one)
            yield self._mutant("swap-calls", f"{before.call.name}() and {call.name}() swapped", edit)
        if not this.bare or call.name not in words.ends:
            return
        released = re.findall(rb"[A-Za-z_]\w*", b" ".join(call.arguments))
        for above in reversed(block[max(0, position - _REACH) : position]):
            if above.kind in ("jump", "declaration"):
                continue
            text = self._part(above)
            uses = call.name in words.unlocks or any(
                re.search(rb"\b%s\b" % re.escape(name), text) for name in released
            )
            if uses:
                between = self.text[above.end : this.end]
                edit = (above.start, this.end, between + b" " + text)
                yield self._mutant("use-behind-release", f"statement moved behind {call.name}()", edit)
