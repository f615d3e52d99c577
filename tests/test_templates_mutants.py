"""The programs of all templates as touchstones: each NULL check and each release bears weight.

Every mutant, a program with one check or one release taken out, gets the same verdict from the kernel and from the
linter. What templates share is tried once, in the first template that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from kernel import verdicts

from kfuncgen.diagnostic import Severity
from kfuncgen.generate import GeneratedFile, render_project, templates
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin
from kfuncgen.toolchain.clang import compile_bpf

OWN_TESTS = ("program", "xdp-xfrm")
"""`program` is what gen program makes; test_project_mutants.py is about xdp-xfrm."""
NAMES = [template.name for template in templates() if template.name not in OWN_TESTS]
CHECK = re.compile(r"\n\t+if \(!\w+\)\n\t+return [^;]+;")
RELEASE = re.compile(r"\n\t+\w+(?:_release|_destroy|_unlock|_drop_impl)\([^;\n]*\);(?=\n\t*(?!\}?else)\S)")
AROUND = 300
"""Characters after a mutation by which the same place in two programs is recognised."""


@cache
def project(name: str) -> dict[str, GeneratedFile]:
    return render_project(name, {}, load_builtin())


def source(name: str) -> str:
    return project(name)[f"src/{name.replace('-', '_')}.bpf.c"].text


def mutants(name: str) -> Iterator[tuple[str, str]]:
    """(what is taken out, the program without it), but for what an earlier template tries."""
    text = source(name)
    before = [source(other) for other in NAMES if other < name]
    for match in sorted([*CHECK.finditer(text), *RELEASE.finditer(text)], key=lambda match: match.start()):
        around = text[match.start() : match.end() + AROUND]
        head = text[: match.start()].rpartition("\n")[2]
        if re.fullmatch(r"\t+if \([^\n]*\)", head) and "return" not in match[0]:
            continue  # the statement of an `if`: nothing would be left
        if not any(around in other for other in before):
            line = text.count("\n", 0, match.start()) + 2
            yield f"line {line}: {match[0].strip()}", text[: match.start()] + text[match.end() :]


@pytest.mark.kernel
@pytest.mark.parametrize("name", NAMES)
def test_kernel_and_linter_agree_on_every_mutant(name: str, tmp_path: Path) -> None:
    specs = load_builtin()
    for path, file in project(name).items():
        if path.startswith("src/") and path.endswith(".h"):
            (tmp_path / Path(path).name.replace("vmlinux.min.h", "vmlinux.h")).write_text(file.text)
    refused, number, disagreements = 0, 0, []
    for number, (what, text) in enumerate([("nothing", source(name)), *mutants(name)]):
        file = tmp_path / f"mutant{number}.bpf.c"
        file.write_text(text)
        target = file.with_suffix(".o")
        compile_bpf(file, target, ("-target", "bpf", "-mcpu=v3", f"-I{tmp_path}"))
        kernel = {v.verdict for v in verdicts(target).values()} == {"accepted"}
        report = check_paths([file], LintOptions((specs.newest,), specs)).report
        linter = not any(finding.severity is Severity.ERROR for finding in report.findings)
        assert number or (kernel and linter), "the program itself"
        refused += not kernel
        if kernel != linter:
            told = [(f.rule, f.span.line) for f in report.findings]
            disagreements.append(f"without {what}: kernel {'accepts' if kernel else 'refuses'}, linter {told}")
    assert not disagreements
    assert refused >= number // 2, "checks and releases that nobody needs"


def test_many_mutants_are_tried() -> None:
    assert sum(1 for name in NAMES for _ in mutants(name)) > 40
