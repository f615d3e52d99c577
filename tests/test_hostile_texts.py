"""Names and texts that mean harm, through whole commands: what is printed commands no terminal, no CI system, no
browser and no editor, and what is written stays where the user said."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from kfuncgen import cli
from kfuncgen.config import load_config
from kfuncgen.diagnostic import SourceError, UsageError
from kfuncgen.lint import LintOptions
from kfuncgen.lsp.contracts import contract_of, hover
from kfuncgen.render import FORMATS
from kfuncgen.spec.load import load_specs
from kfuncgen.toolchain import clang
from kfuncgen.toolchain.flags import find_flags

NAMES = (
    "esc\x1b]0;owned\x07\x1b[2J.bpf.c",
    "line\n::error file=x::owned\n::set-output name=x::y.bpf.c",
    "bidi\u202e\u2066c.fpb\u2069.bpf.c",
    "<img src=x onerror=alert(1)>&quot;.bpf.c",
    "quote\"'`$(id);|.bpf.c",
    "]]><x>%0A%25::,:.bpf.c",
    "[link](javascript:alert(1)) **b** ![i](http:x).bpf.c",
    "-o.bpf.c",
    "::error::owned ##[add-matcher]x.bpf.c",
    "--select=x.bpf.c",
    " space and tab\t.bpf.c",
    "c1\x9b31m\u2028\ufeff.bpf.c",
)
LEAK = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
#line 7 "\\033[31m\\n::error::owned <script>.c"
SEC("syscall") int p(void *ctx) /* \x1b[31m \u202e <script>alert(1)</script> ]]> */
{
	struct task_struct *t = bpf_task_from_pid(1);

	return t ? 1 : 0; /* \x9b31m \u202e */
}
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of all these names: each has a finding, one does not compile."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in NAMES:
        (folder / name).write_text(LEAK)
    (folder / "::error::bad\x1b[31m.bpf.c").write_text('int x = ;\n#error "\x1b[31m \u202e"\n')
    return folder


@pytest.fixture
def hostile(sources: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder, which is the current one."""
    monkeypatch.chdir(sources)
    return sources


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def plain(text: str) -> bool:
    """Whether no character of it does anything but to be seen."""
    return not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text.replace("\n", ""))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_survives_every_name(name: str, hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["lint", "--output-format", name, "."])
    out, err = capsys.readouterr()
    assert status == 3
    assert plain(err) and all(line.startswith(("kfuncgen: error: ", "  ")) for line in err.splitlines())
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in err.splitlines())
    assert plain(out), name
    if name in ("json", "sarif", "gitlab", "rdjson"):
        document: Any = json.loads(out)
        if name == "json":
            assert {finding["rule"] for finding in document["findings"]} == {"unreleased-reference"}
            assert len(document["findings"]) == len(NAMES)
        if name == "sarif":
            for address in re.findall(r'"uri": "([^"]*)"', out):
                assert re.fullmatch(r"(https?:|file:///)?[\w.~%/-]*[\w.~%()!*',;=&+$@#/:-]*", address), address
    elif name == "junit":
        assert {child.tag for child in ElementTree.fromstring(out).iter()} <= {
            *("testsuites", "testsuite", "testcase", "failure", "error", "system-out", "properties", "property")
        }
    elif name == "html":
        for tag, attributes in Tags(out).found:
            assert tag not in ("script", "img", "iframe", "object", "link", "x")
            for key, value in attributes:
                assert not key.startswith("on")
                assert key not in ("src", "href") or str(value).startswith("#")
    elif name == "github":
        commands = [line for line in out.splitlines() if line.lstrip().startswith("::")]
        assert all(re.match(r"::error (title|file)=", line) for line in commands), commands
        assert len(commands) == len(NAMES) + 1
        assert "##[" not in "".join(line for line in out.splitlines() if line not in commands)
    if name != "html":
        assert not any(re.match(r"\s*::(error file=x|error::|set-output)", line) for line in out.splitlines())


def test_diffs_and_summaries_survive_them(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", "--write-baseline", "--baseline", "b\x1b.json", "."]) == 3
    out, err = capsys.readouterr()
    assert plain(out) and plain(err)
    entries = json.loads(Path("b\x1b.json").read_text())["findings"]
    assert len(entries) == len(NAMES)
    assert cli.main(["lint", "--baseline", "b\x1b.json", "--statistics", "."]) == 3
    out, err = capsys.readouterr()
    assert plain(out) and plain(err) and "known by the baseline" in out


def test_hostile_specs_are_told_without_harm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own.yaml").write_text(
        'family: own\nhooks: [XDP]\nsince: "6.8"\nkfuncs:\n  own_ready:\n    prototype: int own_ready(u32 id)\n'
        '    summary: "![x](http://e/x.png) <img src=http://e> [go](command:x) `<kept>` \u202e"\n'
    )
    specs = load_specs([Path("own.yaml")])
    options = LintOptions((specs.newest,), specs)
    contract = contract_of("own_ready", options)
    assert contract is not None
    page = hover(contract, options)
    assert r"!\[x\](http" in page and r"\<img" in page and r"\[go\](command" in page and "`<kept>`" in page
    assert "\u202e" not in page


