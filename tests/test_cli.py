"""The command line: exit statuses, errors in one line, files and streams. The linter itself is faked here."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from fake_linter import RULES, FakeLinter

from kfuncgen import cli, cli_output
from kfuncgen.lint.rule import catalogue
from kfuncgen.lint.rulenames import rule_names
from kfuncgen.spec.model import Kernel

CLEAN = "int x;\n"


def one_error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error; nothing may be on standard output."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    assert err.startswith("kfuncgen: ")
    return err.removeprefix("kfuncgen: error: ").rstrip("\n")


# What lint's exit status says


@pytest.mark.parametrize(
    ("source", "fail_on", "status"),
    [
        (CLEAN, None, 0),
        ("hint\n", None, 0),
        ("hint\n", "hint", 1),
        ("warning\n", None, 1),
        ("warning\n", "error", 0),
        ("error\n", None, 1),
        ("error\n", "never", 0),
        ("broken\n", None, 3),
        ("broken error\n", None, 3),
        ("broken\n", "never", 3),
    ],
)
def test_exit_status(
    source: str, fail_on: str | None, status: int, folder: Path, linter: FakeLinter, capsys: Any
) -> None:
    Path("a.bpf.c").write_text(source)
    assert cli.main(["lint", "a.bpf.c", *(["--fail-on", fail_on] if fail_on else [])]) == status


def test_a_failed_file_wins_over_findings_elsewhere_and_both_are_told(
    folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.bpf.c").write_text("error\n")
    Path("b.bpf.c").write_text("broken\n")
    assert cli.main(["lint", "."]) == 3
    out, err = capsys.readouterr()
    assert "a.bpf.c:1:1: error: a error [unreleased-reference]" in out
    assert "1 could not be read or parsed" in out
    assert err.splitlines()[0] == "kfuncgen: error: b.bpf.c: 'x.h' file not found"
    assert err.splitlines()[-1] == "  ... 10 more"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["lint"], "missing argument 'PATH' (see 'kfuncgen lint --help')"),
        (["lint", "--", "a.bpf.c"], "missing argument 'PATH': what follows -- is for the compiler (see "),
        (["lint", "a.bpf.c", "--select", "unrel"], "unknown rule 'unrel'; did you mean 'unreleased-reference'?"),
        (["lint", "none.bpf.c"], "cannot read 'none.bpf.c': No such file or directory"),
        (["lint", "nul\0.c"], "PATH is no file name"),
        (["lint", ""], "PATH is empty"),
        (["lint", "a.bpf.c", "-p", ""], "-p is empty"),
        (["lint", "a.bpf.c", "-o", ""], "-o is empty"),
        (["lint", "a.bpf.c", "--spec", ""], "--spec is empty"),
        (["lint", "-", "--stdin-filename", ""], "--stdin-filename is empty"),
        (["new", "xdp-xfrm", ""], "DIR is empty"),
        (["gen", "header", "bpf_task_acquire", "-o", ""], "-o is empty"),
        (["verify", ""], "FILE is empty"),
        (["lint", "/dev/null"], "'/dev/null' is neither a file nor a folder"),
        (["lint", "a.bpf.c", "--select", "unchecked-nul"], "unknown rule 'unchecked-nul'; did you mean 'unch"),
        (["lint", "a.bpf.c", "--ignore", "zzz"], "unknown rule 'zzz'; expected one of unchecked-null, "),
        (["lint", "a.bpf.c", "--fail-on", "eror"], "unknown severity 'eror'; did you mean 'error'?"),
        (["lint", "a.bpf.c", "--output-format", "xml"], "unknown output format 'xml'; expected one of text,"),
        (["lint", "a.bpf.c", "--fix", "--diff"], "--fix writes files and --diff writes none"),
        (["lint", "a.bpf.c", "--unsafe-fixes"], "--unsafe-fixes is for --fix and --diff"),
        (["lint", "a.bpf.c", "--kernel", "six"], "'six'"),
        (["lint", "a.bpf.c", "--kernel", ""], "'' names no kernel"),
        (["lint", "a.bpf.c", "-p", "none"], "no folder 'none' (-p)"),
        (["lint", "a.bpf.c", "--jobs", "0"], "invalid value for '--jobs'"),
        (["lint", "a.bpf.c", "--stdin-filename", "x"], "--stdin-filename is for PATH '-' only"),
        (["lint", "a.bpf.c", "-"], "'-' must be the only PATH"),
        (["lint", "a.bpf.c", "-o", "no/such/folder/f"], "cannot write 'no/such/folder/f': No such file"),
        (["lint", "a.bpf.c", "-o", "."], "cannot write '.': Is a directory"),
        (["lint", "a.bpf.c", "--spec", "none"], "no folder 'none' with specs"),
        (["lint", "a.bpf.c", "--nonsense"], "--nonsense"),
        (["explain", "unchecked-nul"], "unknown rule 'unchecked-nul'; did you mean 'unchecked-null'?"),
        (["nonsense"], "no such command 'nonsense' (see 'kfuncgen --help')"),
        (["gen", "call", "bpf_x", "--section", "xdp"], "unknown kfunc 'bpf_x'"),
        (["gen", "program", "bpf_task_acquire", "--section", "xpd"], "unknown section 'xpd', did you mean xdp?"),
        (["gen", "program", "bpf_xdp_get_xfrm_state", "--section", "tc"], "from tc; it can from xdp"),
        (["spec", "show", "bpf_task_fromm_pid"], "unknown kfunc or helper 'bpf_task_fromm_pid'; did you mean "),
        (["spec", "list", "zzzzzzz"], "unknown family 'zzzzzzz'; 'kfuncgen spec list' lists them"),
        (["spec", "show", "zzzzzzz"], "unknown kfunc or helper 'zzzzzzz'; 'kfuncgen spec list' lists them"),
        (["new"], "missing TEMPLATE, expected 'kfuncgen new TEMPLATE DIR'"),
        (["new", "xdp-xfrm"], "missing DIR, expected 'kfuncgen new TEMPLATE DIR'"),
        (["new", "xdp-xfrm", "x", "--set", "novalue"], "--set takes NAME=VALUE, not 'novalue'"),
        (["new", "xdp-xfrm", "a.bpf.c"], "'a.bpf.c' is a file, expected a folder to write to"),
        (["gen", "header", "bpf_nonsense_zzz"], "'bpf_nonsense_zzz'"),
        (["gen", "header", "bpf_task_acquire", "-o", "."], "cannot write '.': it is a folder"),
        (["gen", "header", "bpf_task_acquire", "-o", "x/y.h"], "cannot write 'x/y.h': there is no folder 'x'"),
        (["lint", "a.bpf.c", "--select", ""], "--select is empty"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_2(
    args: list[str], message: str, folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.bpf.c").write_text(CLEAN)
    assert cli.main(args) == 2
    assert message in one_error_line(capsys)
    assert [path.name for path in Path().iterdir()] == ["a.bpf.c"], "nothing half-written"


def test_no_source_in_a_folder(folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.c").write_text(CLEAN)
    assert cli.main(["lint", "."]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == "kfuncgen: error: no *.bpf.c file found"


def test_no_command_shows_help_and_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: kfuncgen")


# What lint is asked to do


def test_folders_mean_their_sources(folder: Path, linter: FakeLinter) -> None:
    for name in ("b.bpf.c", "a.bpf.c", "x.c", "sub/c.bpf.c", ".hidden/d.bpf.c", "sub/.e.bpf.c"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(CLEAN)
    Path("sub/loop").symlink_to("..")
    Path("sub/link.bpf.c").symlink_to("../a.bpf.c")
    Path("sub/dangling.bpf.c").symlink_to("nowhere")
    Path("dir.bpf.c").mkdir()
    assert cli.main(["lint", "."]) == 0
    assert linter.calls[0][0] == ["a.bpf.c", "b.bpf.c", "sub/c.bpf.c"]


def test_files_named_twice_are_checked_once_and_any_name_will_do(folder: Path, linter: FakeLinter) -> None:
    Path("a.bpf.c").write_text(CLEAN)
    Path("x.c").write_text(CLEAN)
    assert cli.main(["lint", "x.c", "a.bpf.c", ".", "./a.bpf.c"]) == 0
    assert linter.calls[0][0] == ["x.c", "a.bpf.c"]


def test_options_reach_the_linter(folder: Path, linter: FakeLinter) -> None:
    Path("a.bpf.c").write_text(CLEAN)
    args = ["lint", "a.bpf.c", "--select", "unchecked-null,use-after-release", "--select", "unreleased-reference"]
    assert (
        cli.main([*args, "--ignore", " use-after-release,", "-p", ".", "--jobs", "4", "--", "-DX", "--", "-I."])
        == 0
    )
    (_, options, _) = linter.calls[0]
    assert options.select == frozenset(RULES)
    assert options.ignore == {"use-after-release"}
    assert options.clang_args == ("-DX", "--", "-I.")
    assert options.build_dir == Path()
    assert options.kernels == (options.specs.newest,)


@pytest.mark.parametrize(("args", "expected"), [([], None), (["--"], ()), (["--", "-DX"], ("-DX",))])
def test_compiler_arguments_are_told_from_none(
    args: list[str], expected: tuple[str, ...] | None, folder: Path, linter: FakeLinter
) -> None:
    Path("a.bpf.c").write_text(CLEAN)
    assert cli.main(["lint", "a.bpf.c", *args]) == 0
    assert linter.calls[0][1].clang_args == expected


def test_kernels_are_targets(folder: Path, linter: FakeLinter) -> None:
    Path("a.bpf.c").write_text(CLEAN)
    assert cli.main(["lint", "a.bpf.c", "--kernel", "6.12"]) == 0
    assert linter.calls[0][1].kernels == (Kernel(6, 12),)


def test_stdin(folder: Path, linter: FakeLinter, monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    feed(monkeypatch, b"int a;\n\xff\twarning\n")
    assert cli.main(["lint", "-", "--stdin-filename", "src/new.bpf.c"]) == 1
    paths, options, text = linter.calls[0]
    assert (paths, options.stdin_filename, text) == (["-"], "src/new.bpf.c", "int a;\n\ufffd\twarning\n")
    out = capsys.readouterr().out
    assert "src/new.bpf.c:2:1: warning: a warning [unreleased-reference]" in out
    assert "    2 | \ufffd       warning\n" in out


def test_stdin_without_a_name(folder: Path, linter: FakeLinter, monkeypatch: Any, capsys: Any) -> None:
    feed(monkeypatch, b"warning\n")
    assert cli.main(["lint", "-"]) == 1
    assert linter.calls[0][1].stdin_filename == "stdin.bpf.c"
    assert capsys.readouterr().out.startswith(
        "stdin.bpf.c:1:1: warning: a warning [unreleased-reference]\n    1 | "
    )


def test_stdin_is_bounded(
    folder: Path, linter: FakeLinter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, b" " * (cli_output.MAX_SOURCE_BYTES + 1))
    assert cli.main(["lint", "-"]) == 2
    assert one_error_line(capsys) == "standard input is larger than 16 MiB"


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Standard input that holds `data`."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


# Other commands


def test_explain(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "unchecked-null"]) == 0
    assert capsys.readouterr().out == "unchecked-null (error, references)\n\nThe page of unchecked-null.\n"
    assert cli.main(["explain", "Unreleased reference id=2 alloc_insn=5", "--output-format", "markdown"]) == 0
    assert capsys.readouterr().out == RULES["unreleased-reference"].page
    assert cli.main(["explain"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in listed] == sorted(RULES)
    assert all(line.startswith("error") and line.endswith("what it is about") for line in listed)


def test_explain_says_which_rules_have_fixes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain"]) == 0
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["unreleased-reference"].endswith(" [--fix]")
    assert lines["unchecked-null"].endswith(" [--fix --unsafe-fixes]")
    assert lines["double-release"].endswith(".")
    assert cli.main(["explain", "unchecked-null"]) == 0
    assert capsys.readouterr().out.endswith("\nFixed in many cases by: kfuncgen lint --fix --unsafe-fixes\n")


@pytest.mark.parametrize(
    "command",
    [
        *("", "lint", "explain", "new", "gen", "gen header", "gen call", "gen program"),
        *("spec", "spec list", "spec show"),
        *("verify", "lsp", "cache", "cache dir", "cache clear"),
    ],
)
def test_help_is_plain_and_complete(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command.split(), "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"Usage: {'kfuncgen ' + command}".rstrip() + " ")
    assert out.isascii(), "no boxes"
    assert "..." not in out.partition("Commands:")[2], "summaries are short enough to be shown whole"


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("lint", "[OPTIONS] PATH... [-- CLANG ARGS]"),
        ("verify", "[OPTIONS] FILE... [-- CLANG ARGS]"),
        ("new", "[OPTIONS] TEMPLATE DIR"),
        ("gen header", "[OPTIONS] KFUNC..."),
        ("gen call", "[OPTIONS] KFUNC"),
        ("gen program", "[OPTIONS] KFUNC"),
        ("spec list", "[OPTIONS] [FAMILY...]"),
        ("spec show", "[OPTIONS] NAME..."),
    ],
)
def test_usage_says_what_may_be_repeated(command: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command.split(), "--help"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"Usage: kfuncgen {command} {usage}"


def test_an_internal_error_asks_to_be_reported(
    folder: Path, linter: FakeLinter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*args: Any) -> None:
        raise RecursionError("deep\nwater")

    monkeypatch.setattr("kfuncgen.lint.check_paths", broken)
    monkeypatch.delenv("KFUNCGEN_DEBUG", raising=False)
    Path("a.bpf.c").write_text(CLEAN)
    assert cli.main(["lint", "a.bpf.c"]) == 2
    line = one_error_line(capsys)
    assert line.startswith(
        "kfuncgen: internal error: RecursionError: deep\\x0awater (a bug in kfuncgen: please report it"
    )
    monkeypatch.setenv("KFUNCGEN_DEBUG", "1")
    with pytest.raises(RecursionError):
        cli.main(["lint", "a.bpf.c"])


def test_interrupt_is_quiet(
    folder: Path, linter: FakeLinter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kfuncgen.lint.check_paths", interrupted)
    Path("a.bpf.c").write_text(CLEAN)
    assert cli.main(["lint", "a.bpf.c"]) == 130
    assert capsys.readouterr() == ("", "")


def test_one_command_alone_is_the_command_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    """What is registered for one command only is what the whole command line has under that name."""
    whole = typer.main.get_command(cli.application())
    assert set(getattr(whole, "commands")) == set(cli.COMMANDS)  # noqa: B009
    for name in cli.COMMANDS:
        assert cli.main([name, "--help"]) == 0
        alone = capsys.readouterr().out
        app = cli.application()
        assert app(args=[name, "--help"], prog_name="kfuncgen", standalone_mode=False) in (0, None)
        assert capsys.readouterr().out == alone
    assert cli.main(["lit"]) == 2
    assert "lint" in capsys.readouterr().err


def test_rule_names_are_those_of_the_catalogue() -> None:
    assert list(rule_names()) == list(catalogue())
