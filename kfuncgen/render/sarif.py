"""SARIF 2.1.0 (OASIS), as code scanning services take it: rules with their pages, paths as code flows, fixes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kfuncgen import __version__
from kfuncgen.diagnostic import Event, Finding, Fix, Severity, Span
from kfuncgen.render import Outcome
from kfuncgen.render.excerpt import Sources
from kfuncgen.render.identity import characters, fingerprints, uri
from kfuncgen.render.json import dump
from kfuncgen.render.summary import facts

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}
FINGERPRINT = "kfuncgen/v1"
"""The name of our fingerprint; the number changes when the way it is made does."""


def render(outcome: Outcome) -> str:
    """One run with all findings as results; files that failed are notifications, and make the run unsuccessful."""
    sources = Sources(outcome.read)
    findings = outcome.report.findings
    names = sorted({finding.rule for finding in findings})
    prints = fingerprints(findings, sources)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "kfuncgen",
                "semanticVersion": __version__,
                "rules": [_rule(name, findings, outcome) for name in names],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the folder in which kfuncgen ran"}}},
        "invocations": [_invocation(outcome)],
        "results": [
            _result(finding, names.index(finding.rule), digest, sources, outcome.kernels)
            for finding, digest in zip(findings, prints, strict=True)
        ],
    }
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(name: str, findings: Sequence[Finding], outcome: Outcome) -> dict[str, Any]:
    page = outcome.pages(name)
    severity = next(finding.severity for finding in findings if finding.rule == name)
    rule: dict[str, Any] = {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "defaultConfiguration": {"level": LEVELS[severity]},
    }
    if page:
        first = next((line for line in page.splitlines() if line and not line.startswith("#")), name)
        rule |= {
            "shortDescription": {"text": first},
            "help": {"text": page, "markdown": page},
        }
    return rule


def _invocation(outcome: Outcome) -> dict[str, Any]:
    notices = [
        {"level": "error", "message": {"text": failure.error}, "locations": [_place(uri(failure.file))]}
        for failure in outcome.failures
    ]
    notices += [
        {
            "level": "note",
            "message": {"text": f"{'not fully checked: ' if note.kind == 'incomplete' else ''}{note.message}"},
            **({"locations": [_place(uri(note.file))]} if note.file else {}),
        }
        for note in outcome.report.notes
    ]
    return {"executionSuccessful": not outcome.failures, "toolExecutionNotifications": notices}


def _place(address: str) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(address)}}


def _artifact(address: str) -> dict[str, Any]:
    return {"uri": address} if address.startswith("file:") else {"uri": address, "uriBaseId": "SRCROOT"}


def _result(
    finding: Finding, rule: int, digest: str, sources: Sources, kernels: tuple[str, ...]
) -> dict[str, Any]:
    location = _location(finding.span, sources)
    if finding.function:
        location["logicalLocations"] = [{"name": finding.function, "kind": "function"}]
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": _message(finding, kernels)},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: digest},
        "properties": {
            "kernels": list(finding.kernels),
            "programs": list(finding.programs),
            "kfunc": finding.kfunc,
            "typeTags": finding.type_tags,
            "verifier": finding.verifier,
        },
    }
    if finding.path:
        flow = {"locations": [_step(event, sources) for event in finding.path]}
        result["codeFlows"] = [{"threadFlows": [flow]}]
    if finding.fix is not None:
        result["fixes"] = [_fix(finding.fix, sources)]
    return result


def _message(finding: Finding, kernels: tuple[str, ...]) -> str:
    lines = [finding.message, *([f"help: {finding.help}"] if finding.help else [])]
    return "\n".join([*lines, *facts(finding, kernels)])


def _location(span: Span, sources: Sources) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": _artifact(uri(span.file)), "region": _region(span, sources)},
    }


def _region(span: Span, sources: Sources) -> dict[str, Any]:
    return {
        "startLine": max(span.line, 1),
        "startColumn": characters(sources, span.file, span.line, span.column),
        "endLine": max(span.end_line, span.line, 1),
        "endColumn": characters(sources, span.file, span.end_line, span.end_column),
    }


def _step(event: Event, sources: Sources) -> dict[str, Any]:
    return {"location": _location(event.span, sources) | {"message": {"text": event.message}}}


def _fix(fix: Fix, sources: Sources) -> dict[str, Any]:
    files = sorted({edit.span.file for edit in fix.edits})
    return {
        "description": {"text": fix.message},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(uri(file)),
                "replacements": [
                    {"deletedRegion": _region(edit.span, sources), "insertedContent": {"text": edit.text}}
                    for edit in fix.edits
                    if edit.span.file == file
                ],
            }
            for file in files
        ],
    }
