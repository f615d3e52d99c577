"""Parts of the repository's own texts within pages, so that nothing is written twice.

A line of a page that is one of these comments is replaced by what it names:

    <!-- include README.md: Headers -->     a section of a Markdown file, without its heading
    <!-- include specs/README.md -->        a whole one, without its title
    <!-- intro README.md -->                what stands between title and first heading or comment
    <!-- top README.md: Commands -->        a section without the sections below it
    <!-- code recipes/gitlab-ci.yml -->     a file as a code block
    <!-- picture tests/readme/esp.bpf.c --> a terminal in which that source was linted
    <!-- table formats -->                  a table that is made from kfuncgen itself (TABLES)

Whatever does not exist is an error, and so is a link to a section that no page includes. Links to files that are
not part of the site become their names. Comments that are for tests alone are taken out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kfuncgen.config import KEYS
from kfuncgen.render import FORMATS
from sitegen.terminal import picture
from sitegen.text import anchor, code, escape, fence, prose, relative, table

DIRECTIVE = re.compile(r"^<!-- (include|intro|top|code|picture|table) ([^\s:]+)(?:: (.+?))? -->$")
OUTPUT = "<!-- output -->"
FOR_TESTS = re.compile(r"^<!-- (?:exits \d|kernel|output|not run: .+) -->$")
HEADING = re.compile(r"^(#{1,6}) (.+?)(?: \{.*\})?$")
COMMENT = re.compile(r"^<!--.*-->$")
LINK = re.compile(r"(?<!\\)\[([^\]\[]+)\]\(([^)\s]+)\)")
COMMAND = re.compile(r"^ {4}(?:kfuncgen|bash|pipx?|python|mkdir|make|cd|git|gcc|clang)\b")
LANGUAGES = {".c": "c", ".yml": "yaml", ".yaml": "yaml", ".toml": "toml", ".lua": "lua", ".el": "lisp"}
LANGUAGES |= {".vim": "vim", ".json": "json", ".cmake": "cmake", ".mk": "makefile", ".sh": "sh", ".build": "meson"}


class IncludeError(Exception):
    """A page asks for what is not there."""


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of a Markdown file and what is below it; level 0 is the text before the first heading."""

    level: int
    title: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class Texts:
    """The repository's texts and the pages that include them. `source`: the folder of the pages."""

    root: Path
    source: Path
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    """(file, anchor) -> page and its anchor, for all that some page includes; the anchor "" is the file itself."""

    def __post_init__(self) -> None:
        for page in sorted(self.source.rglob("*.md")):
            path = page.relative_to(self.source).as_posix()
            self._note_places(path, page.read_text("utf-8"))

    def expand(self, path: str, text: str, for_tests: bool = False) -> str:
        """The page `path` with everything in it that it asks for; comments for tests are kept `for_tests` only."""
        lines: list[str] = []
        level, output = 1, False
        for line, inside in _lines(text):
            directive = None if inside else DIRECTIVE.match(line)
            heading = None if inside else HEADING.match(line)
            level = len(heading[1]) if heading else level
            if directive is None and not inside and not for_tests and FOR_TESTS.match(line):
                output = line == OUTPUT
            elif directive is None:
                # What a command prints must not look like what is to be typed.
                opening = re.match(r"^(`{3,})(\w+)$", line) if output else None
                lines.append(f"{opening[1]} {{ .{opening[2]} .output }}" if opening else line)
                output = output and opening is None
            else:
                lines += self._replaced(directive, path, level)
        return "\n".join(lines) + "\n"

    def _replaced(self, directive: re.Match[str], path: str, level: int) -> Iterator[str]:
        kind, name, title = directive.groups()
        if kind == "table":
            if name not in TABLES:
                raise IncludeError(f"{path}: there is no table '{name}', only {', '.join(TABLES)}")
            yield from TABLES[name]()
            return
        file = self.root / name
        if not file.is_file():
            raise IncludeError(f"{path}: there is no file '{name}' to {kind}")
        if kind in ("include", "intro", "top"):
            yield from self._included(kind, name, title, path, level)
        elif kind == "code":
            marker = fence(file.read_text("utf-8"), language(file))
            yield f'{marker[0]} title="{name}"'
            yield from marker[1:]
        else:
            yield picture(file)

    def _included(self, kind: str, name: str, title: str | None, page: str, level: int) -> Iterator[str]:
        text = (self.root / name).read_text("utf-8")
        top, found = _part(kind, text, title, f"{page}: {name}")
        for line, inside in _lines("\n".join(list(_fenced_commands(found))[:-1])):
            heading = None if inside else HEADING.match(line)
            if heading is not None:
                yield f"{'#' * min(6, len(heading[1]) - top + level)} {heading[2]}"
            elif inside:
                yield line
            elif not COMMENT.match(line):
                yield LINK.sub(lambda match: self._link(match, name, page), line)

    def _link(self, match: re.Match[str], name: str, page: str) -> str:
        """A link of the file `name` as it is written in `page`."""
        label, target = match.groups()
        if re.match(r"[a-z]+:", target):
            return match[0]
        path, _, fragment = target.partition("#")
        file = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        place = self.places.get((file, fragment))
        if place is not None:
            there, _, below = place.partition("#")
            address = (relative(there, page) if there != page else "") + (f"#{below}" if below else "")
            return f"[{label}]({address})" if address else label
        if fragment or not (self.root / file).exists():
            raise IncludeError(f"{page}: '{target}' of {name} is on no page of the site")
        return label if re.search(r"[`\s]", label) else f"`{label}`"

    def _note_places(self, path: str, text: str) -> None:
        """Remember what a page includes, and where on it."""
        below = ""
        for line, inside in _lines(text):
            heading = None if inside else HEADING.match(line)
            if heading is not None:
                below = anchor(heading[2]) if len(heading[1]) > 1 else ""
            directive = None if inside else DIRECTIVE.match(line)
            if directive is None or directive[1] not in ("include", "top", "code"):
                continue
            kind, name, title = directive.groups()
            if not (self.root / name).is_file():
                continue
            place = f"{path}#{below}" if below else path
            if kind == "code":
                self.places.setdefault((name, ""), place)
                continue
            self.places.setdefault((name, anchor(title) if title else ""), place)
            source = (self.root / name).read_text("utf-8")
            _, lines = _part(kind, source, title, path)
            for inner, fenced in _lines("\n".join(lines)):
                found = None if fenced else HEADING.match(inner)
                if found is not None:
                    self.places.setdefault((name, anchor(found[2])), f"{path}#{anchor(found[2])}")


