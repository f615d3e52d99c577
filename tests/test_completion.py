"""Completion: which words are offered, and that real shells take them from the script that kfuncgen prints."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import outside
import pytest
import typer
from outside import CHECKOUT

from kfuncgen import cli, cli_complete, cli_words
from kfuncgen.cli_completion import SCRIPTS
from kfuncgen.lint.rulenames import rule_names
from kfuncgen.render import FORMATS
from kfuncgen.spec.load import load_builtin


def offered(*words: str) -> list[str]:
    root = typer.main.get_command(cli.application())
    return [word for word, _ in cli_complete.candidates(root, words)]


SPECS = load_builtin()
KFUNCS = sorted(name for name, function in SPECS.functions.items() if function.kind == "kfunc")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("li", ["lint"]),
        ("gen ", ["header", "call", "program", "check"]),
        ("lint --output-f", ["--output-format"]),
        ("lint --output-format ", list(FORMATS)),
        ("explain --output-format m", ["markdown"]),
        ("verify --output-format ", ["text", "json"]),
        ("new --output-format j", ["json"]),
        ("lint --select ", list(rule_names())),
        ("lint --ignore unrel", ["unreleased-reference"]),
        ("lint --ignore=unrel", ["--ignore=unreleased-reference"]),
        ("lint --ignore = unrel", ["unreleased-reference"]),
        ("lint --ignore unchecked-null,unrel", ["unchecked-null,unreleased-reference"]),
        ("lint --fail-on e", ["error"]),
        ("lint --arch arm", ["arm64", "arm"]),
        ("lint --kernel l", ["live"]),
        ("lint --kernel 6.18", ["6.18"]),
        ("lint --kernel 6.1,l", ["6.1,live"]),
        ("explain unrel", ["unreleased-reference"]),
        ("gen header ", KFUNCS),
        ("gen header bpf_task_acquire bpf_task_rel", ["bpf_task_release"]),
        ("gen header bpf_task_release bpf_task_rel", []),
        ("gen call bpf_xdp_get_xfrm_state --section ", ["xdp"]),
        ("gen program --section x", ["xdp", "xdp.frags"]),
        ("spec show bpf_ringbuf_reserve", ["bpf_ringbuf_reserve", "bpf_ringbuf_reserve_dynptr"]),
        ("spec list xf", ["xfrm"]),
        ("spec diff 6.18 6.12", ["6.12"]),
        ("new xdp-c", ["xdp-conntrack"]),
        ("completion z", ["zsh"]),
        ("cache ", ["dir", "clear"]),
        # Names of files are the shell's.
        ("lint sr", []),
        ("lint -o ou", []),
        ("lint -- -", []),
        ("new xdp-xfrm ", []),
        ("lint --spec s", []),
        ("nonsense ", ["new", "lint", "explain", "verify", "lsp", "completion", "gen", "spec", "config", "cache"]),
        ("lint --nonsense ", []),
    ],
)
def test_what_is_offered(line: str, expected: list[str]) -> None:
    found = offered(*shlex.split(line), *([""] if line.endswith(" ") else []))
    assert sorted(found) == sorted(expected)


def test_values_of_a_template_are_offered() -> None:
    found = offered("new", "xdp-xfrm", "dir", "--set", "")
    assert "name=" in found and all(word.endswith("=") for word in found)


def parameters(command: Any, path: tuple[str, ...] = ()) -> Any:
    """Every parameter of every command, with the names of the commands."""
    for name, one in getattr(command, "commands", {}).items():
        yield from parameters(one, (*path, name))
    for param in command.params:
        yield path, param


FREE = {"PATH", "FILE", "DIR", "BUILD", "NAME", "N", "TYPE", None}
"""What is a file's name, a number, or anybody's guess."""


def test_every_value_has_a_source_or_is_free() -> None:
    for path, param in parameters(typer.main.get_command(cli.application())):
        if getattr(param, "is_flag", False) or param.name == "help":
            continue
        known = {(path[0] if path else "", param.metavar), ("", param.metavar)} & set(cli_complete.SOURCES)
        assert known or param.metavar in FREE, (path, param.name, param.metavar)


def test_it_is_quiet_whatever_is_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cli_words.COMPLETION, "bash")
    for words in ([], [""], ["--"], ["="], ["lint", "="], ["lint", "--select", "=", "\udcff"], ["lint", "--spec"]):
        assert cli.main(words) == 0
        assert capsys.readouterr().err == ""
    monkeypatch.setenv(cli_words.COMPLETION, "nonsense")
    assert cli.main(["li"]) == 0
    assert capsys.readouterr().out == "lint\n"


def test_nothing_heavy_is_imported() -> None:
    """A TAB that is waited for is none: neither the rules nor the parser of C are needed to name things."""
    code = "import sys; from kfuncgen.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    for words in (["lint", "--select", ""], ["gen", "header", ""], ["lint", "--output-format", ""]):
        run = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            env=os.environ | {cli_words.COMPLETION: "fish"},
        )
        assert run.stdout
        loaded = set(run.stderr.split())
        assert not {"rich", "clang", "pygls", "kfuncgen.lint.rules.unchecked_null", "elftools"} & loaded, words


@pytest.mark.parametrize("shell", SCRIPTS)
def test_scripts_are_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    assert capsys.readouterr().out == SCRIPTS[shell]
    assert cli.main(["completion", "tcsh"]) == 2
    assert "unknown shell 'tcsh'; expected one of bash, zsh, fish" in capsys.readouterr().err


# In real shells


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """A home folder of its own, and the package under test as `kfuncgen`."""
    (folder / "bin").mkdir()
    (folder / "bin/kfuncgen").write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(CHECKOUT))} exec {shlex.quote(sys.executable)} -m kfuncgen "$@"\n'
    )
    (folder / "bin/kfuncgen").chmod(0o755)
    (folder / "src dir").mkdir()
    (folder / "src dir/a.bpf.c").write_text("int x;\n")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "LC_", "BASH"))}
    return env | {
        "HOME": str(folder),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
    }


class Terminal:
    """An interactive shell, typed into."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.process, self.file = pty.fork()
        if self.process == 0:
            os.execvpe(command[0], command, env)

    def read(self, until: str, seconds: float = 20) -> str:
        """What is shown up to a text; fails when that does not come."""
        shown, end = "", time.monotonic() + seconds
        while until not in shown:
            ready, _, _ = select.select([self.file], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{until!r} did not come after {shown!r}"
            shown += os.read(self.file, 4096).decode(errors="replace")
        return shown

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def close(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.file)


LINES = [
    ("kfuncgen explain unrel", "kfuncgen explain unreleased-reference "),
    ("kfuncgen lint --fail-", "kfuncgen lint --fail-on "),
    ("kfuncgen lint --select unrel", "kfuncgen lint --select unreleased-reference "),
    ("kfuncgen lint --select=unrel", "kfuncgen lint --select=unreleased-reference "),
    ("kfuncgen lint --select unchecked-null,unrel", "kfuncgen lint --select unchecked-null,unreleased-reference "),
    ("kfuncgen gen header bpf_xdp_xfrm", "kfuncgen gen header bpf_xdp_xfrm_state_release "),
    ("kfuncgen lint --kernel liv", "kfuncgen lint --kernel live "),
    ("kfuncgen new rbtree-q", "kfuncgen new rbtree-queue "),
    ("kfuncgen lint sr", "kfuncgen lint src\\ dir/"),
]


@pytest.mark.outside
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_typed_line_is_completed(shell: str, environment: dict[str, str]) -> None:
    outside.need(shell)
    if shell == "bash":
        command, setup = ["bash", "--norc", "--noprofile", "-i"], "PS1=; bind 'set bell-style none'"
    else:
        command, setup = (
            ["zsh", "-f", "-i"],
            "PS1=; unsetopt zle_bracketed_paste prompt_sp; autoload -U compinit; compinit -u",
        )
    terminal = Terminal(command, environment)
    try:
        terminal.type(f"{setup}; stty -echo; echo rea''dy\n")
        terminal.read("ready")
        terminal.type(f'eval "$(kfuncgen completion {shell})"; echo load""ed\n')
        terminal.read("loaded")
        for line, completed in LINES:
            # Printed, not run: the line as the shell has it then. What is typed may be shown, but has no < and >.
            terminal.type(f"{line}\t\x01printf '\\074%s\\076' '\x05'\n")
            shown = re.sub(r"\r|\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.read(">"))
            # zsh takes its blank or slash back when the line goes on elsewhere.
            assert re.findall("<(.*?)>", shown) in ([completed], [completed.rstrip(" /")]), (line, shown)
    finally:
        terminal.close()


@pytest.mark.outside
def test_fish_completes(environment: dict[str, str], folder: Path) -> None:
    outside.need("fish")
    place = folder / ".config/fish/completions"
    place.mkdir(parents=True)
    assert cli.main(["completion", "fish", "-o", str(place / "kfuncgen.fish")]) == 0
    for line, completed in LINES:
        run = subprocess.run(
            ["fish", "-c", f"complete -C {shlex.quote(line)}"], capture_output=True, text=True, env=environment
        )
        words = [row.split("\t")[0] for row in run.stdout.splitlines()]
        assert words == [shlex.split(completed)[-1]], (line, run.stdout, run.stderr)
    run = subprocess.run(
        ["fish", "-c", "complete -C 'kfuncgen lint --output-format sa'"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert run.stdout == "sarif\tSARIF 2.1.0, for code scanning\n"
