"""The reader of plain command lines says what the parser says, or nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import typer

from kfuncgen import cli, cli_lint, cli_words
from kfuncgen.cli_words import CliState
from kfuncgen.spec.cached import load_specs

WORDS = [
    *(name for option in cli_lint.OPTIONS.values() for name in option.names),
    *(f"{name}=one" for option in cli_lint.OPTIONS.values() for name in option.names),
    *("a.bpf.c", "src", "-", "", "--", "3", "0", "-3", "+3", "0x3", "1_0", "٣", "99999999999999999999", "x y"),
    *(
        "--kern",
        "--no-fix",
        "-vw",
        "-j4",
        "-ofile",
        "-h",
        "--help",
        "--version",
        "---",
        "--=x",
        "--jobs=",
        "--jobs=2",
    ),
    *("--kernel=a=b", "--select=", "-x", "=", "\u00e4", "\udcff"),
]


Parse = Callable[[list[str]], Mapping[str, Any] | None]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parse:
    """What the parser makes of the words behind `lint`; None for what it refuses, or answers itself."""
    seen: list[Mapping[str, Any]] = []

    def run(values: Mapping[str, Any], state: CliState) -> int:
        seen.append(dict(values))
        return 0

    monkeypatch.setattr(cli_lint, "run", run)
    parser = typer.main.get_command(cli.application("lint"))

    def parse(words: list[str]) -> Mapping[str, Any] | None:
        del seen[:]
        try:
            parser.main(args=["lint", *words], prog_name="kfuncgen", standalone_mode=False, obj=CliState())
        except Exception:
            return None
        return seen[0] if seen else None

    return parse


def test_a_plain_command_line_is_what_the_parser_reads(parsed: Parse, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(1)
    plain = 0
    for number in range(1500):
        words = [WORDS[number]] if number < len(WORDS) else chance.choices(WORDS, k=chance.randint(0, 5))
        values = cli_words.plain(words, cli_lint.OPTIONS, "paths")
        if values is not None:
            plain += 1
            assert parsed(words) == values, words
    assert plain > 150
    capsys.readouterr()


def test_every_option_is_read_plainly(parsed: Parse) -> None:
    for key, option in cli_lint.OPTIONS.items():
        for name in option.names:
            words = [name, "7", "a.bpf.c"] if option.metavar else ["a.bpf.c", name]
            values = cli_words.plain(words, cli_lint.OPTIONS, "paths")
            assert values is not None and values[key] and values["paths"] == ["a.bpf.c"]
            assert parsed(words) == values


@pytest.mark.parametrize(
    "words",
    [["--help"], ["-vw"], ["--jobs", "0"], ["--jobs", "x"], ["--kernel"], ["--kernel", "--fix"], ["--fix=1"]],
)
def test_the_parser_reads_what_is_not_plain(words: list[str]) -> None:
    assert cli_words.plain(words, cli_lint.OPTIONS, "paths") is None


def test_a_plain_lint_loads_no_parser() -> None:
    load_specs()  # those who read specs from their files may
    code = (
        "import sys, kfuncgen.cli; status = kfuncgen.cli.main(['lint', '--select', 'none', 'pyproject.toml']); "
        "print(status, sorted({'typer', 'click', 'inspect', 'dataclasses'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 []\n", done.stderr
