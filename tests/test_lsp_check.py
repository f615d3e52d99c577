"""What people find whose editor shows nothing: `kfuncgen lsp --check`, its log, and what it tells the client."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from lsp_client import CLEAN, LEAK, SERVER, Client, codes, run
from lsprotocol import types

from kfuncgen import __version__, cli


def test_check_opens_sources_as_an_editor_would(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "kfuncgen.toml").write_text('kernels = ">=6.12"\n')
    (folder / "leak.bpf.c").write_text(LEAK)
    (folder / "user.c").write_text("int main(void) { return 0; }\n")
    assert cli.main(["lsp", "--check", "leak.bpf.c", "user.c"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    answered, introduced, linted, found, left = out.splitlines()
    assert re.fullmatch(r"the server answered after \d+\.\d\d s", answered)
    assert introduced.startswith(f"kfuncgen {__version__} with Python {sys.version_info.major}.")
    assert sys.executable in introduced and "for kfuncgen-check" in introduced
    file = folder / "leak.bpf.c"
    assert re.match(rf"{file}: linted in \d+\.\d\d s, 1 finding; configuration {folder}/kfuncgen\.toml; ", linted)
    assert "; flags are those of " in linted
    line = LEAK.splitlines().index("\treturn 1;") + 1
    assert found.startswith(f"{file}:{line}:2: error: 'task' from bpf_task_from_pid() is not released")
    assert left == f"{folder}/user.c: left alone: not called *.bpf.c, and no bpf_helpers.h or vmlinux.h in it"


def test_check_tells_of_a_server_that_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no module' >&2\necho 'named pygls' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    assert cli.main(["lsp", "--check"]) == 1
    assert capsys.readouterr().out == "the server does not work: it ended with status 3: named pygls\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a.bpf.c"], "FILE is for --check"),
        (["--check", "a.bpf.c"], "there is no file '"),
        (["--log", "missing/log"], "cannot write the log 'missing/log': No such file or directory"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["lsp", *args]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1) and message in err


def test_the_log_has_every_run_and_the_client_the_first(tmp_path: Path) -> None:
    log = tmp_path / "log"
    file = tmp_path / "a\n.bpf.c"

    async def test(client: Client) -> None:
        uri = client.open(file, LEAK)
        await client.until(uri, lambda found: codes(found) == ["unreleased-reference"])
        client.change(uri, CLEAN)
        await client.until(uri, lambda found: not found)
        shown = [line for line in client.logged if "linted in" in line]
        assert len(shown) == 1 and ", 1 finding; no kfuncgen.toml; " in shown[0]

    run(test, command=(*SERVER, "--log", str(log)), client_info=types.ClientInfo("Editor", "1.2"))
    lines = log.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \d+ (INFO|DEBUG) ", line) for line in lines)
    assert "for Editor 1.2 in no folder" in lines[0]
    runs = [line for line in lines if "linted in" in line]
    assert [re.findall(r"(\d) finding", line) for line in runs] == [["1"], ["0"]]
    assert all(f"{tmp_path}/a\\x0a.bpf.c: " in line for line in runs), "names do not break lines"
