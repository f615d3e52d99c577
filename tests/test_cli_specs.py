"""`kfuncgen spec`, `new`, `gen` and `verify` on the real specs and templates."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_linter import FakeLinter

import kfuncgen.verify
from kfuncgen import cli

LISTED = ["name", "family", "flags", "prototype", "since", "until", "program_types", "release"]


def output(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """What a command prints; it must succeed and be quiet on standard error."""
    assert cli.main(args) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def kfuncs(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, dict[str, Any]]:
    document = json.loads(output(capsys, "spec", "list", "--output-format", "json", *args))
    assert list(document) == ["kfuncs"]
    return {kfunc["name"]: kfunc for kfunc in document["kfuncs"]}


def test_spec_list_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = kfuncs(capsys)
    assert len(found) > 100
    assert all(list(kfunc) == LISTED for kfunc in found.values())
    acquire = found["bpf_xdp_get_xfrm_state"]
    assert acquire["prototype"].startswith("struct xfrm_state *bpf_xdp_get_xfrm_state(")
    assert acquire | {"prototype": ""} == {
        "name": "bpf_xdp_get_xfrm_state",
        "family": "xfrm",
        "flags": ["KF_ACQUIRE", "KF_RET_NULL"],
        "prototype": "",
        "since": "6.8",
        "until": None,
        "program_types": ["XDP"],
        "release": ["bpf_xdp_xfrm_state_release"],
    }
    assert "bpf_map_lookup_elem" not in found, "a helper is no kfunc"


def test_spec_list_narrows(capsys: pytest.CaptureFixture[str]) -> None:
    assert {kfunc["family"] for kfunc in kfuncs(capsys, "xfrm", "task").values()} == {"xfrm", "task"}
    assert "bpf_xdp_get_xfrm_state" not in kfuncs(capsys, "--kernel", "6.7")
    assert "bpf_xdp_get_xfrm_state" in kfuncs(capsys, "--kernel", "6.8")


def test_spec_list_text_has_each_kfunc_once(capsys: pytest.CaptureFixture[str]) -> None:
    names = list(kfuncs(capsys))
    lines = output(capsys, "spec", "list").splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == names


def test_spec_show(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "spec", "show", "bpf_xdp_get_xfrm_state", "bpf_map_lookup_elem")
    assert "struct bpf_xfrm_state_opts: size 36 (BPF_XFRM_STATE_OPTS_SZ)" in text
    assert "helper, family helpers" in text
    document = json.loads(output(capsys, "spec", "show", "bpf_xdp_get_xfrm_state", "--output-format", "json"))
    (function,) = document["functions"]
    assert list(function)[: len(LISTED)] == LISTED
    (options,) = function["options"]
    assert (options["parameter"], options["sizes"]) == ("opts", [36])
    netns = next(field for field in options["fields"] if field["name"] == "netns_id")
    assert (netns["minimum"], netns["values"]) == (-1, {"BPF_F_CURRENT_NETNS": -1})


def test_every_spec_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    names = list(kfuncs(capsys))
    text = output(capsys, "spec", "show", *names)
    assert text.count("  kind: ") == len(names)


def test_spec_show_of_a_kernel_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["spec", "show", "bpf_xdp_get_xfrm_state", "--kernel", "6.7"]) == 2
    assert capsys.readouterr().err == ("kfuncgen: error: kernel 6.7 has no 'bpf_xdp_get_xfrm_state' (since 6.8)\n")


def test_specs_of_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    Path("mine/own.yaml").write_text(
        "family: own\nsummary: Functions of a module.\nkfuncs:\n  own_ready:\n"
        "    prototype: int own_ready(u32 id)\n    flags: []\n    hooks: [XDP]\n    since: '6.8'\n"
        "    summary: Tells whether it is ready.\n"
    )
    assert "own_ready" in kfuncs(capsys, "--spec", "mine")
    assert "own_ready" not in kfuncs(capsys)
    Path("mine/own.yaml").write_text("family: own\nkfuncz: {}\n")
    assert cli.main(["spec", "list", "--spec", "mine"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kfuncgen: error: mine/own.yaml:2:")
    assert err.count("\n") == 1


def test_new_writes_once_and_keeps_what_is_not_ours(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = output(capsys, "new", "xdp-xfrm", "p").splitlines()
    assert {line.split()[0] for line in first} == {"written"}
    assert all(Path(line.split()[1]).is_file() for line in first)
    again = output(capsys, "new", "xdp-xfrm", "p").splitlines()
    assert {line.split()[0] for line in again} == {"unchanged"}
    Path("p/Makefile").write_text("mine\n")
    assert cli.main(["new", "xdp-xfrm", "p"]) == 2
    out, err = capsys.readouterr()
    assert "refused     p/Makefile" in out.splitlines()
    assert err == (
        "kfuncgen: error: 1 file is in the way that kfuncgen did not write, so nothing was written; "
        "--force overwrites it\n"
    )
    assert Path("p/Makefile").read_text() == "mine\n"
    assert "written     p/Makefile" in output(capsys, "new", "xdp-xfrm", "p", "--force").splitlines()


def test_new_without_writing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "new", "xdp-xfrm", "p", "--dry-run", "--set", "name=my-prog").splitlines()
    assert lines
    assert all(line.startswith("would write p/") for line in lines)
    assert not Path("p").exists()


def test_new_writes_all_or_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p").mkdir()
    Path("p/Makefile").write_text("mine\n")
    assert cli.main(["new", "xdp-xfrm", "p"]) == 2
    actions = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert actions == {"refused", "withheld"}
    assert [path.name for path in Path("p").iterdir()] == ["Makefile"]


def test_new_list(capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        line.split(":")[0] for line in output(capsys, "new", "--list").splitlines() if not line.startswith(" ")
    ]
    assert names == sorted(names) and {"xdp-xfrm", "task-kptr"} <= set(names)
    assert "(Linux 6.8 or later)" in output(capsys, "new", "--list", "xdp-xfrm").splitlines()[0]
    (told,) = json.loads(output(capsys, "new", "--list", "xdp-xfrm", "--output-format", "json"))["templates"]
    assert (told["name"], told["kernel"], told["programs"]) == ("xdp-xfrm", "6.8", ["XDP"])
    assert [value["name"] for value in told["values"]] == ["name", "author"]
    assert cli.main(["new", "--list", "--output-format", "yaml"]) == 2
    assert "unknown output format 'yaml'" in capsys.readouterr().err
    assert output(capsys, "new", "--list", "xdp-xfrm").splitlines()[1].startswith("  --set name=...  ")
    assert cli.main(["new", "--list", "xdp-xfrn"]) == 2
    assert "did you mean 'xdp-xfrm' or" in capsys.readouterr().err


def test_gen_header(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "gen", "header", "bpf_xdp_get_xfrm_state")
    assert "bpf_xdp_get_xfrm_state(" in text
    assert output(capsys, "gen", "header", "bpf_xdp_get_xfrm_state", "-o", "k.h") == ""
    assert Path("k.h").read_text() == text
    written = Path("k.h").stat().st_mtime_ns
    assert output(capsys, "gen", "header", "bpf_xdp_get_xfrm_state", "-o", "k.h") == ""
    assert Path("k.h").stat().st_mtime_ns == written, "not rewritten when equal"
    Path("k.h").write_text("mine\n")
    assert cli.main(["gen", "header", "bpf_xdp_get_xfrm_state", "-o", "k.h"]) == 2
    assert "was not written by kfuncgen" in capsys.readouterr().err
    assert Path("k.h").read_text() == "mine\n"


def verdict(name: str, word: str, **more: Any) -> SimpleNamespace:
    base = {"file": "a.bpf.c", "program": name, "section": "xdp", "verdict": word, "message": "", "line": 0}
    return SimpleNamespace(**(base | {"rule": "", "log": ""} | more))


REJECTED = verdict(
    "bad", "rejected", message="Unreleased \x1breference id=2", line=7, rule="unreleased-reference", log="log\n"
)


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([verdict("ok", "accepted")], 0),
        ([verdict("ok", "accepted"), REJECTED], 1),
        ([verdict("ok", "accepted"), verdict("x", "not-loaded", message="no such kfunc")], 1),
    ],
)
def test_verify(
    verdicts: list[SimpleNamespace],
    status: int,
    folder: Path,
    linter: FakeLinter,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[Any] = []

    def verify_files(paths: Any, classify: Any, args: Any, **flags: Any) -> list[SimpleNamespace]:
        asked.append((paths, args, flags))
        return verdicts

    monkeypatch.setattr(kfuncgen.verify, "verify_files", verify_files)
    assert cli.main(["verify", "a.bpf.c", "--", "-DX"]) == status
    assert asked[0][:2] == ([Path("a.bpf.c")], ("-DX",))
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "a.bpf.c: accepted: ok (xdp)"
    assert out.splitlines()[-1].startswith(f"{len(verdicts)} program")
    if REJECTED in verdicts:
        line = r"a.bpf.c:7: rejected: bad (xdp): Unreleased \x1breference id=2 [unreleased-reference]"
        assert out.splitlines()[1] == line
    assert cli.main(["verify", "a.bpf.c", "--output-format", "json"]) == status
    document = json.loads(capsys.readouterr().out)
    assert [program["verdict"] for program in document["programs"]] == [v.verdict for v in verdicts]
    keys = ["file", "program", "section", "verdict", "message", "line", "rule", "log"]
    assert all(list(program) == keys for program in document["programs"])


def test_verify_says_what_it_needs(folder: Path, linter: FakeLinter, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.o").write_text("no object\n")
    for name in ("text.o", "none.o", "none.bpf.c", os.curdir):
        assert cli.main(["verify", name]) in (2, 3)
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("kfuncgen: error: ")
