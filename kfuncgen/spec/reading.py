"""Words and structure of spec files: one reader for each kind, (node, key) -> value, SpecError otherwise.

A key is named as the file spells it. What the values mean together is left to the readers of whole files.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from kfuncgen.diagnostic import Place, SpecError
from kfuncgen.records import Struct
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.words import FILTERS, HOOKS, KF_FLAGS, SPECIAL_EFFECTS
from kfuncgen.spec.yamlsrc import Mapping, Node, Sequence, Text

T = TypeVar("T")

IDENTIFIER = r"[A-Za-z_]\w{0,127}"


class Word(Struct, frozen=True):
    """A word with its place."""

    text: str
    place: Place


def read_text(node: Node, key: str) -> str:
    """Prose in one line or several; folded lines come joined."""
    if not isinstance(node, Text) or not node.text.strip() or (node.plain and node.text in ("~", "null")):
        raise SpecError(f"'{key}' is no text", node.place)
    if len(node.text) > 4000:
        raise SpecError(f"'{key}' is too long, expected at most 4000 characters", node.place)
    return node.text.strip()


def read_c_text(node: Node, key: str) -> Word:
    """C, to be parsed later."""
    return Word(read_text(node, key), node.place)


def read_word(node: Node, key: str, pattern: str, expected: str) -> Word:
    """Text that matches `pattern` as a whole; `expected` says it in words."""
    text = read_text(node, key)
    if not re.fullmatch(pattern, text):
        raise SpecError(f"'{key}' is '{shortened(text)}', expected {expected}", node.place)
    return Word(text, node.place)


def read_identifier(node: Node, key: str) -> str:
    """A C identifier."""
    return read_word(node, key, IDENTIFIER, "a C identifier").text


def read_module(node: Node, key: str) -> str:
    """A kernel module's name."""
    return read_word(node, key, r"[a-z0-9_-]{1,60}", "a module name such as 'nf_conntrack'").text


def read_kernel(node: Node, key: str) -> Kernel:
    """A kernel version, quoted in the file."""
    text = read_text(node, key)
    if not re.fullmatch(r"\d{1,3}\.\d{1,3}", text):
        raise SpecError(f"'{key}' is '{shortened(text)}', expected a kernel version such as \"6.18\"", node.place)
    return Kernel.parse(text)


def read_kernels(node: Node, key: str) -> tuple[Kernel, ...]:
    """A list of kernel versions."""
    return tuple(read_kernel(item, key) for item in sequence_of(node, key))


def read_integer(node: Node, key: str) -> int:
    """An integer, decimal or hexadecimal."""
    text = read_text(node, key)
    if not re.fullmatch(r"-?(0x[0-9a-fA-F]{1,16}|\d{1,20})", text):
        raise SpecError(f"'{key}' is '{shortened(text)}', expected an integer", node.place)
    return int(text, 0) if "x" in text else int(text)


def read_bool(node: Node, key: str) -> bool:
    """`true` or `false`."""
    return read_choice(node, key, ("true", "false")) == "true"


def read_choice(node: Node, key: str, valid: tuple[str, ...]) -> str:
    """One of the words `valid`."""
    text = read_text(node, key)
    if text not in valid:
        raise SpecError(f"unknown {key} '{shortened(text)}'{nearest(text, valid)}", node.place)
    return text


def read_filter(node: Node, key: str) -> str:
    """One of the filters."""
    return read_choice(node, key, FILTERS)


def read_flags(node: Node, key: str) -> tuple[str, ...]:
    """KF_ flags."""
    return read_words(node, key, "flag", KF_FLAGS)


def read_hooks(node: Node, key: str) -> tuple[str, ...]:
    """Hooks."""
    return read_words(node, key, "hook", HOOKS)


def read_hook_flags(node: Node, key: str) -> dict[str, tuple[str, ...]]:
    """Flags by hook."""
    body = mapping_of(node, f"'{key}'")
    for name in body.entries:
        read_choice(Text(name, body.key_places[name]), "hook", HOOKS)
    return {name: read_flags(entry, name) for name, entry in body.entries.items()}


def read_special(node: Node, key: str) -> tuple[str, ...]:
    """Special effects."""
    return read_words(node, key, "special effect", SPECIAL_EFFECTS)


def read_words(node: Node, key: str, noun: str, valid: tuple[str, ...]) -> tuple[str, ...]:
    """A list of distinct words of a fixed vocabulary, in the vocabulary's order."""
    found: set[str] = set()
    for item in sequence_of(node, key):
        text = read_text(item, key)
        if text not in valid:
            raise SpecError(f"unknown {noun} '{shortened(text)}'{nearest(text, valid)}", item.place)
        if text in found:
            raise SpecError(f"{noun} '{text}' is given twice", item.place)
        found.add(text)
    return tuple(word for word in valid if word in found)


def read_config(node: Node, key: str) -> tuple[str, ...]:
    """Kernel options, one or several."""
    return tuple(
        read_word(item, key, r"CONFIG_[A-Z0-9_]{1,60}", "an option such as CONFIG_XFRM").text
        for item in one_or_more(node, key)
    )


