"""The template xdp-xfrm: its files, its values, and what compiler and kernel say of the project."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from generate_support import CLANG, bpftool, make

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import GeneratedFile, render_project, templates, write_project
from kfuncgen.generate.resources import MARK, TemplateFault
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel

NO_LINT = "KFUNCGEN="
"""Builds here test the compiler's and the kernel's side; lint has tests of its own."""


def project(**values: str) -> dict[str, GeneratedFile]:
    return render_project("xdp-xfrm", values, load_builtin())


def test_same_input_same_bytes_and_no_date() -> None:
    assert project(author="A") == project(author="A")
    assert not any(re.search(r"\b20[2-9]\d-\d\d-\d\d\b", file.text) for file in project().values())


def test_every_file_says_what_made_it() -> None:
    for path, file in project(name="my-esp").items():
        head = file.text[:512]
        assert MARK in head, path
        assert "Remake: kfuncgen new xdp-xfrm . --set name=my-esp" in head, path
        assert "/root" not in file.text and "/work" not in file.text, path


def test_listing_tells_values_and_what_they_may_be() -> None:
    template = next(t for t in templates() if t.name == "xdp-xfrm")
    assert template.description
    assert [value.name for value in template.values] == ["name", "author"]
    assert all(value.description and value.expected for value in template.values)


def test_name_is_used_for_files_and_program() -> None:
    files = project(name="my-esp")
    assert "src/my_esp.bpf.c" in files and "tests/test_my_esp.c" in files
    assert "\nint my_esp(struct xdp_md *ctx)" in files["src/my_esp.bpf.c"].text
    assert not any("xdp_xfrm" in file.text.replace("bpf_xdp_xfrm_state_release", "") for file in files.values())


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("xdp-xfm", {}, "unknown template 'xdp-xfm', did you mean 'xdp-xfrm'"),
        ("zzz", {}, "unknown template 'zzz', expected one of: .*xdp-xfrm"),
        ("xdp-xfrm", {"nam": "x"}, "no value 'nam', did you mean 'name'"),
        ("xdp-xfrm", {"zzz": "x"}, "no value 'zzz', valid values are: name, author"),
        *(
            ("xdp-xfrm", {"name": name}, "bad value for 'name': .*, expected lower-case letters")
            for name in ("", "../x", "a/b", "A", "1a", "a b", "int", "a\n", "-a", "a-", "é", "a" * 33, "{{7*7}}")
        ),
        *(
            ("xdp-xfrm", {"author": author}, "bad value for 'author'")
            for author in ("*/", "a\nb", "{{ 7 }}", '"', "`id`", "$(id)", "<b>", "\\", "x" * 81, "\x1b[31m", "--")
        ),
    ],
)
def test_bad_value_is_refused_with_what_is_valid(template: str, values: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        render_project(template, values, load_builtin())


def test_kernel_before_the_kfuncs_is_named_in_the_command() -> None:
    files = render_project("xdp-xfrm", {}, load_builtin(), Kernel(6, 8))
    assert "Remake: kfuncgen new xdp-xfrm . --kernel 6.8" in files["Makefile"].text


def test_spec_without_the_kfuncs_is_a_clear_error() -> None:
    specs = load_builtin()
    without = {name: f for name, f in specs.functions.items() if name != "bpf_xdp_get_xfrm_state"}
    reduced = type(specs)(specs.families, without, specs.options, specs.newest)
    with pytest.raises((UsageError, TemplateFault), match="unknown kfunc 'bpf_xdp_get_xfrm_state'"):
        render_project("xdp-xfrm", {}, reduced)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project built with its minimal header, so that it needs no BTF and no bpftool."""
    folder = tmp_path_factory.mktemp("project")
    write_project(project(), folder)
    make(folder, NO_LINT, "NO_BTF=1", "BPFTOOL=", "CFLAGS=-O2 -g -Werror", "BPF_CFLAGS=-O2 -g -Werror")
    yield folder


def test_project_builds_without_btf_and_bpftool(built: Path) -> None:
    assert (built / "build/xdp_xfrm.bpf.o").stat().st_size > 0
    assert (built / "src/vmlinux.h").read_text() == project()["src/vmlinux.min.h"].text


def test_nothing_is_built_twice(built: Path) -> None:
    done = make(built, NO_LINT, "NO_BTF=1", "BPFTOOL=")
    assert not re.search(r"^ +(BPF|CC|SKEL|TYPES) ", done.stdout, re.MULTILINE), done.stdout


def test_build_says_that_it_was_not_linted(built: Path) -> None:
    assert "not linted, kfuncgen is not installed" in make(built, "lint", NO_LINT, "NO_BTF=1", "BPFTOOL=").stderr


