"""The JSON Schema of kfuncgen.toml: every key is in it, and it takes what the reader takes."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import outside
import pytest

from kfuncgen import cli
from kfuncgen.config import KEYS, load_config
from kfuncgen.config_schema import config_schema
from kfuncgen.diagnostic import UsageError
from kfuncgen.lint.rule import catalogue

SCHEMA = config_schema(catalogue())

FULL = """\
kernels = [">=6.8", "6.6..6.12"]
select = ["unreleased-reference"]
ignore = "unchecked-null"
exclude = ["old"]
fail-on = "error"
spec-paths = ["specs"]
clang-args = ["-Iinclude"]
arch = "arm64"
loader = "libbpf-1.1"
type-tags = "either"
baseline = "known.json"
[per-file-ignores]
"tests/*.bpf.c" = ["ignored-opts-error"]
"""


def test_the_command_prints_a_valid_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_every_key_is_in_it_and_described() -> None:
    assert list(SCHEMA["properties"]) == list(KEYS)
    assert all(part["description"] for part in SCHEMA["properties"].values())
    assert set(tomllib.loads(FULL)) == set(KEYS), "the text below must try every key"


def both(text: str, folder: Path) -> tuple[bool, bool]:
    """Whether the reader takes a text, and whether the schema does."""
    path = folder / "kfuncgen.toml"
    path.write_text(text)
    document: Any = tomllib.loads(text)
    valid = jsonschema.Draft7Validator(SCHEMA).is_valid(document)
    try:
        load_config(path)
    except UsageError:
        return False, valid
    return True, valid


def test_a_full_file_is_taken(tmp_path: Path) -> None:
    assert both(FULL, tmp_path) == (True, True)
    assert both("", tmp_path) == (True, True)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["1", "true", "[1]", "[['a']]", "{ a = 1 }", "'no word'", "''"])
def test_what_the_reader_refuses_the_schema_refuses(key: str, value: str, tmp_path: Path) -> None:
    read, valid = both(f"{key} = {value}\n", tmp_path)
    # Names of rules are compared by settings, empty words by whoever needs them: the schema may know more.
    assert read or not valid


def test_a_rule_that_there_is_not_is_refused(tmp_path: Path) -> None:
    for text in ("ignore = ['x']", "select = 'x'", "[per-file-ignores]\na = ['x']"):
        assert not both(text, tmp_path)[1]


@pytest.mark.outside
def test_taplo_takes_it(folder: Path) -> None:
    """The program behind the TOML support of most editors, told of the schema as the README says."""
    outside.need("taplo")
    assert cli.main(["config", "schema", "-o", "kfuncgen.schema.json"]) == 0

    def taplo(text: str) -> str:
        Path("kfuncgen.toml").write_text(f"#:schema ./kfuncgen.schema.json\n{text}")
        run = subprocess.run([program, "lint", "kfuncgen.toml"], capture_output=True, text=True)
        assert (run.returncode == 0) == ("error" not in run.stderr)
        return run.stderr

    program = outside.program("taplo")
    assert program is not None
    assert "error" not in taplo(FULL)
    assert "'exlude' was unexpected" in taplo("exlude = ['x']\n")
    assert '"warn" is not one of ["warning","error","hint","never"]' in taplo("fail-on = 'warn'\n")
    assert "kfuncgen.toml:3:7" in taplo("[per-file-ignores]\n'a' = ['nonsense']\n")


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    assert both("kernel = '6.1'", tmp_path) == (False, False)
