"""Where keys and values of TOML stand: the scanner finds everything that tomllib reads, at the right places."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from kfuncgen.toml_places import Keys, locate

DOCUMENT = """\
# é = 1
a = 1 # x = 3
"q.r" = "a]b"
b.'c d'."\\u0065" = [ 1, "é,]", { k = [1,2], l.m = \"\"\"a
\"\" b\"\"\"\"\" } , # c
 '''
]'''' ,
]
[tool.kfuncgen]   # [x]
select = ["é", "b", 3.5, 1979-05-27T07:32:00Z, 1979-05-27 07:32:00Z]
 [tool.kfuncgen."per-file-ignores"]
"src/*.c" = []
[[p]]
x=1
[[p]]
x=2
[p.q]
y=3
[[p.r]]
z=""
[[p.r]]
z=''
"""


def paths(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The ways to everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from paths(inner, (*path, key))


def test_everything_is_found() -> None:
    found = locate(DOCUMENT)
    assert set(found) == {path for path, _ in paths(tomllib.loads(DOCUMENT))}
    assert found["q.r",].key == (3, 1) and found["q.r",].value == (3, 9)
    assert found["b", "c d", "e", 1].value == (4, 25)
    assert found["b", "c d", "e", 2].value == (4, 33)  # columns count bytes
    assert found["b", "c d", "e", 3].value == (6, 2)
    assert found["tool", "kfuncgen"].key == (9, 1)
    assert found["tool", "kfuncgen", "select", 1].value == (10, 17)
    assert found["tool", "kfuncgen", "per-file-ignores", "src/*.c"].value == (12, 13)
    assert found["p", 1, "q", "y"].key == (18, 1)
    assert found["p", 1, "r", 1, "z"].value == (22, 3)


@pytest.mark.parametrize("text", ["", "\n", "# a", "a=1", "a=[]\n", "[a]", "\r\na = 1\r\n[b]\r\nc = 2\r\n"])
def test_small_documents(text: str) -> None:
    assert set(locate(text)) == {path for path, _ in paths(tomllib.loads(text))}


def literal(value: Any, rng: random.Random) -> str:
    """A value in TOML, written in one of the ways there are."""
    blank = rng.choice(["", " ", "\t"])
    if isinstance(value, list):
        gap = rng.choice([",", ", ", ",\n ", " , # ], x = 1\n"])
        end = rng.choice([blank, ","] if value else [blank])
        return f"[{blank}{gap.join(literal(item, rng) for item in value)}{end}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {literal(item, rng)}" for key, item in value.items()) + "}"
    if isinstance(value, int):
        return str(value)
    return rng.choice(['"{}"', "'{}'", '"""{}"""', "'''{}'''"]).format(value)


def arbitrary(rng: random.Random, depth: int) -> Any:
    """Some value."""
    kind = rng.random()
    if depth and kind < 0.3:
        return [arbitrary(rng, depth - 1) for _ in range(rng.randrange(4))]
    if depth and kind < 0.5:
        return {f"k{number}": arbitrary(rng, depth - 1) for number in range(rng.randrange(3))}
    return rng.choice([7, "", "é", "a = 1", "[", "}", "#", ","])


@pytest.mark.parametrize("seed", range(200))
def test_values_stand_where_they_are_said_to(seed: int) -> None:
    """From the place of a string or number on the text reads as that value."""
    rng = random.Random(seed)
    lines = []
    for number in range(rng.randrange(1, 8)):
        if rng.random() < 0.2:
            lines.append(rng.choice([f"[t{number}]", f"[t{number}.u]  # a = 1", f"[[l{number}]]"]))
        else:
            lines.append(
                f"{rng.choice(['', '  '])}v{number} ={rng.choice(['', ' '])}{literal(arbitrary(rng, 3), rng)}"
            )
    text = "\n".join(lines)
    found = locate(text)
    everything = dict(paths(tomllib.loads(text)))
    assert set(found) == set(everything)
    for path, value in everything.items():
        line, column = found[path].value
        rest = "\n".join(text.split("\n")[line - 1 :]).encode()[column - 1 :].decode()
        if isinstance(value, str):
            assert rest.lstrip("\"'").startswith(value) or not value, (path, rest)
            assert rest[0] in "\"'"
        elif isinstance(value, int):
            assert rest.startswith(str(value))
        else:
            assert rest[0] in "[{" or rest.startswith("t"), (path, rest)
