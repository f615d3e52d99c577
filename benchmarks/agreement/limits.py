"""Named limits: why linter and kernel differ where neither is wrong about its own subject.

Each is recognised by its cause, as the object code and the kernel's symbols show it; never by the name of a file
or of a program. What no limit explains is an open disagreement. (Refusals that are about no contract are no
disagreements: classes.py.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from benchmarks.agreement.engine import Error
from benchmarks.agreement.judge import Verdict
from kfuncgen.lint.results import PLACED_KEY


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else is known where linter and kernel differ.

    `notes`: what the linter says that it did not fully check. `unset`: whether the compiler warns of a variable
    without a value, and did not before the source was changed. `without_keys`: the linter's errors for a kernel
    whose verifier looks at no keys (6.14). `log`: the verifier's whole log of a program that was missed.
    """

    notes: frozenset[str] = frozenset()
    unset: bool = False
    without_keys: tuple[Error, ...] = ()
    log: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One disagreement: a verdict, and one of the errors about an accepted program, None for a rejected one."""

    verdict: Verdict
    error: Error | None = None
    known: Circumstances = field(default_factory=Circumstances)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit: its name, why it is one, and whether it explains a disagreement."""

    name: str
    reason: str
    explains: Callable[[Case], bool]


@cache
def kernel_symbols() -> frozenset[str]:
    """The running kernel's symbols; empty where they cannot be read."""
    try:
        lines = Path("/proc/kallsyms").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[2] for line in lines if len(line.split()) > 2)


def _absent_symbol(case: Case) -> bool:
    """The program refers to a symbol that this kernel lacks and is accepted all the same: libbpf put zero for it,
    and the verifier drops what is behind the test of it."""
    symbols = kernel_symbols()
    plain = {name.split("___")[0] for name in case.verdict.externs}
    absent = any(name not in symbols and not _from_config(name) for name in plain)
    return case.error is not None and bool(symbols) and absent


def _from_config(name: str) -> bool:
    """Externs that libbpf fills in itself."""
    return name.startswith(("CONFIG_", "LINUX_"))


def _optimised_away(case: Case) -> bool:
    """No instruction stems from what the linter objects to."""
    if case.error is None:
        return False
    first, last = case.error.evidence[:2], case.error.evidence[2:]
    return bool(case.verdict.places) and not any(first <= place < last for place in case.verdict.places)


def _undefined(case: Case) -> bool:
    """The linter knows the pointer to be NULL there, and not only that it may be."""
    if case.error is None:
        return False
    said = {"unchecked-null": " is NULL where it is dereferenced", "null-argument": "' is NULL where it is passed"}
    through = case.error.rule == "unchecked-null" or "->" in case.error.message
    return through and said.get(case.error.rule, "no such text") in case.error.message


def _unset(case: Case) -> bool:
    """The compiler warns that a variable has no value where it is used."""
    return case.known.unset


def _joined(case: Case) -> bool:
    """The linter says itself that it no longer tells paths apart."""
    return any("numbers no longer tell them apart" in note for note in case.known.notes)


def _placed_key(case: Case) -> bool:
    """Whether a lookup may fail depends on the constant key's place on the stack."""
    if case.error is not None:
        return any(PLACED_KEY in event for event in case.error.told)
    lookups = [e for e in case.known.without_keys if "bpf_map_lookup_elem()" in e.message]
    return any(e.line == case.verdict.line for e in lookups)


_TAKEN_FOR_NULL = re.compile(
    r"if r(\d+) == 0x0 goto \S+ \d+: .*\bR\1=(?:pkt\(|fp)|if r(\d+) != 0x0 goto \S+ +; (?:.* )?R\2=(?:pkt\(|fp)"
)
"""A pointer into the packet or the stack that is taken for NULL: a branch taken, and one that is not."""


