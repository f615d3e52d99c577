"""Where output goes: files written whole, devices left alone, closed pipes and terminals as users expect."""

from __future__ import annotations

import json
import os
import pty
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fake_linter import FakeLinter
from outside import LEAK

from kfuncgen import cli, cli_tools
from kfuncgen.cli_output import colour_wanted, emit, read_source
from kfuncgen.diagnostic import UsageError
from kfuncgen.render import FORMATS


def test_a_document_is_alone_on_stdout(
    folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.bpf.c").write_text("error\nlimit\n")
    Path("b.bpf.c").write_text("broken\n")
    assert cli.main(["lint", ".", "--output-format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert [finding["file"] for finding in document["findings"]] == ["a.bpf.c"]
    assert [note["file"] for note in document["notes"]] == ["a.bpf.c", "b.bpf.c"]
    assert document["summary"]["failed"] == 1
    assert document["summary"]["files"] == 2


def test_output_to_a_file(folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.bpf.c").write_text("error\n")
    assert cli.main(["lint", ".", "--output-format", "json", "-o", "out.json"]) == 1
    assert capsys.readouterr() == ("", "")
    assert json.loads(Path("out.json").read_text())["summary"]["errors"] == 1
    assert sorted(path.name for path in Path().iterdir()) == ["a.bpf.c", "out.json"]


def test_a_replaced_file_keeps_its_mode_and_a_link_its_place(folder: Path) -> None:
    Path("real").mkdir()
    Path("real/out").write_text("old")
    Path("real/out").chmod(0o640)
    Path("link").symlink_to("real/out")
    emit("new", "link")
    assert Path("link").is_symlink()
    assert Path("real/out").read_text() == "new"
    assert stat.S_IMODE(Path("real/out").stat().st_mode) == 0o640


def test_a_new_file_obeys_the_umask(folder: Path) -> None:
    old = os.umask(0o027)
    try:
        emit("x", "out")
    finally:
        os.umask(old)
    assert stat.S_IMODE(Path("out").stat().st_mode) == 0o640


def test_a_device_is_written_not_replaced(folder: Path) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    emit("hello", "pipe")
    assert os.read(reader, 99) == b"hello"
    os.close(reader)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_loop_of_links_is_an_error(folder: Path) -> None:
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    with pytest.raises(UsageError, match="cannot write 'a'"):
        emit("x", "a")


def test_excerpts_come_from_regular_files_only(folder: Path) -> None:
    os.mkfifo("pipe")
    Path("file").write_bytes(b"x")
    assert read_source("file") == b"x"
    for name in ("pipe", ".", "none", "/dev/zero", "nul\0"):
        assert read_source(name) is None


# In processes of their own: what happens to real streams

ERROR = ["-c", "from kfuncgen.cli import start; start()"]
LISTING = [sys.executable, *ERROR, "spec", "list"]


@pytest.mark.parametrize(
    ("before", "quick"),
    [
        ("", True),
        ("import atexit; atexit.register(lambda: None)", False),
        ("import sys; sys.settrace(lambda *_: None)", False),
        ("import sys; sys.setprofile(lambda *_: None)", False),
        ("import threading, time; threading.Thread(target=time.sleep, args=(0.1,)).start()", False),
        ("import sys; sys.stdout.close()", False),
    ],
)
def test_a_process_ends_at_once_when_nothing_is_left_to_do(before: str, quick: bool) -> None:
    code = f"{before}\nimport os; from kfuncgen import cli; os.write(2, b'%d' % cli._is_done())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert run.stderr[:1] == b"%d" % quick


def test_what_others_registered_for_the_end_is_called() -> None:
    code = "import atexit; atexit.register(print, 'end'); from kfuncgen.cli import start; start()"
    run = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.splitlines()[-1] == "end"


def test_a_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(LISTING, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (run.returncode, run.stderr) == (141, b"")


@pytest.mark.parametrize("args", [["--help"], ["lint", "--help"], ["--version"]], ids=" ".join)
def test_help_into_a_closed_pipe_is_quiet(args: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run([sys.executable, *ERROR, *args], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert run.stderr == b""
    assert run.returncode in (0, 141)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(LISTING, stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 2
    assert run.stderr == "kfuncgen: error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("name", FORMATS)
def test_a_document_that_does_not_fit_leaves_what_was_there(name: str, folder: Path) -> None:
    """A limit on the size of files stands for a full disk: every write beyond it fails, to caches too."""
    Path("a.bpf.c").write_text(LEAK)
    Path("out").write_text("before\n")
    for _ in range(3):  # fills the caches
        assert cli.main(["lint", "a.bpf.c", "-o", "other"]) == 1
    run = on_a_full_disk("lint", "a.bpf.c", "--output-format", name, "-o", "out")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "kfuncgen: error: cannot write 'out': File too large\n"
    assert Path("out").read_text() == "before\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a.bpf.c", "other", "out"]


def on_a_full_disk(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *ERROR, *args],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | env,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)),
    )


def test_a_disk_that_takes_no_headers_is_told(folder: Path) -> None:
    Path("a.bpf.c").write_text(LEAK)
    run = on_a_full_disk("lint", "a.bpf.c", XDG_CACHE_HOME=str(folder / "cache"))
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "kfuncgen: error: there is no place for the bundled vmlinux.h (3 MB): File too large\n"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("none/out", "No such file or directory"),
        ("a.bpf.c/out", "Not a directory"),
        ("src", "Is a directory"),
        ("/sys/kfuncgen.out", "Permission denied"),
        ("nul\0", "embedded null byte"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_place_that_takes_no_file_is_told(
    output: str, reason: str, folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.bpf.c").write_text("error\n")
    Path("src").mkdir()
    if output.startswith("/sys") and not os.path.ismount("/sys"):
        pytest.skip("no /sys here")
    for name in FORMATS:
        assert cli.main(["lint", "a.bpf.c", "--output-format", name, "-o", output]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1
        assert err.startswith("kfuncgen: error: cannot write ") and err.endswith(f": {reason}\n")
    assert sorted(path.name for path in folder.iterdir()) == ["a.bpf.c", "src"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_replaced_file_keeps_its_owner(folder: Path) -> None:
    Path("out").write_text("old")
    os.chown("out", 12345, 54321)
    emit("new", "out")
    status = Path("out").stat()
    assert (status.st_uid, status.st_gid, Path("out").read_text()) == (12345, 54321, "new")


def test_a_closed_stdout_is_told() -> None:
    run = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *LISTING], stderr=subprocess.PIPE, text=True)
    assert run.returncode == 2
    assert run.stderr == "kfuncgen: error: standard output is closed\n"


def test_names_that_are_no_utf8_and_terminals_that_are_not(tmp_path: Path) -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    name = os.fsencode(tmp_path) + b"/\xff\xc3\xa9\x1b[31m.bpf.c"
    run = subprocess.run([sys.executable, *ERROR, "lint", name], capture_output=True, env=env)
    assert run.returncode == 2
    assert b"\\xff" in run.stderr
    assert b"\x1b" not in run.stderr
    assert b"Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("setting", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    ids=["terminal", "NO_COLOR", "NO_COLOR empty", "dumb"],
)
def test_colours_on_terminals_only(setting: dict[str, str], coloured: bool) -> None:
    code = "from kfuncgen.cli_output import colour_wanted; print(colour_wanted(None), colour_wanted('f'))"
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | setting
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminals here: {error}")
    subprocess.run([sys.executable, "-c", code], stdout=theirs, env=env, check=True)
    assert os.read(ours, 99).split() == [str(coloured).encode(), b"False"]
    os.close(ours)
    os.close(theirs)
    piped = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env, check=True)
    assert piped.stdout.split() == [b"False", b"False"]


@pytest.mark.parametrize(("setting", "coloured"), [("FORCE_COLOR=1", True), ("FORCE_COLOR=1 NO_COLOR=1", False)])
def test_colours_may_be_asked_for(setting: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for word in setting.split():
        monkeypatch.setenv(*word.split("="))
    assert colour_wanted(None) == coloured
    assert not colour_wanted("file")


# The cache


def test_cache_is_cleared_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    (folder / "kfuncgen/x").mkdir(parents=True)
    (folder / "other").mkdir()
    assert cli.main(["cache", "dir"]) == 0
    assert capsys.readouterr().out == f"{folder}/kfuncgen\n"
    assert cli.main(["cache", "clear"]) == 0
    assert [path.name for path in Path().iterdir()] == ["other"]
    assert cli.main(["cache", "clear"]) == 0


def test_cache_that_is_a_link_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    (folder / "other").mkdir()
    (folder / "kfuncgen").symlink_to("other")
    assert cli.main(["cache", "clear"]) == 2
    assert "is a symbolic link" in capsys.readouterr().err
    assert (folder / "other").is_dir()


def test_a_relative_cache_home_is_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(folder))
    assert cli_tools.cache_folder() == folder / ".cache/kfuncgen"
