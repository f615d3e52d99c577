"""The JSON Schema: it accepts every built-in spec, and refuses what the loader refuses where a schema can."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import kfuncgen
from kfuncgen import cli
from kfuncgen.spec.schema import json_schema

BUILTIN = sorted((Path(kfuncgen.__file__).parent / "specs").glob("*.yaml"))
WRONG = sorted((Path(__file__).parent / "spec_errors").glob("*.yaml"))

NOT_SHAPE = set(
    re.findall(
        r"\w+",
        # YAML that is refused before its content is looked at
        "alias alias_use documents duplicate_key indentation key_list merge tabs tag unclosed empty "
        # C that does not parse or does not fit
        "acquire_integer parameter prototype_by_value prototype_macro prototype_many prototype_name "
        "prototype_syntax prototype_two prototype_type prototype_unnamed prototype_variable ret_null_void "
        # several places that do not fit together
        "change_outside change_prototype duplicate_builtin duplicate_family duplicate_kind formerly_cycle "
        "formerly_missing hook_flags "
        "iterator_incomplete iterator_name iterator_parameter iterator_two_steps no_hooks no_since release_absent "
        "release_ambiguous release_cycle release_flag release_missing release_needless release_nothing "
        "release_type until option_bits option_error_field option_error_input option_member option_missing "
        "option_name option_output option_range option_reserved option_size option_unknown_size option_value "
        "option_value_range outputs",
    )
)
"""Mistakes that no schema of one file's shape can see."""


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def document(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize("path", BUILTIN, ids=lambda path: path.stem)
def test_built_in_specs_are_valid(path: Path, validator: Any) -> None:
    assert [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(document(path))] == []


@pytest.mark.parametrize(
    "path", [path for path in WRONG if path.stem not in NOT_SHAPE], ids=lambda path: path.stem
)
def test_mistakes_of_shape_are_refused(path: Path, validator: Any) -> None:
    assert list(validator.iter_errors(document(path))) != []


def test_the_other_mistakes_are_there(validator: Any) -> None:
    assert {path.stem for path in WRONG} >= NOT_SHAPE
    seen = []
    for path in WRONG:
        if path.stem in NOT_SHAPE:
            try:
                wrong = list(validator.iter_errors(document(path)))
            except (yaml.YAMLError, RecursionError):
                continue
            seen += [path.stem] if wrong else []
    assert seen == ["empty"], "a schema sees these after all: take them out of the list"


def test_the_command_prints_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["spec", "schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == json_schema()
    assert cli.main(["spec", "schema", "-o", "s.json"]) == 0
    assert Path("s.json").read_text() == printed
