"""Many sources, each by itself, with a report from the store where nothing has changed.

What checks a source (kfuncgen.lint.check) is imported when the first one needs it: a run over unchanged sources
does without.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kfuncgen.diagnostic import FileFailure, Finding, KfuncgenError, Note, Place, Report, SourceError
from kfuncgen.lint import LintOptions, LintResult
from kfuncgen.lint.compiler import compiler_args, flags_of
from kfuncgen.lint.kept import Reports

if TYPE_CHECKING:
    from kfuncgen.lint.parse_headers import Headers

MAX_SOURCE_BYTES = 8 << 20
"""As kfuncgen.lint.parse: larger sources are refused there."""


class Checker:
    """What sources are checked with, one after the other: the stores of compiled headers and of reports."""

    def __init__(
        self, options: LintOptions, headers: Headers | None = None, reports: Reports | None = None
    ) -> None:
        self._options = options
        self._headers = headers
        self._reports = reports

    def check(self, path: Path, text: str | None = None) -> Report | FileFailure:
        """The report on a source, or on `text` as its content; a failure when there is none."""
        try:
            return self._check(path, text)
        except SourceError as error:
            return FileFailure(str(path), str(error), error.details)
        except KfuncgenError:
            raise  # about no file alone: a database that is no JSON, a disk that takes nothing
        except Exception as error:
            if os.environ.get("KFUNCGEN_DEBUG") == "1":
                raise
            # One file must not cost the answers for the others.
            told = f"internal error: {type(error).__name__}: {error} (a bug in kfuncgen: please report it)"
            return FileFailure(str(path), told)

    def _check(self, path: Path, text: str | None) -> Report:
        options = self._options
        flags = flags_of(path, options)
        data = _encoded(path, text) if text is not None else _read(path, options)
        key = ""
        if self._reports is not None and data is not None:
            words = (flags.origin, *flags.notes)
            key = self._reports.key(path, options, compiler_args(flags), words, data)
            known = self._reports.find(key)
            if known is not None:
                return known
        from kfuncgen.lint.check import check_data
        from kfuncgen.lint.parse_headers import Headers

        if self._headers is None:
            self._headers = Headers()
        report, depends = check_data(path, options, flags, data, self._headers)
        if self._reports is not None and depends is not None:
            self._reports.keep(key, report, depends)
        return report


def _encoded(path: Path, text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise SourceError("the source is not valid UTF-8", Place(str(path))) from None


def _read(path: Path, options: LintOptions) -> bytes | None:
    """The content of a source; None when the parser shall say what is wrong with it."""
    if str(path) in options.unsaved:
        return options.unsaved[str(path)]
    try:
        if not path.is_file() or path.stat().st_size > MAX_SOURCE_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def check_paths(
    paths: Sequence[Path],
    options: LintOptions,
    stdin_text: str | None = None,
    headers: Headers | None = None,
    reports: Reports | None = None,
) -> LintResult:
    """Lint files; see `kfuncgen.lint.check_paths`."""
    checker = Checker(options, headers, reports)
    results = []
    for path in paths:
        content = stdin_text if str(path) == "-" else None
        source = Path(options.stdin_filename or "stdin.bpf.c") if content is not None else path
        results.append(checker.check(source, content))
    return gathered(results)


def gathered(results: Iterable[Report | FileFailure]) -> LintResult:
    """The reports on several sources as one, and the failures."""
    found = list(results)
    reports = [item for item in found if isinstance(item, Report)]
    findings: list[Finding] = [finding for report in reports for finding in report.findings]
    notes: set[Note] = {note for report in reports for note in report.notes}
    report = Report(
        tuple(sorted(findings, key=lambda finding: finding.sort_key)),
        tuple(sorted(notes)),
        len(reports),
        sum(report.programs for report in reports),
        sum(report.functions for report in reports),
        sum(report.silenced for report in reports),
    )
    return LintResult(report, tuple(item for item in found if isinstance(item, FileFailure)))
