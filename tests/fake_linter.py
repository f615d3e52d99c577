"""A linter for tests of the command line: it finds words in the text, and tells what it was asked to do."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import kfuncgen.lint
from kfuncgen.diagnostic import FileFailure, Finding, Note, Report, Severity, Span
from kfuncgen.spec.model import Kernel, SpecSet


@dataclass
class FakeOptions:
    """LintOptions as the command line fills it in."""

    kernels: tuple[Kernel, ...]
    specs: SpecSet
    select: frozenset[str] | None
    ignore: frozenset[str]
    clang_args: tuple[str, ...] | None
    build_dir: Path | None
    stdin_filename: str | None
    configured_args: tuple[str, ...]
    configured_dir: Path | None
    loader: str
    type_tags: str
    arch: str = ""
    per_file_ignores: tuple[Any, ...] = ()
    unsaved: dict[str, bytes] = field(default_factory=dict)


@dataclass
class FakeRule:
    name: str
    severity: Severity
    page: str
    summary: str = "what it is about"
    verifier: tuple[str, ...] = ()
    fixable: str = ""
    topic: str = "references"
    optional: bool = False


@dataclass
class FakeResult:
    report: Report
    failures: tuple[FileFailure, ...] = ()


@dataclass
class FakeLinter:
    """Finds what lines say: `error`, `warning`, `hint`; a source that says `broken` cannot be parsed."""

    calls: list[tuple[list[str], FakeOptions, str | None]] = field(default_factory=list)

    def __call__(
        self, paths: Any, options: FakeOptions, stdin_text: str | None = None, jobs: int = 0, progress: Any = None
    ) -> FakeResult:
        self.calls.append(([str(path) for path in paths], options, stdin_text))
        findings: list[Finding] = []
        failures: list[FileFailure] = []
        notes: list[Note] = []
        for path in paths:
            name = options.stdin_filename or "stdin.bpf.c" if stdin_text is not None else str(path)
            text = stdin_text if stdin_text is not None else path.read_text()
            if "broken" in text:
                failures.append(FileFailure(name, "'x.h' file not found", tuple(f"note {n}" for n in range(30))))
            if "limit" in text:
                notes.append(Note(name, "f", "a limit was reached"))
            for number, line in enumerate(text.splitlines(), 1):
                for severity in Severity:
                    if str(severity) in line:
                        span = Span(name, number, 1, number, len(line) + 1)
                        findings.append(Finding("unreleased-reference", severity, span, f"a {severity}"))
        checked = len(paths) - len(failures)
        return FakeResult(Report(tuple(findings), tuple(notes), files=checked, programs=1), tuple(failures))


RULES = {
    name: FakeRule(name, Severity.ERROR, f"# {name}\n\nThe page of {name}.\n")
    for name in ("unchecked-null", "unreleased-reference", "use-after-release")
}


def install(monkeypatch: pytest.MonkeyPatch) -> FakeLinter:
    """Put the fake in the linter's place, under the names that the command line imports."""
    fake = FakeLinter()
    rule = types.ModuleType("kfuncgen.lint.rule")
    rule.catalogue = lambda: RULES  # type: ignore[attr-defined]
    rule.classify_message = lambda text: (  # type: ignore[attr-defined]
        "unreleased-reference" if text.startswith("Unreleased reference") else ""
    )
    names = types.ModuleType("kfuncgen.lint.rulenames")
    names.rule_names = lambda: tuple(RULES)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kfuncgen.lint.rulenames", names)
    monkeypatch.setitem(sys.modules, "kfuncgen.lint.rule", rule)
    monkeypatch.setattr(kfuncgen.lint, "rule", rule, raising=False)
    monkeypatch.setattr(kfuncgen.lint, "check_paths", fake, raising=False)
    monkeypatch.setattr(kfuncgen.lint, "LintOptions", FakeOptions, raising=False)
    return fake
