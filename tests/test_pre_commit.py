"""The hooks of .pre-commit-hooks.yaml, run by the real pre-commit in real repositories.

pre-commit clones the checkout (with what is not committed yet), makes an environment with pip, and runs on every
`git commit`. On its PATH there are git, a shell and Python: no compiler, no bpftool; as root the system's headers
and compilers are hidden, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import outside
import pytest
from outside import CLEAN, LEAK

from kfuncgen import cli

pytestmark = [pytest.mark.slow, pytest.mark.outside, pytest.mark.xdist_group("pre-commit")]

BY_GIT = ("bash", "sh", "basename", "cat", "cut", "dirname", "expr", "grep", "sed", "tr", "uname")
"""What git's own scripts need."""
HIDDEN = ("/usr/include", "/usr/local/include", "/usr/lib/clang", "/usr/lib/llvm-*", "/usr/local/lib/clang")
HIDE = f'for d in {" ".join(HIDDEN)}; do [ ! -d "$d" ] || mount -t tmpfs none "$d" || exit 9; done; '


@dataclass(frozen=True, slots=True)
class Bench:
    """A clone of the checkout, and an environment in which pre-commit has it installed once."""

    tool: Path
    revision: str
    env: dict[str, str]
    prefix: tuple[str, ...]

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        words = [*self.prefix, *command]
        return subprocess.run(
            words, cwd=folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def repository(self, folder: Path, *hooks: str) -> Path:
        """A git repository in which these hooks run on every commit."""
        folder.mkdir(exist_ok=True)
        lines = ["repos:", f"  - repo: {self.tool}", f"    rev: {self.revision}", "    hooks:", *hooks]
        (folder / ".pre-commit-config.yaml").write_text("\n".join(lines) + "\n")
        for command in (("git", "init", "--quiet"), ("pre-commit", "install")):
            assert self.run(folder, *command).returncode == 0
        return folder

    def commit(self, folder: Path) -> subprocess.CompletedProcess[str]:
        assert self.run(folder, "git", "add", "--all").returncode == 0
        return self.run(folder, "git", "commit", "--message", "change")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    outside.need("git", "pre-commit", "bash")
    outside.need_package_index()
    base = tmp_path_factory.mktemp("pre-commit")
    env = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    env |= outside.git_environment(base)
    tool = outside.clone_of_checkout(base / "tool", env | {"PATH": os.environ["PATH"]})
    path = outside.without_tools(base / "bin", "git", *BY_GIT, "pre-commit", "python3")
    env |= {"PATH": path, "PRE_COMMIT_HOME": str(base / "store"), "XDG_CACHE_HOME": str(base / "cache")}
    # pip has its own files of settings, and they may lie in the home folder.
    if (config := Path.home() / ".config/pip/pip.conf").is_file():
        env.setdefault("PIP_CONFIG_FILE", str(config))
    unshare = shutil.which("unshare")
    prefix: tuple[str, ...] = ()
    if unshare is not None and os.geteuid() == 0:
        hide = (unshare, "--mount", shutil.which("sh") or "sh", "-c", f"PATH={os.environ['PATH']}; {HIDE}")
        if subprocess.run(hide).returncode == 0:
            script = f'(PATH={os.environ["PATH"]}; {HIDE}) && exec "$@"'
            prefix = (unshare, "--mount", shutil.which("sh") or "sh", "-c", script, "sh")
    revision = subprocess.check_output(["git", "-C", str(tool), "rev-parse", "HEAD"], text=True, env=env)
    return Bench(tool, revision.strip(), env, prefix)


def hook(name: str, args: Sequence[str] = ()) -> str:
    return f"      - {{id: {name}, args: [{', '.join(args)}]}}"


def test_nothing_else_is_there(bench: Bench, tmp_path: Path) -> None:
    for name in ("clang", "gcc", "cc", "make", "bpftool", "kfuncgen"):
        assert shutil.which(name, path=bench.env["PATH"]) is None
    if bench.prefix:
        listed = bench.run(tmp_path, sys.executable, "-c", "import os; print(os.listdir('/usr/include'))")
        assert listed.stdout == "[]\n"


def test_the_manifest_is_valid(bench: Bench, tmp_path: Path) -> None:
    done = bench.run(tmp_path, "pre-commit", "validate-manifest", str(bench.tool / ".pre-commit-hooks.yaml"))
    assert done.returncode == 0, done.stdout


def test_a_leak_is_not_committed(bench: Bench, tmp_path: Path) -> None:
    folder = bench.repository(tmp_path / "project", hook("kfuncgen-lint"))
    (folder / "first.bpf.c").write_text(LEAK)
    (folder / "other.c").write_text("no C at all\n")
    blocked = bench.commit(folder)
    assert blocked.returncode == 1, blocked.stdout
    assert "first.bpf.c:14:2: error: 'task' from bpf_task_from_pid() is not released" in blocked.stdout
    if bench.prefix:
        assert "bundled headers were used for bpf/bpf_helper_defs.h, bpf/bpf_helpers.h" in blocked.stdout
    assert bench.run(folder, "git", "rev-parse", "--verify", "--quiet", "HEAD").returncode != 0
    (folder / "first.bpf.c").write_text(CLEAN)
    passed = bench.commit(folder)
    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout


def test_arguments_and_settings_reach_the_linter(bench: Bench, tmp_path: Path) -> None:
    folder = bench.repository(tmp_path / "project", hook("kfuncgen-lint", ["--kernel", "'6.1'"]))
    (folder / "first.bpf.c").write_text(CLEAN)
    assert "unguarded-kfunc" in bench.commit(folder).stdout
    (folder / "kfuncgen.toml").write_text('ignore = ["unguarded-kfunc"]\n')
    passed = bench.commit(folder)
    assert passed.returncode == 0, passed.stdout


def test_what_is_excluded_is_not_checked(bench: Bench, tmp_path: Path) -> None:
    folder = bench.repository(tmp_path / "project", hook("kfuncgen-lint"))
    (folder / "first.bpf.c").write_text(LEAK)
    (folder / "pyproject.toml").write_text('[tool.kfuncgen]\nexclude = ["first.*"]\n')
    passed = bench.commit(folder)
    assert passed.returncode == 0 and "Passed" in passed.stdout, passed.stdout


def test_the_fix_hook_mends(bench: Bench, tmp_path: Path) -> None:
    folder = bench.repository(tmp_path / "project", hook("kfuncgen-fix"), hook("kfuncgen-lint"))
    (folder / "first.bpf.c").write_text(LEAK)
    mended = bench.commit(folder)
    assert mended.returncode == 1, mended.stdout
    assert "files were modified by this hook" in mended.stdout and "fixed 1 finding in 1 file" in mended.stdout
    assert (folder / "first.bpf.c").read_text() == CLEAN
    passed = bench.commit(folder)
    assert passed.returncode == 0, passed.stdout


def test_a_source_that_cannot_be_checked_is_not_committed(bench: Bench, tmp_path: Path) -> None:
    folder = bench.repository(tmp_path / "project", hook("kfuncgen-lint"))
    (folder / "first.bpf.c").write_text(CLEAN.replace("int first", "integer first"))
    blocked = bench.commit(folder)
    assert blocked.returncode == 1 and "exit code: 3" in blocked.stdout


def test_a_stale_file_is_not_committed(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bench.repository(tmp_path / "project", hook("kfuncgen-generate"))
    monkeypatch.chdir(folder)
    assert cli.main(["gen", "header", "bpf_task_from_pid", "-o", "kfuncs.gen.h"]) == 0
    header = folder / "kfuncs.gen.h"
    fresh = header.read_text()
    assert bench.commit(folder).returncode == 0
    header.write_text(fresh.replace("bpf_task_release", "bpf_task_free"))
    blocked = bench.commit(folder)
    assert blocked.returncode == 1 and "stale" in blocked.stdout, blocked.stdout
    config = folder / ".pre-commit-config.yaml"
    config.write_text(config.read_text().replace("args: []", "args: [--update]"))
    remade = bench.commit(folder)
    assert remade.returncode == 1 and "files were modified by this hook" in remade.stdout, remade.stdout
    assert header.read_text() == fresh
    assert bench.commit(folder).returncode == 0
