"""`per-file-ignores` and `exclude` with the real linter: in sources, in headers, beside comments, in editors."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen import cli

HEADER = """\
static int peek(int pid)
{
	struct task_struct *task = bpf_task_from_pid(pid);

	return task->pid;
}
"""
SOURCE = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "peek.h"
char _license[] SEC("license") = "GPL";

SEC("tc") int a(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(2);

	return peek(1) + task->pid;
}
"""


@pytest.fixture(autouse=True)
def project(folder: Path) -> None:
    Path("src").mkdir()
    Path("src/peek.h").write_text(HEADER)
    Path("src/a.bpf.c").write_text(SOURCE)


def found(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    cli.main(["lint", "src", "--output-format", "concise", *args])
    lines = [line for line in capsys.readouterr().out.splitlines() if "note:" not in line]
    return sorted(Path(line.partition(":")[0]).name for line in lines)


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("src/a.bpf.c", ["peek.h"]),
        ("*.h", ["a.bpf.c"]),
        ("src", []),
        ("other", ["a.bpf.c", "peek.h"]),
    ],
)
def test_what_is_found_in_a_file_is_left_out(
    pattern: str, left: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("kfuncgen.toml").write_text(f"[per-file-ignores]\n'{pattern}' = 'unchecked-null'\n")
    assert found(capsys) == left
    Path("kfuncgen.toml").write_text(f"[per-file-ignores]\n'{pattern}' = 'unreleased-reference'\n")
    assert found(capsys) == ["a.bpf.c", "peek.h"]


def test_a_comment_is_used_where_the_rule_is_ignored_too(capsys: pytest.CaptureFixture[str]) -> None:
    mark = "/* kfuncgen: ignore[unchecked-null] elsewhere */"
    Path("src/a.bpf.c").write_text(SOURCE.replace("task->pid;", f"task->pid; {mark}"))
    Path("kfuncgen.toml").write_text("[per-file-ignores]\n'*' = 'unchecked-null'\n")
    assert found(capsys) == []
    Path("kfuncgen.toml").write_text("[per-file-ignores]\n'*.h' = 'unchecked-null'\n")
    assert found(capsys) == []


def test_what_is_ignored_is_not_fixed() -> None:
    text = SOURCE.replace("return peek(1) + task->pid;", "if (!task)\n\t\treturn 0;\n\treturn 1;")
    Path("src/a.bpf.c").write_text(text)
    Path("kfuncgen.toml").write_text("[per-file-ignores]\n'src' = 'unreleased-reference'\n")
    assert cli.main(["lint", "--fix", "src"]) == 0
    assert Path("src/a.bpf.c").read_text() == text
    Path("kfuncgen.toml").unlink()
    assert cli.main(["lint", "--fix", "src"]) == 0
    assert "bpf_task_release(task);" in Path("src/a.bpf.c").read_text()


def test_editors_show_the_same() -> None:
    pytest.importorskip("pygls", reason="the language server needs pygls")
    from kfuncgen.lsp.wire import from_wire
    from kfuncgen.lsp.worker import Worker

    path = Path("src/a.bpf.c").resolve()

    def answer(config: str) -> list[str]:
        Path("kfuncgen.toml").write_text(config)
        result = from_wire(Worker().answered({"path": str(path), "text": SOURCE, "unsaved": {}}))
        assert (result.problem, result.failures) == ("", ())
        return [Path(finding.span.file).name for finding in result.findings]

    assert answer("") == ["a.bpf.c", "peek.h"]
    assert answer("[per-file-ignores]\n'src/*.h' = ['unchecked-null']\n") == ["a.bpf.c"]
    assert answer("exclude = ['src']\n") == []
