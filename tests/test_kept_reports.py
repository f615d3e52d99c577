"""A kept report is what checking again would find, and it is given only while nothing has changed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kfuncgen.lint import LintOptions, LintResult, batch, check, kept
from kfuncgen.lint.kept import Reports
from kfuncgen.lint.parse_headers import Headers
from kfuncgen.records import replace
from kfuncgen.spec.cached import load_specs
from kfuncgen.spec.model import Kernel

SOURCE = """#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "own.h"

char _license[] SEC("license") = "GPL";

SEC("syscall")
int f(void *ctx)
{
	struct task_struct *t = bpf_task_from_pid(1);

	return VALUE;
}
#include "late.h"
"""


@pytest.fixture
def options() -> LintOptions:
    specs = load_specs(())
    return LintOptions(kernels=(specs.newest,), specs=specs)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder / "own.h", "#define VALUE 0\n")
    write(folder / "late.h", "\n")
    write(folder / "a.bpf.c", SOURCE)
    monkeypatch.chdir(folder)
    return folder / "a.bpf.c"


def write(path: Path, text: str) -> None:
    path.write_text(text)
    when = time.time() - 60
    os.utime(path, (when, when))


class Counting:
    """Lints with stores in one folder, and counts how often a source is really checked."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.checked = 0
        real = check.check_data

        def counted(*args: object, **named: object) -> object:
            self.checked += 1
            return real(*args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(check, "check_data", counted)

    def lint(self, path: Path, options: LintOptions, text: str | None = None) -> LintResult:
        """As a new process would, but that headers are compiled at once."""
        kept.code.cache_clear()
        kept.libclang.cache_clear()
        stores = Headers(self.folder, at_once=True), Reports(self.folder)
        given = Path("-") if text is not None else path
        return batch.check_paths([given], replace(options, stdin_filename=str(path)), text, *stores)


@pytest.fixture
def linter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(tmp_path / "cache", monkeypatch)


def test_an_unchanged_source_is_not_checked_again(source: Path, options: LintOptions, linter: Counting) -> None:
    first = linter.lint(source, options)
    assert [f.rule for f in first.report.findings] == ["unreleased-reference"]
    assert first.report.findings[0].path and first.report.findings[0].fix is not None
    assert [linter.lint(source, options) for _ in range(3)] == [first] * 3
    assert linter.checked == 1


def test_text_from_elsewhere_has_a_report_of_its_own(source: Path, options: LintOptions, linter: Counting) -> None:
    first = linter.lint(source, options)
    text = SOURCE.replace("return VALUE", "if (t)\n\t\tbpf_task_release(t);\n\treturn VALUE")
    assert linter.lint(source, options, text).report.findings == ()
    assert linter.lint(source, options, text).report.findings == ()
    assert linter.lint(source, options, SOURCE) == first
    assert linter.checked == 2


Change = Callable[[Path, LintOptions], LintOptions]


def edit(name: str, text: str) -> Change:
    def change(source: Path, options: LintOptions) -> LintOptions:
        (source.parent / name).parent.mkdir(exist_ok=True)
        (source.parent / name).write_text(text)
        return options

    return change


def set_option(**named: object) -> Change:
    return lambda _, options: replace(options, **named)  # type: ignore[arg-type]


def own_spec(source: Path, options: LintOptions) -> LintOptions:
    folder = source.parent / "specs"
    folder.mkdir()
    text = (
        "family: mine\nsummary: Mine.\nkfuncs:\n  bpf_mine:\n    summary: Mine.\n"
        "    prototype: int bpf_mine(void)\n    since: '6.12'\n    hooks: [XDP]\n"
    )
    (folder / "mine.yaml").write_text(text)
    return replace(options, specs=load_specs((folder,)))


def another_folder(source: Path, options: LintOptions) -> LintOptions:
    os.chdir(source.parent.parent)
    return options


CHANGES: dict[str, Change] = {
    "the source": edit("a.bpf.c", SOURCE.replace("return VALUE", "return VALUE ")),
    "a header": edit("own.h", "#define VALUE 00\n"),
    "a header that is included last": edit("late.h", "/* */\n"),
    "a header that appears before another": edit("bpf/bpf_helpers.h", "#include_next <bpf/bpf_helpers.h>\n"),
    "flags in a file": edit("compile_flags.txt", "-DX\n"),
    "the kernels": set_option(kernels=(Kernel(6, 12),)),
    "the rules": set_option(ignore=frozenset({"unchecked-null"})),
    "the selection": set_option(select=frozenset({"unreleased-reference"})),
    "flags": set_option(clang_args=("-DX", "-I.")),
    "the loader": set_option(loader="ebpf-go"),
    "type tags": set_option(type_tags="with"),
    "specs": own_spec,
    "the folder": another_folder,
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_is_checked_again(what: str, source: Path, options: LintOptions, linter: Counting) -> None:
    linter.lint(source, options)
    changed = CHANGES[what](source, options)
    result = linter.lint(source, changed)
    assert linter.checked == 2
    fresh = batch.check_paths([source], replace(changed, stdin_filename=str(source)), None)
    assert result == fresh


@pytest.mark.parametrize("variable", ["CPATH", "C_INCLUDE_PATH"])
def test_folders_of_the_environment_count(
    variable: str, source: Path, options: LintOptions, linter: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another folder a header of the same name may say something else."""
    for name, body in (("one", ""), ("other", "bpf_task_release(t)")):
        (source.parent / name).mkdir()
        write(source.parent / name / "from_env.h", f"#define END(t) {body}\n")
    text = SOURCE.replace('"own.h"', '"own.h"\n#include <from_env.h>')
    write(source, text.replace("\treturn VALUE", "\tif (t) {\n\t\tEND(t);\n\t}\n\treturn VALUE"))
    for _ in range(2):
        monkeypatch.setenv(variable, str(source.parent / "one"))
        assert [f.rule for f in linter.lint(source, options).report.findings] == ["unreleased-reference"]
        monkeypatch.setenv(variable, str(source.parent / "other"))
        assert linter.lint(source, options).report.findings == ()
    assert linter.checked == 2, "and each folder has a report of its own"


def test_another_libclang_may_find_something_else(
    source: Path, options: LintOptions, linter: Counting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither is it loaded for that here: the file of this name is none."""
    linter.lint(source, options)
    monkeypatch.setenv("LIBCLANG_LIBRARY_PATH", str(tmp_path))
    linter.lint(source, options)
    (tmp_path / "libclang.so").write_text("")
    linter.lint(source, options)
    write(tmp_path / "libclang.so", "another")
    linter.lint(source, options)
    assert linter.checked == 4


def test_which_libclang_it_would_be_is_told_without_its_binding() -> None:
    """Unchanged runs are quick because they do without; the answer is the file that the binding would load."""
    code = (
        "import sys\nfrom kfuncgen.lint.kept import libclang\nword = libclang()\n"
        "assert 'clang.cindex' not in sys.modules\n"
        "from kfuncgen.lint.parse import library\nassert word.split()[0] == library()._name, word"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "file", ["lint/rules/unreleased_reference.py", "specs/helper_programs.tsv", "lint/calls.py"]
)
def test_another_version_of_the_code_is_another_report(file: str, tmp_path: Path) -> None:
    """The word for the code is made from every file of it."""
    import shutil

    package = Path(kept.__file__).resolve().parent.parent / "kfuncgen"
    copy = tmp_path / "kfuncgen"
    for part in ("lint", "spec", "specs", "toolchain"):
        shutil.copytree((package / part).resolve(), copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    words = set()
    for content in ("", "# changed\n"):
        (copy / file).write_text(content)
        words.add(kept.code_of(copy))
    assert len(words) == 2


@pytest.mark.parametrize("damage", ["content", "cut", "empty", "list", "folder"])
def test_a_damaged_report_is_made_again(damage: str, source: Path, options: LintOptions, linter: Counting) -> None:
    first = linter.lint(source, options)
    (file,) = (linter.folder / "reports").iterdir()
    data = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    else:
        file.write_bytes(
            {"content": data[:-5] + b"11111", "cut": data[:99], "empty": b"", "list": data[:32] + b"[]"}[damage]
        )
    assert [linter.lint(source, options) for _ in range(2)] == [first] * 2
    assert linter.checked == (3 if damage == "folder" else 2)


def test_a_store_that_cannot_be_written_is_none(source: Path, options: LintOptions, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for _ in range(2):
        result = batch.check_paths([source], options, None, None, Reports(tmp_path / "file"))
        assert [f.rule for f in result.report.findings] == ["unreleased-reference"]


def test_the_store_does_not_grow_for_ever(
    source: Path, options: LintOptions, linter: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_KEPT", 4)
    for number in range(9):
        linter.lint(source, options, SOURCE + f"int x{number};\n")
        assert len(list((linter.folder / "reports").iterdir())) <= 4
    linter.lint(source, options, SOURCE + "int x8;\n")
    assert linter.checked == 9, "the newest are kept"


def test_failures_are_not_kept(source: Path, options: LintOptions, linter: Counting) -> None:
    write(source, "#include <bpf/bpf_helpers.h>\nint x\nint y;\n")
    assert linter.lint(source, options).failures
    assert linter.lint(source, options).failures
    assert linter.checked == 2


def test_a_name_from_a_macro_is_not_kept(source: Path, options: LintOptions, linter: Counting) -> None:
    write(source, SOURCE.replace('"late.h"\n', "LATE\n").replace("char _", '#define LATE "late.h"\nchar _'))
    assert linter.lint(source, options) == linter.lint(source, options)
    assert linter.checked == 2
