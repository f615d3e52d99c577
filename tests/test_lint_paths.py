"""The paths of findings, told from sources as users write them: names, the branches that matter, inlined calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen.diagnostic import Finding
from kfuncgen.lint import LintOptions
from kfuncgen.lint.check import check_file
from kfuncgen.spec.load import load_builtin

HEAD = """\
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
struct task_struct { int pid; int tgid; };
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
static unsigned (*bpf_get_prandom_u32)(void) = (void *)7;
struct pair { struct task_struct *first, *second; };
int sink;
char _license[] SEC("license") = "GPL";
"""
FIRST = HEAD.count("\n") + 3
"""The line of a body's first line."""


def findings(body: str, before: str = "") -> list[Finding]:
    specs = load_builtin()
    source = f'{HEAD}SEC("syscall") int p(void *ctx)\n{{\n{body}\n}}\n'
    if before:
        source = source.replace('SEC("syscall")', f'{before}\nSEC("syscall")')
    options = LintOptions(kernels=(specs.newest,), specs=specs, clang_args=("-target", "bpf"))
    return list(check_file(Path("p.bpf.c"), options, source).findings)


def path(finding: Finding) -> list[str]:
    return [event.message for event in finding.path]


def test_values_are_called_as_they_are_written_where_they_are_misused() -> None:
    (finding,) = findings(
        "struct pair h = {};\nh.first = bpf_task_from_pid(1);\nbpf_task_release(h.first);\nreturn 0;"
    )
    assert finding.message == "'h.first' may be NULL where it is passed to bpf_task_release()"
    assert finding.help == "check it first: if (h.first) ..."


def test_another_name_for_a_value_is_an_event() -> None:
    (finding,) = findings(
        "struct task_struct *t = bpf_task_from_pid(1), *u = t, *v = t;\nsink = u->pid;\n"
        "if (t) bpf_task_release(t);\nreturn !v;"
    )
    assert path(finding) == [
        "'t' acquired here, may be NULL",
        "'u' points to the same object",
        "dereferenced here",
    ]


def test_a_variable_that_is_null_on_this_path_is_no_null_constant() -> None:
    (finding,) = findings(
        "struct task_struct *t = bpf_task_from_pid(1);\nif (!t)\nsink = t->pid;\n"
        "else bpf_task_release(t);\nreturn 0;"
    )
    assert finding.message.startswith("'t' from bpf_task_from_pid() is NULL where it is dereferenced")


LEAK = """\
struct task_struct *t = bpf_task_from_pid(1);
int keep = 0;
if (!t)
	return 0;
{branch}
if (bpf_get_prandom_u32())
	return 1;
bpf_task_release(t);
return keep;"""


@pytest.mark.parametrize(
    ("branch", "told"),
    [
        ("if (sink > 3) sink = 3;", False),
        ("if (sink > 3) { int i = sink; while (i > 0) { i -= 2; sink++; } }", False),
        ("if (sink > 3) keep = 1;", False),
        ("if (sink > 3) keep = 1;\nif (keep) { bpf_task_release(t); return 2; }", True),
        ("if (sink > 3) { bpf_task_release(t); return 2; }", True),
    ],
)
def test_branches_are_told_when_their_sides_differ_in_what_matters(branch: str, told: bool) -> None:
    (finding,) = findings(LEAK.format(branch=branch))
    assert finding.rule == "unreleased-reference"
    lines = [event.span.line for event in finding.path if event.message.startswith("taking")]
    first = FIRST + 4
    assert any(first <= line <= first + branch.count("\n") for line in lines) == told
    assert first + 1 + branch.count("\n") in lines


def test_a_fault_between_the_sides_of_a_branch_keeps_it() -> None:
    (finding,) = findings(
        "struct task_struct *t = bpf_task_from_pid(1);\nif (sink)\nsink = t->pid;\n"
        "if (t) bpf_task_release(t);\nreturn 0;"
    )
    assert path(finding) == ["'t' acquired here, may be NULL", "taking the true branch", "dereferenced here"]


def test_a_path_leads_through_inlined_functions() -> None:
    (finding,) = findings(
        "struct task_struct *t = get(1);\nif (!t)\nreturn 0;\nlook(t);\nreturn 0;",
        "static struct task_struct *get(int pid) { return bpf_task_from_pid(pid); }\n"
        "static void look(struct task_struct *t) { sink = t->pid; }",
    )
    assert path(finding) == [
        "'t' acquired here, may be NULL",
        "back from get(), 't' is still held",
        "assuming 't' is not NULL",
        "'t' is still held here",
    ]


def test_a_macro_is_told_where_it_is_used() -> None:
    (finding,) = findings(
        "struct task_struct *t;\nTAKE(t);\nreturn 0;", "#define TAKE(x) do { x = bpf_task_from_pid(1); } while (0)"
    )
    assert [event.span.line for event in finding.path] == [FIRST + 2, FIRST + 3]
