"""JUnit's XML, which test reports of most CI systems read: a suite a file, a failed case a finding.

Jenkins refuses reports with attributes that it does not know (`file` and `line` of a case, as others write them):
the file is the name of the class, line and column are part of the case's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kfuncgen.diagnostic import FileFailure, Finding
from kfuncgen.render import Outcome
from kfuncgen.render.escape import one_line
from kfuncgen.render.identity import relative
from kfuncgen.render.summary import facts


def render(outcome: Outcome) -> str:
    """Findings are failures, files that could not be checked are errors; with neither there is one passed case."""
    by_file: dict[str, list[Finding]] = {}
    for finding in outcome.report.findings:
        by_file.setdefault(relative(finding.span.file), []).append(finding)
    total = len(outcome.report.findings) + len(outcome.failures)
    root = Element(
        "testsuites",
        name="kfuncgen",
        tests=str(max(total, 1)),
        failures=str(len(outcome.report.findings)),
        errors=str(len(outcome.failures)),
    )
    for file, findings in by_file.items():
        suite = _suite(root, file, len(findings), failures=len(findings))
        for finding in findings:
            _finding(suite, file, finding, outcome.kernels)
    for failure in outcome.failures:
        _failure(_suite(root, relative(failure.file), 1, errors=1), failure)
    if not total:
        SubElement(_suite(root, "kfuncgen", 1), "testcase", name="lint", classname="kfuncgen")
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(root: Element, name: str, tests: int, failures: int = 0, errors: int = 0) -> Element:
    return SubElement(
        root, "testsuite", name=one_line(name), tests=str(tests), failures=str(failures), errors=str(errors)
    )


def _finding(suite: Element, file: str, finding: Finding, kernels: Sequence[str]) -> None:
    span = finding.span
    name = f"{finding.rule} ({span.line}:{span.column})"
    case = SubElement(suite, "testcase", name=name, classname=one_line(file))
    lines = [f"{finding.severity}: {one_line(str(span.place))}: {one_line(finding.message)}"]
    lines += [
        f"({number}) {one_line(str(event.span.place))}: {one_line(event.message)}"
        for number, event in enumerate(finding.path, 1)
    ]
    lines += [f"help: {one_line(finding.help)}"] if finding.help else []
    lines += [f"note: {one_line(fact)}" for fact in facts(finding, kernels)]
    failure = SubElement(case, "failure", type=finding.rule, message=one_line(finding.message))
    failure.text = "\n".join(lines)


def _failure(suite: Element, failure: FileFailure) -> None:
    file = one_line(relative(failure.file))
    case = SubElement(suite, "testcase", name="not-checked", classname=file)
    error = SubElement(case, "error", type="not-checked", message=one_line(failure.error))
    error.text = "\n".join(one_line(line) for line in failure.details)
