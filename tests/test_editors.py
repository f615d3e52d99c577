"""Editors with their set-ups of editors/: a diagnostic comes, its fix is applied, and the diagnostic goes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from editor import DRIVERS, PROGRAM, RELEASE, clangd, drive, kfuncgen_command, new_project
from outside import CHECKOUT


def assert_mended(project: Path) -> None:
    """The program has its release again, and nothing is found in it."""
    text = (project / PROGRAM).read_text()
    assert text.count(RELEASE) == 1
    linted = kfuncgen_command("lint", str(project / PROGRAM))
    assert linted.returncode == 0 and "no findings in 1 file (1 program)" in linted.stdout, linted.stdout
    assert text.index("bpf_xdp_get_xfrm_state(ctx") < text.index(RELEASE) < text.index('SEC("xdp.frags")')


@cache
def neovims() -> dict[str, str]:
    """A Neovim for each part of the set-up: one of 0.7 to 0.10, and one from 0.11 on."""
    found: dict[str, str] = {}
    beside = str(Path(sys.executable).parent)
    for folder in [*os.environ["PATH"].split(os.pathsep), "/usr/bin", beside]:
        editor = shutil.which("nvim", path=folder)
        if editor is None:
            continue
        said = subprocess.run([editor, "--version"], capture_output=True, text=True, check=True).stdout
        version = re.match(r"NVIM v(\d+)\.(\d+)", said)
        assert version is not None, said
        found.setdefault("new" if (int(version[1]), int(version[2])) >= (0, 11) else "old", editor)
    return found


def need_clangd() -> None:
    if clangd() is None:
        pytest.skip("not installed: clangd")


@pytest.mark.outside
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside clangd"])
@pytest.mark.parametrize("age", ["old", "new"])
def test_neovim(age: str, beside: bool, tmp_path: Path) -> None:
    editor = neovims().get(age)
    if editor is None:
        pytest.skip(f"no Neovim {'before' if age == 'old' else 'from'} 0.11 is installed")
    plugins = tmp_path / "home/.config/nvim/plugin"
    plugins.mkdir(parents=True)
    shutil.copy(CHECKOUT / "editors/neovim/plugin/kfuncgen.lua", plugins)
    log = tmp_path / "log"
    command = f'{{ "kfuncgen", "lsp", "--log", "{log}" }}'
    own = (
        f'vim.lsp.config("kfuncgen", {{ cmd = {command} }})' if age == "new" else f"vim.g.kfuncgen_cmd = {command}"
    )
    (plugins.parent / "init.lua").write_text(f"{own}\nvim.g.kfuncgen_settings = {{ lenses = false }}\n")
    project = new_project(tmp_path)
    if beside:
        need_clangd()
    variables = {"CLANGD": "clangd"} if beside else {}
    told = drive(
        [editor, "--headless", PROGRAM, f"+luafile {DRIVERS / 'neovim.lua'}"], tmp_path, project, variables
    )  # fmt: skip
    assert told["errors"] == []
    assert told["root"] == str(project)
    assert sorted(told["servers"]) == ["clangd", "kfuncgen"][1 - beside :]
    assert told["found"] == ["unreleased-reference"]
    assert told["line"] == "\treturn XDP_PASS;"
    assert told["titles"][0].startswith(f"Insert {RELEASE}")
    assert told["left"] == []
    assert told["loader"] == []
    assert told["lenses"] == 0, "settings of init.lua count"
    assert "for Neovim" in log.read_text()
    assert_mended(project)


EGLOT = "(condition-case nil (require 'eglot) (error (kill-emacs 3)))"


def emacs() -> list[str]:
    """Emacs with Eglot, its own or a package's; skips where there is none."""
    editor = shutil.which("emacs")
    if editor is None:
        pytest.skip("not installed: emacs")
    command = [editor, "-q", "--batch", "--eval", "(package-initialize)"]
    if subprocess.run([*command, "--eval", EGLOT], capture_output=True, check=False).returncode == 3:
        pytest.skip("not installed: Emacs' eglot")
    return command


