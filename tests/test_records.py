"""Records behave as the standard library's dataclasses: each test holds one beside the other."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kfuncgen
from kfuncgen import records
from kfuncgen.diagnostic import Place, Span

KINDS = [
    {"frozen": frozen, "slots": slots, "eq": eq, "order": order}
    for frozen in (False, True)
    for slots in (False, True)
    for eq, order in ((True, False), (True, True), (False, False))
]


def made(library: Any, **how: bool) -> type:
    """One class with all that fields can have."""

    @library.dataclass(**how)
    class Made:
        """A record."""

        first: int
        second: str = "b"
        third: list[int] = library.field(default_factory=list)
        hidden: int = library.field(default=0, repr=False)
        other: int = library.field(default=0, compare=False)
        own: dict[str, int] = library.field(default_factory=dict, init=False, compare=False)

        @property
        def both(self) -> str:
            return f"{self.first}{self.second}"

    return Made


def answer(action: Callable[[], Any]) -> Any:
    """What an action gives, or the error that it ends with."""
    try:
        return action()
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("how", KINDS, ids=str)
@pytest.mark.parametrize(
    "ask",
    [
        lambda c: repr(c(1)),
        lambda c: repr(c(1, "x", [2], 3, 4)),
        lambda c: c(second="y", first=2).both,
        lambda c: c(),
        lambda c: c(1, 2, 3, 4, 5, 6),
        lambda c: c(1, none=2),
        lambda c: c(1) == c(1),
        lambda c: c(1) == c(1, other=7),
        lambda c: c(1) == c(1, "c"),
        lambda c: c(1) == 1,
        lambda c: c(1).__eq__(1) is NotImplemented,
        lambda c: c(1) < c(2),
        lambda c: [c(1) <= c(1), c(2) > c(1), c(1) >= c(2)],
        lambda c: c(1) < 3,
        lambda c: {c(1, "b", ()): 1}.get(c(1, "b", ()), 0),
        lambda c: hash(c(1)) is None,
        lambda c: setattr(c(1), "first", 3),
        lambda c: delattr(c(1), "first"),
        lambda c: c(1).third is c(1).third,
        lambda c: c(1).own is c(1).own,
        lambda c: hasattr(c, "third"),
        lambda c: c.__match_args__,
        lambda c: c.__doc__,
        lambda c: (c.__name__, c.__module__),
        lambda c: [one.name for one in dataclasses.fields(c)],
        lambda c: repr(dataclasses.replace(c(1), second="z")),
        lambda c: repr(dataclasses.asdict(c(1))),
        lambda c: dataclasses.is_dataclass(c),
        lambda c: repr(copy.copy(c(1, "q"))),
        lambda c: repr(copy.deepcopy(c(1, "q", [1]))),
    ],
)
def test_as_the_standard_library(ask: Callable[[type], Any], how: dict[str, bool]) -> None:
    theirs, ours = made(dataclasses, **how), made(records, **how)
    expected = answer(lambda: ask(theirs))
    for _ in range(10):  # the first objects are filled by hand
        assert answer(lambda: ask(ours)) == expected, how


@pytest.mark.parametrize("how", KINDS, ids=str)
def test_replacing_and_telling_as_the_standard_library(how: dict[str, bool]) -> None:
    theirs, ours = made(dataclasses, **how), made(records, **how)
    changed = records.replace(ours(1, "x", hidden=5), second="y")
    assert repr(changed) == repr(dataclasses.replace(theirs(1, "x", hidden=5), second="y"))
    assert changed.hidden == 5
    assert records.asdict(ours(1, third=[1, 2])) == dataclasses.asdict(theirs(1, third=[1, 2]))
    assert [one.name for one in records.fields(ours(1))] == [one.name for one in dataclasses.fields(theirs)]
    assert records.is_dataclass(ours) and records.is_dataclass(ours(1)) and not records.is_dataclass(int)
    with pytest.raises(TypeError):
        records.replace(ours(1), unknown=1)
    with pytest.raises(TypeError):
        records.replace(ours(1), own={})


@pytest.mark.parametrize("slots", [False, True])
@pytest.mark.parametrize("library", [dataclasses, records], ids=["theirs", "ours"])
def test_classes_on_top_of_others(library: Any, slots: bool) -> None:
    @library.dataclass(slots=slots)
    class Base:
        one: int
        two: int = 2

        def __post_init__(self) -> None:
            self.two += 1

    @library.dataclass(slots=slots)
    class More(Base):
        three: int = 3
        two: int = 20

    class Plain(More):
        pass

    for _ in range(10):
        assert (Base(1).two, More(1, 5).two, Plain(1, three=4).two) == (3, 6, 21)
    assert Plain(1).two == 21 and type(Plain(1)) is Plain
    assert (More(1).one, More(1).two, More(1).three) == (1, 21, 3)
    assert More(1) == More(1) and More(1) != Base(1)
    assert type(library.replace(Plain(1), one=5)) is Plain
    assert [one.name for one in library.fields(More)] == ["one", "two", "three"]


@pytest.mark.parametrize("library", [dataclasses, records], ids=["theirs", "ours"])
def test_own_methods_stay(library: Any) -> None:
    @library.dataclass(frozen=True, slots=True)
    class Own:
        one: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert (repr(Own(1)), Own(1) == 3, hash(Own(1))) == ("own", True, 7)


@pytest.mark.parametrize("library", [dataclasses, records], ids=["theirs", "ours"])
def test_a_record_that_holds_itself(library: Any) -> None:
    @library.dataclass
    class Loop:
        own: object = None

    loop = Loop()
    loop.own = loop
    assert repr(loop).endswith("Loop(own=...)")


@pytest.mark.parametrize("library", [dataclasses, records], ids=["theirs", "ours"])
def test_values_that_all_objects_would_share_are_refused(library: Any) -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @library.dataclass
        class Shared:
            one: list[int] = []


def test_records_travel() -> None:
    span = Span("a.c", 1, 2, 3, 4)
    assert pickle.loads(pickle.dumps(span)) == span
    assert {Place("a"): 1}[Place("a")] == 1


def test_the_package_has_no_other_dataclasses() -> None:
    """One that is defined as the standard library does costs half a millisecond of each start."""
    package = Path(kfuncgen.__file__).parent
    places = [package, *(package / name for name in ("spec", "lint", "lint/lower", "toolchain", "render"))]
    for file in sorted(file for place in places for file in place.glob("*.py")):
        if file == package / "records.py":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            found = isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
            assert not found, f"{file}:{node.lineno}: import it from kfuncgen.records"
