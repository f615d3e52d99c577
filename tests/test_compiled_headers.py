"""Compiled headers change how long linting takes, and nothing that it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfuncgen.diagnostic import SourceError
from kfuncgen.lint import LintOptions, kept, parse_headers
from kfuncgen.lint.check import check_file
from kfuncgen.lint.parse_headers import Headers
from kfuncgen.lint.prefix import masked, stages
from kfuncgen.records import replace
from kfuncgen.spec.cached import load_specs
from kfuncgen.toolchain.dependencies import names_included
from kfuncgen.toolchain.flags import find_flags
from kfuncgen.toolchain.headers import fallback_include_args

CASES = Path(__file__).parent / "cases"
SOURCE = """#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "own.h"

char _license[] SEC("license") = "GPL";

SEC("syscall")
int f(void *ctx)
{
	struct task_struct *t = bpf_task_from_pid(1);

	if (t)
		DROP(t);
	return 0;
}
"""
RELEASES = "#define DROP bpf_task_release\n"
LEAKS = "#define DROP(task) ((void)(task)) /* longer */\n"


@pytest.fixture(scope="module")
def options() -> LintOptions:
    specs = load_specs(())
    return LintOptions(kernels=(specs.newest,), specs=specs)


@pytest.fixture
def headers(tmp_path: Path) -> Headers:
    return Headers(tmp_path / "cache", at_once=True)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder / "own.h", RELEASES)
    write(folder / "a.bpf.c", SOURCE)
    yield folder / "a.bpf.c"


def write(path: Path, text: str) -> None:
    """As an editor would have some time ago: what was written just now is not compiled."""
    path.write_text(text)
    when = time.time() - 60
    os.utime(path, (when, when))


def rules(path: Path, options: LintOptions, headers: Headers | None) -> list[str]:
    return [finding.rule for finding in check_file(path, options, None, headers).findings]


def compiled(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "pch").glob("*.pch"))


NOT_KEPT = Headers(Path("/dev/null"))


@pytest.mark.parametrize("path", sorted(CASES.glob("*.bpf.c")), ids=lambda path: path.stem)
def test_reports_are_the_same(path: Path, options: LintOptions, tmp_path_factory: pytest.TempPathFactory) -> None:
    headers = Headers(tmp_path_factory.getbasetemp() / "headers", at_once=True)
    whole = check_file(path, options, None, NOT_KEPT)
    assert check_file(path, options, None, headers) == whole


@pytest.mark.parametrize("source", ["a.bpf.c", "./a.bpf.c", "../project/a.bpf.c", "sub/../a.bpf.c"])
@pytest.mark.parametrize("header", ["peek.h", "./peek.h", "sub/../peek.h", "../project/peek.h"])
def test_files_have_the_names_that_users_give_them(
    source: str,
    header: str,
    project: Path,
    options: LintOptions,
    headers: Headers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project.parent)
    (project.parent / "sub").mkdir()
    write(project.parent / "peek.h", "static int peek(void)\n{\n\treturn bpf_task_from_pid(1)->pid;\n}\n")
    call = SOURCE.replace('"own.h"', f'"{header}"').replace("DROP(t)", "bpf_task_release(t)")
    write(project, call.replace("return 0;", "return peek();"))
    whole = check_file(Path(source), options, None, NOT_KEPT)
    assert [finding.rule for finding in whole.findings] == ["unchecked-null"]
    assert not Path(whole.findings[0].span.file).is_absolute()
    assert check_file(Path(source), options, None, headers) == whole


def test_headers_are_compiled_when_met_again(project: Path, options: LintOptions, tmp_path: Path) -> None:
    def once() -> int:
        assert rules(project, options, Headers(tmp_path / "cache")) == []
        return len(compiled(tmp_path))

    assert [once(), once()] == [0, 2]
    kept = compiled(tmp_path)
    time.sleep(1.1)  # libclang goes by seconds
    assert [once(), once()] == [2, 2]
    assert compiled(tmp_path) == kept
    unit = Headers(tmp_path / "cache").parse(project, flags_of(project))
    assert unit.places


def flags_of(project: Path) -> list[str]:
    """As kfuncgen.lint.check gives them."""
    return [*find_flags(project).args, "-Wno-everything", *fallback_include_args()]


def test_an_edited_header_is_seen(project: Path, options: LintOptions, headers: Headers, tmp_path: Path) -> None:
    assert rules(project, options, headers) == []
    assert len(compiled(tmp_path)) == 2
    (project.parent / "own.h").write_text(LEAKS)
    for _ in range(2):
        assert rules(project, options, headers) == ["unreleased-reference"]
    write(project.parent / "own.h", RELEASES)
    assert rules(project, options, headers) == []


def test_a_header_that_appears_before_another_is_seen(
    project: Path, options: LintOptions, headers: Headers
) -> None:
    assert rules(project, options, headers) == []
    own = project.parent / "include"
    own.mkdir()
    (own / "vmlinux.h").write_text("#error of the project\n")
    for keeping in (headers, NOT_KEPT):
        with pytest.raises(SourceError, match="of the project"):
            check_file(project, options, None, keeping)


def test_a_header_beside_the_source_counts_for_it_alone(
    project: Path, options: LintOptions, headers: Headers, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write(other / "own.h", LEAKS)
    write(other / "a.bpf.c", SOURCE)
    for _ in range(2):
        assert rules(project, options, headers) == []
        assert rules(other / "a.bpf.c", options, headers) == ["unreleased-reference"]


def test_an_unsaved_header_counts(project: Path, options: LintOptions, headers: Headers) -> None:
    assert rules(project, options, headers) == []
    unsaved = {str(project.parent / "own.h"): LEAKS.encode()}
    assert rules(project, replace(options, unsaved=unsaved), headers) == ["unreleased-reference"]
    assert rules(project, options, headers) == []


@pytest.mark.parametrize("damage", ["content", "cut", "gone", "meta", "empty"])
def test_a_damaged_store_costs_time_only(damage: str, project: Path, options: LintOptions, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    leak = project.parent / "leak.bpf.c"
    write(leak, SOURCE.replace("DROP(t);", ";"))
    assert rules(leak, options, Headers(cache, at_once=True)) == ["unreleased-reference"]
    for file in [*compiled(tmp_path), *(cache / "pch").glob("*.json")]:
        data = file.read_bytes()
        if file.suffix == ".json":
            if damage == "meta":
                file.write_text(json.dumps({"file": "../../x", "inputs": 3}))
        elif damage == "content":
            file.write_bytes(data[: len(data) // 2] + b"\xff" * 64 + data[len(data) // 2 + 64 :])
        elif damage == "cut":
            file.write_bytes(data[: len(data) // 2])
        elif damage == "gone":
            file.unlink()
        elif damage == "empty":
            file.write_bytes(b"")
    for _ in range(2):
        assert rules(leak, options, Headers(cache, at_once=True)) == ["unreleased-reference"]


def test_a_store_that_cannot_be_written_costs_time_only(
    project: Path, options: LintOptions, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for _ in range(2):
        assert rules(project, options, Headers(blocked, at_once=True)) == []


@pytest.mark.parametrize("room", [64, 100_000])
def test_a_full_disk_costs_time_only(room: int, project: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk; libclang aborts when it cannot write."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from kfuncgen.lint import LintOptions\n"
        "from kfuncgen.lint.check import check_file\n"
        "from kfuncgen.lint.parse_headers import Headers\n"
        "from kfuncgen.spec.load import load_builtin\n"
        "specs = load_builtin()\n"
        "options = LintOptions((specs.newest,), specs)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        "for _ in range(2):\n"
        "    headers = Headers(Path(sys.argv[2]), at_once=True)\n"
        "    print([f.rule for f in check_file(Path(sys.argv[1]), options, None, headers).findings])\n"
    )
    write(project, SOURCE.replace("DROP(t);", ";"))
    run = subprocess.run(
        [sys.executable, "-c", code, str(project), str(tmp_path / "cache")], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "['unreleased-reference']\n" * 2
    assert compiled(tmp_path) == []


def test_what_was_compiled_long_ago_is_dropped(
    project: Path, options: LintOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_headers, "MAX_BYTES", 15 << 20)
    for number in range(5):
        write(project, SOURCE.replace('#include "own.h"', f'#define N {number}\n#include "own.h"'))
        assert rules(project, options, Headers(tmp_path / "cache", at_once=True)) == []
    assert 0 < sum(file.stat().st_size for file in compiled(tmp_path)) <= 15 << 20
    stems = {file.name.split("-")[0] for file in compiled(tmp_path)}
    assert {file.stem for file in (tmp_path / "cache" / "pch").glob("*.json")} == stems


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('char licence[] SEC("license") = "Proprietary";\n', "wrong-licence"),
        ('SEC("syscall") int g(void *ctx)\n{\n\tbpf_task_from_pid(1);\n\treturn 0;\n}\n', "unreleased-reference"),
    ],
)
def test_what_only_headers_say_counts(
    header: str, expected: str, project: Path, options: LintOptions, headers: Headers, tmp_path: Path
) -> None:
    text = SOURCE if "licence" not in header else SOURCE.replace('char _license[] SEC("license") = "GPL";\n', "")
    write(project, text)
    write(project.parent / "own.h", RELEASES + header)
    found = [rules(project, options, keeping) for keeping in (NOT_KEPT, headers, headers)]
    assert found[0] and found == [found[0]] * 3
    assert len(compiled(tmp_path)) == 2


def test_a_function_that_only_an_attribute_names_is_found_in_headers(
    project: Path, options: LintOptions, headers: Headers, tmp_path: Path
) -> None:
    write(
        project.parent / "own.h",
        "static inline void drop(struct task_struct **t)\n{\n\tif (*t)\n\t\tbpf_task_release(*t);\n}\n",
    )
    write(
        project,
        SOURCE.replace("\tstruct task", "\t__attribute__((cleanup(drop))) struct task").replace("DROP(t);", ";"),
    )
    assert [rules(project, options, keeping) for keeping in (NOT_KEPT, headers, headers)] == [[]] * 3
    assert len(compiled(tmp_path)) == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("int x;\n", 0),
        ("#include <a.h>\nint x;\n", 1),
        ("// c\n/* c\n c */ #include <a.h> // c\n\n#include <b.h>\n#define X 1\nint x;\n", 2),
        ("#include <a.h>\n#if X\n#include <b.h>\nint x;\n#endif\n", 1),
        ("#include <a.h>\n#if X\n#include <b.h>\n#else\n#include <c.h>\n#endif\nint x;\n", 2),
        ("#ifdef X\n#include <a.h>\n#endif\nint x;\n", 1),
        ('#define X "/*"\nint x;\n/* */\n#include <a.h>\n', 0),
        ("#define X '\"'\n#include <a.h>\nint x; // '\"'\n", 1),
        ("#define X \\\n int y;\n#include <a.h>\n", 1),
        ("#pragma once\n#include <a.h>\n", 0),
        ("/* #include <a.h>\n", 0),
        ("#include <a.h>", 0),
        ("#endif\n#include <a.h>\n", 0),
        ("#else\n#include <a.h>\n", 0),
        ("#include <a.h>\r\n#include <b.h>\r\nint x;\r\n", 2),
        ("// c \\\n#include <a.h>\n#include <b.h>\nint x;\n", 1),
    ],
)
def test_the_prefix_has_directives_only(text: str, kept: int) -> None:
    found = stages(text.encode())
    assert len(found) == kept
    if found:
        rest = masked(text.encode(), found[-1].end).decode()
        assert rest.count("\n") == text.count("\n")
        assert rest.endswith(text.encode()[found[-1].end :].decode())
        assert all(
            b"int" not in line or line.startswith(b"#define") for s in found for line in s.text.split(b"\n")
        )


def test_comments_do_not_make_another_prefix() -> None:
    plain, commented = b'#include "a.h"\n#include <b.h>\n', b'// one\n#include "a.h" /* two */\n\n#include <b.h>\n'
    assert [s.text for s in stages(plain)] == [s.text for s in stages(commented)]
    assert stages(plain)[0].quoted == (b"a.h",)


def test_headers_with_computed_names_are_not_kept() -> None:
    assert names_included(b'#include <a.h>\n# include "b.h"\n#if __has_include(<c.h>)\n') == {
        b"a.h",
        b"b.h",
        b"c.h",
    }
    assert names_included(b"#include NAME\n") is None


def test_headers_are_compiled_where_the_system_finds_the_library(
    project: Path, options: LintOptions, headers: Headers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.parent / "own.h", LEAKS)
    assert rules(project, options, None) == ["unreleased-reference"]
    monkeypatch.setenv("LIBCLANG_LIBRARY_PATH", str(tmp_path))  # no such file is there: its state is not known
    kept.libclang.cache_clear()
    try:
        assert rules(project, options, headers) == ["unreleased-reference"]
    finally:
        kept.libclang.cache_clear()
    assert list((tmp_path / "cache" / "pch").glob("*.pch"))


def test_headers_that_another_process_removed_are_compiled_again(
    project: Path, options: LintOptions, headers: Headers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rules(project, options, headers) == []
    made = list((tmp_path / "cache" / "pch").glob("*.pch"))
    for file in made:
        file.unlink()
    monkeypatch.setattr(parse_headers, "parse", lambda *_: pytest.fail("parsed as a whole"))
    assert rules(project, options, headers) == []
    assert made and list((tmp_path / "cache" / "pch").glob("*.pch"))


def test_headers_that_are_used_are_not_the_oldest(
    project: Path, options: LintOptions, headers: Headers, tmp_path: Path
) -> None:
    assert rules(project, options, headers) == []
    described = list((tmp_path / "cache" / "pch").glob("*.json"))
    for file in described:
        os.utime(file, (0, 0))
    assert rules(project, options, headers) == []
    assert described and all(file.stat().st_mtime > 0 for file in described)
