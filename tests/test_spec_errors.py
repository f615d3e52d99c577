"""Wrong specs: each file of tests/spec_errors holds one mistake, the .err beside it the message users see.

A case is a YAML file whose first line says what is tried, or a folder of such files. `--update` rewrites the
messages; the diff is the review.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfuncgen.diagnostic import SpecError
from kfuncgen.spec.load import load_builtin, load_specs
from kfuncgen.spec.yamlsrc import MAX_BYTES, MAX_NODES, parse_yaml

FOLDER = Path(__file__).parent / "spec_errors"
CASES = sorted(p.name for p in FOLDER.iterdir() if p.suffix == ".yaml" or p.is_dir())


@pytest.mark.parametrize("case", CASES)
def test_wrong_spec_is_refused_with_its_message(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    path = Path(case)
    with pytest.raises(SpecError) as caught:
        load_specs([path])
    error = caught.value
    golden = path.with_suffix(".err")
    if os.environ.get("KFUNCGEN_UPDATE") == "1":
        golden.write_text(f"{error}\n")
    assert f"{error}\n" == golden.read_text()
    assert error.exit_code == 2
    assert error.place is not None
    assert error.place.line > 0 or case == "empty.yaml"
    assert "\n" not in str(error)
    assert error.place.file.startswith(case)


def test_each_case_has_its_message_and_each_message_its_case() -> None:
    assert len(CASES) >= 25
    messages = {p.stem for p in FOLDER.glob("*.err")}
    assert messages == {Path(case).stem for case in CASES}


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.yaml")), ids=lambda p: p.name)
def test_first_line_says_what_is_tried(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    assert first.startswith("# ") and first.endswith(".")


def refused(data: bytes) -> str:
    with pytest.raises(SpecError) as caught:
        parse_yaml(data, "x.yaml")
    return str(caught.value)


def test_huge_file_is_refused_before_it_is_parsed() -> None:
    assert refused(b"#" * (MAX_BYTES + 1)) == f"x.yaml: spec is too large, expected at most {MAX_BYTES} bytes"


def test_file_with_too_many_elements_is_refused() -> None:
    assert "too many elements" in refused(b"family: [" + b"a," * MAX_NODES + b"]")


def test_deep_file_is_refused_without_recursion() -> None:
    assert "nested too deeply" in refused(b"[" * 200_000)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\x7fELF\x02\x01\x01\x00\x00", "1:1"),
        (b"family: demo\n\x00", "2:1"),
        (b"family: caf\xe9\n", "1:12"),
        ("family: a\u2028b\n".encode(), "1:10"),
        (b"a: b\rc: d\n", "1:5"),
        (b"family: \x1b[31m\n", "1:9"),
    ],
)
def test_binary_file_is_refused_at_its_first_bad_byte(data: bytes, place: str) -> None:
    message = refused(data)
    assert message.startswith(f"x.yaml:{place}: spec ")
    assert message.isprintable()


def test_missing_folder_and_file_and_special_file_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "empty").mkdir()
    for path, message in [
        (tmp_path / "no", "missing"),
        (tmp_path / "pipe.yaml", "no regular file"),
        (tmp_path, "no regular file"),
        (tmp_path / "empty", "the spec folder has no *.yaml files"),
    ]:
        with pytest.raises(SpecError, match=message.replace("*", r"\*")):
            load_specs([path])


def test_nothing_is_loaded_from_a_folder_with_one_wrong_file(tmp_path: Path) -> None:
    good = 'family: good\nsince: "6.8"\nhooks: [XDP]\nkfuncs:\n  good_f: {prototype: int good_f(u32 a)}\n'
    (tmp_path / "a.yaml").write_text(good)
    assert load_specs([tmp_path]).get("good_f") is not None
    (tmp_path / "b.yaml").write_text("family: bad\n")
    with pytest.raises(SpecError):
        load_specs([tmp_path])
    assert load_builtin().get("good_f") is None
