"""Applying the fixes of findings to sources, in memory: bytes in, bytes out.

A fix is kept only when the linter agrees: the finding is gone from its place, and nothing new stands in what the
fix wrote. Files are neither read nor written here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kfuncgen.diagnostic import Edit, Finding, Fix, Severity

MAX_ROUNDS = 64
"""Rounds of linting and fixing per source; a fix may uncover the next finding, but not for ever."""

_ENDS = re.compile(rb"\r\n|\r|\n")

Linted = Sequence[Finding] | None
"""Findings of one source; None when it does not compile."""
Lint = Callable[[Mapping[str, bytes]], Linted]
"""Lints one source, with these contents instead of what is on disk."""
Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class _Cut:
    """One edit in bytes: [start, end) becomes `text`; an empty one inserts."""

    start: int
    end: int
    text: bytes

    def clashes(self, other: _Cut) -> bool:
        """Whether the order of the two would matter, or one changes what the other replaces."""
        if self.start == self.end or other.start == other.end:
            return self.start <= other.end and other.start <= self.end
        return self.start < other.end and other.start < self.end


@dataclass(slots=True)
class _Text:
    """One file and what is to be done to it."""

    data: bytes
    cuts: list[_Cut] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = [0, *(match.end() for match in _ENDS.finditer(self.data))]

    def cut(self, edit: Edit) -> _Cut | None:
        """An edit in bytes, its lines ended as the file's are; None when its place is not in the file."""
        start = self.offset(edit.span.line, edit.span.column)
        end = self.offset(edit.span.end_line, edit.span.end_column)
        if start is None or end is None or end < start:
            return None
        text = edit.text.encode("utf-8", "surrogateescape")
        ending = _ENDS.search(self.data)
        return _Cut(start, end, text.replace(b"\n", ending[0]) if ending else text)

    def offset(self, line: int, column: int) -> int | None:
        """Where a place is, in bytes; the line after the last one is the end."""
        if line == len(self.starts) + 1 and column == 1:
            return len(self.data)
        if not (0 < line <= len(self.starts)) or column < 1:
            return None
        stop = self.starts[line] if line < len(self.starts) else len(self.data)
        offset = self.starts[line - 1] + column - 1
        return offset if offset <= stop else None

    def moved(self, offset: int) -> int:
        """Where the byte at `offset` is once everything is cut."""
        shift = 0
        for cut in self.cuts:
            if cut.end <= offset:
                shift += len(cut.text) - (cut.end - cut.start)
            elif cut.start < offset:
                shift -= offset - cut.start
        return offset + shift

    def result(self) -> bytes:
        parts, last = [], 0
        for cut in sorted(self.cuts, key=lambda cut: (cut.start, cut.end)):
            parts += [self.data[last : cut.start], cut.text]
            last = cut.end
        return b"".join([*parts, self.data[last:]])

    def line(self, offset: int) -> int:
        return bisect_right(self.starts, offset)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of sources: those that changed, the numbers of the fixes that were applied, and the texts."""

    changed: Mapping[str, bytes]
    numbers: tuple[int, ...]
    texts: Mapping[str, _Text]


def apply_fixes(sources: Mapping[str, bytes], fixes: Sequence[Fix]) -> Applied:
    """Apply fixes in their order, each as a whole or not at all.

    Of two whose edits overlap the first wins; the same edits twice count as applied twice. A fix for a file that
    is not among the sources, or for a place that is not in its file, is left out.
    """
    texts: dict[str, _Text] = {}
    done: set[tuple[Edit, ...]] = set()
    numbers = []
    for number, fix in enumerate(fixes):
        if fix.edits in done:
            numbers.append(number)
            continue
        cuts = _cuts(sources, texts, fix)
        if cuts:
            for file, cut in cuts:
                texts[file].cuts.append(cut)
            done.add(fix.edits)
            numbers.append(number)
    changed = {file: result for file, text in sorted(texts.items()) if (result := text.result()) != sources[file]}
    return Applied(changed, tuple(numbers), texts)


def _cuts(sources: Mapping[str, bytes], texts: dict[str, _Text], fix: Fix) -> list[tuple[str, _Cut]]:
    """The edits of one fix in bytes; none when one of them is not possible."""
    found: list[tuple[str, _Cut]] = []
    for edit in fix.edits:
        file = edit.span.file
        if file not in sources:
            return []
        text = texts.setdefault(file, _Text(sources[file]))
        cut = text.cut(edit)
        own = [other for name, other in found if name == file]
        if cut is None or any(cut.clashes(other) for other in (*text.cuts, *own)):
            return []
        found.append((file, cut))
    return found


@dataclass(frozen=True, slots=True)
class Mended:
    """One source after its fixes. `sources`: what changed, by file; how many findings were `fixed`, and `refused`
    as their fix did not convince the linter."""

    sources: Mapping[str, bytes]
    fixed: int = 0
    refused: int = 0


def mend(
    lint: Lint,
    read: Read,
    may_edit: Callable[[str], bool],
    unsafe: bool,
    before: Mapping[str, bytes],
) -> Mended:
    """Fix one source until nothing changes any more.

    `before`: what earlier sources made of files that this one may include, too.
    """
    return _Mending(lint, read, may_edit, unsafe, dict(before)).run()


Key = tuple[str, str, str, tuple[str, ...]]


class _Mending:
    def __init__(
        self, lint: Lint, read: Read, may_edit: Callable[[str], bool], unsafe: bool, sources: dict[str, bytes]
    ) -> None:
        self.lint = lint
        self.read = read
        self.may_edit = may_edit
        self.unsafe = unsafe
        self.sources = sources
        self.refused: set[Key] = set()
        self.fixed = 0

    def run(self) -> Mended:
        findings = self.lint(self.sources)
        for _ in range(MAX_ROUNDS):
            wanted = [finding for finding in findings or () if self._wanted(finding)]
            if not wanted:
                break
            assert findings is not None
            after = self._attempt(findings, wanted)
            if after is None:
                after = self._one_by_one(findings, wanted)
            findings = after if after is not None else findings
        return Mended(self.sources, self.fixed, len(self.refused))

    def _wanted(self, finding: Finding) -> bool:
        fix = finding.fix
        if fix is None or not (fix.safe or self.unsafe) or _key(finding) in self.refused:
            return False
        return all(self.may_edit(edit.span.file) for edit in fix.edits)

    def _one_by_one(self, findings: Sequence[Finding], wanted: Sequence[Finding]) -> Linted:
        """The first of the fixes that is good by itself; those before it are refused."""
        for finding in wanted:
            after = self._attempt(findings, [finding])
            if after is not None:
                return after
            self.refused.add(_key(finding))
        return None

    def _attempt(self, findings: Sequence[Finding], wanted: Sequence[Finding]) -> Linted:
        """Apply fixes, and keep them when all is well: the findings after them, else None."""
        fixes = [finding.fix for finding in wanted if finding.fix is not None]
        applied = apply_fixes(self._texts(fixes), fixes)
        if not applied.changed:
            return None
        sources = {**self.sources, **applied.changed}
        after = self.lint(sources)
        mended = [wanted[number] for number in applied.numbers]
        if after is None or not _is_better(findings, after, mended, applied):
            return None
        self.sources = sources
        self.fixed += len(mended)
        return after

    def _texts(self, fixes: Sequence[Fix]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for file in sorted({edit.span.file for fix in fixes for edit in fix.edits}):
            data = self.sources.get(file)
            if data is None:
                data = self.read(file)
            if data is not None:
                found[file] = data
        return found


def _key(finding: Finding) -> Key:
    """A finding wherever it moves to."""
    edits = finding.fix.edits if finding.fix is not None else ()
    return finding.rule, finding.function, finding.message, tuple(edit.text for edit in edits)


def _is_better(
    before: Sequence[Finding], after: Sequence[Finding], mended: Sequence[Finding], applied: Applied
) -> bool:
    """Whether what was to be mended is gone from its place, and nothing new is found in what was written."""
    news = {file: _Text(data) for file, data in applied.changed.items()}
    written = {file: _written(applied.texts[file], new) for file, new in news.items()}
    still = {(f.rule, f.message, f.span.file, f.span.line, f.span.column) for f in after}
    for finding in mended:
        file, line, column = finding.span.file, finding.span.line, finding.span.column
        if file in news:
            old, new = applied.texts[file], news[file]
            offset = old.offset(line, column)
            moved = old.moved(offset) if offset is not None else 0
            line = new.line(moved)
            column = moved - new.starts[line - 1] + 1
            written[file].add(line)
        if (finding.rule, finding.message, file, line, column) in still:
            return False
    known = Counter(_sort(finding) for finding in before)
    for finding in after:
        known[_sort(finding)] -= 1
        lines = written.get(finding.span.file, set())
        if known[_sort(finding)] < 0 and finding.severity > Severity.HINT and finding.span.line in lines:
            return False
    return True


def _sort(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.function, finding.message


def _written(old: _Text, new: _Text) -> set[int]:
    """The lines of the new text in which something was written."""
    lines: set[int] = set()
    shift = 0
    for cut in sorted(old.cuts, key=lambda cut: (cut.start, cut.end)):
        start = cut.start + shift
        if cut.text:
            body = len(cut.text.rstrip()) or 1
            lines.update(range(new.line(start), new.line(start + body - 1) + 1))
        shift += len(cut.text) - (cut.end - cut.start)
    return lines
