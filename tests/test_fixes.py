"""Fixed programs lint clean, compile and are accepted by the kernel: every fix that a rule offers is tried.

The bad blocks of the rules' pages and the marked programs of tests/cases are fixed, unsafe fixes included.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from kernel import compile_bpf, verdicts
from rule_pages import Block, options, pages
from test_cases import CASES, loadable, programs

from kfuncgen.diagnostic import Finding, Severity, UsageError
from kfuncgen.fixing import Mended, mend
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.lint.rule import catalogue
from kfuncgen.records import replace
from kfuncgen.spec.load import load_builtin

FIXABLE = sorted(name for name, rule in catalogue().items() if rule.fix is not None)
BLOCKS = [block for page in pages() if page.rule in FIXABLE for block in page.blocks if block.section == "Bad"]
HEAD = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n'
LICENSE = 'char _license[] SEC("license") = "GPL";\n'


def fixed(file: Path, chosen: LintOptions) -> tuple[Mended, tuple[Finding, ...]]:
    """What fixing a file makes of it in memory, and what is found then."""

    def lint(contents: Mapping[str, bytes]) -> tuple[Finding, ...] | None:
        result = check_paths([file], replace(chosen, unsaved=contents))
        return None if result.failures else result.report.findings

    done = mend(lint, lambda name: Path(name).read_bytes(), lambda name: name == str(file), True, {})
    after = lint(done.sources)
    assert after is not None
    return done, after


def newest() -> LintOptions:
    specs = load_builtin()
    return LintOptions(kernels=(specs.newest,), specs=specs)


def after_fixing(text: str, folder: Path, chosen: LintOptions | None = None) -> str:
    """The text after all fixes."""
    file = folder / "a.bpf.c"
    file.write_text(text)
    done, _ = fixed(file, chosen or newest())
    return done.sources.get(str(file), text.encode()).decode()


@cache
def fixed_block(block: Block) -> tuple[bytes | None, frozenset[str], tuple[Finding, ...]]:
    """The fixed text of a block (None when nothing is fixed), the rules that are no longer found, and what is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{block.page}.bpf.c"
        file.write_text(block.source)
        before = check_paths([file], options(block)).report.findings
        done, after = fixed(file, options(block))
        gone = {finding.rule for finding in before} - {finding.rule for finding in after}
        return done.sources.get(str(file)), frozenset(gone), after


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
@pytest.mark.kernel
def test_fixed_blocks_of_pages_are_clean_and_load(block: Block, tmp_path: Path) -> None:
    text, gone, after = fixed_block(block)
    if text is None or block.rule not in gone or not is_clean(after):
        return  # no fix here, or one that uncovers what has none; below: every fixable rule has a block with one
    file = tmp_path / f"{block.page}.bpf.c"
    file.write_bytes(text)
    said = verdicts(compile_bpf(file, tmp_path))
    assert [f"{name}: {v.message}" for name, v in said.items() if v.verdict != "accepted"] == []


def is_clean(findings: tuple[Finding, ...]) -> bool:
    return all(finding.severity is Severity.HINT for finding in findings)


def test_every_rule_that_has_fixes_shows_one_on_its_page() -> None:
    shown = {"gpl-license"}  # below: the blocks of pages have a licence
    for block in BLOCKS:
        text, gone, after = fixed_block(block)
        if text is not None and is_clean(after):
            shown |= gone & {block.rule}
    assert sorted(shown) == FIXABLE


def test_rules_say_whether_they_have_fixes() -> None:
    said = sorted(name for name, rule in catalogue().items() if rule.fixable)
    assert said == sorted([*FIXABLE, "unused-suppression"])


@pytest.mark.kernel
def test_a_missing_licence_is_added_at_the_end(tmp_path: Path) -> None:
    text = body("\tbpf_rcu_read_lock();\n\tbpf_rcu_read_unlock();\n\treturn 0;\n")
    assert after_fixing(text.replace(LICENSE, ""), tmp_path) == text.replace(LICENSE, "\n" + LICENSE)
    proprietary = text.replace("GPL", "Proprietary")
    assert after_fixing(proprietary, tmp_path) == proprietary


@cache
def fixed_case(case: Path) -> tuple[Mended, tuple[Finding, ...]]:
    return fixed(case, newest())


@pytest.mark.parametrize(
    "case", [c for c in CASES if loadable(c)], ids=lambda path: path.name.removesuffix(".bpf.c")
)
@pytest.mark.kernel
def test_fixed_cases_are_accepted_where_nothing_is_found_any_more(case: Path, tmp_path: Path) -> None:
    done, after = fixed_case(case)
    if not done.fixed:
        return
    file = tmp_path / case.name
    file.write_bytes(done.sources[str(case)])
    bad = {name for finding in after if finding.severity is Severity.ERROR for name in finding.programs}
    try:
        said = verdicts(compile_bpf(file, tmp_path))
    except UsageError as error:
        assert bad >= set(programs(case)), error
        return
    wrong = [
        f"{case.name}: {name}: {verdict.message}"
        for name, verdict in sorted(said.items())
        if name not in bad and verdict.verdict != "accepted"
    ]
    assert not wrong, "\n".join(["", *wrong])


def test_enough_of_the_cases_have_fixes() -> None:
    assert sum(bool(fixed_case(case)[0].fixed) for case in CASES) >= 20


PROGRAM = """SEC("tp_btf/task_newtask")
int BPF_PROG(a, struct task_struct *task, u64 clone_flags)
{{
{body}
}}
"""


