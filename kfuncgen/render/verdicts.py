"""What `kfuncgen verify` says: the kernel's verdict on each program, as text or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kfuncgen.diagnostic import Place
from kfuncgen.render.escape import one_line
from kfuncgen.render.json import dump
from kfuncgen.render.summary import plural

VERDICTS = ("accepted", "rejected", "not-loaded")


class Verdict(Protocol):
    """One program's verdict (kfuncgen.verify.ProgramVerdict)."""

    @property
    def file(self) -> str: ...
    @property
    def program(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def rule(self) -> str: ...
    @property
    def log(self) -> str: ...


def render_text(verdicts: Sequence[Verdict]) -> str:
    """One line per program (`file:line: verdict: program (section): the kernel's words [rule]`) and a summary."""
    lines = []
    for v in verdicts:
        line = f"{one_line(str(Place(v.file, v.line or 0)))}: {v.verdict}: {one_line(v.program)}"
        line += f" ({one_line(v.section)})" if v.section else ""
        line += f": {one_line(v.message)}" if v.message else ""
        lines.append(line + (f" [{v.rule}]" if v.rule else ""))
    tally = ", ".join(f"{sum(v.verdict == word for v in verdicts)} {word}" for word in VERDICTS)
    lines.append(f"{plural(len(verdicts), 'program')}: {tally}")
    return "".join(f"{line}\n" for line in lines)


def render_json(verdicts: Sequence[Verdict]) -> str:
    """`{"programs": [{file, program, section, verdict, message, line, rule, log}]}`."""
    keys = ("file", "program", "section", "verdict", "message", "line", "rule", "log")
    return dump({"programs": [{key: getattr(v, key) for key in keys} for v in verdicts]})
