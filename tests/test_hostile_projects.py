"""Projects that mean harm, linted by the whole program: what it answers, how long it takes, and what it leaves."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import kfuncgen

SECONDS = 50
"""Answers take one or two; the rest is for slow machines."""
MEMORY = 3 << 30
"""Address space for all that the program does but for its workers, which have bounds of their own."""
HEAD = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nchar _license[] SEC("license") = "GPL";\n'
PROGRAM = """\
SEC("syscall") int p(void *ctx)
{
	struct task_struct *t = bpf_task_from_pid(1);

	if (t)
		bpf_task_release(t);
	return 0;
}
"""
CONFIG, DATABASE = "kfuncgen.toml", "compile_commands.json"


def lint(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`kfuncgen lint` in `folder`; fails when it takes too long."""
    search = str(Path(kfuncgen.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-P", "-m", "kfuncgen", "lint", *(args or ["a.bpf.c"])],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": search} | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        text=True,
        errors="surrogateescape",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def refused(run: subprocess.CompletedProcess[str], status: int, message: str) -> None:
    """One line of an error that says this."""
    assert (run.returncode, run.stdout.strip() == "" or status == 3) == (status, True), run
    assert run.stderr.startswith("kfuncgen: error: ") and run.stderr.count("\n") == 1, run.stderr
    assert message in run.stderr, run.stderr


ENTRY = '{"file": "a.bpf.c", "directory": ".", '


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (CONFIG, "a." * 400_000 + "b = 1\n", "kfuncgen.toml:1:1: A key has too many parts"),
        ("pyproject.toml", "[tool.kfuncgen]\n" + "a." * 400_000 + "b = 1\n", "toml:2:1: A key has too many parts"),
        (CONFIG, "a = " + "1" * 5000, "a number has too many digits"),
        (CONFIG, "a = " + "[" * 100_000, "nested too deeply"),
        (CONFIG, "#" * (2 << 20), "larger than 1048576 bytes"),
        (DATABASE, "[" * 40_000_000, "has more than 1000000 lists and objects"),
        (DATABASE, "[" + "[]," * 15_000_000 + "[]]", "has more than 1000000 lists and objects"),
        (DATABASE, "[" + " " * (65 << 20) + "]", "larger than 65536 KiB"),
        (DATABASE, f'[{ENTRY}"command": "clang {"a" * 30_000_000}"}}]', "has more than 131072 characters"),
        (DATABASE, '[{"file": "a.bpf.c", "directory": "\\ud800", "command": "cc"}]', "to be valid Unicode"),
        (DATABASE, '[{"file": "a.bpf.c", "directory": "' + "1" * 9 + '", "command": ' + "1" * 9000, "numbers too"),
        (".clangd", "a: &a {k: v}\nb: {<<: [*a, *a, *a, *a]}\n", ".clangd:1:4: not valid YAML: anchors"),
        (".clangd", "CompileFlags: {Add: !!python/object/apply:os.system [id]}", "tags are not accepted"),
        (".clangd", "[" * 500_000, "nested too deeply"),
        (".clangd", "- " * 500_000, "nested too deeply"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)  # fmt: skip
def test_monsters_of_files_are_refused_in_one_line(file: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text("int x;\n")
    (tmp_path / file).write_text(text)
    refused(lint(tmp_path), 2, message)


@pytest.mark.parametrize(
    "value",
    ['baseline = "p"', 'baseline = "/dev/zero"', 'kernels = "p.json"', 'spec-paths = ["p"]',
     'spec-paths = ["/dev/zero"]', 'spec-paths = ["/dev/stdin"]', 'spec-paths = ["s"]'],
)  # fmt: skip
def test_no_configuration_makes_it_wait_or_read_for_ever(value: str, tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text("int x;\n")
    (tmp_path / "s").mkdir()
    for pipe in ("p", "p.json", "s/p.yaml"):
        os.mkfifo(tmp_path / pipe)
    (tmp_path / CONFIG).write_text(value + "\n")
    refused(lint(tmp_path), 2, "")


def test_flags_that_name_pipes_and_devices_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text("int x;\n")
    os.mkfifo(tmp_path / "p")
    flags = ["-include", "p", "-include", "/dev/stdin", "-imacros", "/dev/zero", "-I", "p", "-I", "/dev/zero"]
    (tmp_path / "compile_flags.txt").write_text("\n".join(flags))
    run = lint(tmp_path)
    assert (run.returncode, run.stderr) == (0, "")


def test_many_entries_for_one_source(tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text("int x;\n")
    same = {"file": "a.bpf.c", "directory": ".", "command": "cc " + "-DX " * 30_000}
    others = [{"file": "a.bpf.c", "directory": f"x{n}", "command": "cc"} for n in range(90_000)]
    (tmp_path / DATABASE).write_text(json.dumps([same] * 100 + others))
    assert lint(tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('#include "far/h.h"\n', "waited in vain for a file"),
        ('#include "/dev/zero"\n', "libclang gave up: a crash, too little memory"),
        ('#include "/etc"\n', "'/etc' file not found"),
        ('#include "a.bpf.c"\n#include "a.bpf.c"\n', "#include nested too deeply"),
        ('#embed "/dev/zero"\n', "invalid preprocessing directive"),
        ("#pragma clang __debug crash\n", "libclang gave up: a crash"),
        ("#pragma clang __debug llvm_fatal_error\n", "libclang gave up: a crash"),
        (f"{HEAD}int {'*' * 20_000}x;\n{PROGRAM}", "something in it is nested too deeply"),
        ("int f(int x) { return x" + "+1" * 200_000 + "; }\n", "the linter crashed (signal SIGSEGV"),
        ("int a[3000000000][3000000000];\n", "array is too large"),
    ],
    ids=["pipe", "zero", "folder", "itself", "embed", "crash", "fatal", "stars", "sum", "array"],
)
def test_sources_that_crash_hang_or_eat_cost_themselves_only(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text(source)
    (tmp_path / "b.bpf.c").write_text("int x;\n")
    os.mkfifo(tmp_path / "p")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "h.h").write_text('#include "../p"\n')
    before = sorted(tmp_path.rglob("*"))
    run = lint(tmp_path, "--jobs", "1", ".", TMPDIR=str(tmp_path))
    assert message in run.stderr
    assert "\nno findings in 1 of 2 files" in f"\n{run.stdout}", run
    assert run.returncode == 3
    assert all(line.startswith(("kfuncgen: error: ", "  ")) for line in run.stderr.splitlines()), run.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_source_reads_no_input_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text('#include "/dev/stdin"\nint x;\n')
    search = str(Path(kfuncgen.__file__).parents[1])
    command = [sys.executable, "-P", "-m", "kfuncgen", "lint", "a.bpf.c"]
    read, write = os.pipe()  # which stays open, as a terminal does
    try:
        run = subprocess.run(
            command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": search}, stdin=read, timeout=SECONDS
        )
    finally:
        os.close(read)
        os.close(write)
    assert run.returncode == 0


def test_a_source_writes_nothing_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text(
        "#define SEEN 1\n#pragma clang __debug macro SEEN\nint x;\n#pragma clang __debug dump x\n"
    )
    run = lint(tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "SEEN" not in run.stdout


def test_folders_whose_names_are_not_utf8(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff")
    odd.mkdir()
    (odd / "a.bpf.c").write_text("int x;\n")
    refused(lint(odd), 3, "a.bpf.c: its path is not UTF-8, and libclang opens no other files")
    assert lint(odd, "-", "--stdin-filename", "a.bpf.c").returncode == 3
    (tmp_path / "a.bpf.c").write_text("int x;\n")
    assert lint(tmp_path, XDG_CACHE_HOME=str(odd)).returncode == 0
    refused(lint(tmp_path, "a.bpf.c", "--", "-I", str(odd)), 3, "is not UTF-8, and libclang takes no other")


@pytest.mark.parametrize("kind", ["file", "dangling", "loop", "/proc/self", "/dev/null", "/" + "n" * 4000])
def test_places_that_take_no_cache(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text("int x;\n")
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to("nowhere/at/all")
    (tmp_path / "loop").symlink_to("loop")
    for _ in range(2):
        run = lint(tmp_path, XDG_CACHE_HOME=str(tmp_path / kind))
        assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "file").read_text() == ""
    assert not (tmp_path / "nowhere").exists()
