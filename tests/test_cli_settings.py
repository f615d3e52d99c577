"""`lint --show-settings`: what is in force, where it comes from, and that it is what the linter gets."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fake_linter import FakeLinter

from kfuncgen import cli
from kfuncgen.config import KEYS

CONFIG = """\
kernels = "6.12, 6.18"
ignore = ["unchecked-null"]
exclude = ["old"]
clang-args = ["-Iinclude"]
arch = "arm64"
[per-file-ignores]
"tests" = "use-after-release"
"""


@pytest.fixture(autouse=True)
def project(folder: Path) -> None:
    for name in ("src/a.bpf.c", "src/b.bpf.c", "other/c.bpf.c", "old/d.bpf.c"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("int x;\n")
    Path("kfuncgen.toml").write_text(CONFIG)
    Path("other/pyproject.toml").write_text("[tool.kfuncgen]\nselect = []\n")


def groups(capsys: pytest.CaptureFixture[str], *args: str) -> list[dict[str, Any]]:
    assert cli.main(["lint", "--show-settings", "--output-format", "json", *args]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    found: list[dict[str, Any]] = document["groups"]
    return found


def test_origins_are_told(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    (group,) = groups(capsys, "src", "--kernel", "6.18", "--ignore", "use-after-release")
    assert linter.calls == []
    assert [row["file"] for row in group["files"]] == ["src/a.bpf.c", "src/b.bpf.c"]
    settings = group["settings"]
    assert list(settings) == list(KEYS)
    assert settings["kernels"] == {"value": ["6.18"], "from": ["command line"]}
    assert settings["ignore"] == {
        "value": ["unchecked-null", "use-after-release"],
        "from": ["kfuncgen.toml:2:10", "command line"],
    }
    assert settings["arch"] == {"value": "arm64", "from": ["kfuncgen.toml:5:8"]}
    assert settings["per-file-ignores"]["value"] == {"tests": ["use-after-release"]}
    assert settings["fail-on"] == {"value": "warning", "from": ["default"]}
    assert settings["select"] == {"value": None, "from": ["default"]}
    flags = group["files"][0]["flags"]
    assert flags["from"] == "clang-args of the configuration"
    assert "-D__TARGET_ARCH_arm64" in flags["arguments"]


def test_there_is_a_group_for_each_configuration(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    second, first = groups(capsys)
    assert first["config"].endswith("/kfuncgen.toml") and len(first["files"]) == 2
    assert second["config"].endswith("/other/pyproject.toml") and len(second["files"]) == 1
    assert second["settings"]["select"] == {"value": [], "from": ["other/pyproject.toml:2:10"]}


def test_a_folder_without_sources_has_settings(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    (group,) = groups(capsys, "empty", "--isolated")
    assert (group["config"], group["files"]) == (None, [])
    assert group["settings"]["ignore"]["value"] == []


def test_standard_input_has_the_settings_of_its_name(
    linter: FakeLinter, capsys: pytest.CaptureFixture[str]
) -> None:
    (group,) = groups(capsys, "-", "--stdin-filename", "other/new.bpf.c")
    assert group["config"].endswith("/other/pyproject.toml")
    assert [row["file"] for row in group["files"]] == ["other/new.bpf.c"]


def test_the_text_is_toml_that_says_the_same(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", "--show-settings", "src"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# src/a.bpf.c, src/b.bpf.c: ")
    assert text.endswith("# compiler flags of 2 files: clang-args of the configuration\n")
    (group,) = groups(capsys, "src")
    settings = {key: one["value"] for key, one in group["settings"].items() if one["value"] is not None}
    assert tomllib.loads(text) == settings
    Path("src/kfuncgen.toml").write_text(text)
    (again,) = groups(capsys, "src")
    assert {key: one["value"] for key, one in again["settings"].items() if one["value"] is not None} == settings


def test_what_is_shown_is_what_the_linter_gets(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["src", "--arch", "s390", "--select", "unchecked-null"]
    (group,) = groups(capsys, *args)
    assert cli.main(["lint", *args]) == 0
    options = linter.calls[0][1]
    assert group["settings"]["kernels"]["value"] == [str(kernel) for kernel in options.kernels]
    assert group["settings"]["select"]["value"] == sorted(options.select or ())
    assert group["settings"]["arch"]["value"] == options.arch == "s390"


def test_other_formats_have_no_settings(linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", "--show-settings", "--output-format", "sarif"]) == 2
    assert "unknown output format for --show-settings 'sarif'" in capsys.readouterr().err
