"""What every part of kfuncgen says to a user: places in files, findings, notes and errors.

Frozen data, nothing else: no wording of rules (lint/rules), no output format (render/), no exit (cli).
Lines and columns are 1-based; columns count UTF-8 bytes, as compilers do. Adapters that count otherwise
(LSP: UTF-16 units) convert at their own border.
"""

from __future__ import annotations

from enum import IntEnum

from kfuncgen.records import Struct, field


class Place(Struct, frozen=True, order=True):
    """A point in a file. `line` and `column` are 1-based, 0 where only the file is known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        if not self.column:
            return f"{self.file}:{self.line}"
        return f"{self.file}:{self.line}:{self.column}"


class Span(Struct, frozen=True, order=True):
    """A stretch of one file, end exclusive in columns (`end_column` is the column after the last byte)."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def place(self) -> Place:
        """Where the stretch begins."""
        return Place(self.file, self.line, self.column)


class Severity(IntEnum):
    """How bad a finding is: `error` = some targeted kernel rejects the program, `warning` = it loads and is
    wrong at run time, `hint` = needless code."""

    HINT = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Severity:
        """The severity called `text`; ValueError names the valid ones."""
        try:
            return cls[text.upper()]
        except KeyError:
            raise ValueError(f"unknown severity '{text}', expected error, warning or hint") from None


class Event(Struct, frozen=True):
    """One numbered step of a finding's path: what happened where, in program order."""

    span: Span
    message: str


class Edit(Struct, frozen=True):
    """Replace `span` of its file by `text` (an empty span inserts)."""

    span: Span
    text: str


class Fix(Struct, frozen=True):
    """A set of edits that mends one finding. `safe` = it cannot change what a correct program does."""

    message: str
    edits: tuple[Edit, ...]
    safe: bool = False


class Finding(Struct, frozen=True):
    """One breach of a contract, ready to be rendered.

    `function` is where the finding stands, `program` the SEC() function under which it was found, `verifier`
    the start of the kernel's message that it pre-empts ("" when the verifier is silent), `kernels` the targeted
    kernels it concerns, `help` what to do about it.
    """

    rule: str
    severity: Severity
    span: Span
    message: str
    function: str = ""
    program: str = ""
    section: str = ""
    kfunc: str = ""
    kernels: tuple[str, ...] = ()
    verifier: str = ""
    help: str = ""
    path: tuple[Event, ...] = ()
    fix: Fix | None = None
    programs: tuple[str, ...] = ()
    """All programs under which it was found: one mistake in a function they share is one finding."""
    type_tags: str = ""
    """Of kernels with and without type tags in their BTF, which it concerns: `with`, `without`, or "" for both."""

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Place first, then rule, so that the same input gives the same order of output."""
        return (self.span, self.rule, self.message, self.program)


class Note(Struct, frozen=True, order=True):
    """Something the analysis could not check fully, or a fact the user should know (which flags were used).

    `kind` is `incomplete` (a limit or an unknown construct: silence is no promise here) or `info`.
    """

    file: str
    function: str
    message: str
    kind: str = "incomplete"
    line: int = 0
    column: int = 0


class Report(Struct, frozen=True):
    """The result of linting some files: sorted findings, sorted notes, counts for the summary."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    files: int = 0
    programs: int = 0
    functions: int = 0
    silenced: int = 0
    """Findings that comments in the sources asked to ignore."""
    known: int = 0
    """Findings that the baseline has."""


class KfuncgenError(Exception):
    """An error that ends the run with one clear line: what, where, what was expected.

    `exit_code` is 2 for usage, configuration and spec errors, 3 for sources that could not be parsed.
    """

    exit_code = 2

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions travel between processes by their arguments, and the base class knows the first alone.
        return type(self), (self.message, self.place)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class SpecError(KfuncgenError):
    """A spec file is wrong; nothing of it is loaded."""


class UsageError(KfuncgenError):
    """The call or the configuration is wrong."""


class SourceError(KfuncgenError):
    """A source could not be parsed; `details` are the compiler's own messages."""

    exit_code = 3

    def __init__(self, message: str, place: Place | None = None, details: tuple[str, ...] = ()) -> None:
        super().__init__(message, place)
        self.details = details

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.place, self.details)


class FileFailure(Struct, frozen=True):
    """A file that could not be linted while others were: reported, counted, exit 3."""

    file: str
    error: str
    details: tuple[str, ...] = field(default=())