@pytest.mark.outside
@pytest.mark.parametrize(
    ("setup", "server", "backends"),
    [
        ("kfuncgen-use-eglot", "kfuncgen", ["eglot-flymake-backend"]),
        ("kfuncgen-use-flymake", "clangd", ["kfuncgen-flymake", "eglot-flymake-backend"]),
    ],
)
def test_emacs(setup: str, server: str, backends: list[str], tmp_path: Path) -> None:
    need_clangd()
    project = new_project(tmp_path)
    script = DRIVERS / "emacs.el"
    command = [*emacs(), "-L", str(CHECKOUT / "editors/emacs"), "-l", str(script), PROGRAM]
    told = drive(command, tmp_path, project, {"SETUP": setup})
    assert "error" not in told, told
    assert (server in Path(told["server"][0]).name, told["language"]) == (True, "c")
    assert told["backends"] == backends
    (found,) = told["found"]
    assert "is not released on this path" in found
    assert told["text"].startswith("return XDP_PASS")
    assert told["left"] == []
    if server == "kfuncgen":
        assert told["titles"][0].startswith(f"Insert {RELEASE}")
    assert_mended(project)


@pytest.mark.outside
def test_emacs_compiles_the_setup_without_a_warning(tmp_path: Path) -> None:
    source = shutil.copy(CHECKOUT / "editors/emacs/kfuncgen.el", tmp_path)
    strict = "(setq byte-compile-error-on-warn t)"
    done = subprocess.run(
        [*emacs(), "--eval", strict, "-f", "batch-byte-compile", source],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.outside
def test_vim_with_ale(tmp_path: Path) -> None:
    # Where Neovim is installed, it may be called vim.
    script = "if !has('nvim') && has('job') && !empty(globpath(&packpath, 'pack/*/opt/ale')) | cquit 9 | endif"
    for editor in filter(None, map(shutil.which, ("vim.basic", "vim.nox", "vim.gtk3", "vim"))):
        if subprocess.run([editor, "-es", "-c", script, "-c", "qa!"], check=False).returncode == 9:
            break
    else:
        pytest.skip("not installed: Vim with jobs, and ALE's package")
    package = tmp_path / "home/.vim/pack/kfuncgen/start/kfuncgen"
    shutil.copytree(CHECKOUT / "editors/vim", package)
    (tmp_path / "home/.vimrc").write_text(
        "filetype plugin on\npackadd! ale\nlet g:ale_linters = {'c': ['kfuncgen']}\n"
    )
    project = new_project(tmp_path)
    command = [editor, "-T", "dumb", "--not-a-term", "-n", PROGRAM, "-S", str(DRIVERS / "ale.vim")]
    told = drive(command, tmp_path, project)
    assert "error" not in told, told
    assert (told["linters"], told["root"]) == (["kfuncgen"], str(project))
    assert (told["found"], told["left"]) == (["unreleased-reference"], [])
    assert told["text"] == "return XDP_PASS"
    assert f"1) Insert {RELEASE}" in told["menu"]
    assert_mended(project)


def test_helix_has_both_servers() -> None:
    text = (CHECKOUT / "editors/helix/languages.toml").read_text("utf-8")
    settings = tomllib.loads(text)
    assert settings["language-server"] == {"kfuncgen": {"command": "kfuncgen", "args": ["lsp"]}}
    (language,) = settings["language"]
    assert language == {"name": "c", "language-servers": ["clangd", "kfuncgen"]}


def test_the_first_steps_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = (CHECKOUT / "README.md").read_text("utf-8").partition("\n### Editors\n")[2].partition("\n### ")[0]
    commands = re.findall(r"^    (\S.*)$", section, re.M)
    copied = [word for line in commands if " cp " in line for word in line.partition(" cp ")[2].split()[:-1]]
    assert copied and all((CHECKOUT / file).is_file() for file in copied)
    (written,) = (line for line in commands if line.startswith("kfuncgen gen "))
    monkeypatch.chdir(tmp_path)
    assert kfuncgen_command(*written.split()[1:]).returncode == 0
    (program,) = tmp_path.iterdir()
    assert f"nvim {program.name}" in commands
    assert kfuncgen_command("lint", program.name).returncode == 0
    kept = [line for line in program.read_text().splitlines() if not line.startswith("\tbpf_task_release(")]
    program.write_text("\n".join(kept) + "\n")
    assert "[unreleased-reference]" in kfuncgen_command("lint", program.name).stdout


def test_settings_that_are_shown_are_json() -> None:
    text = (CHECKOUT / "editors/README.md").read_text("utf-8")
    blocks = re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)
    assert len(blocks) >= 3
    for block in blocks:
        assert "kfuncgen" in json.dumps(json.loads(block))
