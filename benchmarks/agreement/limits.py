"""Named limits: why linter and kernel differ where neither is wrong about its own subject.

Each is recognised by its cause, as the object code and the kernel's symbols show it; never by the name of a file
or of a program. What no limit explains is an open disagreement. (Refusals that are about no contract are no
disagreements: classes.py.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.agreement.engine import Error
from benchmarks.agreement.judge import Verdict


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit: its name, why it is one, and whether it explains an error about an accepted program."""

    name: str
    reason: str
    explains: Callable[[Verdict, Error], bool]


@cache
def kernel_symbols() -> frozenset[str]:
    """The running kernel's symbols; empty where they cannot be read."""
    try:
        lines = Path("/proc/kallsyms").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[2] for line in lines if len(line.split()) > 2)


def _absent_symbol(verdict: Verdict, error: Error) -> bool:
    """The program refers to a symbol that this kernel lacks and is accepted all the same: libbpf put zero for it,
    and the verifier drops what is behind the test of it."""
    symbols = kernel_symbols()
    plain = {name.split("___")[0] for name in verdict.externs}
    return bool(symbols) and any(name not in symbols and not _from_config(name) for name in plain)


def _from_config(name: str) -> bool:
    """Externs that libbpf fills in itself."""
    return name.startswith(("CONFIG_", "LINUX_"))


def _optimised_away(verdict: Verdict, error: Error) -> bool:
    """No instruction stems from what the linter objects to."""
    first, last = error.evidence[:2], error.evidence[2:]
    return bool(verdict.places) and not any(first <= place < last for place in verdict.places)


def _undefined(verdict: Verdict, error: Error) -> bool:
    """The linter knows the pointer to be NULL there, and not only that it may be."""
    return error.rule == "unchecked-null" and " is NULL where it is dereferenced" in error.message


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
)


def explain(verdict: Verdict, errors: Sequence[Error]) -> str:
    """The limit that explains why the program is accepted, for all of the linter's errors; "" for none."""
    if verdict.verdict != "accepted" or not errors:
        return ""
    names = [next((limit.name for limit in LIMITS if limit.explains(verdict, e)), "") for e in errors]
    return names[0] if all(names) else ""
