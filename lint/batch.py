"""Many sources, each by itself, with a report from the store where nothing has changed.

What checks a source (kfuncgen.lint.check) is imported when the first one needs it: a run over unchanged sources
does without.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kfuncgen.diagnostic import FileFailure, Finding, KfuncgenError, Note, Place, Report, SourceError
from kfuncgen.lint import LintOptions, LintResult
from kfuncgen.lint.compiler import MAX_SOURCE_BYTES, compiler_args, flags_of
from kfuncgen.lint.kept import Reports
from kfuncgen.records import Struct

if TYPE_CHECKING:
    from kfuncgen.lint.ahead import Ahead
    from kfuncgen.lint.parse_headers import Headers
    from kfuncgen.toolchain.flags import Flags


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
        except MemoryError:
            return FileFailure(str(path), f"{path}: the linter ran out of memory")
        except RecursionError:
            return FileFailure(str(path), f"{path}: something in it is nested too deeply to be checked")
        except Exception as error:
            if os.environ.get("KFUNCGEN_DEBUG") == "1":
                raise
            # One file must not cost the answers for the others.
            told = f"internal error: {type(error).__name__}: {error} (a bug in kfuncgen: please report it)"
            return FileFailure(str(path), told)

    def load(self) -> None:
        """Import what checking needs, for processes that are forked afterwards."""
        import_module("kfuncgen.lint.check")
        from kfuncgen.lint.parse import library
        from kfuncgen.lint.rule import catalogue

        catalogue()
        with contextlib.suppress(SourceError):  # whoever parses a source tells why not
            library()

    def kept(self, path: Path, text: str | None = None) -> Report | None:
        """The report that was kept for a source; None when it must be checked."""
        try:
            return self._find(path, text)[-1]
        except Exception:
            # Whatever is wrong, checking it tells.
            return None

    def _find(self, path: Path, text: str | None) -> tuple[Flags, bytes | None, str, Report | None]:
        """Flags and content of a source, the name of its report, and the report if there is one."""
        flags = flags_of(path, self._options)
        data = _encoded(path, text) if text is not None else _read(path, self._options)
        if self._reports is None or data is None:
            return flags, data, "", None
        words = (flags.origin, *flags.notes)
        key = self._reports.key(path, self._options, compiler_args(flags), words, data)
        return flags, data, key, self._reports.find(key)

    def _check(self, path: Path, text: str | None) -> Report:
        flags, data, key, known = self._find(path, text)
        if known is not None:
            return known
        from kfuncgen.lint.parse_headers import Headers

        if self._headers is None:
            self._headers = Headers()
        headers: Headers | Ahead = self._headers
        if "kfuncgen.lint.check" not in sys.modules:
            from kfuncgen.lint.ahead import Ahead

            unsaved = self._options.unsaved
            others = unsaved if data is None else {**unsaved, str(path): data}
            headers = Ahead(self._headers, path, compiler_args(flags), others)
        from kfuncgen.lint.check import check_data

        report, depends = check_data(path, self._options, flags, data, headers)
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


class Effort(Struct, frozen=True):
    """How sources are checked: in how many processes (0: in this one; -1: as many as are of use), and who is told
    how many are done, of how many."""

    jobs: int = 0
    progress: Callable[[int, int], None] = lambda done, total: None


FOR_A_PROCESS = 4
"""Sources for which another process is worth its start, where nobody says how many."""


def check_paths(
    paths: Sequence[Path],
    options: LintOptions,
    stdin_text: str | None = None,
    headers: Headers | None = None,
    reports: Reports | None = None,
    effort: Effort | None = None,
) -> LintResult:
    """Lint files; see `kfuncgen.lint.check_paths`."""
    effort = effort or Effort()
    checker = Checker(options, headers, reports)
    named = options.stdin_filename or "stdin.bpf.c"
    sources = [(path, None) if str(path) != "-" else (Path(named), stdin_text) for path in paths]
    results: dict[int, Report | FileFailure] = {}

    def done(number: int, result: Report | FileFailure) -> None:
        results[number] = result
        effort.progress(len(results), len(sources))

    if effort.jobs and _contained():
        for number, source in enumerate(sources):
            report = checker.kept(*source)
            if report is not None:
                done(number, report)
        _in_processes([n for n in range(len(sources)) if n not in results], sources, checker, effort.jobs, done)
    else:
        for number, source in enumerate(sources):
            done(number, checker.check(*source))
    return gathered(results[number] for number in range(len(sources)))


def _contained() -> bool:
    from kfuncgen.lint import processes

    return processes.possible() and os.environ.get("KFUNCGEN_DEBUG") != "1"


def _in_processes(
    numbers: Sequence[int],
    sources: Sequence[tuple[Path, str | None]],
    checker: Checker,
    jobs: int,
    done: Callable[[int, Report | FileFailure], None],
) -> None:
    """Check these sources, none of which can take the others along."""
    if not numbers:
        return
    from kfuncgen.lint import processes

    if len(numbers) > 1:
        checker.load()
    if jobs < 0:
        jobs = min(processes.cpus(), (len(numbers) + FOR_A_PROCESS - 1) // FOR_A_PROCESS)

    def ask(number: int) -> Report | FileFailure | KfuncgenError:
        try:
            return checker.check(*sources[number])
        except KfuncgenError as error:
            return error

    for number, answer in processes.answers(numbers, ask, jobs):
        if isinstance(answer, KfuncgenError):
            raise answer
        if isinstance(answer, processes.Lost):
            answer = FileFailure(str(sources[number][0]), f"{sources[number][0]}: {answer}")
        done(number, answer)


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
