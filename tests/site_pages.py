"""The site's pages as things to do: which commands, files and outputs a reader meets, in order.

In the Markdown of docs/src, with all that it includes, a fence of `sh` is a command block, a fence with a title is
a file that the reader saves, and comments before a fence say what the test must know:

    <!-- exits 1 -->       the block's last command ends with this status, 0 without it
    <!-- output -->        the fence is what the commands before it print; `...` alone on a line is any text
    <!-- kernel -->        it needs root and a kernel that loads programs
    <!-- not run: why -->  it is not run
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import kfuncgen

ROOT = Path(kfuncgen.__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SOURCE = DOCS / "src"

FENCE = re.compile(
    r"(?P<notes>(?:^<!-- [^\n]* -->\n)*)^(?P<ticks>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=ticks)$",
    re.MULTILINE | re.DOTALL,
)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Step:
    """One fence. `kind`: commands, file or output; `title` is a file's name, `reason` why it is not run."""

    kind: str
    body: str
    line: int
    title: str = ""
    status: int = 0
    kernel: bool = False
    reason: str = ""


def pages_available() -> bool:
    """Whether the site's sources are here: they are not in the wheel."""
    return SOURCE.is_dir()


@cache
def pages() -> dict[str, str]:
    """The hand-written pages with all that they include; comments for tests are kept."""
    from sitegen.site import texts

    found = {}
    for path in sorted(SOURCE.rglob("*.md")):
        name = path.relative_to(SOURCE).as_posix()
        found[name] = texts().expand(name, path.read_text("utf-8"), for_tests=True)
    return found


def steps(text: str) -> Iterator[Step]:
    """What a page has its reader do, in order."""
    for match in FENCE.finditer(text):
        notes, info = match["notes"], match["info"].strip()
        line = text.count("\n", 0, match.start("ticks")) + 1
        title = TITLE.search(info)
        if "<!-- output -->" in notes:
            yield Step("output", match["body"], line)
        elif re.match(r"sh\b", info):
            status = re.search(r"<!-- exits (\d+) -->", notes)
            reason = re.search(r"<!-- not run: (.+) -->", notes)
            yield Step(
                "commands",
                match["body"],
                line,
                status=int(status[1]) if status else 0,
                kernel="<!-- kernel -->" in notes,
                reason=reason[1] if reason else "",
            )
        elif title:
            yield Step("file", match["body"], line, title[1])


def commands(block: str) -> list[str]:
    """The commands of a block, those that go on over a line's end as one."""
    joined = re.sub(r"\\\n\s*", " ", block)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
