"""How often each rule was found, most often first: `kfuncgen lint --statistics`."""

from __future__ import annotations

from collections import Counter

from kfuncgen.render import Outcome
from kfuncgen.render.summary import plural, summary_line


def render(outcome: Outcome) -> str:
    """A line a rule (number, severity, name, files), then the summary line."""
    findings = outcome.report.findings
    counts = Counter((finding.rule, finding.severity) for finding in findings)
    rows = sorted(counts.items(), key=lambda row: (-row[1], -row[0][1], row[0][0]))
    width = max((len(str(number)) for number in counts.values()), default=0)
    names = max((len(rule) for rule, _ in counts), default=0)
    lines = []
    for (rule, severity), number in rows:
        files = len({finding.span.file for finding in findings if finding.rule == rule})
        lines.append(f"{number:{width}}  {severity!s:7}  {rule:{names}}  in {plural(files, 'file')}")
    lines.append(summary_line(outcome.report, len(outcome.failures)))
    return "\n".join(lines) + "\n"
