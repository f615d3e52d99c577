"""GitLab's code quality report, a subset of the Code Climate format: shown in merge requests."""

from __future__ import annotations

from collections.abc import Sequence

from kfuncgen.diagnostic import Finding, Severity
from kfuncgen.render import Outcome
from kfuncgen.render.escape import one_line
from kfuncgen.render.excerpt import Sources
from kfuncgen.render.identity import fingerprints, relative
from kfuncgen.render.json import dump
from kfuncgen.render.summary import facts

WORDS = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.HINT: "info"}


def render(outcome: Outcome) -> str:
    """A list of findings with stable fingerprints; files that failed are blockers."""
    findings = outcome.report.findings
    rows: list[dict[str, object]] = [
        {
            "description": _description(finding, outcome.kernels),
            "check_name": finding.rule,
            "fingerprint": digest,
            "severity": WORDS[finding.severity],
            "location": {
                "path": relative(finding.span.file),
                "lines": {
                    "begin": max(finding.span.line, 1),
                    "end": max(finding.span.end_line, finding.span.line, 1),
                },
            },
        }
        for finding, digest in zip(findings, fingerprints(findings, Sources(outcome.read)), strict=True)
    ]
    rows += [
        {
            "description": one_line(f"not checked: {failure.error}"),
            "check_name": "not-checked",
            "fingerprint": f"not-checked:{relative(failure.file)}",
            "severity": "blocker",
            "location": {"path": relative(failure.file), "lines": {"begin": 1}},
        }
        for failure in outcome.failures
    ]
    return dump(rows)


def _description(finding: Finding, kernels: Sequence[str]) -> str:
    """One line, as merge requests show it: the message, and where it holds."""
    told = [*facts(finding, kernels)]
    return one_line(f"{finding.message} ({'; '.join(told)})" if told else finding.message)
