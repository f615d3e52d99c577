"""`kfuncgen explain` in all its formats, with the real rules and their pages."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rule_pages import pages

from kfuncgen import cli
from kfuncgen.lint.rule import catalogue

RULE = "unreleased-reference"


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert cli.main(["explain", *args]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def rows(capsys: pytest.CaptureFixture[str], *args: str) -> list[dict[str, Any]]:
    document = json.loads(printed(capsys, *args, "--output-format", "json"))
    assert document["version"] == 1
    found: list[dict[str, Any]] = document["rules"]
    return found


def test_the_text_is_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, RULE)
    assert text.startswith(f"{RULE} (error, references)\n\nA reference is still held where the program ends.\n")
    assert "\n\nWhat it does\n------------\n\n" in text
    assert '\n    SEC("tp_btf/task_newtask")\n' in text and "\n            struct task_struct *t =" in text
    assert "```" not in text and "\n#" not in text
    assert text.endswith("\n\nFixed in many cases by: kfuncgen lint --fix\n")


@pytest.mark.parametrize("rule", catalogue())
def test_nothing_of_a_page_is_lost(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = re.sub(r"^```.*$|^#+ ", "", catalogue()[rule].page, flags=re.MULTILINE).split()
    shown = re.sub(r"^-+$", "", printed(capsys, rule), flags=re.MULTILINE).split()
    heads = len(f"{rule} (x, y)".split())
    assert shown[0] == rule and all(word in shown for word in words)
    assert len(shown) >= len(words) + heads - 2


def test_a_kernels_message_names_the_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "Unreleased reference id=2 alloc_insn=5") == printed(capsys, RULE)
    assert [row["rule"] for row in rows(capsys, "Unreleased reference id=2 alloc_insn=5")] == [RULE]


def test_markdown_is_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, RULE, "--output-format", "markdown")
    assert text == catalogue()[RULE].page + "\nFixed in many cases by `kfuncgen lint --fix`.\n"
    table = printed(capsys, "--output-format", "markdown")
    named = re.findall(
        r"^\| `([a-z-]+)` \| (?:error|warning|hint) \| [^|]+ \| (?:`--fix[^|]*`)? ?\|$", table, re.MULTILINE
    )
    assert sorted(named) == sorted(catalogue())
    topics = re.findall(r"^## (.+)$", table, re.MULTILINE)
    assert len(topics) == len(set(topics)) == len({rule.topic for rule in catalogue().values()})


def test_json_has_all_rules_and_their_examples(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys)
    assert [row["rule"] for row in found] == sorted(catalogue())
    examples = {row["rule"]: len(row["bad"]) + len(row["good"]) for row in found}
    for page in pages():
        counted = [block for block in page.blocks if block.section in ("Bad", "Good")]
        assert examples[page.rule] == len(counted), page.rule
    (one,) = rows(capsys, RULE)
    assert one == next(row for row in found if row["rule"] == RULE)
    assert (one["fix"], one["severity"], one["on_request"]) == ("safe", "error", False)
    assert one["verifier"] == ["Unreleased reference id=%d alloc_insn=%d"]
    assert one["bad"][0].startswith("int limit;\n\nSEC(")


def test_a_file_may_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, RULE, "-o", "page.txt") == ""
    assert Path("page.txt").read_text() == printed(capsys, RULE)


def test_an_unknown_format_or_rule_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", RULE, "--output-format", "sarif"]) == 2
    assert "expected one of text, json, markdown" in capsys.readouterr().err
    assert cli.main(["explain", "unreleased-referenc", "--output-format", "json"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and f"did you mean '{RULE}'" in err


def test_a_terminal_has_bold_headings_and_lines_of_its_width() -> None:
    master, slave = pty.openpty()
    env = {**os.environ, "COLUMNS": "70", "TERM": "xterm"}
    env.pop("NO_COLOR", None)
    with subprocess.Popen([sys.executable, "-m", "kfuncgen", "explain", RULE], stdout=slave, env=env) as process:
        os.close(slave)
        data = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux's way to tell the end
                break
            if not part:
                break
            data += part
    os.close(master)
    assert process.returncode == 0
    text = data.decode().replace("\r\n", "\n")
    assert "\x1b[1mWhat it does\x1b[0m\n\n" in text and "---" not in text
    prose = [line for line in text.split("\n") if not line.startswith("    ")]
    assert max(map(len, prose)) <= 70 < max(len(line) for line in catalogue()[RULE].page.split("\n"))
