"""The pages of the rules as data: sections, quoted kernel messages, C blocks with their marks.

A block becomes a source whose lines have the numbers they have in the page: the prelude stands on the first
lines, blank lines follow. So every place that the linter or the kernel names is a place in the page.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from kfuncgen.diagnostic import Finding
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.lint.rule import catalogue
from kfuncgen.spec.kernels import parse_targets
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.typetags import TypeTags

RULES = Path(str(files("kfuncgen.lint.rules")))

PRELUDE = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n'
LICENSE = 'char _license[] SEC("license") = "GPL";\n'

FENCE = re.compile(r"^```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
MARK = re.compile(r"// (error|warning|hint)$")
LOOSE_MARK = re.compile(r"//\s*(error|warning|hint)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced C block: where it stands, its text, and the lines of the page that must be reported.

    `type_tags`: it is about kernels whose BTF has them. `line` is the page's line of the code's first one,
    `kernel` the release it is about ("" for the newest), `libbpf` the oldest release that can load it.
    `messages` are those that the page quotes.
    """

    page: str
    section: str
    line: int
    code: str
    kernel: str
    marks: frozenset[tuple[int, str]]
    messages: tuple[str, ...] = ()
    libbpf: tuple[int, ...] = ()
    type_tags: bool = False

    @property
    def rule(self) -> str:
        return self.page.replace("_", "-")

    @property
    def name(self) -> str:
        """Page and line, as a test's id and for messages."""
        return f"{self.page}.md:{self.line}"

    @property
    def refused(self) -> bool:
        """Whether the kernel must refuse the block's programs: it shows an error."""
        return any(severity == "error" for _, severity in self.marks)

    @property
    def source(self) -> str:
        """The block as a complete program, each of its lines under the number it has in the page."""
        padding = "\n" * (self.line - 1 - PRELUDE.count("\n"))
        ending = "" if 'SEC("license")' in self.code else LICENSE
        return PRELUDE + padding + self.code + ending


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its text, the names of its sections in order, and what is in its fences."""

    stem: str
    text: str
    sections: tuple[str, ...]
    messages: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def rule(self) -> str:
        """The rule that the page is about: its file's stem with hyphens."""
        return self.stem.replace("_", "-")

    def section(self, name: str) -> str:
        """The text of a section, without its heading; "" when there is none."""
        match = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", self.text, re.MULTILINE | re.DOTALL)
        return match[1] if match else ""


@cache
def pages() -> tuple[Page, ...]:
    """All pages, in order of name."""
    return tuple(read_page(path) for path in sorted(RULES.glob("*.md")))


def read_page(path: Path) -> Page:
    """The page of one file."""
    text = path.read_text(encoding="utf-8")
    # A heading inside of a fence would be C code; none of it may count.
    plain = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    headings = [(m.start(), m[1]) for m in HEADING.finditer(plain)]
    lines = [(plain.count("\n", 0, start) + 1, name) for start, name in headings]
    messages: list[str] = []
    blocks: list[Block] = []
    for fence in FENCE.finditer(text):
        first = text.count("\n", 0, fence.start("body")) + 1
        section = next((name for line, name in reversed(lines) if line < first), "")
        if fence["language"] == "text":
            messages += [line for line in fence["body"].splitlines() if line]
        elif fence["language"] == "c":
            blocks.append(_block(path.stem, section, first, fence["body"], fence["info"].strip()))
    quoted = tuple(messages)
    names = tuple(name for _, name in headings)
    return Page(path.stem, text, names, quoted, tuple(replace(block, messages=quoted) for block in blocks))


def _block(page: str, section: str, first: int, body: str, info: str) -> Block:
    about = {"kernel": "", "libbpf": ""}
    type_tags = info == "type-tags"
    if info and not type_tags:
        match = re.fullmatch(r"(kernel|libbpf): (\d+(?:\.\d+)*)", info)
        assert match, (
            f"{page}.md:{first - 1}: '{info}' after ```c, "
            "expected 'kernel: VERSION', 'libbpf: VERSION' or 'type-tags'"
        )
        about[match[1]] = match[2]
    libbpf = tuple(int(part) for part in about["libbpf"].split(".") if part)
    marks = set()
    for number, line in enumerate(body.splitlines(), first):
        mark = MARK.search(line)
        assert mark or not LOOSE_MARK.search(line), f"{page}.md:{number}: not a mark: {line.strip()}"
        if mark:
            marks.add((number, mark[1]))
    found = frozenset(marks)
    return Block(page, section, first, body, about["kernel"], found, libbpf=libbpf, type_tags=type_tags)


def message_pattern(message: str) -> re.Pattern[str]:
    """What matches a kernel message that a page quotes with the kernel's %d, %u and %s."""
    text = re.escape(message).replace("%d", r"-?\d+").replace("%u", r"\d+").replace("%s", r".+?")
    return re.compile(text)


@cache
def options(block: Block) -> LintOptions:
    """How a block is linted: for the kernel it names, else for the newest one."""
    specs = load_builtin()
    kernels = tuple(parse_targets(block.kernel, specs)) if block.kernel else (specs.newest,)
    # Explicit arguments: what lies about in the folders above the temporary one must not matter.
    # Optional rules speak on their own pages.
    select = frozenset(catalogue()) if catalogue()[block.rule].optional else None
    tags: TypeTags = "with" if block.type_tags else "without"
    return LintOptions(kernels=kernels, specs=specs, select=select, clang_args=(), type_tags=tags)


def lint(block: Block) -> tuple[Finding, ...]:
    """What the linter says of a block."""
    with tempfile.TemporaryDirectory(prefix="kfuncgen-page-") as folder:
        file = Path(folder) / f"{block.page}.bpf.c"
        file.write_text(block.source)
        result = check_paths([file], options(block))
    assert result.failures == ()
    return result.report.findings
