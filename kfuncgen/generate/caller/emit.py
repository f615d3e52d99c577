"""A plan as C: statements in kernel style, early exits with goto labels, obligations ended in reverse order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kfuncgen.generate.caller.plan import End, Give, Guard, Line, Local, Loop, Own, Remark, Step
from kfuncgen.generate.ctext import comment


@dataclass(slots=True)
class _Block:
    """A level of nesting: its open obligations, the labels that were jumped to, and how one leaves it."""

    leave: str
    open: list[Own] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)


def body(steps: Sequence[Step], leave: str) -> list[str]:
    """The lines of a function's body without its braces, indented by one tab. `leave` is its return statement, ""
    when falling off the end will do."""
    code = _Writer().block([step for step in steps if not isinstance(step, Local)], leave, 1)
    locals_ = [step for step in steps if isinstance(step, Local)]
    # What an obligation needs that was handed over on every way is not needed any more.
    text = "\n".join((*code, *(step.text for step in locals_)))
    kept = [step for step in locals_ if len(re.findall(rf"\b{declared_name(step)}\b", text)) > 1]
    lines = [line for step in kept for line in _declaration(step)]
    if lines:
        lines.append("")
    lines += code
    while lines and not lines[-1]:
        lines.pop()
    return lines


def declared_name(step: Local) -> str:
    """The variable that a declaration declares."""
    head = step.text.partition("=")[0].partition("[")[0]
    return str(re.findall(r"\w+", head)[-1])


def _declaration(step: Local) -> list[str]:
    text = [f"\t{line}" if line else "" for line in f"{step.text};".split("\n")]
    return [*([comment([step.comment], "\t")] if step.comment else []), *text]


def _indented(text: str, tab: str) -> list[str]:
    return [f"{tab}{line}" if line else "" for line in text.split("\n")]


class _Writer:
    """Writes nested blocks."""

    def block(self, steps: Sequence[Step], leave: str, depth: int) -> list[str]:
        """The lines of one block, its exits included."""
        tab = "\t" * depth
        current = _Block(leave)
        lines: list[str] = []
        for index, step in enumerate(steps):
            if isinstance(step, Line):
                lines += _indented(step.text, tab)
            elif isinstance(step, Remark):
                lines.append(comment([step.text], tab))
            elif isinstance(step, Guard):
                lines += self._guard(step, current, depth)
            elif isinstance(step, Own):
                current.open.append(step)
            elif isinstance(step, End | Give):
                owned = next(o for o in reversed(current.open) if o.label == step.label)
                current.open.remove(owned)
                if isinstance(step, End):
                    lines += _indented(owned.undo, tab)
            elif isinstance(step, Loop):
                inner = self.block(steps[index + 1 :], "continue;", depth + 1)
                while inner and inner[-1] in ("", f"{tab}\tcontinue;"):
                    inner.pop()
                brace, end = (" {", [f"{tab}}}"]) if len(inner) > 1 else ("", [])
                lines += [f"{tab}while ({step.head}){brace}", *inner, *end]
                break
        return lines + self._exits(current, tab)

    def _guard(self, step: Guard, current: _Block, depth: int) -> list[str]:
        tab = "\t" * depth
        exit_lines: list[str] = []
        if step.leave and current.open:
            label = current.open[-1].label
            current.wanted.append(label)
            exit_lines = [f"goto {label};"]
        elif step.leave:
            exit_lines = [current.leave or "return;"]
        inside = [*step.lines, *exit_lines]
        brace = " {" if len(inside) > 1 else ""
        lines = [f"{tab}if ({step.test}){brace}"]
        lines += [f"{tab}\t{line}" if line else "" for line in inside]
        return [*lines, *([f"{tab}}}"] if brace else []), ""]

    def _exits(self, current: _Block, tab: str) -> list[str]:
        lines: list[str] = []
        for owned in reversed(current.open):
            if owned.label in current.wanted:
                lines.append(f"{tab[1:]}{owned.label}:")
            lines += _indented(owned.undo, tab)
        return [*lines, *([f"{tab}{current.leave}"] if current.leave else [])]
