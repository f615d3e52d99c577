"""Which programs may call which helpers, as measured on kernels.

The kernel has this in its code alone (the *_func_proto() functions of each program type), where it depends on the
type, for some on where a program is attached, and on whether it may sleep. specs/helper_programs.tsv is written by
scripts/helper_programs.py from what verifiers said (`python -m benchmarks.helpers --measure`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kfuncgen.records import Struct
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.progtypes import SectionInfo, section_info

TABLE = "helper_programs.tsv"


class _Table(Struct, frozen=True):
    kernels: tuple[Kernel, ...]
    """The measured ones, oldest first."""
    kinds: Mapping[Kernel, frozenset[str]]
    """Those that reached each kernel's verifier."""
    allowed: Mapping[str, Mapping[Kernel, frozenset[str]]]
    """Kinds by helper and kernel; a helper that a kernel refused to all is left out."""


def kind_of(info: SectionInfo) -> str:
    """The kind of a program, as the table names it: its section without what is attached to."""
    return f"{info.attach}.s" if info.sleepable and info.attach != "syscall" else info.attach


@cache
def _table() -> _Table:
    text = (Path(__file__).parents[1] / "specs" / TABLE).read_text(encoding="utf-8")
    kinds: dict[Kernel, frozenset[str]] = {}
    allowed: dict[str, dict[Kernel, frozenset[str]]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, kernels, words = line.split("\t")
        for word in kernels.split():
            kernel = Kernel.parse(word)
            if name == "*":
                kinds[kernel] = frozenset(words.split())
            elif words == "all":
                allowed.setdefault(name, {})[kernel] = kinds[kernel]
            else:
                allowed.setdefault(name, {})[kernel] = frozenset(words.split())
    return _Table(tuple(sorted(kinds)), kinds, allowed)


@cache
def may_call_helper(name: str, info: SectionInfo, kernel: Kernel) -> bool | None:
    """Whether a program of section `info` may call the helper on `kernel`; None when that was not measured.

    Between two measured kernels a helper counts as refused where both refuse it. The newest one says nothing of
    kernels that came after it.
    """
    table = _table()
    before = [known for known in table.kernels if known <= kernel]
    after = [known for known in table.kernels if known >= kernel]
    if not after:
        return None
    answers = [_on(table, name, info, known) for known in {*before[-1:], after[0]}]
    return any(answers) if None not in answers else None


def may_have_helper(name: str) -> bool:
    """Whether the name is that of a helper that some measured kernel has."""
    return name in _table().allowed


def _on(table: _Table, name: str, info: SectionInfo, kernel: Kernel) -> bool | None:
    allowed = table.allowed.get(name, {}).get(kernel)
    if allowed is None:
        return None
    kind = kind_of(info)
    if any(kind in kinds for kinds in table.kinds.values()):
        return kind in allowed if kind in table.kinds[kernel] else None
    alike = _same_type(info.program_type, info.sleepable) & table.kinds[kernel]
    return bool(alike & allowed) if alike else None


@cache
def _same_type(program_type: str, sleepable: bool) -> frozenset[str]:
    """The kinds of programs of one type."""
    infos = {kind: section_info(kind) for kinds in _table().kinds.values() for kind in kinds}
    return frozenset(
        kind
        for kind, info in infos.items()
        if info is not None and info.program_type == program_type and info.sleepable == sleepable
    )


def helper_kinds(name: str, kernel: Kernel) -> tuple[str, ...]:
    """The kinds of programs that may call the helper on the measured kernel nearest to `kernel`, sorted."""
    table = _table()
    nearest = next((known for known in table.kernels if known >= kernel), table.kernels[-1])
    return tuple(sorted(table.allowed.get(name, {}).get(nearest, ())))
