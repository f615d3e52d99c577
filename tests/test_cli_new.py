"""`kfuncgen new` with somebody at a terminal, and with templates of the user's own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from kfuncgen import cli


def at_terminal(folder: Path, words: Sequence[str], typed: str) -> tuple[int, str]:
    """Status and output of `kfuncgen words`, run in `folder` by somebody who has typed `typed` ahead."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "kfuncgen", *words]
    env = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent), "TERM": "dumb"}
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=env) as process:
        os.close(slave)
        os.write(master, typed.encode())
        told, end = b"", time.monotonic() + 60
        while time.monotonic() < end:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not piece:
                break
            told += piece
        status = process.wait(10)
    os.close(master)
    return status, told.decode()


def test_terminal_is_asked_for_what_is_not_given(tmp_path: Path) -> None:
    status, told = at_terminal(tmp_path, ["new", "iter-tasks", "p", "--set", "author=A"], "Bad Name\nmy-own\n")
    assert status == 0, told
    assert "[iter_tasks]" in told, "the default is shown"
    assert "bad value 'Bad Name', expected lower-case letters" in told
    assert told.count("name: name of the project") == 2 and "author:" not in told
    assert (tmp_path / "p/src/my_own.bpf.c").exists()


@pytest.mark.parametrize("words", [["--no-prompt"], []])
def test_terminal_is_not_asked_when_told_not_to_or_when_a_project_is_there(
    tmp_path: Path, words: list[str]
) -> None:
    if not words:
        (tmp_path / "p").mkdir()
        (tmp_path / "p/notes.txt").write_text("mine\n")
    status, told = at_terminal(tmp_path, ["new", "iter-tasks", "p", *words], "")
    assert status == 0, told
    assert "name:" not in told
    assert (tmp_path / "p/src/iter_tasks.bpf.c").exists()


USER = """
description: my own
skeleton: _project
kfuncs: [bpf_task_from_pid, bpf_task_release]
hooks: [SYSCALL]
values:
  name: {default: mine}
  greeting: {description: a word, default: hello, pattern: "[a-z]+", expected: letters}
facts: {needs: x, tools: [], scripts: [], programs: [a], maps: [b]}
files:
  - {path: "src/{{ name_id }}.txt", source: text.j2}
"""


@pytest.fixture
def template(folder: Path) -> Path:
    """The folder `mine` with a template."""
    mine = folder / "mine"
    mine.mkdir()
    (mine / "template.yaml").write_text(USER)
    (mine / "text.j2").write_text("{{ banner }}\n{{ greeting }} {{ since }} {{ kfuncs[0].name }}\n")
    return mine


def test_template_of_ones_own(template: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "./mine", "p", "--set", "greeting=hi"]) == 0, capsys.readouterr().err
    text = (folder / "p/src/mine.txt").read_text()
    assert text.endswith("\nhi 6.10 bpf_task_release\n")
    assert "Remake: kfuncgen new ../mine . --set greeting=hi\n" in text
    assert (folder / "p/Makefile").exists(), "the skeleton's files come with it"
    capsys.readouterr()
    assert cli.main(["new", "./mine", "p", "--set", "greeting=hi"]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"unchanged"}


def test_template_of_ones_own_is_described(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "--list", "./mine"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "./mine: my own"
    assert "  --set greeting=...  a word: letters (default hello)" in lines
    (template / "template.yaml").write_text(USER.replace("my own", "my \\x1b[31mown"))
    assert cli.main(["new", "--list", "./mine"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["./none", "p"], "'none' is no template: it has no file template.yaml"),
        (["./mine", "p", "--set", "greeting=X"], "bad value for 'greeting': 'X', expected letters"),
        (["./mine", "p", "--set", "greting=x"], "no value 'greting', did you mean 'greeting'?"),
        (["./mine", "p", "--kernel", "nonsense"], "nonsense"),
        (["mine", "p"], "unknown template 'mine'"),
    ],
)
def test_wrong_use_is_one_clear_line(
    template: Path, folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["new", *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kfuncgen: error: ") and message in err and err.count("\n") == 1, err
    assert not (folder / "p").exists()


BOMB = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("text.j2", "{{ ''.__class__ }}", "unsafe"),
        ("text.j2", "{{ kfuncs.__class__.__mro__ }}", "unsafe"),
        ("text.j2", "{{ '{0.__class__}'.format(name) }}", "unsafe"),
        ("text.j2", "{{ facts.update({'a': 1}) }}", "unsafe"),
        ("text.j2", "{{ lipsum.__globals__ }}", "unsafe"),
        ("text.j2", "{{ cycler.__init__.__globals__.os }}", "unsafe"),
        ("text.j2", "{% include '../secret' %}", "../secret"),
        ("text.j2", "{% include '/etc/passwd' %}", "/etc/passwd"),
        ("text.j2", "{% include 'link' %}", "link"),
        ("text.j2", "{% include 'pipe' %}", "pipe"),
        ("text.j2", "{% import os %}", "bad template"),
        ("text.j2", "{{ 'a' * 3000000 }}", "'src/mine.txt' has 3000000 bytes, expected at most 1048576"),
        ("text.j2", "{{ 'a' * 10 ** 10 }}", "too much memory"),
        ("text.j2", "{{ 'x' | center(10 ** 10) }}", "too much memory"),
        ("template.yaml", USER.replace("src/{{ name_id }}.txt", "../../out"), "refusing to write '../../out'"),
        ("template.yaml", USER.replace("src/{{ name_id }}.txt", "/tmp/out"), "refusing to write '/tmp/out'"),
        (
            "template.yaml",
            USER.replace("src/{{ name_id }}.txt", ".git/hooks/post-commit"),
            "refusing to write '.git",
        ),
        ("template.yaml", USER.replace("text.j2", "../secret"), "bad template: bad template path '../secret'"),
        ("template.yaml", USER.replace("text.j2", "link"), "link"),
        (
            "template.yaml",
            USER.replace("[a-z]+", "[a-z"),
            "mine/template.yaml:8:13: value 'greeting': bad pattern",
        ),
        ("template.yaml", USER.replace("my own", "!!python/object:os.system x"), "YAML tags are not accepted"),
        ("template.yaml", USER + "x: [" * 50, "template.yaml:"),
        ("template.yaml", USER.replace("hooks", "hoks"), "unknown key 'hoks' in template.yaml"),
        ("template.yaml", "a: 1\x00", "control character"),
    ],
)
def test_hostile_template_is_refused_in_one_line(
    template: Path, folder: Path, file: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "secret").write_text("TOP SECRET\n")
    (template / "link").symlink_to(folder / "secret")
    os.mkfifo(template / "pipe")
    (template / file).write_text(text)
    assert cli.main(["new", "./mine", "p"]) == 2
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and "TOP SECRET" not in out + err, err
    assert not (folder / "p").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("text.j2", BOMB),
        ("template.yaml", USER.replace('"[a-z]+"', '"(a+)+$"').replace("default: hello", f"default: {'a' * 60}!")),
    ],
)
def test_template_without_end_is_ended(
    template: Path,
    folder: Path,
    file: str,
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from kfuncgen.generate import usertemplate

    monkeypatch.setattr(usertemplate, "SECONDS", 3)
    (template / file).write_text(text)
    assert cli.main(["new", "./mine", "p"]) == 2
    err = capsys.readouterr().err
    assert "the template takes more than 3 seconds" in err and err.count("\n") == 1
    assert not (folder / "p").exists()