def language(file: Path) -> str:
    """What a file is written in, as highlighters call it."""
    if file.name == "meson.build":
        return "meson"
    if file.name in ("Makefile", "CMakeLists.txt"):
        return {"Makefile": "makefile", "CMakeLists.txt": "cmake"}[file.name]
    return LANGUAGES.get(file.suffix, "text")


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Lines, and whether each belongs to a fenced block."""
    closing = ""
    for line in text.splitlines():
        found = re.match(r"^(`{3,})", line)
        if closing:
            yield line, True
            closing = "" if line.strip() == closing else closing
        else:
            closing = found[1] if found else ""
            yield line, bool(closing)


def _section(text: str, title: str | None, where: str) -> tuple[int, list[str]]:
    """The level and the lines of a section, or of the whole text behind its title."""
    level, found = 0, list[str]()
    for line, inside in _lines(text):
        heading = None if inside else HEADING.match(line)
        if heading is not None and level and len(heading[1]) <= level:
            break
        if level:
            found.append(line)
        elif heading is not None and (heading[2] == title or (title is None and len(heading[1]) == 1)):
            level = len(heading[1])
    if not level:
        raise IncludeError(f"{where} has no section '{title}'" if title else f"{where} has no title")
    return level, found


def _part(kind: str, text: str, title: str | None, where: str) -> tuple[int, list[str]]:
    """What a directive of that kind takes of a text."""
    level, found = _section(text, title, where)
    if kind == "include":
        return level, found
    taken = list[str]()
    for line, inside in _lines("\n".join(found)):
        if not inside and (HEADING.match(line) or (kind == "intro" and COMMENT.match(line))):
            break
        taken.append(line)
    return level, taken


def _formats() -> list[str]:
    rows = []
    for name, entry in FORMATS.items():
        rows.append((code(name), escape(entry.summary), "a document" if entry.document else "lines"))
    return table(("Format", "Is", "Prints"), rows)


def _settings() -> list[str]:
    rows = []
    for name, key in KEYS.items():
        kinds = {"word": "one of", "words": "a list of words", "table": "a table of patterns", "text": "a text"}
        choices = " ".join(code(choice) for choice in key.choices)
        rows.append((code(name), f"{kinds[key.kind]} {choices}".strip(), prose(key.summary, lambda _: "")))
    return table(("Key", "Takes", "Meaning"), rows)


TABLES: Mapping[str, Callable[[], list[str]]] = {"formats": _formats, "settings": _settings}


def _fenced_commands(lines: list[str]) -> Iterator[str]:
    """Indented blocks of commands as fenced ones, for colours and a button to copy them."""
    block: list[str] = []
    for line, inside in _lines("\n".join([*lines, "."])):
        if line.startswith("    ") and not inside:
            block.append(line)
            continue
        if block:
            commands = bool(COMMAND.match(block[0]))
            yield from (["```sh", *(one[4:] for one in block), "```"] if commands else block)
            block = []
        yield line
