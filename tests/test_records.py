"""What all records of the package are made of."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

import kfuncgen
from kfuncgen.diagnostic import Edit, Fix, Place, Span
from kfuncgen.lint import ir
from kfuncgen.lint.types import Type
from kfuncgen.lint.values import Death, Scalar
from kfuncgen.records import Struct, asdict, field_names, replace

PACKAGE = Path(kfuncgen.__file__).parent
SPAN = Span("a.c", 1, 2, 3, 4)


def test_no_class_is_defined_as_the_standard_library_does() -> None:
    """One costs half a millisecond of each start."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            found = isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
            assert not found, f"{file}:{node.lineno}: use kfuncgen.records"


def test_facts_cannot_be_changed_but_replaced() -> None:
    with pytest.raises(AttributeError):
        SPAN.line = 7  # type: ignore[misc]
    assert replace(SPAN, line=7) == Span("a.c", 7, 2, 3, 4)
    assert SPAN.line == 1


def test_records_are_compared_ordered_hashed_and_pickled_by_their_fields() -> None:
    assert Span("a.c", 1, 2, 3, 4) == SPAN
    assert len({SPAN, Span("a.c", 1, 2, 3, 4)}) == 1
    assert sorted([Place("b"), Place("a", 2), Place("a", 1)])[0] == Place("a", 1)
    assert pickle.loads(pickle.dumps(SPAN)) == SPAN


def test_where_a_number_comes_from_is_no_part_of_it() -> None:
    assert Scalar(0, 7) == Scalar(0, 7, given=True)
    assert hash(Scalar(0, 7)) == hash(Scalar(0, 7, given=True))
    assert Scalar(0, 7) != Scalar(0, 7, death=Death("stop"))


def test_asdict_reaches_records_in_fields() -> None:
    fix = Fix("release it", (Edit(SPAN, "x"),), True)
    plain = asdict(fix)
    assert list(plain) == list(field_names(fix))
    assert plain["edits"] == ({"span": asdict(SPAN), "text": "x"},)


def test_what_nests_without_end_is_compared_by_identity() -> None:
    """Its hash would end the process: it is made without a look at the depth."""
    classes = [one for one in (*vars(ir).values(), Type) if isinstance(one, type) and issubclass(one, Struct)]
    nested = [one for one in classes if one.__module__ in (ir.__name__, Type.__module__)]
    assert {ir.Member, ir.Binary, ir.Block, Type} <= set(nested)
    assert [one for one in nested if one.__struct_config__.eq] == []