def _null_test(case: Case) -> bool:
    """On the verifier's path a pointer into the packet, or to the stack, is NULL."""
    through = " 'scalar'" in case.verdict.message or "type=scalar" in case.verdict.message
    return case.error is None and through and _TAKEN_FOR_NULL.search(case.known.log) is not None


def _merged_tests(case: Case) -> bool:
    """Two tests for NULL were made one of all bits of both pointers."""
    return (
        case.error is None and re.match(r"R\d+ pointer \|= pointer prohibited", case.verdict.message) is not None
    )


def _unused_parameter(case: Case) -> bool:
    """A global function is called, and the register of an argument holds nothing."""
    called = case.verdict.message.startswith("Caller passes invalid args into func")
    return (
        case.error is None and called and re.search(r" type=\? |variable \? access", case.verdict.log) is not None
    )


_MOVED_CONTEXT = re.compile(r"\(61\) r\d+ = \*\(u32 \*\)\(r\d+ \+0\)\s*\ndereference of modified ctx ptr ")
"""A member of the context is read through a pointer to the member alone."""


def _moved_context(case: Case) -> bool:
    """The compiler keeps a pointer to a member of the context."""
    return case.error is None and _MOVED_CONTEXT.search(case.verdict.log) is not None


def _vanished_type(case: Case) -> bool:
    """The object's BTF was refused, or a map's type in it is not whole."""
    message = case.verdict.message
    lacks = "has to have BTF in order to use" in message or "has no valid bpf_spin_lock" in message
    return case.error is None and lacks


LIMITS = (
    Limit(
        "absent-symbol",
        "a weak symbol is missing in this kernel: what its test guards is never verified here, but is elsewhere",
        _absent_symbol,
    ),
    Limit(
        "optimised-away",
        "the compiler removed the statement that breaks the contract: what it computes is not used, or it cannot "
        "be reached without undefined behaviour",
        _optimised_away,
    ),
    Limit(
        "undefined-behaviour",
        "a pointer that is known to be NULL is dereferenced: C leaves undefined what happens, and the compiler "
        "makes of the access what it likes",
        _undefined,
    ),
    Limit(
        "uninitialised-variable",
        "a variable has no value where it is used: C leaves undefined what happens, compilers warn of it and "
        "make of the rest what they like",
        _unset,
    ),
    Limit(
        "placed-key",
        "the key of an array map is a constant, and whether the verifier sees that depends on where the compiler "
        "puts it on the stack, and what else there",
        _placed_key,
    ),
    Limit(
        "null-test",
        "the verifier takes pointers into the packet, and to the stack, for NULL at each test, whatever is known; "
        "compilers mostly merge such tests",
        _null_test,
    ),
    Limit(
        "merged-tests",
        "compilers make one test of `a || b`, of all bits of both pointers, which the verifier does not take",
        _merged_tests,
    ),
    Limit(
        "unused-parameter",
        "compilers do not pass what a global function does not use, and the verifier asks for it all the same",
        _unused_parameter,
    ),
    Limit(
        "moved-context",
        "compilers keep the address of a context's member in a register, which the verifier does not take",
        _moved_context,
    ),
    Limit(
        "vanished-type",
        "the compiler removed the last code that mentions a struct, the object's BTF has but its name, and the "
        "kernel does not see what the maps hold",
        _vanished_type,
    ),
    Limit(
        "joined-paths",
        "paths were joined that the linter no longer tells apart by numbers, which it says in a note",
        _joined,
    ),
)


def explain(verdict: Verdict, errors: Sequence[Error], known: Circumstances | None = None) -> str:
    """The limit that explains why linter and kernel differ, for all of the linter's errors; "" for none."""
    known = known or Circumstances()
    if (verdict.verdict == "rejected") == bool(errors):
        return ""
    cases = [Case(verdict, error, known) for error in errors] or [Case(verdict, None, known)]
    names = [next((limit.name for limit in LIMITS if limit.explains(case)), "") for case in cases]
    return names[0] if all(names) else ""
