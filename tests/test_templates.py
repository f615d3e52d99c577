"""Every project template: its golden files, and what compiler, linter and kernel say of the project it makes.

A template needs no registration here: whatever `templates()` finds is tested. Tests of one template alone are in
test_template_<name>.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from generate_support import GOLDEN, bpftool, check_golden, make

from kfuncgen import cli
from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import render_project, templates, write_project
from kfuncgen.generate.resources import MARK
from kfuncgen.spec.load import load_builtin

NAMES = [template.name for template in templates()]
STRICT = ("CFLAGS=-O2 -g -Werror", "BPF_CFLAGS=-O2 -g -Werror")
MINIMAL = "src/vmlinux.min.h"
"""What stands in for vmlinux.h; `program` cannot have it, as nobody knows which types its author will use."""
NO_LINT = "KFUNCGEN="
"""Lint has a test of its own here, in this process."""


ATTACHED = ("--interface", "lo", "--duration", "1")
LOADER_ARGUMENTS = {
    "iter-tasks": ("--list", "sleeping", "--threads"),
    "cpumask": ("--cpus", "0"),
    "task-kptr": ("--pid", str(os.getpid())),
    "xdp-xfrm-rss": (*ATTACHED, "--mode", "skb"),  # there is no native XDP on the loopback interface
    "crypto": (*ATTACHED, "--port", "4433", "--key", "0" * 32),
}
"""What the loaders need to print a report; those that attach do so in a network namespace of their own."""


def loader_reports(loader: Path, *arguments: str) -> list[dict[str, object]]:
    """The lines that a loader prints with --json: each has to be one JSON object."""
    command = [
        "unshare",
        "--net",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "sh",
        str(loader),
        "--json",
        *arguments,
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    reports = [json.loads(line) for line in run.stdout.splitlines()]
    assert reports, "no report"
    return reports


def program(name: str) -> str:
    """The default name of the program of template `name`."""
    return name.replace("-", "_")


@pytest.mark.parametrize("name", NAMES)
def test_files_are_the_golden_ones(name: str) -> None:
    files = render_project(name, {}, load_builtin())
    for path, file in files.items():
        check_golden(f"{name}/{path}", file.text)
    golden = {str(p.relative_to(GOLDEN / name)) for p in (GOLDEN / name).rglob("*") if p.is_file()}
    assert golden == set(files)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_written_as_by_hand(name: str) -> None:
    for path, file in render_project(name, {"author": "A. Author"}, load_builtin()).items():
        assert MARK in file.text[:512], path
        assert f"Remake: kfuncgen new {name} . --set 'author=A. Author'" in file.text[:512], path
        assert not re.search(r"[ \t]$", file.text, re.MULTILINE), f"{path}: blanks at the end of a line"
        if path.endswith(".bpf.c"):
            wide = [line for line in file.text.splitlines()[2:] if len(line.expandtabs(8)) > 100]
            assert not wide, wide
        assert "\n\n\n" not in file.text, f"{path}: two empty lines"
        assert file.text.endswith("\n") and not file.text.endswith("\n\n"), path
        assert not re.search(r"\n\n\}|\{\n\n(?!/|#)", file.text) or not path.endswith(".c"), (
            f"{path}: loose braces"
        )


@pytest.mark.parametrize("name", NAMES)
def test_name_is_used_for_files_and_program(name: str) -> None:
    files = render_project(name, {"name": "my-own"}, load_builtin())
    assert {"src/my_own.bpf.c", "src/my_own.c", "tests/test_my_own.c"} <= set(files)
    default = render_project(name, {}, load_builtin())
    assert program(name) in default["src/" + program(name) + ".c"].text


@pytest.mark.parametrize("name", NAMES)
def test_project_lints_clean_on_every_kernel_it_names(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = render_project(name, {}, load_builtin())
    write_project(files, tmp_path)
    if MINIMAL in files:  # else the linter takes the header that it brings along
        (tmp_path / "src/vmlinux.h").write_text(files[MINIMAL].text)
    status = cli.main(["lint", str(tmp_path)])
    told = capsys.readouterr()
    assert (status, told.err) == (0, ""), told.out + told.err
    assert "not fully checked" not in told.out, told.out


@pytest.mark.kernel
@pytest.mark.parametrize("name", NAMES)
def test_project_builds_loads_and_passes_its_tests(name: str, tmp_path: Path) -> None:
    files = render_project(name, {"name": "my-own"}, load_builtin())
    write_project(files, tmp_path)
    without = ("NO_BTF=1", "BPFTOOL=") if MINIMAL in files else ()
    done = make(tmp_path, "all", "verify", "test", "compdb", NO_LINT, *without, *STRICT)
    assert "accepted by this kernel" in done.stdout
    assert re.search(r"^[1-9]\d* tests, 0 failed$", done.stdout, re.MULTILINE), done.stdout
    assert "not ok" not in done.stdout, done.stdout
    # Real IPsec needs a kernel with ESP; `make test-vm` brings one.
    skipped = [line for line in done.stdout.splitlines() if line.startswith("skipped: ")]
    assert [line for line in skipped if not line.startswith("skipped: this kernel has no ESP")] == [], done.stdout
    for arguments, status, words in (
        (["--help"], 0, "Usage: my_own"),
        (["--version"], 0, "my_own 0.1.0"),
        (["--bogus"], 2, "Usage:"),
        (["--probe", "more"], 2, "unexpected argument 'more'"),
        (["--probe", "--duration", "-1"], 2, "bad time '-1'"),
    ):
        run = subprocess.run(
            [str(tmp_path / "build/my_own"), *arguments], capture_output=True, text=True, check=False, timeout=20
        )
        assert run.returncode == status and words in run.stdout + run.stderr, arguments
    if name != "program":
        reports = loader_reports(tmp_path / "build/my_own", *LOADER_ARGUMENTS.get(name, ATTACHED))
        assert all(isinstance(report, dict) and "unsupported" in report for report in reports)
        assert all(report["unsupported"] == 0 for report in reports)


@pytest.mark.kernel
@pytest.mark.parametrize("name", NAMES)
def test_project_builds_and_loads_with_the_types_of_this_kernel(name: str, tmp_path: Path) -> None:
    if bpftool() is None:
        pytest.skip("no bpftool to make vmlinux.h with")
    write_project(render_project(name, {}, load_builtin()), tmp_path)
    done = make(tmp_path, "all", "verify", NO_LINT, *STRICT)
    assert "accepted by this kernel" in done.stdout
    assert "using src/vmlinux.min.h" not in done.stderr, done.stderr


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("kfunc", "section"),
    [("bpf_cpumask_create", "syscall"), ("bpf_iter_num_new", "tc"), ("bpf_xdp_get_xfrm_state", "xdp")],
)
def test_program_calls_what_is_asked_for(kfunc: str, section: str, tmp_path: Path) -> None:
    if bpftool() is None:
        pytest.skip("no bpftool to make vmlinux.h with")
    values = {"name": "caller", "kfunc": kfunc, "section": section}
    files = render_project("program", values, load_builtin())
    assert f'SEC("{section}")' in files["src/caller.bpf.c"].text and f"{kfunc}(" in files["src/caller.bpf.c"].text
    write_project(files, tmp_path)
    done = make(tmp_path, "all", "verify", "test", NO_LINT, *STRICT)
    assert "accepted by this kernel" in done.stdout
    assert re.search(r"^2 tests, 0 failed$", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kfunc": "bpf_no_such"}, "unknown kfunc 'bpf_no_such'"),
        ({"kfunc": "bpf_task_from_pid; x"}, "bad value for 'kfunc'"),
        ({"section": "xdp\n"}, "bad value for 'section'"),
        ({"section": "nonsense"}, "nonsense"),
        ({"kfunc": "bpf_xdp_get_xfrm_state", "section": "tc"}, "cannot be called from tc.*it can from xdp"),
    ],
)
def test_program_that_cannot_be_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        render_project("program", values, load_builtin())
