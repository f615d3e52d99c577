"""The cache as a whole: damaged, shared, full, read-only, half-written. It costs time, never an answer."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import kfuncgen
from kfuncgen.cachedir import checksum, drop_stale, read_kept, write_kept

SECONDS = 60
ROUNDS = int(os.environ.get("KFUNCGEN_ROUNDS", "2"))
"""How often what is left to chance is tried."""
LONG_AGO = 1_500_000_000
LEAK = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "own.h"
char _license[] SEC("license") = "GPL";
SEC("syscall") int p(void *ctx)
{
	struct task_struct *t = bpf_task_from_pid(1);

	if (!t)
		return NUMBER;
	return t->pid;
}
"""
LINT = (sys.executable, "-P", "-m", "kfuncgen", "lint", "--output-format", "json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all tests: names of folders are in what is kept."""
    return tmp_path_factory.mktemp("robust")


@pytest.fixture
def project(place: Path) -> Path:
    """Two sources with a leak each, which were written some time ago, and no cache."""
    for name in ("project", "cache"):
        shutil.rmtree(place / name, ignore_errors=True)
    folder = place / "project"
    folder.mkdir()
    write(folder / "own.h", "#define NUMBER 3\n")
    for name in ("a", "b"):
        write(folder / f"{name}.bpf.c", LEAK)
    return folder


def write(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, (LONG_AGO, LONG_AGO))


def started(project: Path, cache: Path, *before: str, args: Sequence[str] = (".",)) -> subprocess.Popen[bytes]:
    """The linter of the whole project, in processes of its own."""
    search = str(Path(kfuncgen.__file__).parents[1])
    return subprocess.Popen(
        [*before, *LINT, "--jobs", "2", *args],
        cwd=project,
        env=os.environ | {"PYTHONPATH": search, "XDG_CACHE_HOME": str(cache)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def answer(run: subprocess.Popen[bytes]) -> bytes:
    """What it found; it must have nothing else to say."""
    out, err = run.communicate(timeout=SECONDS)
    assert (run.returncode, err) == (1, b""), (run.returncode, err)
    return out


@pytest.fixture
def expected(project: Path, place: Path) -> bytes:
    """The answer without a cache."""
    kept = place / "expected"
    if not kept.exists():
        (place / "no").write_text("")
        found = answer(started(project, place / "no"))
        assert found.count(b'"unreleased-reference"') == 2
        kept.write_bytes(found)
    return kept.read_bytes()


@pytest.fixture
def cache(project: Path, expected: bytes, place: Path) -> Path:
    """A cache with everything in it."""
    cache, kept = place / "cache", place / "kept"
    if not kept.exists():
        for _ in range(2):
            assert answer(started(project, cache)) == expected
            shutil.rmtree(cache / "kfuncgen" / "reports")
        assert answer(started(project, cache)) == expected
        kinds = {kind_of(file) for file in files(cache)}
        assert kinds == {"specs", "reports", ".pch", ".json", ".seen", "vmlinux.h", "checksum"}, kinds
        shutil.copytree(cache, kept)
    else:
        shutil.copytree(kept, cache)
    return cache


def files(cache: Path) -> list[Path]:
    return sorted(file for file in cache.rglob("*") if file.is_file())


def kind_of(file: Path) -> str:
    if file.parent.name in ("reports", "pch"):
        return file.suffix or file.parent.name
    return file.name.split("-")[0]


def damage(file: Path, how: str, chance: random.Random) -> None:
    """As a failing disk does it: the time of the file stays."""
    data, status = bytearray(file.read_bytes()), file.stat()
    if how == "flip" and data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif how == "zeros" and data:
        start = chance.randrange(len(data))
        data[start : start + 4096] = bytes(len(data[start : start + 4096]))
    elif how == "cut":
        del data[chance.randrange(len(data) + 1) :]
    file.write_bytes(data)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_damage_anywhere_changes_no_answer(cache: Path, project: Path, expected: bytes) -> None:
    chance = random.Random(1)
    for _ in range(ROUNDS):
        for file in files(cache):
            damage(file, chance.choice(["flip", "zeros", "cut"]), chance)
        assert answer(started(project, cache)) == expected
        # reports hide what is below them
        shutil.rmtree(cache / "kfuncgen" / "reports", ignore_errors=True)


@pytest.mark.parametrize("kind", ["vmlinux.h", "checksum", ".pch", ".json"])
def test_each_kind_alone_is_noticed(kind: str, cache: Path, project: Path, expected: bytes) -> None:
    shutil.rmtree(cache / "kfuncgen" / "reports")
    if kind in ("vmlinux.h", "checksum"):
        shutil.rmtree(cache / "kfuncgen" / "pch")
    for file in files(cache):
        if kind_of(file) == kind:
            damage(file, "flip", random.Random(kind))
    assert answer(started(project, cache)) == expected
    if kind in ("vmlinux.h", "checksum"):
        assert_whole(cache)


def assert_whole(cache: Path) -> None:
    """No half file has a name by which it would be found."""
    for file in files(cache):
        if any(part.startswith(".") for part in file.relative_to(cache).parts):
            continue
        kind = kind_of(file)
        if kind in ("specs", "reports", ".json"):
            assert read_kept(file, 1 << 30) is not None, file
        if kind == ".json":
            told = json.loads(read_kept(file, 1 << 30) or b"")
            assert checksum(file.parent / told["file"]) == told["checksum"]
        if kind == "vmlinux.h":
            assert int((file.parent / "checksum").read_text()) == checksum(file)


def test_many_at_once_share_it(project: Path, expected: bytes, place: Path) -> None:
    for _ in range((ROUNDS + 1) // 2):
        runs = [started(project, place / "cache") for _ in range(6)]
        assert {answer(run) for run in runs} == {expected}
        assert_whole(place / "cache")


def test_killed_at_any_moment(project: Path, expected: bytes, place: Path) -> None:
    cache, chance = place / "cache", random.Random(1)
    for number in range(2 * ROUNDS):
        run = started(project, cache)
        time.sleep(chance.random() * 0.9)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        if cache.exists():
            assert_whole(cache)
        if number % 4 == 3:
            assert answer(started(project, cache)) == expected
            shutil.rmtree(cache)
    assert answer(started(project, cache)) == expected


def test_what_the_killed_left_is_removed(cache: Path, project: Path, expected: bytes) -> None:
    """Whenever it was written: an hour ago, or in a time to come, when a clock was wrong."""
    base, left = cache / "kfuncgen", []
    for when, folder in ((-7200, base), (+7200, base), (-7200, base / "pch"), (+7200, base / "pch")):
        file = folder / f".half{when}"
        file.write_text("half")
        os.utime(file, (time.time() + when,) * 2)
        left.append(file)
    orphan = base / "pch" / "0123456789abcdef01234567-12.pch"
    orphan.write_text("half")
    os.utime(orphan, (time.time() - 7200,) * 2)
    staged = base / ".headers-half"
    staged.mkdir()
    (staged / "vmlinux.h").write_text("half")
    os.utime(staged, (time.time() - 7200,) * 2)
    fresh = base / ".fresh"
    fresh.write_text("somebody writes")
    for kind in ("specs-*", "headers-*", "reports"):
        for made in base.glob(kind):
            shutil.rmtree(made) if made.is_dir() else made.unlink()
    write(project / "own.h", "#define NUMBER  3\n")  # other headers are compiled, too
    for _ in range(2):
        answer(started(project, cache))
        shutil.rmtree(base / "reports")
    assert [file for file in [*left, orphan, staged] if file.exists()] == []
    assert fresh.exists()


def test_clocks_that_go_back(cache: Path, project: Path, expected: bytes, place: Path) -> None:
    """Everything was kept in a time to come; then a header is replaced by one from a backup."""
    for file in files(cache):
        os.utime(file, (time.time() + 10**6,) * 2)
    assert answer(started(project, cache)) == expected
    (project / "own.h").write_text("#define NUMBER (bpf_task_release(t), 3)\n")
    os.utime(project / "own.h", (1, 1))
    found = answer(started(project, cache))
    assert found == answer(started(project, place / "no"))
    assert found != expected


def mounted(kind: str, folder: Path) -> list[str]:
    """What a command is started with, so that `folder` is read-only, or small, for it alone; skips where that is
    impossible."""
    mount = {
        "read-only": f"mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}'",
        "full": f"mount -t tmpfs -o size=64k none '{folder}'",
        "nearly full": f"mount -t tmpfs -o size=4m none '{folder}'",
        "without files": f"mount -t tmpfs -o nr_inodes=3 none '{folder}'",
    }[kind]
    command = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    return command


@pytest.mark.parametrize("kind", ["read-only", "full", "nearly full", "without files"])
def test_disks_that_take_nothing(kind: str, project: Path, expected: bytes, place: Path) -> None:
    (place / "cache").mkdir()
    before = mounted(kind, place / "cache")
    assert answer(started(project, place / "cache", *before)) == expected


def test_a_cache_that_may_only_be_read_is_used_as_it_is(cache: Path, project: Path, expected: bytes) -> None:
    before = {file: file.stat().st_mtime_ns for file in files(cache)}
    assert answer(started(project, cache, *mounted("read-only", cache))) == expected
    shutil.rmtree(cache / "kfuncgen" / "reports")
    assert answer(started(project, cache, *mounted("read-only", cache))) == expected
    assert {file: file.stat().st_mtime_ns for file in files(cache)}.items() <= before.items()


def test_headers_of_other_versions_are_few(cache: Path, project: Path, expected: bytes) -> None:
    base = cache / "kfuncgen"
    for made in base.glob("headers-*"):
        shutil.rmtree(made)
    for number in range(6):
        (base / f"headers-{number:016x}").mkdir()
        os.utime(base / f"headers-{number:016x}", (time.time() - 1000 + number,) * 2)
    shutil.rmtree(base / "reports")
    assert answer(started(project, cache)) == expected
    names = sorted(folder.name for folder in base.glob("headers-*"))
    assert len(names) == 4 and {f"headers-{number:016x}" for number in (3, 4, 5)} <= set(names)


def test_links_in_the_cache_are_not_followed_when_it_is_cleaned(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("kept")
    (tmp_path / "cache" / ".link").symlink_to(tmp_path / "mine")
    os.utime(tmp_path / "cache" / ".link", (1, 1), follow_symlinks=False)
    drop_stale(tmp_path / "cache")
    assert (tmp_path / "mine" / "file").read_text() == "kept"
    assert not (tmp_path / "cache" / ".link").is_symlink()


def test_writes_are_whole_or_not_there(tmp_path: Path) -> None:
    """Of many writers at once, each reader sees what one of them wrote."""
    file = tmp_path / "kept"
    write_kept(file, b"0" * 100_000)
    children = []
    for number in range(1, 4):
        child = os.fork()
        if child == 0:
            for _ in range(60):
                write_kept(file, str(number).encode() * 100_000)
            os._exit(0)
        children.append(child)
    seen = [read_kept(file, 1 << 20) for _ in range(300)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert all(data is not None and len(data) == 100_000 and len(set(data)) == 1 for data in seen)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
