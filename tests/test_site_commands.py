"""The commands of the documentation are run as they stand there, page by page, in the order of the page.

Each page has a folder and a home of its own, with the files of tests/site and `kfuncgen` on the path; the tutorial
has none of that, only a checkout. Outputs that a page shows are compared with what the commands print, and
rewritten with `pytest --update`. What is not run says why: beside the block, or in NOT_RUN for included texts.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from kernel import can_load
from site_pages import FENCE, ROOT, SOURCE, Step, commands, pages, pages_available, steps

from kfuncgen.cli import COMMANDS
from kfuncgen.toolchain.clang import find_clang

WORKPLACE = Path(__file__).parent / "site"
PICTURED = Path(__file__).parent / "readme" / "esp.bpf.c"
TUTORIAL = "tutorial.md"
TOOLS = ("make", "cc", "pkg-config")
"""What the tutorial's last part needs besides clang."""

NOT_RUN = {
    "pipx install '.[lsp]'": "installs from the checkout; test_package.py and the tutorial do that",
    "nvim first.bpf.c": "opens an editor; test_editors.py does that",
    "kfuncgen spec import --btf ring.ko": "needs a kernel module that was built for the running kernel",
    "kfuncgen lint --watch": "does not end; test_watch.py watches",
}
"""Beginnings of commands in included texts that are not run, and why."""

FINDERS = ("kfuncgen lint", "kfuncgen spec diff", "kfuncgen spec check")
"""Commands whose status 1 is an answer."""

HEADERS = re.compile(r"(?<=bundled headers were used for ).*")
"""Which headers a machine lacks is its own affair."""

pytestmark = [
    pytest.mark.skipif(not pages_available(), reason="needs docs/"),
    pytest.mark.slow,
]

PAGES = pages() if pages_available() else {}
WITH_COMMANDS = {name: list(steps(text)) for name, text in PAGES.items() if re.search(r"^`{3,}sh\b", text, re.M)}


def excepted(command: str) -> str:
    """Why a command of an included text is not run, "" when it is."""
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), "")


def test_exceptions_are_explained_and_needed() -> None:
    met = [command for found in WITH_COMMANDS.values() for step in found for command in commands(step.body)]
    assert [start for start in NOT_RUN if not any(command.startswith(start) for command in met)] == []
    reasons = [step.reason for found in WITH_COMMANDS.values() for step in found if step.reason]
    assert all(len(reason) > 10 for reason in (*reasons, *NOT_RUN.values()))


def test_blocks_of_commands_are_marked_as_such() -> None:
    loose = []
    typed = re.compile(rf"^\$ |^kfuncgen (?:{'|'.join(COMMANDS)}) ", re.MULTILINE)
    for name, text in PAGES.items():
        for match in FENCE.finditer(text):
            language = match["info"].split()[0] if match["info"].strip() else ""
            if language not in ("sh", "text", "") and typed.search(match["body"]):
                loose.append(f"{name}:{text.count(chr(10), 0, match.start('ticks')) + 1}")
    assert loose == []


