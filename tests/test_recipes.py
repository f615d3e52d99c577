"""The recipes for CI and build systems, run as recipes/README.md shows them.

`make`, `cmake` and `meson` are the real ones. The GitHub action and the GitLab job are run step by step by small
runners: what they take from their environment, and how scripts are run, is as the documentation of both says.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import outside
import pytest
import yaml
from outside import CHECKOUT, CLEAN, LEAK

pytestmark = [
    pytest.mark.outside,
    pytest.mark.skipif(not (CHECKOUT / "recipes").is_dir(), reason="the recipes are in checkouts only"),
]

RECIPES = CHECKOUT / "recipes"
LEAKS = "'task' from bpf_task_from_pid() is not released on this path"


def shown(language: str, heading: str) -> str:
    """The block of that language under a heading of recipes/README.md."""
    page = (RECIPES / "README.md").read_text()
    section = page[page.index(f"\n## {heading}\n") :]
    block = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1]


@dataclass(frozen=True, slots=True)
class Project:
    """A folder in which commands run; `kfuncgen` on their PATH is the package under test."""

    folder: Path
    env: Mapping[str, str]

    def run(self, *command: str, cwd: str = ".") -> tuple[int, str]:
        done = subprocess.run(
            command,
            cwd=self.folder / cwd,
            env=dict(self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    def passes(self, *command: str, cwd: str = ".") -> str:
        status, out = self.run(*command, cwd=cwd)
        assert status == 0, out
        return out

    def fails(self, *command: str, cwd: str = ".") -> str:
        status, out = self.run(*command, cwd=cwd)
        assert status != 0, out
        return out

    def write(self, name: str, text: str) -> None:
        """A file that is newer than what was made before."""
        time.sleep(0.05)  # clocks of file systems tick slowly
        (self.folder / name).write_text(text)


@pytest.fixture
def project(folder: Path) -> Project:
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    script = (
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(CHECKOUT))} exec {shlex.quote(sys.executable)} -m kfuncgen "$@"\n'
    )
    (bin_folder / "kfuncgen").write_text(script)
    (bin_folder / "kfuncgen").chmod(0o755)
    work = folder / "work"
    work.mkdir()
    (work / "drop.bpf.c").write_text(CLEAN)
    env = {key: value for key, value in os.environ.items() if key not in ("GITHUB_ACTIONS", "MAKEFLAGS")}
    return Project(work, env | {"PATH": f"{bin_folder}:{os.environ['PATH']}"})


def test_make(project: Project) -> None:
    outside.need("make")
    shutil.copy(RECIPES / "make/kfuncgen.mk", project.folder)
    project.write("Makefile", "CLANG = true\n" + shown("make", "Make"))
    project.write("drop.bpf.c", LEAK)
    assert LEAKS in project.fails("make")
    assert LEAKS in project.fails("make", "kfuncgen-lint")
    assert "fixed 1 finding" in project.passes("make", "kfuncgen-fix")
    assert (project.folder / "drop.bpf.c").read_text() == CLEAN
    out = project.passes("make")
    assert out.index("kfuncgen lint drop.bpf.c") < out.index("true -O2 -g -target bpf -c drop.bpf.c -o drop.bpf.o")
    # `true` makes no object: only its rule is run again.
    assert "kfuncgen lint" not in project.passes("make")
    project.write("own.h", "int x;\n")
    assert "kfuncgen lint drop.bpf.c" in project.passes("make")
    project.write("kfuncgen.toml", 'kernels = "6.1"\n')
    assert "unguarded-kfunc" in project.fails("make")
    assert "unguarded-kfunc" not in project.passes("make", "KFUNCGEN_FLAGS=--kernel 6.18")


def test_cmake(project: Project) -> None:
    outside.need("cmake", "make")
    (project.folder / "cmake").mkdir()
    shutil.copy(RECIPES / "cmake/Kfuncgen.cmake", project.folder / "cmake")
    project.write("CMakeLists.txt", shown("cmake", "CMake"))
    project.write("kfuncgen.toml", "")
    project.passes("cmake", "-G", "Unix Makefiles", "-S", ".", "-B", "build")
    assert "Checking drop.bpf.c" in project.passes("cmake", "--build", "build")
    assert "bpf_task_from_pid" in (project.folder / "build/kfuncs.gen.h").read_text()
    assert "Checking" not in project.passes("cmake", "--build", "build")
    project.write("drop.bpf.c", LEAK)
    assert LEAKS in project.fails("cmake", "--build", "build")
    assert LEAKS in project.fails("cmake", "--build", "build")
    project.passes("cmake", "--build", "build", "--target", "checked-fix")
    assert (project.folder / "drop.bpf.c").read_text() == CLEAN
    assert "Checking" in project.passes("cmake", "--build", "build")
    project.write("kfuncgen.toml", 'select = ["unused-suppression"]\n')
    assert "Checking" in project.passes("cmake", "--build", "build")
    project.write("CMakeLists.txt", shown("cmake", "CMake").replace("SOURCES drop", "SORCES drop"))
    assert "kfuncgen_lint(NAME SOURCES" in project.fails("cmake", "-S", ".", "-B", "build")


def test_meson(project: Project) -> None:
    outside.need("meson", "ninja")
    shutil.copytree(RECIPES / "meson/kfuncgen", project.folder / "kfuncgen")
    project.write("meson.build", shown("meson", "Meson"))
    project.passes("meson", "setup", "build")
    project.passes("meson", "test", "-C", "build")
    project.passes("ninja", "-C", "build")
    assert "bpf_task_from_pid" in (project.folder / "build/kfuncgen/kfuncs.gen.h").read_text()
    project.write("drop.bpf.c", LEAK)
    assert LEAKS in project.fails("meson", "test", "-C", "build", "--print-errorlogs")
    assert LEAKS in project.fails("ninja", "-C", "build", "kfuncgen-lint")
    project.passes("ninja", "-C", "build", "kfuncgen-fix")
    assert (project.folder / "drop.bpf.c").read_text() == CLEAN
    project.passes("meson", "test", "-C", "build")


# GitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax


@dataclass(slots=True)
class Runner:
    """Runs the steps of a composite action. `uses` are stand-ins for other actions: inputs to outputs."""

    action: Path
    workspace: Path
    uses: Mapping[str, Callable[[dict[str, str]], dict[str, str]]]
    env: Mapping[str, str]
    used: list[str] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, given: Mapping[str, str]) -> tuple[int, str]:
        """The status of the first step that fails, or 0, and what all steps printed."""
        document = yaml.safe_load((self.action / "action.yml").read_text())
        assert document["runs"]["using"] == "composite"
        assert set(given) <= set(document["inputs"])
        inputs = {name: str(given.get(name, about["default"])) for name, about in document["inputs"].items()}
        printed = ""
        for step in document["runs"]["steps"]:
            if not self._wanted(step.get("if", ""), inputs):
                continue
            if (
                step["name"] == "Install kfuncgen"
                and Path(self.env["RUNNER_TEMP"], "kfuncgen/bin/kfuncgen").exists()
            ):
                continue  # an earlier test has done it
            if "uses" in step:
                name = step["uses"].partition("@")[0]
                values = {key: self._filled(str(value), inputs) for key, value in step["with"].items()}
                self.used.append(name)
                self.outputs[step.get("id", "")] = self.uses[name](values)
                continue
            status, out = self._script(step, inputs)
            printed += out
            if status:
                return status, printed
        return 0, printed

    def _script(self, step: Mapping[str, Any], inputs: Mapping[str, str]) -> tuple[int, str]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "what users give must not become part of a script"
        script = self.workspace.parent / "step.sh"
        script.write_text(step["run"])
        env = {name: self._filled(value, inputs) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    def _filled(self, text: str, inputs: Mapping[str, str]) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: self._value(match[1], inputs), text)

    def _value(self, name: str, inputs: Mapping[str, str]) -> str:
        match name.split("."):
            case ["inputs", key]:
                return inputs[key]
            case ["steps", step, "outputs", key]:
                return self.outputs[step][key]
        raise AssertionError(name)

    def _wanted(self, condition: str, inputs: Mapping[str, str]) -> bool:
        for part in filter(None, condition.split(" && ")):
            name, operator, value = re.fullmatch(r"(\S+) (==|!=) '(.*)'", part).groups()  # type: ignore[union-attr]
            if (self._value(name, inputs) == value) != (operator == "=="):
                return False
        return True


@pytest.fixture(scope="module")
def action(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Runner]]:
    """Runners of the action in a workspace; they share what its step of installation has made."""
    outside.need("git", "bash", "xargs")
    outside.need_package_index()
    base = tmp_path_factory.mktemp("action")
    env = outside.git_environment(base) | {"PATH": os.environ["PATH"]}
    clone = outside.clone_of_checkout(base / "action", env)
    (base / "temp").mkdir()
    env |= {key: value for key, value in os.environ.items() if key.startswith("PIP_")} | {"HOME": str(Path.home())}
    env |= {"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(clone), "RUNNER_TEMP": str(base / "temp")}
    uses = {
        "actions/setup-python": lambda inputs: {"python-path": sys.executable},
        "github/codeql-action/upload-sarif": lambda inputs: {},
    }

    def runner(workspace: Path) -> Runner:
        workspace.mkdir(parents=True)
        return Runner(clone, workspace, uses, env)

    yield runner


@pytest.mark.slow
@pytest.mark.xdist_group("recipes")
class TestAction:
    def test_a_leak_is_annotated_and_uploaded(self, action: Callable[[Path], Runner], tmp_path: Path) -> None:
        runner = action(tmp_path / "work")
        (tmp_path / "work/src").mkdir()
        (tmp_path / "work/src/drop.bpf.c").write_text(LEAK)
        status, out = runner.run({"paths": "src", "kernel": ">=6.12", "sarif": "out.sarif"})
        assert status == 1, out
        assert "::error title=kfuncgen (unreleased-reference),file=src/drop.bpf.c,line=14," in out
        assert runner.used == ["actions/setup-python", "github/codeql-action/upload-sarif"]
        document = json.loads((tmp_path / "work/out.sarif").read_text())
        assert [result["ruleId"] for result in document["runs"][0]["results"]] == ["unreleased-reference"]

    def test_a_clean_source_passes(self, action: Callable[[Path], Runner], tmp_path: Path) -> None:
        runner = action(tmp_path / "work")
        (tmp_path / "work/drop.bpf.c").write_text(CLEAN)
        status, out = runner.run({"sarif": "out.sarif", "upload-sarif": "false"})
        assert (status, runner.used) == (0, ["actions/setup-python"]), out
        assert (tmp_path / "work/out.sarif").exists()

    def test_what_cannot_be_checked_fails_after_the_upload(
        self, action: Callable[[Path], Runner], tmp_path: Path
    ) -> None:
        runner = action(tmp_path / "work")
        (tmp_path / "work/drop.bpf.c").write_text("nonsense\n")
        status, out = runner.run({"sarif": "out.sarif"})
        assert (status, len(runner.used)) == (3, 2), out

    def test_inputs_are_words_and_never_commands(self, action: Callable[[Path], Runner], tmp_path: Path) -> None:
        runner = action(tmp_path / "work")
        for name in ("a b/drop.bpf.c", "$(touch x)/drop.bpf.c"):
            (tmp_path / "work" / name).parent.mkdir()
            (tmp_path / "work" / name).write_text(LEAK.replace("int first", "FIRST"))
        status, out = runner.run(
            {
                "paths": "'a b'\n\"$(touch x)/drop.bpf.c\"",
                "args": "--ignore unreleased-reference -- '-DFIRST=int first'",
            }
        )
        assert status == 0, out
        assert "no findings in 2 files" in out
        assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["$(touch x)", "a b"]
        status, out = runner.run({"paths": "'a b"})
        assert status == 2 and "::error title=kfuncgen::a quote is not closed" in out

    def test_the_page_names_its_inputs(self) -> None:
        document = yaml.safe_load((CHECKOUT / "action.yml").read_text())
        page = (RECIPES / "README.md").read_text()
        section = page[page.index("\n## GitHub Actions\n") : page.index("\n## GitLab CI\n")]
        assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(document["inputs"])
        workflow = yaml.safe_load(shown("yaml", "GitHub Actions"))
        (step,) = [step for step in workflow["jobs"]["kfuncgen"]["steps"] if "with" in step]
        assert set(step["with"]) <= set(document["inputs"])


# GitLab: https://docs.gitlab.com/ci/yaml/


@pytest.mark.slow
@pytest.mark.xdist_group("recipes")
def test_gitlab(tmp_path: Path) -> None:
    outside.need("git", "bash")
    outside.need_package_index()
    env = outside.git_environment(tmp_path) | {"PATH": os.environ["PATH"]}
    clone = outside.clone_of_checkout(tmp_path / "clone", env)
    template = yaml.safe_load((RECIPES / "gitlab/kfuncgen.gitlab-ci.yml").read_text())
    (job,) = template.values()
    project = yaml.safe_load(shown("yaml", "GitLab CI"))
    assert Path(project["include"][0]["local"]).name == "kfuncgen.gitlab-ci.yml"
    assert set(project["variables"]) <= set(job["variables"])
    # A job's own variables go before global ones: a project sets them in the job, or when it includes the file.
    variables = {**job["variables"], **project["variables"], "KFUNCGEN": str(clone)}
    work = tmp_path / "work"
    (work / "src").mkdir(parents=True)
    env = {key: value for key, value in os.environ.items() if key != "GITHUB_ACTIONS"} | variables

    def run(*lines: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=work,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    (work / "src/drop.bpf.c").write_text(LEAK)
    status, out = run(*job["script"])
    assert status == 1 and LEAKS in out, out
    reports = job["artifacts"]["reports"]
    (row,) = json.loads((work / reports["codequality"]).read_text())
    assert row["location"]["path"] == "src/drop.bpf.c"
    assert 'failures="1"' in (work / reports["junit"]).read_text()
    lint = job["script"][2:]
    assert len(lint) == 3
    (work / "src/bad.bpf.c").write_text("nonsense\n")
    status, out = run(*lint)
    assert status == 3 and len(json.loads((work / reports["codequality"]).read_text())) == 2, out
    (work / "src/bad.bpf.c").unlink()
    (work / "src/drop.bpf.c").write_text(CLEAN)
    status, out = run(*lint)
    assert status == 0 and json.loads((work / reports["codequality"]).read_text()) == [], out