@pytest.mark.parametrize("kind", ["file", "dangling", "device", "pipe", "folder", "loop"])
def test_a_baseline_that_is_something_else_is_left_alone(
    kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.bpf.c").write_text("int x;\n")
    Path("other").write_text("precious\n")
    target = {"file": "other", "dangling": "nowhere", "device": "/dev/null", "folder": "/", "loop": "b.json"}
    if kind == "pipe":
        os.mkfifo("b.json")
    else:
        Path("b.json").symlink_to(target[kind])
    assert cli.main(["lint", "--write-baseline", "--baseline", "b.json", "a.bpf.c"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert Path("other").read_text() == "precious\n" and not Path("nowhere").exists()


@pytest.mark.parametrize("place", ["../new.json", "link/new.json", "/{absolute}/new.json"])
def test_a_configuration_makes_no_files_elsewhere(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("link").symlink_to("../elsewhere")
    Path("a.bpf.c").write_text("int x;\n")
    Path("kfuncgen.toml").write_text(f'baseline = "{place.format(absolute=str(tmp_path)[1:])}"\n')
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["lint", "--write-baseline", "a.bpf.c"]) == 2
    assert "name it with --baseline to make it" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    assert cli.main(["lint", "--write-baseline", "--baseline", "../new.json", "a.bpf.c"]) == 0
    assert (tmp_path / "new.json").exists()


def test_the_compiler_has_bounds_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`verify` compiles sources: with no end of memory, time or traces."""
    monkeypatch.setattr(clang, "COMPILE_BYTES", 512 << 20)
    monkeypatch.setenv("TMPDIR", str(folder))
    try:
        clang.find_clang()
    except UsageError as error:
        pytest.skip(error.message)
    doubled = "".join(f"#define A{n + 1} A{n}+A{n}\n" for n in range(40))
    Path("bomb.bpf.c").write_text(f"#define A0 1\n{doubled}#if A40\n#endif\n")
    Path("crash.bpf.c").write_text("#pragma clang __debug crash\n")
    Path("out").mkdir()
    os.mkfifo("p")
    Path("wait.bpf.c").write_text('#include "p"\n')
    before = sorted(folder.iterdir())
    for name in ("bomb", "crash"):
        with pytest.raises(SourceError, match="does not compile"):
            clang.compile_bpf(Path(f"{name}.bpf.c"), folder / "out" / "x.o", ("--target=bpf",))
    monkeypatch.setattr(clang, "COMPILE_SECONDS", 1)
    with pytest.raises(SourceError, match="does not compile within 1 s"):
        clang.compile_bpf(Path("wait.bpf.c"), folder / "out" / "x.o", ("--target=bpf",))
    assert sorted(folder.iterdir()) == before


def test_no_flag_of_a_project_is_a_response_file(folder: Path) -> None:
    """clang itself reads a file for each word that begins with @, whatever stands before it."""
    Path("evil").write_text("own.h -fplugin=./evil.so")
    Path("own.h").write_text("")
    Path("a.bpf.c").write_text("int x;\n")
    words = [word for option in ("-include", "-imacros", "-I", "-isystem") for word in (option, "@evil")]
    Path("compile_flags.txt").write_text("\n".join([*words, "@evil", *map("{}@evil".format, words[::2])]))
    args = find_flags(Path("a.bpf.c")).args
    assert any("@evil" in arg for arg in args) and not any(arg.startswith("@") for arg in args)
    Path("compile_flags.txt").unlink()
    Path("my.toml").write_text(f"clang-args = {json.dumps(words)}\n")
    Path("link").symlink_to(folder, target_is_directory=True)
    for named in ("my.toml", "./my.toml", "link/my.toml"):
        config = load_config(Path(named))
        configured = find_flags(Path("a.bpf.c"), None, None, config.clang_args, config.folder).args
        assert str(folder / Path(named).parent / "@evil") in configured
        assert not any(arg.startswith("@") for arg in configured)
    try:
        clang.compile_bpf(Path("a.bpf.c"), folder / "x.o", args)
    except UsageError as error:
        pytest.skip(error.message)
