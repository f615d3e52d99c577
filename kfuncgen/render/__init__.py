"""Results to text: every output format is one module with a pure function `render(Outcome) -> str`.

`FORMATS` is the only table: a new format is a module here and a line there. Modules are imported when asked for,
so that `--output-format concise` does not pay for the others. Nothing here reads files, prints or knows the
command line: sources come through `Outcome.read`, which an editor can serve from unsaved text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from kfuncgen.diagnostic import FileFailure, Report, UsageError
from kfuncgen.records import Struct

Reader = Callable[[str], bytes | None]
"""The bytes of a source by the name a finding carries, None when it cannot be read."""


Pages = Callable[[str], str]
"""The page of a rule by its name, Markdown; "" when there is none."""


def no_pages(rule: str) -> str:
    """Pages without rules: documents then carry names alone."""
    return ""


def read_nothing(file: str) -> bytes | None:
    """A Reader without sources: findings are then shown without excerpts."""
    return None


class Outcome(Struct, frozen=True):
    """What a format renders: the report, the files that failed, and how to show them.

    `kernels` are the targeted kernels (a finding on all of them need not list them), `colour` allows terminal
    colours where the format has any, `verbose` asks for what matters only when something looks wrong.
    """

    report: Report
    failures: tuple[FileFailure, ...] = ()
    read: Reader = read_nothing
    kernels: tuple[str, ...] = ()
    colour: bool = False
    verbose: bool = False
    pages: Pages = no_pages


class Format(Struct, frozen=True):
    """One output format. `document`: stdout must hold nothing else, as a machine parses it."""

    module: str
    summary: str
    document: bool = False


FORMATS: Mapping[str, Format] = {
    "text": Format("kfuncgen.render.text", "excerpts and the path of each finding, for people"),
    "concise": Format("kfuncgen.render.concise", "one line per finding, for editors and scripts"),
    "json": Format("kfuncgen.render.json", "one JSON document", document=True),
    "sarif": Format("kfuncgen.render.sarif", "SARIF 2.1.0, for code scanning", document=True),
    "github": Format("kfuncgen.render.github", "annotations of GitHub Actions (the default there)"),
    "gitlab": Format("kfuncgen.render.gitlab", "GitLab's code quality report", document=True),
    "junit": Format("kfuncgen.render.junit", "JUnit's XML, for test reports", document=True),
    "html": Format("kfuncgen.render.html", "a page with each finding's path along its source", document=True),
    "rdjson": Format("kfuncgen.render.rdjson", "reviewdog's diagnostics", document=True),
}


def render(name: str, outcome: Outcome) -> str:
    """`outcome` in the format called `name`; UsageError lists the valid names."""
    if name not in FORMATS:
        raise UsageError(f"unknown output format '{name}', expected {', '.join(FORMATS)}")
    text = import_module(FORMATS[name].module).render(outcome)
    assert isinstance(text, str)
    return text
