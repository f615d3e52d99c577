"""What a .clangd adds to the flags of every file: the texts of `CompileFlags: Add:`.

The file is untrusted. It is taken as the parser's events, one after the other: nothing is built from them, so that
no tag makes an object, and no alias or merge key makes much of little.
"""

from __future__ import annotations

from typing import Any

import yaml

_WANTED = ["CompileFlags", "Add"]
_CONDITION = "If"
MAX_DEPTH = 20
"""clangd's own format has four levels."""


def added_flags(text: str) -> list[str]:
    """The flags, in order; of fragments (documents) with a condition none. yaml.YAMLError for what is no YAML, or
    has tags, anchors or aliases, which clangd does not read either."""
    added: list[str] = []
    fragment: list[str] = []
    keys: list[str | None] = []
    in_list: list[bool] = []
    conditional = False

    def value_follows(word: str | None) -> None:
        """A node ended in a mapping: it was a key (then its value follows) or a value."""
        if keys and not in_list[-1]:
            keys[-1] = (word or "") if keys[-1] is None else None

    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.DocumentStartEvent):
            fragment, conditional = [], False
        elif isinstance(event, yaml.DocumentEndEvent):
            added += [] if conditional else fragment
        elif isinstance(event, yaml.NodeEvent):
            _check(event, len(keys))
            if isinstance(event, yaml.ScalarEvent):
                conditional |= event.value == _CONDITION and keys == [None] and not in_list[0]
                if keys == _WANTED or (keys == [*_WANTED, None] and in_list[-1]):
                    fragment.append(event.value)
                value_follows(event.value)
            else:
                keys.append(None)
                in_list.append(isinstance(event, yaml.SequenceStartEvent))
        elif isinstance(event, yaml.CollectionEndEvent):
            keys.pop()
            in_list.pop()
            value_follows(None)
    return added


def _check(event: Any, depth: int) -> None:
    problem = ""
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        problem = "anchors and aliases are not accepted"
    elif getattr(event, "tag", None) is not None:
        problem = "tags are not accepted"
    elif depth > MAX_DEPTH:
        problem = "nested too deeply"
    if problem:
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
