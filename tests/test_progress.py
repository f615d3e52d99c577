"""The line that tells how far a run has come: on terminals only, late, fitting, and gone at the end."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from kfuncgen import cli_progress
from kfuncgen.cli_progress import Progress, line


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_progress, "DELAY", 0)
    monkeypatch.setattr(cli_progress, "INTERVAL", 0)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("done", "columns", "shown"),
    [
        (0, 200, "[>" + " " * 39 + "]   0/100 files"),
        (50, 34, "[========>        ]  50/100 files"),
        (100, 34, "[=================] 100/100 files"),
        (7, 16, "  7/100 files"),
        (7, 5, "  7/"),
        (7, 0, ""),
    ],
)
def test_the_line_fits(done: int, columns: int, shown: str) -> None:
    assert line(done, 100, columns) == shown
    assert len(shown) < max(columns, 1)


def test_groups_are_counted_together(quick: None) -> None:
    terminal = Terminal()
    with Progress(5, terminal) as progress:
        progress.begin(2)
        progress.step(1, 2)
        progress.step(2, 2)
        progress.begin(3)
        progress.step(1, 3)
        progress.step(3, 3)
    assert re.findall(r"(\d)/5 files", terminal.getvalue()) == ["1", "2", "3", "5"]
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_it_is_gone_when_something_goes_wrong(quick: None) -> None:
    terminal = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress(5, terminal) as progress:
        progress.step(1, 5)
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_short_runs_and_single_files_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with Progress(9, terminal) as progress:
        progress.step(1, 9)
    monkeypatch.setattr(cli_progress, "DELAY", 0)
    with Progress(1, terminal) as progress:
        progress.step(1, 1)
    assert terminal.getvalue() == ""


def test_pipes_and_dumb_terminals_have_none(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = StringIO()
    with Progress(9, pipe) as progress:
        progress.step(1, 9)
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    with Progress(9, terminal) as progress:
        progress.step(1, 9)
    assert pipe.getvalue() == terminal.getvalue() == ""


def test_a_long_run_shows_it_on_a_terminal(folder: Path) -> None:
    """A real terminal on standard error, and a pipe for the document."""
    for number in range(12):
        Path(f"f{number}.bpf.c").write_text(f"int x{number};\n")
    code = (
        "import sys, time; from kfuncgen import cli_progress, cli; from kfuncgen.lint import batch; "
        "cli_progress.DELAY = 0; slow = batch.Checker.check; "
        "batch.Checker.check = lambda *args: (time.sleep(0.03), slow(*args))[1]; "
        "sys.exit(cli.main(['lint', '.', '--output-format', 'json']))"
    )
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=slave,
        env=os.environ | {"TERM": "xterm", "XDG_CACHE_HOME": str(folder / "cache")},
    )
    os.close(slave)
    out, _ = process.communicate(timeout=120)
    shown = b""
    end = time.monotonic() + 5
    while time.monotonic() < end and select.select([master], [], [], 0.2)[0]:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.returncode == 0
    assert out.startswith(b"{") and b"\x1b" not in out
    counts = [int(number) for number in re.findall(rb"(\d+)/12 files", shown)]
    assert counts and counts == sorted(counts) and counts[-1] <= 12
    assert shown.endswith(b"\r\x1b[K")
