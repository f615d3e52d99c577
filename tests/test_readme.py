"""The README tells the truth: its picture is what the linter prints, its commands and keys exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from pathlib import Path

import jsonschema
import pytest

import kfuncgen
from kfuncgen import cli
from kfuncgen.config import KEYS, load_config
from kfuncgen.config_schema import config_schema
from kfuncgen.diagnostic import Finding, Report, Severity, Span
from kfuncgen.generate import templates
from kfuncgen.generate.project import template_since
from kfuncgen.lint.rule import catalogue
from kfuncgen.render import Outcome, render
from kfuncgen.spec.load import load_builtin

ROOT = Path(kfuncgen.__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURED = Path(__file__).parent / "readme"
BLOCK = re.compile(r"(<!-- lint-output:.*?-->\n```\n)(.*?)(```\n<!-- end of lint-output -->)", re.DOTALL)
HEADERS = re.compile(r"(?<=bundled headers were used for ).*")
"""Which headers a machine lacks is its own affair."""

pytestmark = pytest.mark.skipif(not README.exists(), reason="no README beside the package")


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text("utf-8")


def test_the_picture_is_what_the_linter_prints(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PICTURED)
    status = cli.main(["lint", "esp.bpf.c"])
    out, err = capsys.readouterr()
    assert (status, err) == (1, "")
    shown = f"$ kfuncgen lint esp.bpf.c\n{out}"
    if os.environ.get("KFUNCGEN_UPDATE") == "1":
        README.write_text(BLOCK.sub(lambda match: match[1] + shown + match[3], text), "utf-8")
        return
    block = BLOCK.search(text)
    assert block is not None
    assert HEADERS.sub("", block[2]) == HEADERS.sub("", shown)


@pytest.mark.kernel
def test_the_kernel_rejects_the_pictured_program_for_the_same_reason(capsys: pytest.CaptureFixture[str]) -> None:
    from kfuncgen.lint.rule import classify_message
    from kfuncgen.verify import verify_files

    (verdict,) = verify_files([PICTURED / "esp.bpf.c"], classify_message)
    assert (verdict.program, verdict.verdict) == ("drop_tunnels", "rejected")
    assert verdict.message.startswith("Unreleased reference")
    assert verdict.rule == "unreleased-reference"


def commands(text: str) -> list[list[str]]:
    """Every kfuncgen command line in code of the README."""
    found = re.findall(r"^ {4}(kfuncgen .*)$", text, re.MULTILINE) + re.findall(r"`(kfuncgen [^`]*)`", text)
    return [shlex.split(line.replace("...", ""), comments=True)[1:] for line in found]


def test_commands_exist(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = commands(text)
    assert len(lines) > 10
    for words in lines:
        if words[0] == "COMMAND":
            continue
        depth = 2 if words[0] in ("gen", "spec", "cache", "config") else 1
        assert cli.main([*words[:depth], "--help"]) == 0, words
        known = capsys.readouterr().out
        for word in words[: words.index("--") if "--" in words else None]:
            assert not word.startswith("--") or word in known, f"{words}: {word}"


def test_scripts_and_links_are_there(text: str) -> None:
    for name in re.findall(r"bash (\S+\.sh)", text) + re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / name).exists(), name
    assert "bash scripts/test.sh" in text
    assert "scripts/test.sh" in (ROOT / ".ci/run").read_text()


def test_the_shown_settings_are_all_there_are(text: str, tmp_path: Path) -> None:
    block = re.search(r"<!-- config: .*?-->\n```toml\n(.*?)```", text, re.DOTALL)
    assert block is not None
    (tmp_path / "kfuncgen.toml").write_text(block[1])
    assert load_config(tmp_path / "kfuncgen.toml").given == set(KEYS)
    jsonschema.Draft7Validator(config_schema(catalogue())).validate(tomllib.loads(block[1]))


def test_templates_are_those_there_are(text: str) -> None:
    specs = load_builtin()
    rows = re.findall(r"^\| (`[a-z, `-]+`) \| ([\d.]+|-) \|", text, re.MULTILINE)
    told = {name: kernel for names, kernel in rows for name in re.findall(r"`([^`]+)`", names)}
    assert told == {template.name: str(template_since(template, specs) or "-") for template in templates()}


def test_documented_json_keys_are_the_real_ones(text: str) -> None:
    finding = Finding("r", Severity.ERROR, Span("f", 1, 1, 1, 2), "m")
    document = json.loads(render("json", Outcome(Report((finding,)))))
    sentence = text[text.index("A finding has `file`") :].partition(".")[0]
    assert re.findall(r"`(\w+)`", sentence) == list(document["findings"][0])
    counted = text[text.index("The summary counts") :].partition(".")[0]
    assert set(re.findall(r"`(\w+)`", counted)) <= set(document["summary"])


def test_the_documentation_site_can_take_its_sections_and_links() -> None:
    """Pages of docs/src include sections by their headings; links must lead to what is included, too."""
    site_pages = pytest.importorskip("site_pages")
    if not site_pages.pages_available():
        pytest.skip("needs docs/")
    assert any("What a clean result means" in page for page in site_pages.pages().values())
