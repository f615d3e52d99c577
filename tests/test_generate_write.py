"""Generated files on disk: what is written, kept, refused, and that nothing leaves the destination."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import GeneratedFile, Written, write_project
from kfuncgen.generate.resources import banner, banner_lines

HEADER = banner("hash", banner_lines(("xfrm",), "kfuncgen new x .", "Do not edit."))
OURS = f"{HEADER}\nnew\n"


def actions(done: list[Written]) -> dict[str, str]:
    return {item.path: item.action for item in done}


def test_new_files_get_folders_text_and_mode(tmp_path: Path) -> None:
    files = {"a/b/run.sh": GeneratedFile("#!/bin/sh\n", 0o755), "top": GeneratedFile("é\n")}
    assert actions(write_project(files, tmp_path / "p")) == {"a/b/run.sh": "written", "top": "written"}
    script = tmp_path / "p/a/b/run.sh"
    assert script.read_text() == "#!/bin/sh\n"
    assert stat.S_IMODE(script.stat().st_mode) & 0o700 == 0o700
    assert (tmp_path / "p/top").read_bytes() == "é\n".encode()
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["p/a/b/run.sh", "p/top"]


def test_same_text_is_not_written_again(tmp_path: Path) -> None:
    files = {"f": GeneratedFile(OURS)}
    write_project(files, tmp_path)
    before = (tmp_path / "f").stat()
    assert actions(write_project(files, tmp_path)) == {"f": "unchanged"}
    after = (tmp_path / "f").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_foreign_file_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine\n")
    files = {"f": GeneratedFile(OURS, rewrite=True), "g": GeneratedFile(OURS)}
    assert actions(write_project(files, tmp_path)) == {"f": "refused", "g": "withheld"}
    assert (tmp_path / "f").read_text() == "mine\n"
    assert not (tmp_path / "g").exists(), "when one file is refused, none is written"
    assert actions(write_project(files, tmp_path, force=True)) == {"f": "written", "g": "written"}
    assert (tmp_path / "f").read_text() == OURS


def test_mark_far_down_does_not_make_a_file_ours(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine\n" * 200 + HEADER)
    assert actions(write_project({"f": GeneratedFile(OURS, rewrite=True)}, tmp_path)) == {"f": "refused"}


def test_file_edited_since_is_kept_and_ours_to_remake_is_remade(tmp_path: Path) -> None:
    for name in ("edited", "remade"):
        (tmp_path / name).write_text(f"{HEADER}\nold\n")
    files = {"edited": GeneratedFile(OURS), "remade": GeneratedFile(OURS, rewrite=True)}
    assert actions(write_project(files, tmp_path)) == {"edited": "kept", "remade": "written"}
    assert (tmp_path / "edited").read_text() == f"{HEADER}\nold\n"
    assert (tmp_path / "remade").read_text() == OURS
    assert actions(write_project(files, tmp_path, force=True))["edited"] == "written"


def test_dry_run_tells_and_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine\n")
    files = {"f": GeneratedFile(OURS), "d/g": GeneratedFile(OURS)}
    assert actions(write_project(files, tmp_path, dry_run=True)) == {"d/g": "withheld", "f": "refused"}
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert actions(write_project(files, tmp_path / "none", dry_run=True)) == {"d/g": "written", "f": "written"}
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "path",
    [
        ".git/hooks/f",
        "a/.GIT/config",
        "../f",
        "a/../../f",
        "/etc/f",
        "",
        ".",
        "a//b",
        "./f",
        "a/.",
        "..",
        "a\\..\\f",
        "f\0",
        "a/../f",
    ],
)
def test_path_that_is_not_plainly_below_is_refused_before_any_write(tmp_path: Path, path: str) -> None:
    files = {"0good": GeneratedFile("x"), path: GeneratedFile("x")}
    with pytest.raises(UsageError, match="refusing to write"):
        write_project(files, tmp_path / "p", force=True)
    assert list(tmp_path.iterdir()) == []


def test_symbolic_link_in_the_way_is_refused_before_any_write(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    dest = tmp_path / "p"
    dest.mkdir()
    (dest / "link").symlink_to(outside)
    with pytest.raises(UsageError, match="symbolic link"):
        write_project({"0good": GeneratedFile("x"), "link/f": GeneratedFile("x")}, dest, force=True)
    assert list(outside.iterdir()) == []
    assert not (dest / "0good").exists()


@pytest.mark.parametrize("target", ["outside", "missing"])
def test_symbolic_link_in_place_of_a_file_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text(f"{HEADER}\nold\n")
    dest = tmp_path / "p"
    dest.mkdir()
    (dest / "f").symlink_to(tmp_path / target)
    with pytest.raises(UsageError, match="symbolic link"):
        write_project({"f": GeneratedFile(OURS, rewrite=True)}, dest, force=True)
    assert (tmp_path / "outside").read_text() == f"{HEADER}\nold\n"
    assert not (tmp_path / "missing").exists()


def test_destination_itself_may_be_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "p").symlink_to(tmp_path / "real")
    write_project({"f": GeneratedFile("x")}, tmp_path / "p")
    assert (tmp_path / "real/f").read_text() == "x"


def test_folder_fifo_or_file_in_the_way_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("x")
    for path in ("folder", "fifo", "file/below"):
        with pytest.raises(UsageError, match=f"'{path}'|regular|folder"):
            write_project({path: GeneratedFile("x")}, tmp_path, force=True)
    with pytest.raises(UsageError, match="cannot write to"):
        write_project({"f": GeneratedFile("x")}, tmp_path / "file")


def test_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_text(f"{HEADER}\nold\n")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_project({"f": GeneratedFile(OURS, rewrite=True)}, tmp_path)
    assert (tmp_path / "f").read_text() == f"{HEADER}\nold\n"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
