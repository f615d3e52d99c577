"""What a result depends on besides its source: headers as they were, and files that would be found before them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from kfuncgen.records import Struct

MAX_ABSENT = 4000
"""Files that must not appear: looking for so many takes a few milliseconds."""
_RACY_NS = 20_000_000
"""A header that was written so shortly before it was read may have been written again at the same time."""
_INCLUDED = re.compile(rb"""^[ \t]*#[ \t]*include(?:_next)?[ \t]*[<"]([^<>"\n]+)[>"]""", re.MULTILINE)
_COMPUTED = re.compile(rb"^[ \t]*#[ \t]*include(?:_next)?[ \t]+\w", re.MULTILINE)
_ASKED = re.compile(rb"""\b__has_include(?:_next)?\s*\(\s*[<"]([^<>"\n]+)[>"]""")
_SEARCHED = ("-I", "-iquote", "-isystem", "-idirafter", "-cxx-isystem")
_SYSTEM = ("/usr/local/include", "/usr/include")
_VARIABLES = ("CPATH", "C_INCLUDE_PATH")
"""Folders that clang searches because the environment names them."""


class Dependencies(Struct, frozen=True):
    """`inputs`: name, size and time (ns) of each header; `absent`: files and folders that do not exist."""

    inputs: Sequence[tuple[str, int, int]]
    absent: Sequence[str]

    def joined(self, other: Dependencies) -> Dependencies:
        """What depends on both."""
        return Dependencies([*self.inputs, *other.inputs], [*self.absent, *other.absent])


def unchanged(depends: Dependencies) -> bool:
    """Whether all is as it was. OSError, ValueError or TypeError for names that are none."""
    return all(state(name) == (size, when) for name, size, when in depends.inputs) and not any(
        map(os.path.lexists, depends.absent)
    )


def dependencies(text: bytes, names: Sequence[str], args: Sequence[str], began: int) -> Dependencies | None:
    """What `text` depends on when compiled with `args`, having included the files `names`.

    None when that cannot be known: names that macros make, too many places, a header that was written meanwhile.

    `began`: time.time_ns() before the first was read. OSError when one has gone since.
    """
    inputs = [(name, *state(name)) for name in names]
    absent = _absent(text, names, args)
    if absent is None or any(when >= began - _RACY_NS for _, _, when in inputs):
        return None
    return Dependencies(inputs, absent)


def state(name: str) -> tuple[int, int]:
    """Size and time of a file; OSError when there is none."""
    status = os.stat(name)
    return status.st_size, status.st_mtime_ns


def environment() -> list[str]:
    """The folders that the environment adds to the search, as words."""
    return [f"{name}={os.environ.get(name, '')}" for name in _VARIABLES]


def names_included(text: bytes) -> set[bytes] | None:
    """The names in `#include` and `__has_include`, also where a condition excludes them.

    None when macros make some of them."""
    if _COMPUTED.search(text):
        return None
    return {*_INCLUDED.findall(text), *_ASKED.findall(text)}


def _absent(text: bytes, inputs: Sequence[str], args: Sequence[str]) -> list[str] | None:
    """The files that do not exist and would be taken for one of the headers if they did."""
    names = _included([text])
    contents = map(_content, inputs)
    more = _included(contents)
    if names is None or more is None:
        return None
    folders = [os.path.dirname(name) or "." for name in inputs] + _folders(args)
    missing: set[str] = set()
    for folder in dict.fromkeys(folders):
        if not os.path.isdir(folder):
            missing.add(folder)
            continue
        for name in names | more:
            file = os.path.join(folder, name)
            if not os.path.lexists(file):
                missing.add(file)
        if len(missing) > MAX_ABSENT:
            return None
    return sorted(missing)


def _content(name: str) -> bytes:
    with open(name, "rb") as stream:
        return stream.read()


def _included(texts: Iterable[bytes]) -> set[str] | None:
    found: set[str] = set()
    for text in texts:
        names = names_included(text)
        if names is None:
            return None
        found.update(map(os.fsdecode, names))
    return found


def _folders(args: Sequence[str]) -> list[str]:
    """The folders in which headers are looked for."""
    found = []
    for index, flag in enumerate(args):
        if flag in _SEARCHED and index + 1 < len(args):
            found.append(args[index + 1])
        elif flag.startswith(_SEARCHED):
            found.append(next(flag[len(option) :] for option in _SEARCHED if flag.startswith(option)))
    for name in _VARIABLES:
        found += (
            [folder or "." for folder in os.environ.get(name, "").split(os.pathsep)] if name in os.environ else []
        )
    return [*found, *_SYSTEM]
