"""What kfuncgen prints, as a picture of a terminal: made from real findings when the site is built."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.lint.rule import catalogue
from kfuncgen.records import replace
from kfuncgen.render import Outcome, render
from kfuncgen.spec.load import load_builtin

SGR = re.compile(r"(\x1b\[[\d;]*m)")
NAMES = {"1": "bold", "4": "underlined", "31": "red", "32": "green", "33": "yellow", "34": "blue", "35": "magenta"}
NAMES |= {"36": "cyan", "90": "grey", "2": "grey"}


def picture(source: Path) -> str:
    """A terminal, in HTML, in which `kfuncgen lint` has just been run on `source`."""
    text = render("text", replace(findings(source), colour=True))
    command = f'<span class="grey">$</span> kfuncgen lint {escape(source.name)}'
    return f'<div class="terminal"><pre>{command}\n{coloured(text)}</pre></div>'


def browsable(source: Path) -> str:
    """The same findings as the page that `--output-format html` writes."""
    return render("html", findings(source))


@cache
def findings(source: Path) -> Outcome:
    """What the linter says of a source, for the newest kernel and without notes: they tell of the machine."""
    data = source.read_bytes()
    specs = load_builtin()
    options = LintOptions((specs.newest,), specs, clang_args=(), stdin_filename=source.name)
    result = check_paths([Path("-")], options, data.decode("utf-8"))
    if result.failures:
        raise RuntimeError(f"{source}: {result.failures[0].error}")
    return Outcome(
        replace(result.report, notes=()),
        read=lambda name: data if name == source.name else None,
        kernels=(str(specs.newest),),
        pages=lambda name: catalogue()[name].page,
    )


def coloured(text: str) -> str:
    """Text with terminal colours as HTML, each run of a colour in a span."""
    parts, inside = [], False
    for part in SGR.split(text):
        if not SGR.fullmatch(part):
            parts.append(escape(part, quote=False))
            continue
        if inside:
            parts.append("</span>")
        names = [NAMES[code] for code in part[2:-1].split(";") if code in NAMES]
        inside = bool(names)
        if inside:
            parts.append(f'<span class="{" ".join(names)}">')
    return "".join([*parts, "</span>" if inside else ""])
