"""Settings in files: which one counts, what it says, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_linter import FakeLinter

from kfuncgen import cli, config
from kfuncgen.lint import externs
from kfuncgen.spec.model import Kernel


@pytest.fixture(autouse=True)
def source(folder: Path) -> None:
    Path("a.bpf.c").write_text("int x;\n")


def test_the_file_says_what_the_command_line_does_not(linter: FakeLinter) -> None:
    Path("kfuncgen.toml").write_text(
        'kernels = ["6.12", "6.18"]\nselect = ["unchecked-null"]\nignore = ["use-after-release"]\n'
    )
    assert cli.main(["lint", "a.bpf.c"]) == 0
    options = linter.calls[0][1]
    assert options.kernels == (Kernel(6, 12), Kernel(6, 18))
    assert options.select == {"unchecked-null"}
    assert options.ignore == {"use-after-release"}
    args = ["--kernel", "6.18", "--select", "unreleased-reference", "--ignore", "unchecked-null"]
    assert cli.main(["lint", "a.bpf.c", *args]) == 0
    options = linter.calls[1][1]
    assert options.kernels == (Kernel(6, 18),)
    assert options.select == {"unreleased-reference"}
    assert options.ignore == {"use-after-release", "unchecked-null"}


def test_the_nearest_file_counts_for_each_source(linter: FakeLinter) -> None:
    Path("kfuncgen.toml").write_text('ignore = ["unchecked-null"]\n')
    for name in ("one/b.bpf.c", "two/deep/c.bpf.c"):
        Path(name).parent.mkdir(parents=True)
        Path(name).write_text("warning\n")
    Path("two/kfuncgen.toml").write_text('ignore = ["use-after-release"]\n')
    assert cli.main(["lint", "."]) == 1
    assert [(paths, options.ignore) for paths, options, _ in linter.calls] == [
        (["a.bpf.c", "one/b.bpf.c"], {"unchecked-null"}),
        (["two/deep/c.bpf.c"], {"use-after-release"}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b"# c\nkernel = 1\n",
            "kfuncgen.toml:2:1: unknown key 'kernel', valid keys are kernels, select, ignore, ",
        ),
        (b"kernel = 1\n", "; did you mean 'kernels'?"),
        (b"[tool]\n", "kfuncgen.toml:1:1: unknown key 'tool'"),
        (b"\nselect = 1\n", "kfuncgen.toml:2:10: 'select' must be a list of strings"),
        (b"ignore = ['a', 1]\n", "kfuncgen.toml:1:16: 'ignore' must be a list of strings"),
        (b"ignore = ['unchecked-nul']\n", "kfuncgen.toml:1:11: unknown rule 'unchecked-nul'; did you mean"),
        (b"select = ['unchecked-null', 'zzz']\n", "kfuncgen.toml:1:29: unknown rule 'zzz'"),
        (b"\n\nkernels = 'six'\n", "kfuncgen.toml:3:11: "),
        (b"spec-paths = ['none']\n", "kfuncgen.toml:1:15: there is no "),
        (b"type-tags = true\n", "kfuncgen.toml:1:13: 'type-tags' must be one of without, with, either"),
        (b"\nloader = 'aya'\n", "kfuncgen.toml:2:10: 'loader' must be one of libbpf, libbpf-1.1, ebpf-go"),
        (
            b"fail-on = 'warn'\n",
            "kfuncgen.toml:1:11: 'fail-on' must be one of warning, error, hint, never; did you ",
        ),
        (b"arch = 'arm46'\n", "; did you mean 'arm64'?"),
        (b"arch = 'x86_64'\n", "kfuncgen.toml:1:8: 'arch' must be one of x86, arm64"),
        (b"baseline = ''\n", "kfuncgen.toml:1:12: 'baseline' must be the name of a file"),
        (b"exclude = ['a', '!b']\n", "kfuncgen.toml:1:17: the pattern '!b' begins with '!'"),
        (b"exclude = '../b'\n", "kfuncgen.toml:1:11: the pattern '../b' has a name that is empty, '.' or '..'"),
        (b"per-file-ignores = ['a']\n", "kfuncgen.toml:1:20: 'per-file-ignores' must be a table"),
        (b"per-file-ignores = { 'a' = [1] }\n", "kfuncgen.toml:1:29: 'a' must be a list of strings"),
        (b"[per-file-ignores]\n '' = []\n", "kfuncgen.toml:2:2: the pattern '' is empty"),
        (
            b"[per-file-ignores]\n'a' = ['unchecked-null',\n 'unreleased-referenc']\n",
            "kfuncgen.toml:3:2: unknown rule 'unreleased-referenc'; did you mean 'unreleased-reference'?",
        ),
        ("# é\n'é' = é\n".encode(), "kfuncgen.toml:2:8: Invalid value"),
        (b"a = \n", "kfuncgen.toml:1:5: Invalid value"),
        (b"select = []\nselect = []\n", "kfuncgen.toml:2:"),
        (b"# \xff\n", "kfuncgen.toml:1: not UTF-8 text"),
        (b"a = " + b"[" * 9000, "kfuncgen.toml: nested too deeply"),
        (b"#" * (config.MAX_CONFIG_BYTES + 1), "kfuncgen.toml: larger than 1048576 bytes"),
    ],
)
def test_mistakes_have_a_place(
    text: bytes, message: str, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("kfuncgen.toml").write_bytes(text)
    assert cli.main(["lint", "a.bpf.c"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kfuncgen: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_the_file_says_what_loads_the_objects(linter: FakeLinter) -> None:
    assert config.LOADERS == externs.LOADERS
    assert cli.main(["lint", "a.bpf.c"]) == 0
    Path("kfuncgen.toml").write_text('loader = "ebpf-go"\n')
    assert cli.main(["lint", "a.bpf.c"]) == 0
    assert [options.loader for _, options, _ in linter.calls] == ["libbpf", "ebpf-go"]


def test_the_file_says_what_the_kernels_btf_tells(linter: FakeLinter) -> None:
    assert cli.main(["lint", "a.bpf.c"]) == 0
    Path("kfuncgen.toml").write_text('type-tags = "either"\n')
    assert cli.main(["lint", "a.bpf.c"]) == 0
    assert [options.type_tags for _, options, _ in linter.calls] == ["without", "either"]


def test_compiler_flags_are_relative_to_the_file(linter: FakeLinter) -> None:
    Path("kfuncgen.toml").write_text('clang-args = ["-Iinclude"]\n')
    assert cli.main(["lint", "a.bpf.c"]) == 0
    options = linter.calls[0][1]
    assert (options.clang_args, options.configured_args) == (None, ("-Iinclude",))
    assert options.configured_dir == Path.cwd()


def test_a_special_file_is_no_config(linter: FakeLinter) -> None:
    Path("kfuncgen.toml").mkdir()
    assert cli.main(["lint", "a.bpf.c"]) == 0


PROJECT = "[project]\nname = 'x'\n[tool.kfuncgen]\n"


def test_a_pyproject_is_a_config_when_it_has_our_table(linter: FakeLinter) -> None:
    Path("pyproject.toml").write_text(PROJECT + "ignore = ['unchecked-null']\n")
    Path("sub").mkdir()
    Path("sub/pyproject.toml").write_text("[tool.other]\nkfuncgen = 1\n")
    Path("sub/b.bpf.c").write_text("int x;\n")
    assert cli.main(["lint", "."]) == 0
    assert [(paths, options.ignore) for paths, options, _ in linter.calls] == [
        (["a.bpf.c", "sub/b.bpf.c"], {"unchecked-null"})
    ]


def test_kfuncgen_toml_goes_before_the_pyproject_beside_it(linter: FakeLinter) -> None:
    Path("pyproject.toml").write_text(PROJECT + "ignore = ['unchecked-null']\n")
    Path("kfuncgen.toml").write_text("ignore = ['use-after-release']\n")
    assert cli.main(["lint", "a.bpf.c"]) == 0
    assert linter.calls[0][1].ignore == {"use-after-release"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PROJECT + "kernel = 1\n", "pyproject.toml:4:1: unknown key 'kernel'"),
        (PROJECT + "ignore = ['zzz']\n", "pyproject.toml:4:11: unknown rule 'zzz'"),
        ("[tool]\nkfuncgen = 1\n", "pyproject.toml:2:12: 'tool.kfuncgen' must be a table"),
        ("tool.kfuncgen.loader = 'aya'\n", "pyproject.toml:1:24: 'loader' must be one of"),
        (PROJECT + "a = \n", "pyproject.toml:4:5: Invalid value"),
    ],
)
def test_mistakes_in_a_pyproject_have_a_place(
    text: str, message: str, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pyproject.toml").write_text(text)
    assert cli.main(["lint", "a.bpf.c"]) == 2
    assert capsys.readouterr().err.startswith(f"kfuncgen: error: {message}")


@pytest.mark.parametrize("text", ["[project]\nname = \n", "# kfuncgen is great\nname = \n", "tool = 'kfuncgen'\n"])
def test_a_pyproject_that_is_not_about_us_is_left_alone(text: str, linter: FakeLinter) -> None:
    Path("pyproject.toml").write_text(text)
    assert cli.main(["lint", "a.bpf.c"]) == 0
    assert linter.calls[0][1].ignore == frozenset()


def test_a_config_may_be_named_or_refused(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("kfuncgen.toml").write_text("ignore = ['unchecked-null']\n")
    Path("other").mkdir()
    Path("other/strict.toml").write_text("select = ['use-after-release']\nclang-args = ['-Ix']\n")
    assert cli.main(["lint", "a.bpf.c", "--config", "other/strict.toml"]) == 0
    assert cli.main(["lint", "a.bpf.c", "--isolated"]) == 0
    named, isolated = (options for _, options, _ in linter.calls)
    assert (named.select, named.ignore) == ({"use-after-release"}, frozenset())
    assert named.configured_dir == Path("other").absolute()
    assert (isolated.select, isolated.ignore) == (None, frozenset())
    assert cli.main(["lint", "a.bpf.c", "--isolated", "--config", "other/strict.toml"]) == 2
    assert cli.main(["lint", "a.bpf.c", "--config", "none.toml"]) == 2
    Path("pyproject.toml").write_text("[project]\n")
    assert cli.main(["lint", "a.bpf.c", "--config", "pyproject.toml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "kfuncgen: error: --isolated leaves no use for --config",
        "kfuncgen: error: none.toml: cannot be read: No such file or directory",
        "kfuncgen: error: pyproject.toml: there is no table 'tool.kfuncgen'",
    ]


def test_a_probe_named_by_the_file_is_beside_it(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub").mkdir()
    Path("sub/kfuncgen.toml").write_text("kernels = 'live.json'\n")
    Path("sub/a.bpf.c").write_text("int x;\n")
    Path("sub/live.json").write_text("no probe\n")
    assert cli.main(["lint", "sub"]) == 2
    assert ": not JSON; expected a probe file" in capsys.readouterr().err


def test_the_line_of_failure_is_one_for_each_file(linter: FakeLinter) -> None:
    for name, limit in (("strict", "hint"), ("lax", "never")):
        Path(name).mkdir()
        Path(name, "kfuncgen.toml").write_text(f"fail-on = '{limit}'\n")
        Path(name, "b.bpf.c").write_text("hint\n" if name == "strict" else "error\n")
    assert cli.main(["lint", "lax"]) == 0
    assert cli.main(["lint", "strict"]) == 1
    assert cli.main(["lint", "lax", "strict"]) == 1
    assert cli.main(["lint", "strict", "--fail-on", "warning"]) == 0
    assert cli.main(["lint", "lax", "--fail-on", "error"]) == 1


def test_what_is_excluded_is_not_looked_for(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("kfuncgen.toml").write_text("exclude = ['old', '*.gen.bpf.c', '/src/deep/**/x*']\n")
    names = ("old/a.bpf.c", "src/old/b.bpf.c", "src/a.gen.bpf.c", "src/deep/y/xa.bpf.c", "src/deep/y/a.bpf.c")
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("int x;\n")
    assert cli.main(["lint", "."]) == 0
    assert linter.calls.pop()[0] == ["a.bpf.c", "src/deep/y/a.bpf.c"]
    # Who names a file means it; pre-commit names all, and says that it does not.
    assert cli.main(["lint", "old/a.bpf.c"]) == 0
    assert linter.calls.pop()[0] == ["old/a.bpf.c"]
    assert cli.main(["lint", "old"]) == 0
    assert linter.calls.pop()[0] == ["old/a.bpf.c"]
    assert cli.main(["lint", "--force-exclude", "old/a.bpf.c", "src/deep/y/a.bpf.c"]) == 0
    assert linter.calls.pop()[0] == ["src/deep/y/a.bpf.c"]
    capsys.readouterr()
    assert cli.main(["lint", "--force-exclude", "old", "src/a.gen.bpf.c"]) == 0
    assert capsys.readouterr().out.startswith("no findings in 0 files")


def test_rules_can_be_ignored_in_some_files(linter: FakeLinter) -> None:
    Path("kfuncgen.toml").write_text(
        "[per-file-ignores]\n'tests' = ['unchecked-null']\n'*.h' = 'use-after-release'\n"
    )
    assert cli.main(["lint", "a.bpf.c"]) == 0
    rows = linter.calls[0][1].per_file_ignores
    assert [(pattern.text, rules) for pattern, rules in rows] == [
        ("tests", {"unchecked-null"}),
        ("*.h", {"use-after-release"}),
    ]
