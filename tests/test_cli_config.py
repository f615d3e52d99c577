"""kfuncgen.toml: which one counts, what it says, and how its mistakes are told."""

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
        (b"# c\nkernel = 1\n", "kfuncgen.toml:2: unknown key 'kernel', valid keys are kernels, select, ignore, "),
        (b"kernel = 1\n", "; did you mean 'kernels'?"),
        (b"[tool]\n", "kfuncgen.toml:1: unknown key 'tool'"),
        (b"\nselect = 1\n", "kfuncgen.toml:2: 'select' must be a list of strings"),
        (b"ignore = ['a', 1]\n", "kfuncgen.toml:1: 'ignore' must be a list of strings"),
        (b"ignore = ['unchecked-nul']\n", "kfuncgen.toml:1: unknown rule 'unchecked-nul'; did you mean"),
        (b"select = ['zzz']\n", "kfuncgen.toml:1: unknown rule 'zzz'"),
        (b"\n\nkernels = 'six'\n", "kfuncgen.toml:3: "),
        (b"spec-paths = ['none']\n", "none' with specs"),
        (b"type-tags = true\n", "kfuncgen.toml:1: 'type-tags' must be one of without, with, either"),
        (b"\nloader = 'aya'\n", "kfuncgen.toml:2: 'loader' must be one of libbpf, libbpf-1.1, ebpf-go"),
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