def test_changed_header_rebuilds_what_uses_it(built: Path) -> None:
    os.utime(built / "src/xdp_xfrm.h")
    done = make(built, NO_LINT, "NO_BTF=1", "BPFTOOL=")
    assert re.search(r"BPF +build/xdp_xfrm.bpf.o", done.stdout) and re.search(r"CC +build/xdp_xfrm\n", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--help"], 0, "Usage: xdp_xfrm --interface NAME"),
        (["--version"], 0, "xdp_xfrm 0.1.0"),
        ([], 2, "no interface given"),
        (["--mode", "fast", "-i", "lo"], 2, "bad mode 'fast', expected native, skb or auto"),
        (["--stats", "-1", "-i", "lo"], 2, "bad time '-1', expected a number of seconds"),
        (["--stats", "99999999999", "-i", "lo"], 2, "bad time"),
        (["--bogus"], 2, "Usage:"),
        (["-i", "lo", "more"], 2, "unexpected argument 'more'"),
    ],
)
def test_loader_arguments(built: Path, arguments: list[str], status: int, told: str) -> None:
    done = subprocess.run(
        [str(built / "build/xdp_xfrm"), *arguments], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == status
    assert told in done.stdout + done.stderr


def test_compile_database_names_every_source(built: Path) -> None:
    import json

    make(built, "compdb", NO_LINT, "NO_BTF=1", "BPFTOOL=")
    entries = json.loads((built / "compile_commands.json").read_text())
    assert {entry["file"] for entry in entries} == {
        "src/xdp_xfrm.bpf.c",
        "src/xdp_xfrm.c",
        "tests/send_esp.c",
        "tests/send_udp.c",
        "tests/test_xdp_xfrm.c",
    }
    assert all(entry["directory"] == str(built) for entry in entries)


@pytest.mark.kernel
@pytest.mark.parametrize("variables", [("NO_BTF=1", "BPFTOOL="), ()], ids=["minimal", "btf"])
def test_project_passes_its_own_tests_in_the_kernel(tmp_path: Path, variables: tuple[str, ...]) -> None:
    if not variables and bpftool() is None:
        pytest.skip("no bpftool to make vmlinux.h with")
    write_project(project(name="esp-watch"), tmp_path)
    done = make(tmp_path, "verify", "test", NO_LINT, *variables)
    assert "accepted by this kernel" in done.stdout
    assert re.search(r"^3\d tests, 0 failed$", done.stdout, re.MULTILINE), done.stdout
    assert "not ok" not in done.stdout
    for mode in ("native", "skb", "auto"):
        assert f"ok - {mode} mode" in done.stdout or "skipped" in done.stdout


NULL_CHECK = re.compile(r"\n\t+if \(!(value|ip|eth|vlan|esp|state)\)\n\t+return [^;]+;")
RELEASE = "\tbpf_xdp_xfrm_state_release(state);\n"


@pytest.mark.kernel
def test_kernel_refuses_the_program_without_any_single_check_or_release(tmp_path: Path) -> None:
    """What makes the program a touchstone for the linter: each NULL check and the release bears weight."""
    from kernel import verdicts

    files = project()
    source = files["src/xdp_xfrm.bpf.c"].text
    checks = list(NULL_CHECK.finditer(source))
    assert [match[1] for match in checks] == ["value", "ip", "ip", "eth", "vlan", "esp", "state"]
    variants = {
        f"without check {number} of {match[1]}": source[: match.start()] + source[match.end() :]
        for number, match in enumerate(checks)
    }
    variants["without release"] = source.replace(RELEASE, "")
    variants["with two releases"] = source.replace(RELEASE, RELEASE * 2)
    for path in ("src/kfuncs.gen.h", "src/xdp_xfrm.h"):
        (tmp_path / Path(path).name).write_text(files[path].text)
    (tmp_path / "vmlinux.h").write_text(files["src/vmlinux.min.h"].text)
    assert CLANG

    def judge(name: str, text: str) -> str:
        file = tmp_path / f"{name.replace(' ', '_')}.bpf.c"
        file.write_text(text)
        target = file.with_suffix(".o")
        command = [CLANG, "-target", "bpf", "-O2", "-g", f"-I{tmp_path}", "-c", str(file), "-o", str(target)]
        subprocess.run([word for word in command if word], check=True, capture_output=True)
        return verdicts(target)["xdp_xfrm"].verdict

    assert judge("as it is", source) == "accepted"
    assert {name: judge(name, text) for name, text in variants.items()} == dict.fromkeys(variants, "rejected")
