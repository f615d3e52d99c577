"""The extension of VS Code: packaged, and run under VS Code's interface (editors/vscode/test)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from editor import environment, run
from outside import CHECKOUT, need, program

import kfuncgen
from kfuncgen.lsp.configured import Settings
from kfuncgen.records import field_names

SOURCE = CHECKOUT / "editors/vscode"
MANIFEST = json.loads((SOURCE / "package.json").read_text("utf-8"))
MIN_NODE = 20

pytestmark = pytest.mark.xdist_group("vscode")


def npm(folder: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run([program("npm") or "npm", *args], folder, {**os.environ, **variables})


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's folder, built. Skips where Node is missing or old, or npm gets no packages."""
    need("node", "npm")
    said = subprocess.run([program("node") or "node", "--version"], capture_output=True, text=True, check=True)
    if int(said.stdout.lstrip("v").split(".")[0]) < MIN_NODE:
        pytest.skip(f"Node {MIN_NODE} or newer is needed, this is {said.stdout.strip()}")
    folder = tmp_path_factory.mktemp("vscode") / "vscode"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "*.vsix"))
    done = npm(folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    if done.returncode:
        pytest.skip(f"npm gets no packages: {done.stderr.strip().splitlines()[-1]}")
    built = npm(folder, "run", "build")
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.outside
@pytest.mark.slow
def test_it_starts_the_server_and_applies_its_fix(extension: Path, tmp_path: Path) -> None:
    environment(tmp_path)
    variables = {"KFUNCGEN": str(tmp_path / "bin/kfuncgen"), "PYTHONPATH": str(CHECKOUT)}
    done = npm(extension, "test", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^# (pass|fail|skipped) (\d+)$", done.stdout, re.M) == [
        ("pass", "6"), ("fail", "0"), ("skipped", "0"),
    ]  # fmt: skip


@pytest.mark.outside
@pytest.mark.slow
def test_the_package_has_what_it_needs_and_no_more(extension: Path, tmp_path: Path) -> None:
    package = tmp_path / "kfuncgen.vsix"
    done = npm(extension, "run", "package", "--", "-o", str(package))
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(package) as archive:
        names = {name.removeprefix("extension/") for name in archive.namelist() if name.startswith("extension/")}
        assert names == {"package.json", "readme.md", "LICENSE.txt", "dist/extension.js", "dist/LICENSES.txt"}
        assert json.loads(archive.read("extension/package.json")) == MANIFEST
        assert archive.read("extension/LICENSE.txt") == (CHECKOUT / "LICENSE").read_bytes()
        bundle = archive.read("extension/dist/extension.js").decode()
        licences = archive.read("extension/dist/LICENSES.txt").decode()
    parts = set(re.findall(r"^// .*node_modules/((?:@[^/]+/)?[^/]+)/", bundle, re.M))
    assert "vscode-languageclient" in parts
    assert parts == set(re.findall(r"^== (\S+) ", licences, re.M))


def test_the_lock_file_names_no_host() -> None:
    text = (SOURCE / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert not [name for name, one in packages.items() if "resolved" in one]
    assert all("integrity" in one for name, one in packages.items() if name)


def test_the_manifest_agrees_with_the_rest() -> None:
    assert MANIFEST["version"] == kfuncgen.__version__
    assert (SOURCE / "LICENSE").read_bytes() == (CHECKOUT / "LICENSE").read_bytes()
    readme = (SOURCE / "README.md").read_text("utf-8")
    contributed = MANIFEST["contributes"]
    properties = contributed["configuration"]["properties"]
    for setting in properties:
        assert f"`{setting}`" in readme
    for name in field_names(Settings):
        assert properties[f"kfuncgen.{name}"]["default"] == getattr(Settings(), name)
    source = (SOURCE / "src/extension.js").read_text("utf-8")
    for command in contributed["commands"]:
        assert f"{command['category']}: {command['title']}" in readme
        assert f'"{command["command"]}"' in source
