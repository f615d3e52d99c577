"""The baseline of `kfuncgen lint`: read, written, and taken off what was found (render.baseline)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from kfuncgen.cli_output import emit, read_source
from kfuncgen.diagnostic import FileFailure, Finding, Note, Place, Report, UsageError
from kfuncgen.records import Struct, field, replace
from kfuncgen.render import Reader
from kfuncgen.render.escape import one_line
from kfuncgen.render.summary import plural


def less_known(report: Report, file: Path, sources: Sequence[Path], read: Reader) -> Report:
    """A report without the findings that the baseline has; a note when some of those are no longer there."""
    from kfuncgen.render.baseline import parse, without_known
    from kfuncgen.render.excerpt import Sources

    known = parse(file, read_text(file, "baseline"))
    new, number, stale = without_known(report.findings, known, Sources(read), [str(path) for path in sources])
    notes = report.notes
    if stale:
        gone = f"{stale} {'entry is' if stale == 1 else 'entries are'} no longer found; --write-baseline renews it"
        notes += (Note(str(file), "", gone, "info"),)
    return replace(report, findings=tuple(new), known=number, notes=notes)


class NewBaseline(Struct):
    """What goes into a baseline: what was found, and in which sources it was looked for."""

    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)


def write_baselines(found: Mapping[Path, NewBaseline], read: Reader, failures: Sequence[FileFailure]) -> int:
    """Write what was found as the new baselines; 3 when some files could not be checked.

    What one says of files that were not checked this time stays. UsageError for a file that is no baseline.
    """
    from kfuncgen.render.baseline import of_others, parse, written
    from kfuncgen.render.excerpt import Sources

    for file, new in found.items():
        old = of_others(parse(file, read_text(file, "baseline")), new.checked) if os.path.lexists(file) else []
        findings = new.findings
        emit(written(findings, Sources(read), file.resolve().parent, old), str(file))
        emit(f"{plural(len(findings), 'finding')} written to {one_line(str(file))}\n")
    return 3 if failures else 0


def read_text(file: Path, what: str) -> str:
    """The text of a small file that was named; UsageError when it cannot be read."""
    data = read_source(str(file))
    if data is None:
        raise UsageError(f"cannot read the {what} '{file}': expected a regular file of at most 16 MiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"the {what} is not UTF-8 text", Place(str(file))) from None
