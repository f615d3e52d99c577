"""A plan as C: statements in kernel style, obligations ended in reverse order.

Programs of their own leave early, by goto labels (`body`); what goes into a function that does other things too
stays within itself: a failure skips what follows (`nested`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kfuncgen.generate.caller.plan import (
    End,
    Give,
    Guard,
    Line,
    Local,
    Loop,
    Own,
    Remark,
    Step,
    Use,
    slot,
    unmarked,
)
from kfuncgen.generate.ctext import comment
from kfuncgen.records import Struct, field


class _Block(Struct):
    """A level of nesting: its open obligations, the labels that were jumped to, and how one leaves it."""

    leave: str
    open: list[Own] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)


def body(steps: Sequence[Step], leave: str) -> list[str]:
    """The lines of a function's body without its braces, indented by one tab. `leave` is its return statement, ""
    when falling off the end will do."""
    return _with_declarations(_Writer().block(_statements(steps), leave, 1), steps, "\t")


def nested(steps: Sequence[Step]) -> list[str]:
    """The lines of a plan as statements that go in at one place and out at another, not indented.

    What the author of the function replaces is marked (plan.slot).
    """
    return _with_declarations(_nested(_statements(steps), [], 0), steps, "")


def _statements(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if not isinstance(step, Local)]


def _with_declarations(code: list[str], steps: Sequence[Step], tab: str) -> list[str]:
    """Statements behind the declarations of the variables that they use."""
    locals_ = [step for step in steps if isinstance(step, Local)]
    # What an obligation needs that was handed over on every way is not needed any more.
    text = "\n".join((*code, *(step.text for step in locals_)))
    kept = [step for step in locals_ if len(re.findall(rf"\b{declared_name(step)}\b", text)) > 1]
    lines = [line for step in kept for line in _declaration(step, tab)]
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


def _declaration(step: Local, tab: str) -> list[str]:
    about = comment([step.comment], tab).split("\n") if step.comment else []
    return [*about, *_indented(f"{step.text};", tab)]


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


def _nested(steps: Sequence[Step], outer: Sequence[Own], depth: int) -> list[str]:
    """One block. `outer`: obligations of the blocks around it, which these steps may end or hand over."""
    tab = "\t" * depth
    own: list[Own] = []
    lines: list[str] = []
    for index, step in enumerate(steps):
        rest = steps[index + 1 :]
        if isinstance(step, Use):
            lines += _indented(slot(step.text), tab)
        elif isinstance(step, Line):
            lines += _indented(step.text, tab)
        elif isinstance(step, Remark):
            text = comment([step.text], tab)
            lines += [f"{tab}{slot(text.strip())}" if step.place else text]
        elif isinstance(step, Own):
            own.append(step)
        elif isinstance(step, End | Give):
            owned = next(one for one in reversed((*outer, *own)) if one.label == step.label)
            if isinstance(step, End):
                lines += _indented(owned.undo, tab)
            own = [one for one in own if one is not owned]
        elif isinstance(step, Guard) and not step.leave:
            lines += _branch(f"if ({step.test})", [f"{tab}\t{line}" if line else "" for line in step.lines], tab)
        elif isinstance(step, Guard):
            # What the rest ends or hands over, the failure must end itself: nobody else does.
            ended = {one.label for one in rest if isinstance(one, End | Give)}
            failed = [f"{tab}\t{line}" for line in step.lines if line]
            for one in reversed((*outer, *own)):
                failed += _indented(one.undo, f"{tab}\t") if one.label in ended else []
            # Where nothing follows there is still something to do: what the call was for.
            inner = _nested(rest, (*outer, *own), depth + 1) or [f"{tab}\t{slot(_PLACE)}"]
            own = [one for one in own if one.label not in ended]
            if failed:
                lines += [f"{tab}if ({step.test}) {{", *failed, f"{tab}}} else {{", *inner, f"{tab}}}"]
            else:
                lines += _branch(f"if ({negated(step.test)})", inner, tab)
            break
        elif isinstance(step, Loop):
            lines += _branch(f"while ({step.head})", _nested(rest, (*outer, *own), depth + 1), tab)
            break
    return lines + [line for one in reversed(own) for line in _indented(one.undo, tab)]


def _branch(head: str, inner: Sequence[str], tab: str) -> list[str]:
    """A statement and what depends on it, in braces also where the author will write more."""
    if len(inner) > 1 or any(unmarked(line) != line for line in inner):
        return [f"{tab}{head} {{", *inner, f"{tab}}}"]
    return [f"{tab}{head}", *inner]


_PLACE = "/* what it is for goes here */"
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def negated(test: str) -> str:
    """The opposite of a condition."""
    for sign, other in (("||", "&&"), ("&&", "||")):
        parts = test.split(f" {sign} ")
        opposites = [_opposite(part) for part in parts]
        if all(opposites):
            return f" {other} ".join(opposites)
    return f"!({test})"


def _opposite(part: str) -> str:
    """The opposite of a name, a call or a comparison, "" for anything else."""
    compared = re.fullmatch(r"(\w+) ([<>=!]=?) (-?\w+)", part)
    if compared and compared[2] in _OPPOSITE:
        return f"{compared[1]} {_OPPOSITE[compared[2]]} {compared[3]}"
    if re.fullmatch(r"!\w+(\([^()]*\))?", part):
        return part[1:]
    return f"!{part}" if re.fullmatch(r"\w+(\([^()]*\))?", part) else ""
