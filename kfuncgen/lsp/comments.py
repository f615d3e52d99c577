"""Rules in comments that silence findings: which one a place is about, and what may be written there."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from kfuncgen.lint.rule import catalogue
from kfuncgen.lsp.scan import Scan

_LIST = re.compile(r"kfuncgen:\s*ignore(?:-\w+)?\s*\[([^\]\r\n]*)")
_NAME = re.compile(r"[\w-]+")


def rules_named(scan: Scan, start: int = 0, end: int | None = None) -> Iterator[tuple[str, int]]:
    """The names in the lists of such comments between two offsets, known or not, and where they begin."""
    stop = len(scan.text) if end is None else min(end, len(scan.text))
    for match in _lists(scan, start, stop):
        for name in _NAME.finditer(scan.text, match.start(1), match.end(1)):
            yield name[0], name.start()


def _lists(scan: Scan, start: int, stop: int) -> Iterator[re.Match[str]]:
    first = max(bisect_right(scan.comments, (start, start)) - 1, 0)
    for begin, end in scan.comments[first:]:
        if begin >= stop:
            break
        yield from _LIST.finditer(scan.text, max(begin, start), min(end, stop))


def rule_at(scan: Scan, offset: int) -> tuple[str, int]:
    """The rule that is named at a place and where the name begins; ("", offset) without one."""
    start = max(scan.text.rfind("\n", 0, offset) + 1, 0)
    end = scan.text.find("\n", offset)
    for name, at in rules_named(scan, start, end if end >= 0 else len(scan.text)):
        if at <= offset <= at + len(name) and name in catalogue():
            return name, at
    return "", offset


def begun(scan: Scan, offset: int) -> int | None:
    """Where the name of a rule begins that is being written at a place; None when that is not in such a list."""
    start = max(scan.text.rfind("\n", 0, offset) + 1, 0)
    for match in _lists(scan, start, offset):
        if match.end() == offset:
            return offset - len(re.split(r"[\s,]", match[1])[-1])
    return None