class Reader:
    """Somebody who follows a page: saves its files and runs its commands in one shell."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.place, self.told = name, folder / "place", folder / "told"
        self.told.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "clang").symlink_to(shutil.which(find_clang()) or find_clang())
        if name == TUTORIAL:
            self.place.mkdir()
            (self.place / "kfuncgen").symlink_to(ROOT)
        else:
            shutil.copytree(WORKPLACE, self.place)
            (self.place / "editors").symlink_to(ROOT / "editors")  # as in a checkout
            shutil.copy(PICTURED, self.place / "src" / "drop.bpf.c")
            wrapper = self.bin / "kfuncgen"
            wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m kfuncgen "$@"\n')
            wrapper.chmod(0o755)
        self.script: list[str] = []
        self.expected: list[tuple[Step, str, int]] = []

    def follow(self, found: Sequence[Step], kernel: bool) -> list[str]:
        """Do all steps; what went wrong."""
        shown: list[tuple[Step, list[int]]] = []
        for step in found:
            if step.kind == "file":
                self._save(step)
            elif step.kind == "output":
                if shown[-1][0].kind == "commands":
                    shown.append((step, shown[-1][1]))
            elif not step.reason and (kernel or not step.kernel):
                numbers = [self._run(step, command) for command in commands(step.body) if not excepted(command)]
                shown.append((step, numbers))
            else:
                shown.append((step, []))
        self._shell()
        wrong = [text for step, command, number in self.expected for text in self._status(step, command, number)]
        for step, numbers in shown:
            if step.kind == "output" and numbers and not wrong:
                wrong += self._compared(step, "".join(self._output(number) for number in numbers))
        return wrong

    def _save(self, step: Step) -> None:
        kept = self.told / f"file{len(list(self.told.iterdir()))}"
        kept.write_text(step.body)
        folder = shlex.quote(str(Path(step.title).parent))
        self.script.append(f"mkdir -p {folder} && cp {shlex.quote(str(kept))} {shlex.quote(step.title)}")

    def _run(self, step: Step, command: str) -> int:
        number = len(self.expected)
        self.expected.append((step, command, number))
        out, status = self.told / f"{number}.out", self.told / f"{number}.status"
        self.script.append(f"{{ {command}\n}} >{out} 2>&1 </dev/null; echo $? >{status}")
        return number

    def _shell(self) -> None:
        env = {key: value for key, value in os.environ.items() if not key.startswith(("KFUNCGEN", "PYTEST"))}
        env = {key: value for key, value in env.items() if not key.startswith("XDG_") and key != "GITHUB_ACTIONS"}
        env["HOME"] = str(self.home)
        env["PATH"] = f"{self.bin}:{os.environ['PATH']}:/usr/sbin:/sbin"
        if self.name == TUTORIAL:
            env.pop("PYTHONPATH", None)
        else:
            env["PYTHONPATH"] = str(ROOT)
        script = "\n".join(self.script)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.place,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("", ""), done.stderr

    def _output(self, number: int) -> str:
        return (self.told / f"{number}.out").read_text("utf-8")

    def _status(self, step: Step, command: str, number: int) -> list[str]:
        told = self.told / f"{number}.status"
        status = int(told.read_text()) if told.exists() else -1
        last = commands(step.body)[-1] == command
        allowed = {step.status} if step.status and last else {0}
        if command.startswith(FINDERS) and not step.status and self.name != TUTORIAL:
            allowed.add(1)
        if status in allowed:
            return []
        return [f"{self.name}:{step.line}: {command}: status {status}\n{self._output(number)[-3000:]}"]

    def _compared(self, step: Step, printed: str) -> list[str]:
        if os.environ.get("KFUNCGEN_UPDATE") == "1":
            rewrite(self.name, step.body, printed)
            return []
        lines = HEADERS.sub("", step.body).splitlines()
        pattern = "".join("(?:.*\\n)*?" if line == "..." else f"{re.escape(line)}\n" for line in lines)
        if re.fullmatch(pattern, HEADERS.sub("", printed)):
            return []
        return [f"{self.name}:{step.line}: shown is not what is printed (--update rewrites it):\n{printed}"]


def rewrite(name: str, shown: str, printed: str) -> None:
    """Put what was printed in place of what a page shows, unless it leaves something out."""
    if re.search(r"^\.\.\.$", shown, re.MULTILINE):
        return
    path = SOURCE / name
    text = path.read_text("utf-8")
    done = False

    def replaced(match: re.Match[str]) -> str:
        nonlocal done
        if done or "<!-- output -->" not in match["notes"] or match["body"] != shown:
            return match[0]
        done = True
        return f"{match['notes']}{match['ticks']}{match['info']}\n{printed}{match['ticks']}"

    path.write_text(FENCE.sub(replaced, text), "utf-8")


@pytest.mark.outside
@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_the_commands_of_a_page_do_what_it_says(name: str, tmp_path: Path) -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None] if name == TUTORIAL else []
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    found = WITH_COMMANDS[name]
    reason = can_load()
    wrong = Reader(tmp_path, name).follow(found, kernel=reason is None)
    assert not wrong, "\n\n".join(["", *wrong])
    if reason is not None and any(step.kernel for step in found):
        assert os.environ.get("KFUNCGEN_REQUIRE_KERNEL") != "1", f"{name}: {reason}"
