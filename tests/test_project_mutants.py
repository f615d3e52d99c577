"""The generated project as a touchstone: take out any single check or release, and the linter says where.

That the kernel refuses the same programs is tested in test_template_xdp_xfrm.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kfuncgen.diagnostic import Finding, Severity
from kfuncgen.generate import render_project
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin

CHECK = re.compile(r"\n(\t+)if \(!(value|ip|eth|vlan|esp|state)\)\n\t+return [^;]+;")
RELEASE = "\tbpf_xdp_xfrm_state_release(state);\n"
FILES = {path: file.text for path, file in render_project("xdp-xfrm", {}, load_builtin()).items()}
SOURCE = FILES["src/xdp_xfrm.bpf.c"]
CHECKS = list(CHECK.finditer(SOURCE))


def lint(folder: Path, source: str) -> tuple[Finding, ...]:
    """Findings for `source` in place of the project's BPF program."""
    for name in ("kfuncs.gen.h", "xdp_xfrm.h"):
        (folder / name).write_text(FILES[f"src/{name}"])
    (folder / "vmlinux.h").write_text(FILES["src/vmlinux.min.h"])
    file = folder / "xdp_xfrm.bpf.c"
    file.write_text(source)
    specs = load_builtin()
    result = check_paths([file], LintOptions((specs.newest,), specs))
    assert not result.failures
    return result.report.findings


def line_of(source: str, text: str, after: int = 0) -> int:
    """1-based line of the first `text` behind position `after`."""
    return source.count("\n", 0, source.index(text, after)) + 1


def test_project_as_generated_is_clean(tmp_path: Path) -> None:
    assert lint(tmp_path, SOURCE) == ()


def test_every_check_of_the_program_is_tried() -> None:
    assert [match[2] for match in CHECKS] == ["value", "ip", "ip", "eth", "vlan", "esp", "state"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda m: f"{m[2]}-{SOURCE.count(chr(10), 0, m.start())}")
def test_deleted_check_is_found_where_the_pointer_is_used(check: re.Match[str], tmp_path: Path) -> None:
    source = SOURCE[: check.start()] + SOURCE[check.end() :]
    findings = [f for f in lint(tmp_path, source) if f.severity is Severity.ERROR]
    name = check[2]
    # The state is handed on: its first use is in take_snapshot(), which stands above.
    used = {"value": "*value", "state": "state->"}.get(name, f"{name}->")
    start = source.index("void take_snapshot(") if name == "state" else check.start()
    assert [(f.rule, f.span.line) for f in findings] == [("unchecked-null", line_of(source, used, start))]
    assert f"'{name}'" in findings[0].message


def test_deleted_release_is_found_at_the_return_that_loses_the_state(tmp_path: Path) -> None:
    source = SOURCE.replace(RELEASE, "")
    (finding,) = lint(tmp_path, source)
    assert finding.rule == "unreleased-reference"
    assert finding.kfunc == "bpf_xdp_get_xfrm_state"
    acquired = line_of(source, "bpf_xdp_get_xfrm_state(ctx")
    assert finding.path[0].span.line == acquired
    assert finding.span.line == line_of(source, "return XDP_PASS;", source.index("count(inspect(ctx));"))


def test_second_release_is_found_where_it_stands(tmp_path: Path) -> None:
    source = SOURCE.replace(RELEASE, RELEASE * 2)
    (finding,) = lint(tmp_path, source)
    assert (finding.rule, finding.span.line) == ("double-release", line_of(source, RELEASE) + 1)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("BPF_XFRM_STATE_OPTS_SZ)", "sizeof(opts) - 4)", "wrong-opts-size"),
        ("BPF_XFRM_STATE_OPTS_SZ)", "sizeof(&opts))", "wrong-opts-size"),
        ("\topts.family = key.family;\n", "", "unset-opts-field"),
        ("\topts.netns_id = BPF_F_CURRENT_NETNS;\n", "", "unset-opts-field"),
        ("opts.netns_id = BPF_F_CURRENT_NETNS", "opts.netns_id = -2", "opts-out-of-range"),
        ("lookup_failed(opts.error)", "COUNTER_OTHER", "ignored-opts-error"),
    ],
)
def test_broken_options_are_found_at_the_call(old: str, new: str, rule: str, tmp_path: Path) -> None:
    assert old in SOURCE
    source = SOURCE.replace(old, new)
    (finding,) = lint(tmp_path, source)
    assert (finding.rule, finding.severity) == (rule, Severity.WARNING)
    assert finding.span.line == line_of(source, "bpf_xdp_get_xfrm_state(ctx")
