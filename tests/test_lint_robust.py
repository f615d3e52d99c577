"""Sources as generators write them, and headers as other libbpf releases have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen.lint import LintOptions, LintResult, check_paths
from kfuncgen.spec.load import load_builtin

PROGRAM = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
{declarations}
SEC("{section}")
int program({context})
{{
{body}
}}
char _license[] SEC("license") = "{licence}";
"""


def lint(folder: Path, body: str, **parts: str) -> LintResult:
    """Lint one program with this body."""
    words = {"declarations": "", "section": "xdp", "context": "struct xdp_md *ctx", "licence": "GPL", **parts}
    file = folder / "program.bpf.c"
    file.write_text(PROGRAM.format(body=body, **words))
    specs = load_builtin()
    return check_paths([file], LintOptions((specs.newest,), specs))


@pytest.mark.parametrize(
    "body",
    [
        "int x = ctx->data;\nreturn " + " + ".join(["x"] * 2000) + ";",
        "int x = ctx->data, r = 0;\nif (x == 0) r = 1;\n"
        + "\n".join(f"else if (x == {n}) r = {n};" for n in range(1, 800))
        + "\nreturn r;",
        "return " + "(" * 200 + "1" + ")" * 200 + ";",
    ],
    ids=["sum", "else-if", "parentheses"],
)
def test_deep_nesting_is_lowered(body: str, tmp_path: Path) -> None:
    acquire = "struct task_struct *t = bpf_task_from_pid(1);\n"
    result = lint(tmp_path, acquire + body)
    assert not result.failures
    assert [f.rule for f in result.report.findings] == ["unreleased-reference"]


def test_context_word_kept_as_a_number_is_one(tmp_path: Path) -> None:
    """BPF_PROG() of libbpf before 1.2 casts context words, later ones hand them over as they are."""
    declarations = "static __always_inline int inner(unsigned long long *ctx, u64 flags)\n" + (
        "{\n\tstruct task_struct *t = NULL;\n\n\tif (flags & 8) {\n\t\tt = bpf_task_from_pid(1);\n"
        "\t\tif (!t)\n\t\t\treturn 0;\n\t}\n\tif (flags & 8)\n\t\tbpf_task_release(t);\n\treturn 0;\n}\n"
    )
    result = lint(
        tmp_path, "return inner(ctx, ctx[1]);", declarations=declarations,
        section="tp_btf/task_newtask", context="unsigned long long *ctx",
    )  # fmt: skip
    assert result.report.findings == ()


def test_section_that_is_not_known_is_told(tmp_path: Path) -> None:
    result = lint(tmp_path, "return 0;", section="tpbtf/task_newtask")
    assert any('section "tpbtf/task_newtask" is not known' in note.message for note in result.report.notes)


def test_call_through_an_unknown_pointer_is_told_and_no_leak(tmp_path: Path) -> None:
    body = "struct task_struct *t = bpf_task_from_pid(1);\nif (t) release(t);\nreturn 0;"
    result = lint(tmp_path, body, declarations="void (*release)(struct task_struct *);")
    assert result.report.findings == ()
    assert any("unknown pointer" in note.message for note in result.report.notes)


def test_source_without_licence_is_refused_like_a_wrong_one(tmp_path: Path) -> None:
    file = tmp_path / "none.bpf.c"
    file.write_text(
        '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nSEC("xdp")\nint p(struct xdp_md *ctx)\n'
        "{\n\tstruct task_struct *t = bpf_task_from_pid(1);\n\tif (t)\n\t\tbpf_task_release(t);\n\treturn 0;\n}\n"
    )
    specs = load_builtin()
    result = check_paths([file], LintOptions((specs.newest,), specs))
    assert {f.rule for f in result.report.findings} == {"gpl-license"}
    assert "no license section" in result.report.findings[0].message
