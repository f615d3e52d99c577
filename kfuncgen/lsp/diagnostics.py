"""Findings as the protocol's diagnostics, with the path to each as related information."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from lsprotocol import types

from kfuncgen.diagnostic import FileFailure, Finding, Note, Severity, Span
from kfuncgen.lsp.documents import Documents, Linted, absolute
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan
from kfuncgen.lsp.wire import Answer
from kfuncgen.render.summary import facts

SOURCE = "kfuncgen"
SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.HINT: types.DiagnosticSeverity.Information,
}
NOT_CHECKED = "not-checked"
MAX_RELATED = 50
"""Events shown of one path: editors list them all."""


def of(linted: Linted, path: str, documents: Documents, notes: bool) -> dict[str, list[types.Diagnostic]]:
    """As `by_file`, also where there is no answer."""
    found = by_file(linted.answer, path, documents, notes)
    if linted.failure:
        what = f"not checked by kfuncgen: {linted.failure}"
        found[path].append(problem(what, types.DiagnosticSeverity.Information))
    return found


def by_file(
    answer: Answer, path: str, documents: Documents, notes: bool = True
) -> dict[str, list[types.Diagnostic]]:
    """The diagnostics of one source `path`, by the absolute name of the file in which they stand.

    What does not compile is clangd's business: it is told in one note, and only that nothing was checked. `notes`:
    also tell where the analysis gave up.
    """
    found: dict[str, list[types.Diagnostic]] = {path: []}
    for finding in answer.findings:
        found.setdefault(absolute(finding.span.file), []).append(diagnostic(finding, documents, answer.kernels))
    for failure in answer.failures:
        found[path].append(_not_checked(failure, path))
    if notes:
        found[path] += _incomplete(answer.notes, path, documents)
    if answer.problem:
        found[path].append(problem(answer.problem, types.DiagnosticSeverity.Error))
    return found


def diagnostic(finding: Finding, documents: Documents, kernels: Sequence[str]) -> types.Diagnostic:
    """One finding. `kernels`: those that are targeted."""
    page = rule_page(finding.rule)

    def location(span: Span) -> types.Location:
        file = absolute(span.file)
        return types.Location(documents.uri_of(file), documents.text_of(file).range(span))

    return types.Diagnostic(
        range=location(finding.span).range,
        message="\n".join(_message(finding, kernels)),
        severity=SEVERITIES[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(page.as_uri()) if page is not None else None,
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if finding.severity is Severity.HINT else None,
        related_information=[
            types.DiagnosticRelatedInformation(location(event.span), f"{number}. {event.message}")
            for number, event in enumerate(finding.path[:MAX_RELATED], 1)
        ]
        or None,
    )


def problem(message: str, severity: types.DiagnosticSeverity, line: int = 0) -> types.Diagnostic:
    """What concerns a whole source, at the line with this 0-based number."""
    place = types.Position(line, 0)
    return types.Diagnostic(types.Range(place, place), message, severity, NOT_CHECKED, source=SOURCE)


def rule_page(rule: str) -> Path | None:
    """The file with a rule's page; None when there is none, or no file of its own (in an archive)."""
    page = Path(str(files("kfuncgen") / "lint" / "rules" / f"{rule.replace('-', '_')}.md"))
    return page.resolve() if page.is_file() else None


def _message(finding: Finding, kernels: Sequence[str]) -> Iterator[str]:
    yield finding.message
    if finding.help:
        yield f"help: {finding.help}"
    yield from facts(finding, kernels)


def _not_checked(failure: FileFailure, path: str) -> types.Diagnostic:
    error, line = failure.error, 0
    if error.startswith(f"{path}:"):
        number, _, rest = error[len(path) + 1 :].partition(":")
        if number.isdecimal():
            line = int(number) - 1
            error = f"line {number}: {rest.partition(': ')[2] or rest}"
    return problem(f"not checked by kfuncgen: {error}", types.DiagnosticSeverity.Information, line)


def _incomplete(notes: Sequence[Note], path: str, documents: Documents) -> Iterator[types.Diagnostic]:
    """Where the analysis gave up, once per function, at its name."""
    by_function: dict[str, list[Note]] = {}
    for note in notes:
        if note.kind == "incomplete":
            by_function.setdefault(note.function, []).append(note)
    if not by_function:
        return
    text = documents.text_of(path)
    functions = {one.name: one for one in Scan(text.text).functions}
    for name, some in by_function.items():
        known = functions.get(name)
        if known is not None:
            place = types.Range(text.position_at(known.name_at), text.position_at(known.name_at + len(known.name)))
        else:
            place = _point(text, some[0])
        messages = list(dict.fromkeys(note.message for note in some))
        yield types.Diagnostic(
            place,
            "not fully checked by kfuncgen: " + "; ".join(messages),
            types.DiagnosticSeverity.Information,
            NOT_CHECKED,
            source=SOURCE,
            related_information=[
                types.DiagnosticRelatedInformation(
                    types.Location(documents.uri_of(path), _point(text, note)), note.message
                )
                for note in some[:MAX_RELATED]
                if note.line and absolute(note.file) == path
            ]
            or None,
        )


def _point(text: Text, note: Note) -> types.Range:
    place = text.position(note.line, note.column)
    return types.Range(place, place)