def body(text: str) -> str:
    return HEAD + PROGRAM.format(body=text.strip("\n")) + LICENSE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (  # The body of an `if` gets braces, and what is behind it on its line stays there.
            """
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (clone_flags) // why
		return 0; /* lost */
	bpf_task_release(t);
	return 0;
""",
            """
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (clone_flags) { // why
		bpf_task_release(t);
		return 0; /* lost */
	}
	bpf_task_release(t);
	return 0;
""",
        ),
        (
            """
	struct task_struct *t = bpf_task_acquire(task);

	if (!t) return 0;
	if (clone_flags) return 0;
	else
		bpf_task_release(t);
	return 0;
""",
            """
	struct task_struct *t = bpf_task_acquire(task);

	if (!t) return 0;
	if (clone_flags) {
		bpf_task_release(t);
		return 0;
	} else
		bpf_task_release(t);
	return 0;
""",
        ),
        (  # Each return in its turn, and both references of one of them.
            """
	struct task_struct *t = bpf_task_acquire(task), *u;

	if (!t)
		return 0;
	u = bpf_task_acquire(task);
	if (u) {
		return 0;
	}
	return 0;
""",
            """
	struct task_struct *t = bpf_task_acquire(task), *u;

	if (!t)
		return 0;
	u = bpf_task_acquire(task);
	if (u) {
		bpf_task_release(t);
		bpf_task_release(u);
		return 0;
	}
	bpf_task_release(t);
	return 0;
""",
        ),
        (
            """
	struct task_struct *t = bpf_task_from_pid(1);
	int pid;

	pid = t->pid;
	return pid;
""",
            """
	struct task_struct *t = bpf_task_from_pid(1);
	int pid;

	if (!t)
		return 0;
	pid = t->pid;
	bpf_task_release(t);
	return pid;
""",
        ),
    ],
)
def test_fixes_are_what_people_would_write(before: str, after: str, tmp_path: Path) -> None:
    assert after_fixing(body(before), tmp_path) == body(after)


@pytest.mark.parametrize(
    "text",
    [
        # The reference is not held on all paths to this return.
        """
	struct task_struct *t = bpf_task_acquire(task);

	if (t && clone_flags)
		bpf_task_release(t);
	return 0;
""",
        # What is returned is read from the object.
        """
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	return t->pid;
""",
        # The variable is out of scope, or names something else.
        """
	if (clone_flags) {
		struct task_struct *t = bpf_task_acquire(task);

		if (!t)
			return 0;
	}
	return 0;
""",
        """
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	t = task;
	return 0;
""",
    ],
)
def test_what_cannot_be_told_is_not_fixed(text: str, tmp_path: Path) -> None:
    assert after_fixing(body(text), tmp_path) == body(text)


INSIDE = {
    "each return that has it": (
        """
static int look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (flags)
		return 1;
	return 2;
}
""",
        """
static int look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return 0;
	if (flags) {
		bpf_task_release(t);
		return 1;
	}
	bpf_task_release(t);
	return 2;
}
""",
    ),
    "the end of the function": (
        """
static void look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return;
	bpf_printk("%d", t->pid);
}
""",
        """
static void look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (!t)
		return;
	bpf_printk("%d", t->pid);
	bpf_task_release(t);
}
""",
    ),
    "an iterator": (
        """
static int look(struct task_struct *task, u64 flags)
{
	struct bpf_iter_num it;
	int *number, sum = 0;

	bpf_iter_num_new(&it, 0, 3);
	while ((number = bpf_iter_num_next(&it)))
		sum += *number;
	return sum;
}
""",
        """
static int look(struct task_struct *task, u64 flags)
{
	struct bpf_iter_num it;
	int *number, sum = 0;

	bpf_iter_num_new(&it, 0, 3);
	while ((number = bpf_iter_num_next(&it)))
		sum += *number;
	bpf_iter_num_destroy(&it);
	return sum;
}
""",
    ),
}
CALLER = PROGRAM.format(body="\tlook(task, clone_flags);\n\treturn 0;")


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.kernel
def test_what_a_function_took_that_was_called_is_released_there(name: str, tmp_path: Path) -> None:
    before, after = (HEAD + text + CALLER + LICENSE for text in INSIDE[name])
    assert after_fixing(before, tmp_path) == after
    (tmp_path / "fixed.bpf.c").write_text(after)
    said = verdicts(compile_bpf(tmp_path / "fixed.bpf.c", tmp_path))
    assert [verdict.verdict for verdict in said.values()] == ["accepted"]


@pytest.mark.parametrize(
    "function",
    [
        # Others get it: by the result, through a pointer, through one that a further function writes to.
        """
static int *look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	return t ? &t->pid : 0;
}
""",
        """
static int hand_out(struct task_struct *task, struct task_struct **out)
{
	struct task_struct *t = bpf_task_acquire(task);

	*out = t;
	return 0;
}

static int look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = 0;

	hand_out(task, &t);
	return t ? t->pid : 0;
}
""",
        """
static void put(struct task_struct *t, struct task_struct **out)
{
	*out = t;
}

static int hand_out(struct task_struct *task, struct task_struct **out)
{
	struct task_struct *t = bpf_task_acquire(task);

	put(t, out);
	return 0;
}

static int look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = 0;

	hand_out(task, &t);
	return t ? t->pid : 0;
}
""",
        # Not on all paths to this return.
        """
static int look(struct task_struct *task, u64 flags)
{
	struct task_struct *t = bpf_task_acquire(task);

	if (t && flags)
		bpf_task_release(t);
	return 0;
}
""",
    ],
    ids=["result", "pointer", "further function", "some paths"],
)
def test_what_others_may_have_is_not_released(function: str, tmp_path: Path) -> None:
    text = HEAD + function + CALLER + LICENSE
    assert after_fixing(text, tmp_path) == text
    assert any(f.rule == "unreleased-reference" for f in fixed(tmp_path / "a.bpf.c", newest())[1])
