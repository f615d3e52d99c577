"""One spelling for prototypes of specs, C source and BTF, so that they can be compared."""

from __future__ import annotations

import re

_NO_CONTRACT = frozenset(
    re.findall(
        r"\w+",
        "static inline extern __always_inline noinline notrace noinline_for_stack __used __weak __ksym "
        "__user __rcu __percpu __iomem __force __arena __private asmlinkage __retain __noclone volatile restrict "
        "__bpf_kfunc __init __maybe_unused __visible __must_check",
    )
)
"""Storage, sections and sparse annotations: BTF has none of them, and they change no contract."""

_INTEGERS = {
    ("long", "unsigned", "int"): "unsigned long",
    ("long", "unsigned"): "unsigned long",
    ("unsigned", "long", "int"): "unsigned long",
    ("long", "int"): "long",
    ("short", "int"): "short",
    ("short", "unsigned", "int"): "unsigned short",
    ("unsigned", "short", "int"): "unsigned short",
    ("unsigned",): "unsigned int",
    ("long", "long", "unsigned", "int"): "unsigned long long",
    ("long", "long", "int"): "long long",
    ("_Bool",): "bool",
}
_INTEGER_WORDS = frozenset({"unsigned", "signed", "long", "short", "int", "char", "_Bool"})


def plain_words(text: str) -> list[str]:
    """The words and signs of C `text` without storage classes and annotations."""
    return [word for word in re.findall(r"\w+|\.\.\.|\S", text) if word not in _NO_CONTRACT]


def normalised(prototype: str) -> str:
    """`prototype` without its function's name: single spaces, C's long names of integers, `fn name` for pointers
    to functions (whose own types BTF, C and typedefs spell in three ways)."""
    words = plain_words(prototype.rstrip("; \n\t"))
    try:
        opening = words.index("(")
    except ValueError:
        return " ".join(words)
    result = _type(words[: max(opening - 1, 0)])
    params = _split(words[opening + 1 : len(words) - 1 if words[-1] == ")" else len(words)])
    texts = [_parameter(param) for param in params]
    return f"{result}({','.join(texts)})" if texts != ["void"] else f"{result}()"


def parameter_names(prototype: str) -> tuple[str, ...]:
    """The names of the parameters, "" where one has none."""
    opening = prototype.find("(")
    words = plain_words(prototype[opening + 1 :].rstrip("; \n)"))
    return tuple(_parameter(param).rpartition(" ")[2].rpartition("*")[2] for param in _split(words))


def _split(words: list[str]) -> list[list[str]]:
    """The parameters, split at the commas outside parentheses."""
    params: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word == "," and depth == 0:
            params.append([])
        else:
            params[-1].append(word)
    return params if params != [[]] else []


def _parameter(words: list[str]) -> str:
    if "(" in words:  # a function: result (*name)(params), or (name)(params), or name(params)
        inner = words[words.index("(") + 1 :]
        names = (
            [word for word in inner[: inner.index(")")] if word != "*"]
            if inner[:1] == ["*"] or _grouped(words)
            else []
        )
        name = names[0] if names else words[words.index("(") - 1]
        return f"fn {name}"
    if words and re.fullmatch(r"\w+_callback_t", words[0]):
        return f"fn {words[-1]}"  # a typedef of such a pointer
    return _type(words)


def _grouped(words: list[str]) -> bool:
    """Whether the first parenthesis holds the name: two groups follow each other."""
    return words.count("(") > 1 and words[words.index(")") + 1 :][:1] == ["("]


def _type(words: list[str]) -> str:
    """A declaration in one spelling: `const` first, arrays as pointers, integers by their usual name."""
    if "[" in words:
        at = words.index("[")
        words = [*words[: at - 1], "*", words[at - 1]]
    integers = tuple(word for word in words if word in _INTEGER_WORDS)
    spelled = _INTEGERS.get(integers)
    if spelled is not None:
        first = next(index for index, word in enumerate(words) if word in _INTEGER_WORDS)
        rest = [word for word in words if word not in _INTEGER_WORDS]
        words = [*rest[:first], *spelled.split(), *rest[first:]]
    if len(words) > 2 and words[1] == "const" and words[0] != "const" and "*" not in words[:2]:
        words = ["const", words[0], *words[2:]]  # `char const *` is `const char *`
    return re.sub(r" ?\* ?", "*", " ".join(words))
