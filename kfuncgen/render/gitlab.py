"""GitLab's code quality report, a subset of the Code Climate format: shown in merge requests."""

from __future__ import annotations

from kfuncgen.diagnostic import Severity
from kfuncgen.render import Outcome
from kfuncgen.render.excerpt import Sources
from kfuncgen.render.identity import fingerprints, relative
from kfuncgen.render.json import dump

WORDS = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.HINT: "info"}


def render(outcome: Outcome) -> str:
    """A list of findings with stable fingerprints; files that failed are blockers."""
    findings = outcome.report.findings
    rows: list[dict[str, object]] = [
        {
            "description": finding.message,
            "check_name": finding.rule,
            "fingerprint": digest,
            "severity": WORDS[finding.severity],
            "location": {
                "path": relative(finding.span.file),
                "lines": {"begin": finding.span.line, "end": max(finding.span.end_line, finding.span.line)},
            },
        }
        for finding, digest in zip(findings, fingerprints(findings, Sources(outcome.read)), strict=True)
    ]
    rows += [
        {
            "description": f"not checked: {failure.error}",
            "check_name": "not-checked",
            "fingerprint": f"not-checked:{relative(failure.file)}",
            "severity": "blocker",
            "location": {"path": relative(failure.file), "lines": {"begin": 1}},
        }
        for failure in outcome.failures
    ]
    return dump(rows)
