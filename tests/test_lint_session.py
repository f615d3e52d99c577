"""Linting the same source again and again gives what linting it once does."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen.lint import LintOptions, Session, check_paths
from kfuncgen.spec.cached import load_specs

CASES = Path(__file__).parent / "cases"


@pytest.fixture(scope="module")
def options() -> LintOptions:
    specs = load_specs(())
    return LintOptions(kernels=(specs.newest,), specs=specs)


@pytest.mark.parametrize("name", ["task_exits", "xfrm_opts", "externs_weak"])
def test_kept_sources_give_the_same_findings(name: str, options: LintOptions) -> None:
    path = CASES / f"{name}.bpf.c"
    text = path.read_text()
    once = check_paths([path], options)
    session = Session()
    assert once.report.findings
    assert [session.check(path, options, text) for _ in range(3)] == [once] * 3


def test_an_edit_is_seen(options: LintOptions) -> None:
    path = CASES / "task_exits.bpf.c"
    text = path.read_text()
    session = Session()
    before = session.check(path, options, text).report
    after = session.check(path, options, text.replace("\tbpf_task_release(", "\t(void)(")).report
    assert {f.rule for f in after.findings} >= {"unreleased-reference"}
    assert len(after.findings) > len(before.findings)
    assert session.check(path, options, text).report == before


def test_a_changed_header_is_seen(tmp_path: Path, options: LintOptions) -> None:
    source, header = tmp_path / "a.bpf.c", tmp_path / "own.h"
    header.write_text("#define DROP bpf_task_release\n")
    text = (
        '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include "own.h"\n'
        'char _license[] SEC("license") = "GPL";\n'
        'SEC("syscall") int f(void *ctx)\n{\n'
        "\tstruct task_struct *t = bpf_task_from_pid(1);\n\n\tif (t)\n\t\tDROP(t);\n\treturn 0;\n}\n"
    )
    session = Session()
    assert session.check(source, options, text).report.findings == ()
    header.write_text("#define DROP(task) ((void)(task)) /* longer */\n")
    assert [f.rule for f in session.check(source, options, text).report.findings] == ["unreleased-reference"]
    header.unlink()
    assert session.check(source, options, text).failures
    header.write_text("#define DROP bpf_task_release\n")
    assert session.check(source, options, text).report.findings == ()


def test_a_source_that_does_not_compile_is_a_failure_until_it_does(tmp_path: Path, options: LintOptions) -> None:
    session, path = Session(), tmp_path / "a.bpf.c"
    assert "expected ';'" in session.check(path, options, "int x\nint y;\n").failures[0].error
    assert session.check(path, options, "int x;\nint y;\n").failures == ()
    assert session.check(path, options, "int é\ud800;\n").failures
