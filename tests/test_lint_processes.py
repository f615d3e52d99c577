"""Sources in processes of their own: the same answers, and no crash, hang or greed takes the others along."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kfuncgen import cli
from kfuncgen.lint import LintOptions, batch, check, check_paths, processes
from kfuncgen.lint.batch import Effort
from kfuncgen.spec.cached import load_specs

CASES = Path(__file__).parent / "cases"


@pytest.fixture
def options() -> LintOptions:
    specs = load_specs(())
    return LintOptions(kernels=(specs.newest,), specs=specs)


def test_several_processes_find_the_same(options: LintOptions) -> None:
    paths = [*sorted(CASES.glob("*.bpf.c"))[:8], Path("missing.bpf.c")]
    one_by_one = batch.check_paths(paths, options)
    assert one_by_one.report.findings and one_by_one.failures
    for jobs in (1, 2, 3, -1):
        assert batch.check_paths(paths, options, effort=Effort(jobs)) == one_by_one


def test_progress_is_told(options: LintOptions) -> None:
    paths = sorted(CASES.glob("x*.bpf.c"))
    for jobs in (0, 2):
        told: list[tuple[int, int]] = []
        check_paths(paths, options, jobs=jobs, progress=lambda done, total, told=told: told.append((done, total)))
        assert told == [(number, len(paths)) for number in range(1, len(paths) + 1)]


def crash() -> None:
    faulthandler.disable()  # pytest's, which would tell of it at length
    ctypes.string_at(0)


def vanish() -> None:
    os._exit(7)


def hang() -> None:
    time.sleep(600)


def eat() -> None:
    held = []
    while True:
        held.append(bytearray(256 << 20))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (crash, "crashed (signal SIGSEGV"),
        (vanish, "crashed (status 7"),
        (hang, "longer than 1 second"),
        (eat, "ran out of memory"),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_source_that_breaks_the_linter_is_lost_alone(
    how: Callable[[], None],
    told: str,
    jobs: int,
    tmp_path: Path,
    options: LintOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = check.check_data

    def breaking(path: Path, *rest: object) -> object:
        if "bad" in path.name:
            how()
        return real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(check, "check_data", breaking)
    monkeypatch.setattr(processes.answers, "__defaults__", (1.0 if how is hang else 30.0,))
    monkeypatch.setattr(processes, "MEMORY_BYTES", 2 << 30)
    names = ["a", "bad1", "b", "bad2", "c", "d"]
    paths = [tmp_path / f"{name}.bpf.c" for name in names]
    for path in paths:
        path.write_text("int x;\n")
    result = batch.check_paths(paths, options, effort=Effort(jobs))
    assert result.report.files == 4
    assert [Path(failure.file).name for failure in result.failures] == ["bad1.bpf.c", "bad2.bpf.c"]
    assert all(told in failure.error for failure in result.failures), result.failures


def test_the_command_line_survives_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.bpf.c").write_text("int x;\n")
    monkeypatch.setattr(check, "check_data", lambda *_: crash())
    assert cli.main(["lint", "a.bpf.c"]) == 3
    out, err = capsys.readouterr()
    assert err.startswith("kfuncgen: error: a.bpf.c: the linter crashed (signal SIGSEGV; a bug in")
    assert err.count("\n") == 1
    assert "1 file" in out


def test_a_mistake_that_is_about_no_source_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.bpf.c").write_text("int x;\n")
    Path("compile_commands.json").write_text("{")
    assert cli.main(["lint", "a.bpf.c"]) == 2
    assert "compile_commands.json:1:2: not valid JSON" in capsys.readouterr().err


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    """A run that is killed leaves no process behind."""
    import subprocess

    code = (
        "import os, sys, time\n"
        "from kfuncgen.lint import processes\n"
        "def ask(n):\n"
        "    open(f'{sys.argv[1]}/{n}', 'w').write(str(os.getpid()))\n"
        "    time.sleep(1 if n < 2 else 0)\n"
        "for _ in processes.answers(range(100), ask, 2): pass\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    deadline = time.monotonic() + 20
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = [int(file.read_text() or 0) for file in tmp_path.iterdir()]
    run.kill()
    run.wait()
    assert len(workers) == 2
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(worker) for worker in workers)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_that_is_left_with_much_memory_is_replaced(
    tmp_path: Path, options: LintOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libclang frees nothing of a source at which it gave up."""
    real, kept = check.check_data, []

    def greedy(path: Path, *rest: object) -> object:
        if "bad" in path.name:
            kept.append(bytearray(1200 << 20))
        return real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(check, "check_data", greedy)
    monkeypatch.setattr(processes, "MEMORY_BYTES", 2 << 30)
    paths = [tmp_path / f"bad{number}.bpf.c" for number in range(4)]
    for path in paths:
        path.write_text("int x;\n")
    result = batch.check_paths(paths, options, effort=Effort(1))
    assert (result.report.files, result.failures) == (4, ())


def test_parsing_begins_ahead_of_the_imports(tmp_path: Path, options: LintOptions) -> None:
    """In a process that has not loaded the linter yet: the same answer, and errors, as in one that has."""
    import subprocess

    good = next(file for file in sorted(CASES.glob("*.bpf.c")) if "// error:" in file.read_text("utf-8"))
    bad = tmp_path / "bad.bpf.c"
    bad.write_text("int x\n")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from kfuncgen.lint import LintOptions, batch\n"
        "from kfuncgen.spec.cached import load_specs\n"
        "specs = load_specs(())\n"
        "options = LintOptions(kernels=(specs.newest,), specs=specs)\n"
        "assert 'kfuncgen.lint.check' not in sys.modules\n"
        "print(batch.check_paths([Path(sys.argv[1])], options))\n"
        "assert 'kfuncgen.lint.ahead' in sys.modules\n"
    )
    for file in (good, bad):
        told = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
        assert told.stdout == f"{batch.check_paths([file], options)}\n"


def test_what_was_parsed_ahead_is_for_that_source_alone(tmp_path: Path) -> None:
    from kfuncgen.diagnostic import SourceError
    from kfuncgen.lint.ahead import Ahead
    from kfuncgen.lint.parse_headers import Headers

    one, other, wrong = (tmp_path / f"{name}.bpf.c" for name in ("one", "other", "wrong"))
    one.write_text("int x;\n")
    other.write_text("int y;\n")
    wrong.write_text("int z\n")
    ahead = Ahead(Headers(tmp_path), one, ["--target=bpf"], {})
    assert ahead.parse(other, ["--target=bpf"], None, {}).file == str(other)
    assert ahead.parse(one, ["--target=bpf"], None, {}).file == str(one)
    ahead = Ahead(Headers(tmp_path), one, ["--target=bpf"], {})
    assert ahead.parse(one, ["--target=bpf"], None, {}).file == str(one)
    with pytest.raises(SourceError, match="expected ';'"):
        Ahead(Headers(tmp_path), wrong, ["--target=bpf"], {}).parse(wrong, ["--target=bpf"], None, {})
