"""Text of strangers within Markdown: it is seen and does nothing.

Specs may be anybody's, and editors fetch the images of what they show. So each text is escaped before a page is
made of it, with CommonMark's rules for what counts: which backtick ends a piece of code is not to be told from the
page as a whole.
"""

from __future__ import annotations

import re

from kfuncgen.render.escape import visible

_PLAIN = r"[^`|\n]*[^`|\n\\]"
"""What may stand between two backticks: no line ends there, no cell of a table (GFM ends them within code, too),
and no backslash comes last, which not everybody knows to be no escape there."""
_CODE = re.compile(rf"(?<![`\\])`{_PLAIN}`(?!`)")
_SPECIAL = re.compile(
    r"[\\`*\[\]<|~]"  # code, emphasis, links, images, HTML, tables
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis: not within names
    r"|&(?=[#\w])"  # character references
    r"|:(?=//)|(?<=www)\.|@",  # addresses, of which GFM makes links
    re.IGNORECASE,
)


def prose(text: str) -> str:
    """Text as it reads: paragraphs stay, and code in single backticks where it is beyond doubt."""
    shown, done, parts = _visible(text), 0, []
    for code in _CODE.finditer(shown):
        parts += [_escaped(shown[done : code.start()]), code[0]]
        done = code.end()
    return "".join([*parts, _escaped(shown[done:])])


def code(text: str) -> str:
    """A name, or other short code."""
    shown = _visible(text)
    return f"`{shown}`" if re.fullmatch(_PLAIN, shown) else _escaped(shown)


def block(text: str, language: str = "c") -> str:
    """Lines of code, between fences that are longer than any row of backticks in them."""
    shown = _visible(text)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence}{language}\n{shown}\n{fence}"


def _visible(text: str) -> str:
    """What controls a display or reorders text is shown as its escape."""
    return "".join(char if char in "\n\t" else visible(char) for char in text)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
