"""Specs from the cache: the same as from their files, never out of date, and a broken cache does no harm."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kfuncgen.diagnostic import SpecError
from kfuncgen.records import Struct, field_names
from kfuncgen.spec import cached, load, store
from kfuncgen.spec.model import SpecSet
from kfuncgen.spec.store import decode, encode

OWN = """\
family: own
hooks: [XDP]
since: "6.8"
kfuncs:
  own_ready:
    prototype: int own_ready(u32 id)
    flags: [KF_RCU]
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kfuncgen"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own.yaml").write_text(OWN)
    return folder


@pytest.fixture
def from_files(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows whenever specs are read from their files."""
    calls: list[object] = []
    original = load.load_specs

    def load_specs(extra: Any = ()) -> SpecSet:
        calls.append(extra)
        return original(extra)

    monkeypatch.setattr(load, "load_specs", load_specs)
    monkeypatch.setattr(load, "load_builtin", load_specs)
    return calls


def kind_of(value: object) -> type:
    """The type of a value; those that come from the store may be of types that make their parts when asked."""
    return next(kind for kind in (str, Mapping, Sequence, type(value)) if isinstance(value, kind))


def alike(one: Any, two: Any, path: str = "specs") -> None:
    """Both are of the same types and values, all the way down."""
    assert kind_of(one) is kind_of(two), path
    if isinstance(one, Struct):
        for name in field_names(one):
            alike(getattr(one, name), getattr(two, name), f"{path}.{name}")
    elif isinstance(one, Mapping):
        assert list(one) == list(two), path
        for key in one:
            alike(one[key], two[key], f"{path}[{key}]")
    elif isinstance(one, Sequence) and not isinstance(one, str):
        assert len(one) == len(two), path
        for index, (first, second) in enumerate(zip(one, two, strict=True)):
            alike(first, second, f"{path}[{index}]")
    else:
        assert one == two, path


def test_what_is_stored_comes_back_whole() -> None:
    specs = load.load_builtin()
    again = decode(encode(specs))
    alike(specs, again)
    assert again.families[0].functions[0] is again.functions[again.families[0].functions[0].name]
    assert encode(again) == encode(specs)


def test_the_second_load_reads_no_spec(cache: Path, from_files: list[object]) -> None:
    first, second = cached.load_specs(), cached.load_specs()
    assert len(from_files) == 1
    alike(first, second)
    assert len(list(cache.iterdir())) == 1


def test_an_edit_is_seen_at_once(cache: Path, own: Path, from_files: list[object]) -> None:
    def flags() -> tuple[str, ...]:
        return cached.load_specs([own]).functions["own_ready"].flags

    assert (flags(), flags()) == (("KF_RCU",), ("KF_RCU",))
    file = own / "own.yaml"
    status = file.stat()
    file.write_text(OWN.replace("KF_RCU", "KF_FOO").replace("KF_FOO", "KF_ARENA_RET"))
    assert flags() == ("KF_ARENA_RET",)
    file.write_text(OWN)
    assert (file.stat().st_size, flags()) == (status.st_size, ("KF_RCU",)), "the first one is still stored"
    assert len(from_files) == 2
    (own / "second.yml").write_text(OWN.replace("own", "other"))
    assert "other_ready" in cached.load_specs([own]).functions
    assert "own_ready" not in cached.load_specs().functions


def test_what_a_wheel_brings_is_used_without_a_cache(
    cache: Path, own: Path, from_files: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "SHIPPED", tmp_path / "shipped")
    cached.write_shipped(tmp_path / "shipped")
    del from_files[:]
    alike(cached.load_specs(), load.load_builtin())
    assert len(from_files) == 1, "by this test alone"
    assert not cache.exists()
    assert "own_ready" in cached.load_specs([own]).functions


@pytest.mark.parametrize("damage", ["gone", "short", "other bytes", "of another version"])
def test_what_a_wheel_brings_is_of_no_use_when_it_is_not_of_these_specs(
    damage: str, cache: Path, from_files: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(cached, "SHIPPED", shipped)
    with monkeypatch.context() as patch:
        if damage == "of another version":
            patch.setattr(cached, "__version__", "0.0.1")
        cached.write_shipped(shipped)
    data = shipped.read_bytes()
    if damage == "gone":
        shipped.unlink()
    elif damage == "short":
        shipped.write_bytes(data[:-1])
    elif damage == "other bytes":
        shipped.write_bytes(data.replace(b"bpf_task_release", b"bpf_task_relaese"))
    del from_files[:]
    specs = cached.load_specs()
    assert len(from_files) == 1
    assert "bpf_task_release" in specs.functions


def test_an_edit_of_what_is_built_in_is_seen_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "kfuncgen"
    for part in ("spec", "specs"):
        shutil.copytree(Path(cached.__file__).parents[1] / part, package / part, symlinks=False)
    monkeypatch.setattr(cached, "_PACKAGE", package)
    layout = store.layout()
    before = cached._key((), layout)
    assert before == cached._key((), layout) != ""
    for file in (package / "specs" / "task.yaml", package / "spec" / "words.py"):
        text = file.read_text("utf-8")
        os.utime(file)
        assert cached._key((), layout) == before, "where and when is all the same"
        file.write_text(text.replace("e", "a", 1), "utf-8")
        assert cached._key((), layout) != before
        file.write_text(text, "utf-8")


def test_mistakes_are_told_each_time(cache: Path, own: Path) -> None:
    (own / "own.yaml").write_text(OWN.replace("KF_RCU", "KF_RCUU"))
    for _ in range(2):
        with pytest.raises(SpecError, match="unknown flag 'KF_RCUU'"):
            cached.load_specs([own])
    with pytest.raises(SpecError, match="missing"):
        cached.load_specs([own / "none.yaml"])
    assert not cache.exists()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"x" * 20,
        hashlib.sha256(b"[]").digest() + b"[]",
        hashlib.sha256(b"{").digest() + b"{",
        *(hashlib.sha256(data).digest() + data for data in (b"[[0,1]]", b'[["x"]]', b"[[9999,0]]", b"[1,[3,0]]")),
        hashlib.sha256(b"[" * 100_000).digest() + b"[" * 100_000,
        hashlib.sha256(b"[" + b"0," * 9 + b"[2,0]]").digest() + b"[" + b"0," * 9 + b"[2,0]]",
    ],
)
def test_a_damaged_cache_is_made_again(damage: bytes, cache: Path, own: Path, from_files: list[object]) -> None:
    cached.load_specs([own])
    (stored,) = cache.iterdir()
    whole = stored.read_bytes()
    stored.write_bytes(damage)
    assert "own_ready" in cached.load_specs([own]).functions
    assert stored.read_bytes() == whole
    assert len(from_files) == 2


def test_one_flipped_bit_is_noticed(cache: Path, own: Path, from_files: list[object]) -> None:
    cached.load_specs([own])
    (stored,) = cache.iterdir()
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.write_bytes(bytes(data))
    cached.load_specs([own])
    assert len(from_files) == 2


def test_no_cache_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cached.load_specs().functions
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(cached, "cache_dir", lambda: None)
    assert cached.load_specs().functions


def test_a_cache_that_cannot_be_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(cached, "_write", refuse)
    assert cached.load_specs().functions
    assert not cache.exists()


def test_an_interrupted_write_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cached.load_specs()
    assert list(cache.iterdir()) == []


def test_the_cache_is_bounded(cache: Path, own: Path) -> None:
    for number in range(cached.KEPT + 3):
        (own / "own.yaml").write_text(f"{OWN}    summary: Number {number}.\n")
        cached.load_specs([own])
    assert len(list(cache.iterdir())) == cached.KEPT