def read_identifiers(node: Node, key: str) -> tuple[Word, ...]:
    """C identifiers, one or several, with their places."""
    return tuple(Word(read_identifier(item, key), item.place) for item in one_or_more(node, key))


def read_texts(node: Node, key: str) -> dict[str, Word]:
    """Prose by name."""
    body = mapping_of(node, f"'{key}'")
    return {name: Word(read_text(entry, name), place) for name, entry, place in entries_of(body, key)}


def read_examples(node: Node, key: str) -> dict[str, Word]:
    """C expressions by name."""
    body = mapping_of(node, f"'{key}'")
    return {name: Word(read_expression(entry, name), place) for name, entry, place in entries_of(body, key)}


def read_expression(node: Node, key: str) -> str:
    """C for generated programs: one line of printable ASCII, no statement and no comment."""
    text = read_word(node, key, r"[ !\"%&'()*+,./0-9:<=>?A-Z\[\]^_a-z{|}~-]{1,200}", "a C expression").text
    if "/*" in text or "//" in text or "??" in text:
        raise SpecError(f"'{key}' is '{shortened(text)}', expected a C expression without comments", node.place)
    return text


def read_values(node: Node, key: str) -> dict[str, int]:
    """Integers by name."""
    return {name: read_integer(entry, name) for name, entry, _ in entries_of(mapping_of(node, f"'{key}'"), key)}


def read_errors(node: Node, key: str) -> tuple[tuple[str, str], ...]:
    """`EINVAL: cause` or `EINVAL: [cause, cause]`, flattened in file order."""
    causes = []
    body = mapping_of(node, f"'{key}'")
    for name, entry in body.entries.items():
        if not re.fullmatch(r"E[A-Z0-9]{1,20}", name):
            raise SpecError(
                f"'{shortened(name)}' is no error, expected a name such as EINVAL", body.key_places[name]
            )
        causes += [(name, read_text(item, name)) for item in one_or_more(entry, name)]
    return tuple(causes)


# Structure.


def mapping_of(node: Node, what: str, keys: tuple[str, ...] | None = None) -> Mapping:
    """`node` as a mapping; with `keys` one that has no others."""
    if not isinstance(node, Mapping):
        raise SpecError(f"{what} is {kind_of(node)}, expected keys and values", node.place)
    if keys is not None:
        for key in node.entries:
            if key not in keys:
                raise SpecError(
                    f"{what} has the unknown key '{shortened(key)}'{nearest(key, keys)}", node.key_places[key]
                )
    return node


def sequence_of(node: Node, key: str) -> list[Node]:
    """`node`'s items."""
    if not isinstance(node, Sequence):
        raise SpecError(f"'{key}' is {kind_of(node)}, expected a list", node.place)
    return node.items


def one_or_more(node: Node, key: str) -> list[Node]:
    """`node`'s items, or a single word as the only one."""
    if isinstance(node, Text):
        return [node]
    items = sequence_of(node, key)
    if not items:
        raise SpecError(f"'{key}' is an empty list, expected one word or more", node.place)
    return items


def required(body: Mapping, key: str, what: str) -> Node:
    """The value of `key`, which must be there."""
    if key not in body.entries:
        raise SpecError(f"{what} lacks the key '{key}'", body.place)
    return body.entries[key]


def optional(body: Mapping, key: str, read: Callable[[Node, str], T], default: T) -> T:
    """What `read` makes of the value of `key`, `default` without one."""
    node = body.entries.get(key)
    return default if node is None else read(node, key)


def named_entries(body: Mapping, key: str, noun: str) -> Iterable[tuple[str, Node, Place]]:
    """The named entries of an optional section, whose names are C identifiers."""
    node = body.entries.get(key)
    return () if node is None else entries_of(mapping_of(node, f"'{key}'"), noun)


def entries_of(body: Mapping, noun: str) -> Iterable[tuple[str, Node, Place]]:
    """(name, value, place) of all entries, whose names are C identifiers."""
    for name, entry in body.entries.items():
        place = body.key_places[name]
        if not re.fullmatch(r"[A-Za-z_]\w{0,127}", name):
            raise SpecError(f"'{shortened(name)}' is no name of a {noun}, expected a C identifier", place)
        yield name, entry, place


def kind_of(node: Node) -> str:
    """What a node is, for messages."""
    return {Text: "a word", Sequence: "a list", Mapping: "a mapping"}[type(node)]


def listed(words: Iterable[str]) -> str:
    """Words as a list for messages."""
    return ", ".join(words)


def nearest(word: str, valid: tuple[str, ...]) -> str:
    """The end of a message about an unknown word: the nearest valid one, and all of them unless they are many."""
    near = difflib.get_close_matches(word[:100], valid, 1, 0.6)
    if not near:
        return f"; valid are {listed(valid)}"
    hint = f", did you mean '{near[0]}'?"
    return hint if len(valid) > 20 else f"{hint} valid are {listed(valid)}"


def shortened(text: str) -> str:
    """A word of the file for a message: one line, bounded."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
