"""Comments that silence findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfuncgen import cli
from kfuncgen.diagnostic import Finding
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.lint.suppress import Suppression, read_suppressions
from kfuncgen.spec.load import load_builtin

HEAD = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nchar _license[] SEC("license") = "GPL";\n'
LEAK = """SEC("tc")
int {name}(struct __sk_buff *skb)
{{
	struct task_struct *t = bpf_task_from_pid(1);

	return t ? 1 : 0;{beside}
}}
"""


def lint(folder: Path, text: str, **options: frozenset[str]) -> tuple[list[Finding], int]:
    file = folder / "a.bpf.c"
    file.write_text(HEAD + text)
    specs = load_builtin()
    result = check_paths([file], LintOptions((specs.newest,), specs, clang_args=(), **options))
    assert result.failures == ()
    return list(result.report.findings), result.report.silenced


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


@pytest.mark.parametrize(
    "text",
    [
        LEAK.format(name="a", beside=" /* kfuncgen: ignore[unreleased-reference] tested elsewhere */"),
        LEAK.format(name="a", beside=" // kfuncgen: ignore[unreleased-reference]"),
        LEAK.format(name="a", beside=" /* kfuncgen: ignore[ unchecked-null , unreleased-reference ] */").replace(
            "unchecked-null , ", ""
        ),
        LEAK.format(name="a", beside="").replace(
            "\treturn", "\t/* kfuncgen: ignore[unreleased-reference] why */\n\n\t/* more */\n\treturn"
        ),
        "// kfuncgen: ignore-function[unreleased-reference] a test\n" + LEAK.format(name="a", beside=""),
        LEAK.format(name="a", beside="").replace(
            "\treturn", "\t//kfuncgen: ignore-function[unreleased-reference]\n\treturn"
        ),
        LEAK.format(name="a", beside="") + "/* kfuncgen: ignore-file[unreleased-reference] */\n",
    ],
)
def test_a_comment_silences_its_rule(text: str, tmp_path: Path) -> None:
    assert lint(tmp_path, text) == ([], 1)


def test_a_comment_silences_no_more_than_it_says(tmp_path: Path) -> None:
    two = "// kfuncgen: ignore-function[unreleased-reference]\n" + LEAK.format(name="a", beside="")
    two += LEAK.format(name="b", beside="")
    found, silenced = lint(tmp_path, two)
    assert ([(f.rule, f.function) for f in found], silenced) == ([("unreleased-reference", "b")], 1)
    beside = LEAK.format(name="a", beside=" /* kfuncgen: ignore[unchecked-null] */")
    assert rules(lint(tmp_path, beside)[0]) == ["unreleased-reference", "unused-suppression"]
    text = LEAK.format(name="a", beside="").replace(
        "int a", 'char s[] = "/* kfuncgen: ignore-file[unreleased-reference] */";\nint a'
    )
    assert rules(
        lint(tmp_path, text.replace('SEC("tc")\nchar', "char").replace("int a", 'SEC("tc") int a'))[0]
    ) == ["unreleased-reference"]


@pytest.mark.parametrize(
    ("comment", "message", "fixed"),
    [
        ("/* kfuncgen: ignore[unchecked-null] */", "unchecked-null is not found here", True),
        ("/* kfuncgen: ignore[unchecked-nul] */", "there is no rule 'unchecked-nul' to ignore", False),
        ("/* kfuncgen: ignore */", "it names no rule", False),
        ("/* kfuncgen: ignore[] */", "it names no rule", False),
        ("/* kfuncgen: ignore-line[unchecked-null] */", "expected ignore, ignore-function or ignore-file", False),
        ("// kfuncgen: ignore-file[unchecked-null]", "unchecked-null is not found here", True),
    ],
)
def test_a_comment_in_vain_is_reported(comment: str, message: str, fixed: bool, tmp_path: Path) -> None:
    (finding,), silenced = lint(tmp_path, f"int a; {comment}\n")
    assert (finding.rule, str(finding.severity), silenced) == ("unused-suppression", "warning", 0)
    assert message in finding.message
    assert (finding.span.line, finding.span.column) == (4, 8)
    assert (finding.fix is not None) is fixed


def test_a_rule_that_did_not_run_is_not_in_vain(tmp_path: Path) -> None:
    text = "int a; /* kfuncgen: ignore[unchecked-null] */\n"
    assert lint(tmp_path, text, ignore=frozenset(("unchecked-null",)))[0] == []
    assert lint(tmp_path, text, select=frozenset(("unreleased-reference",)))[0] == []
    assert lint(tmp_path, text, ignore=frozenset(("unused-suppression",)))[0] == []


def places(text: str) -> list[tuple[str, int, int]]:
    return [(one.scope, one.first, one.last) for one in read_suppressions("a.c", text.encode())]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("int a; // kfuncgen: ignore[x]\n", [("line", 1, 1)]),
        ("// kfuncgen: ignore[x]\n\n#define A 1\nint a;\n", [("line", 3, 3)]),
        ("/* kfuncgen: ignore[x]\n * why\n */ int a;\n", [("line", 3, 3)]),
        ("// kfuncgen: ignore[x]\n", [("line", 0, 0)]),
        ("'\"' /* kfuncgen: ignore[x] */ '\"'\n", [("line", 1, 1)]),
        ('"a \\" /* kfuncgen: ignore[x] */"\n', []),
        ("#define A /* kfuncgen: ignore[x] */ 1\n", [("line", 1, 1)]),
        ("int a(void)\n{\n}\n// kfuncgen: ignore-function[x]\nint b;\nint c(void)\n{\n\tif (1) {\n\t}\n}\n",
         [("function", 6, 10)]),
        ("// kfuncgen: ignore-function[x]\n", [("function", 0, 0)]),
        ("}}{ // kfuncgen: ignore-file[x]\n", [("file", 1, 2)]),
    ],
)  # fmt: skip
def test_where_comments_count(text: str, found: list[tuple[str, int, int]]) -> None:
    assert places(text) == found


def test_removal_leaves_what_is_not_the_comment() -> None:
    def left(text: str) -> str:
        (one,) = read_suppressions("a.c", text.encode())
        lines = text.splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        begin = starts[one.removal.line - 1] + one.removal.column - 1
        end = starts[one.removal.end_line - 1] + one.removal.end_column - 1
        return text[:begin] + text[end:]

    assert left("a\n  /* kfuncgen: ignore[x] */\nb\n") == "a\nb\n"
    assert left("a; /* kfuncgen: ignore[x] */\nb\n") == "a; \nb\n"
    assert left("/* kfuncgen: ignore[x] */ /* more */\nb\n") == " /* more */\nb\n"


def test_any_bytes_are_read() -> None:
    for text in (
        b"\xff kfuncgen: ignore",
        b"/* kfuncgen: ignore[\xff] ",
        b"// kfuncgen: ignore[a\x00b]\r\n\x00",
        b'"' * 9,
    ):
        found = read_suppressions("a.c", b"kfuncgen:" + text)
        assert all(isinstance(one, Suppression) for one in found)


def test_the_summary_tells_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = LEAK.format(name="a", beside=" /* kfuncgen: ignore[unreleased-reference] */")
    Path("a.bpf.c").write_text(HEAD + text)
    assert cli.main(["lint", "a.bpf.c"]) == 0
    assert capsys.readouterr().out.endswith("no findings in 1 file (1 program); 1 finding ignored by comments\n")
