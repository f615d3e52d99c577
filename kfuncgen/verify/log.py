"""Reads a verifier log: the reason of a rejection and the source line where it happened. Pure text, no kernel.

Understood are level-1 logs of all kernels since 5.x: with `; code @ file.c:123` annotations (6.10 and newer), with
bare `; code` ones (older: no line here), and those of 7.3 and newer, which repeat the reason after `Verification
failed:` as an explained report. What is unknown is taken for a reason line, never an error.
"""

from __future__ import annotations

import re

from kfuncgen.records import Struct

_STATISTICS = re.compile(
    r"processed \d+ insns|verification time \d+|stack depth |insns processed|max_states_per_insn|total_states"
    r"|peak_states|mark_read|\(\d+ line\(s\) omitted\)"
    r"|(?:cur|old) state:"  # the two states behind `infinite loop detected`
)
_INSTRUCTION = re.compile(r"\s*(\d+): \([0-9a-f]{2}\) ")
_UNRESOLVED_CALL = re.compile(r"\s*(\d+): \(85\) call #0\b")
"""How the kernel prints a kfunc call that libbpf before 1.2 left unresolved (it tells which one from 1.2 on)."""
_STATE = re.compile(
    r"\s*\d+: (?:R\d|safe\b|frame\d|\(|<)"  # `5: R0=scalar()`, `7: safe`, `3: <invalid kfunc call>`
    r"|from \d+ to \d+"
    r"|func#\d+ @\d+"
    r"|Func#\d+ .* is (?:safe|global|sanitized)"
    r"|Validating \S+\(\) func#\d+"
    r"|\s*(?:frame\d+: |caller:|callee:|to caller at|returning from callee:)"
    r"|\s*R\d+(?:_\w+)?=.*R10=|R\d_w?="
    r"|mark_precise: |last_idx \d|parent (?:state regs|didn't have)|propagating |regs=|BTF_KIND"
    r"|-- (?:BEGIN|END) PROG LOAD LOG --"
)
_ANNOTATION = re.compile(r";\s?(?P<code>.*)")
_PLACE = re.compile(r"; .* @ (?P<file>[^@]+):(?P<line>\d+)$")
_EXPLAINED = re.compile(r"Verification failed: ?(.*)")

# A line that only restates, at the end of a pair whose first line is the reason.
_RESTATEMENTS = (
    (re.compile(r"Unreleased reference "), re.compile(r"(?!bpf_throw).* would lead to reference leak")),
    (re.compile(r"held lock and object are not in the same allocation"), re.compile(r".* must be held for ")),
    (re.compile(r"invalid access to "), re.compile(r"R\d+ (?:min|max) value is outside|R\d+ offset is outside")),
)


class Reading(Struct, frozen=True):
    """What a log says. `message` is "" when the verifier said nothing (it was never reached, or is silent).

    `reasons` are all lines of the reason, `message` first: what a classifier may look at in this order. `line` is
    1-based, 0 when unknown, and stands in `file` (a base name, as the kernel prints it). `instruction` is the
    index of the last instruction looked at, -1 when there was none; `unresolved` the index of a call of a weak
    kfunc that this kernel lacks, -1 when there is none.
    """

    message: str = ""
    reasons: tuple[str, ...] = ()
    file: str = ""
    line: int = 0
    instruction: int = -1
    unresolved: int = -1


def read_log(log: str, source: str = "") -> Reading:
    """The reading of a failed load's `log`. `source` is the base name of the program's file when it is known:
    of the annotations before the failing instruction the last one in that file is taken, since a line in a
    header of inline functions helps nobody to find the call.
    """
    lines = [line.rstrip() for line in log.splitlines()]
    explained = next((i for i, line in enumerate(lines) if _EXPLAINED.match(line)), None)
    body = lines if explained is None else lines[:explained]
    while body and (not body[-1].strip() or _STATISTICS.match(body[-1])):
        body.pop()
    start = len(body)
    while start > 0 and not _is_trace(body[start - 1]):
        start -= 1
    reasons = [line.strip() for line in _joined(body[start:]) if line.strip() and not _STATISTICS.match(line)]
    unresolved = next((i for i, text in enumerate(body[:start]) if _UNRESOLVED_CALL.match(text)), None)
    walk = body[: start if unresolved is None else unresolved + 1]
    file, line = _last_place(walk, source)
    instruction = _last_instruction(walk)
    if not reasons and explained is not None:
        reasons = _explained_reasons(lines[explained:])
    if not reasons:
        return Reading("", (), file, line, instruction)
    missing = -1 if unresolved is None else instruction
    message = _decisive(reasons)
    others = tuple(reason for reason in reversed(reasons) if reason != message)
    return Reading(message, (message, *others), file, line, instruction, missing)


def _is_trace(line: str) -> bool:
    """Whether `line` shows the walk (instruction, register state, source text) and not a verdict."""
    return bool(_INSTRUCTION.match(line) or _STATE.match(line) or _ANNOTATION.match(line))


def _joined(lines: list[str]) -> list[str]:
    """`lines` with sentences that the verifier broke over lines put together again."""
    result: list[str] = []
    for line in lines:
        if result and (result[-1].endswith((",", " in"))):
            result[-1] = f"{result[-1]} {line.strip()}"
        else:
            result.append(line)
    return result


def _decisive(reasons: list[str]) -> str:
    """The line that names the reason: the last, unless it restates the one before."""
    if len(reasons) > 1:
        for first, second in _RESTATEMENTS:
            if first.match(reasons[-2]) and second.match(reasons[-1]):
                return reasons[-2]
    return reasons[-1]


def _last_place(lines: list[str], source: str) -> tuple[str, int]:
    """(file, line) of the last annotation in `source` (default: the file annotated first), else of the last."""
    places = [
        (found["file"].rsplit("/", 1)[-1], int(found["line"]))
        for found in (_PLACE.match(line) for line in lines)
        if found
    ]
    if not places:
        return ("", 0)
    wanted = source or places[0][0]
    return next((place for place in reversed(places) if place[0] == wanted), places[-1])


def _last_instruction(lines: list[str]) -> int:
    for line in reversed(lines):
        found = _INSTRUCTION.match(line)
        if found:
            return int(found[1])
    return -1


def _explained_reasons(lines: list[str]) -> list[str]:
    """The reason from a 7.3 report alone (its plain line was cut off): the sentence under `Reason:`, the title."""
    title = _EXPLAINED.match(lines[0])
    reasons = [title[1].strip()] if title and title[1].strip() else []
    for number, line in enumerate(lines):
        if line.strip() == "Reason:" and number + 1 < len(lines):
            reasons.append(lines[number + 1].strip())
            break
    return [reason for reason in reasons if reason]
