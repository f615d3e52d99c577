"""Findings as the protocol's diagnostics, with the path to each as related information."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from lsprotocol import types

from kfuncgen.diagnostic import FileFailure, Finding, Severity
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.wire import Answer

SOURCE = "kfuncgen"
SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.HINT: types.DiagnosticSeverity.Information,
}
NOT_CHECKED = "not-checked"
MAX_RELATED = 50
"""Events shown of one path: editors list them all."""

Texts = Callable[[str], Text]
"""The text of a file by the name that findings have for it."""


def by_file(answer: Answer, path: str, texts: Texts) -> dict[str, list[types.Diagnostic]]:
    """The diagnostics of one source `path`, by the absolute name of the file in which they stand.

    What does not compile is clangd's business: it is told in one note, and only that nothing was checked.
    """
    found: dict[str, list[types.Diagnostic]] = {path: []}
    for finding in answer.findings:
        found.setdefault(absolute(finding.span.file), []).append(diagnostic(finding, texts))
    for failure in answer.failures:
        found[path].append(_not_checked(failure, path, texts(path)))
    if answer.problem:
        found[path].append(problem(answer.problem, types.DiagnosticSeverity.Error))
    return found


def diagnostic(finding: Finding, texts: Texts) -> types.Diagnostic:
    """One finding."""
    page = rule_page(finding.rule)
    return types.Diagnostic(
        range=texts(finding.span.file).range(finding.span),
        message="\n".join(_message(finding)),
        severity=SEVERITIES[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(page.as_uri()) if page is not None else None,
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if finding.severity is Severity.HINT else None,
        related_information=[
            types.DiagnosticRelatedInformation(
                types.Location(Path(absolute(event.span.file)).as_uri(), texts(event.span.file).range(event.span)),
                f"{number}. {event.message}",
            )
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


def absolute(file: str) -> str:
    """The name of a file that findings have, from the root on."""
    return str(Path.cwd() / file)


def _message(finding: Finding) -> Iterator[str]:
    yield finding.message
    if finding.help:
        yield f"help: {finding.help}"
    if finding.verifier:
        yield f"verifier: {finding.verifier}"
    if len(finding.kernels) > 1:
        yield f"kernels: {', '.join(finding.kernels)}"


def _not_checked(failure: FileFailure, path: str, text: Text) -> types.Diagnostic:
    error, line = failure.error, 0
    if error.startswith(f"{path}:"):
        number, _, rest = error[len(path) + 1 :].partition(":")
        if number.isdecimal():
            line = int(number) - 1
            error = f"line {number}: {rest.partition(': ')[2] or rest}"
    return problem(f"not checked by kfuncgen: {error}", types.DiagnosticSeverity.Information, line)
