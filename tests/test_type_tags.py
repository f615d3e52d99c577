"""Kernels whose BTF has type tags, and those whose has none: programs on which they differ.

Marks name the kind that is meant: `// error[with]: rule`, `// error[without]: rule`, `// error: rule` for both.
The names of programs say it too: `_with_bad` is refused only with tags, `_without_bad` only without, `_bad` by
both.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kernel import compile_bpf, verdicts

from kfuncgen.facts.btf import read_btf
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.typetags import TAGS, TYPE_TAGS, TypeTags, member_tag

CASE = Path(__file__).parent / "tagged" / "type_tags.bpf.c"
VMLINUX = Path("/sys/kernel/btf/vmlinux")
MARK = re.compile(r"// error(?:\[(with|without)\])?: ([a-z-]+)")
KINDS = ("with", "without")


def told(type_tags: TypeTags) -> set[tuple[int, str, str]]:
    """Line, rule and kind of all findings."""
    specs = load_builtin()
    result = check_paths([CASE], LintOptions((specs.newest,), specs, type_tags=type_tags))
    assert result.failures == ()
    return {(f.span.line, f.rule, f.type_tags) for f in result.report.findings}


def marked() -> set[tuple[int, str, str]]:
    lines = enumerate(CASE.read_text().splitlines(), 1)
    return {(number, m[2], m[1] or "") for number, line in lines for m in MARK.finditer(line)}


def refused(program: str, kind: str) -> bool:
    """Whether kernels of a kind refuse a program, by its name."""
    if program.endswith("_ok"):
        return False
    for one in KINDS:
        if program.endswith(f"_{one}_bad"):
            return one == kind
    assert program.endswith("_bad"), program
    return True


def test_for_both_kinds_each_finding_tells_which_it_concerns() -> None:
    assert len(marked()) >= 9
    assert told("either") == marked()


@pytest.mark.parametrize("kind", KINDS)
def test_for_one_kind_only_its_findings_are_told(kind: TypeTags) -> None:
    assert told(kind) == {(line, rule, "") for line, rule, about in marked() if about in ("", kind)}


@pytest.mark.kernel
def test_this_kernel_agrees_with_the_names(tmp_path: Path) -> None:
    kind = "with" if "rcu" in read_btf(VMLINUX).type_tags() else "without"
    said = verdicts(compile_bpf(CASE, tmp_path))
    assert len(said) >= 14
    expected = {name: "rejected" if refused(name, kind) else "accepted" for name in said}
    assert {name: verdict.verdict for name, verdict in said.items()} == expected


def test_the_table_tells_tags_of_members() -> None:
    assert member_tag("task_struct", "parent") == "rcu"
    assert member_tag("task_struct", "rseq") == "user"
    assert member_tag("task_struct", "pid") == ""
    assert TYPE_TAGS[0] == "without" and TAGS == ("rcu", "user", "percpu")
