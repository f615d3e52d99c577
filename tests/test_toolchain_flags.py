"""Where the flags of a source come from, and that nothing dangerous is taken from files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kfuncgen.diagnostic import UsageError
from kfuncgen.toolchain import allowlist
from kfuncgen.toolchain.allowlist import MAX_ARGUMENT_LENGTH, MAX_ARGUMENTS, Filtered, filter_arguments
from kfuncgen.toolchain.flags import find_flags, target_architecture


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "project" / "src" / "prog.bpf.c"
    file.parent.mkdir(parents=True)
    file.write_text("int x;\n")
    return file


def database(folder: Path, *entries: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "compile_commands.json"
    file.write_text(json.dumps(entries))
    return file


def taken(*args: str, directory: Path = Path("/b")) -> tuple[str, ...]:
    return filter_arguments(args, directory).args


# --- origins -----------------------------------------------------------------------------------------------


def test_defaults_have_target_architecture_and_own_folder(source: Path) -> None:
    flags = find_flags(source)
    assert flags.origin == "BPF defaults"
    assert "--target=bpf" in flags.args
    assert f"-D__TARGET_ARCH_{target_architecture()}" in flags.args
    assert flags.args[flags.args.index("-I") + 1] == str(source.parent)


def test_explicit_arguments_come_before_everything_else(source: Path) -> None:
    database(source.parents[1], {"directory": "/b", "file": str(source), "command": "clang -DFROM_DB -c x"})
    flags = find_flags(source, explicit=["-DMINE", "-fplugin=mine.so"])
    assert flags.origin == "the command line"
    assert "-DMINE" in flags.args and "-fplugin=mine.so" in flags.args
    assert "-DFROM_DB" not in flags.args and "--target=bpf" in flags.args


def test_empty_explicit_arguments_still_switch_the_search_off(source: Path) -> None:
    (source.parent / "compile_flags.txt").write_text("-DFILE\n")
    assert "-DFILE" not in find_flags(source, explicit=[]).args


@pytest.mark.parametrize("folder", ["project", "project/build"])
def test_database_is_found_upward_and_in_build(source: Path, folder: str) -> None:
    root = source.parents[2]
    entry = {"directory": str(root), "file": "project/src/prog.bpf.c", "command": "clang -Iinc -DA=1 -c y"}
    file = database(root / folder, entry)
    flags = find_flags(source)
    assert flags.origin == str(file)
    assert "-DA=1" in flags.args
    assert flags.args[flags.args.index("-I") + 1] == str(root / "inc")


def test_build_directory_decides_over_nearer_databases(source: Path) -> None:
    entry = {"directory": "/b", "file": str(source)}
    database(source.parent, {**entry, "command": "clang -DNEAR"})
    far = source.parents[2] / "out"
    database(far, {**entry, "arguments": ["clang", "-DFAR"]})
    assert "-DFAR" in find_flags(source, build_dir=far).args


def test_build_directory_without_database_is_an_error(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no compile_commands\.json"):
        find_flags(source, build_dir=tmp_path)


def test_entry_for_a_bpf_target_is_preferred(source: Path) -> None:
    entry = {"directory": "/b", "file": str(source)}
    database(
        source.parent,
        {**entry, "command": "clang --target=x86_64-linux-gnu -DHOST"},
        {**entry, "command": "ccache clang -target bpf -DBPF"},
    )
    args = find_flags(source).args
    assert "-DBPF" in args and "-DHOST" not in args and args.count("--target=bpf") == 1


def test_database_without_the_file_falls_through_with_a_note(source: Path) -> None:
    file = database(source.parent, {"directory": "/b", "file": "other.c", "command": "clang"})
    (source.parent / "compile_flags.txt").write_text("-DFLAGS\n\n# comment\n-I\n../inc\n")
    flags = find_flags(source)
    assert flags.origin.endswith("compile_flags.txt")
    assert "-DFLAGS" in flags.args and str(source.parents[1] / "inc") in flags.args
    assert flags.notes == (f"{file} has no entry for this file",)


def test_clangd_file_adds_flags_but_not_conditional_ones(source: Path) -> None:
    (source.parents[1] / ".clangd").write_text(
        "CompileFlags:\n  Add: [-DALWAYS, -fplugin=x.so]\n---\nIf: {PathMatch: (a+)+$}\n"
        "CompileFlags: {Add: -DSOMETIMES}\n"
    )
    flags = find_flags(source)
    assert flags.origin.endswith(".clangd")
    assert "-DALWAYS" in flags.args and "-DSOMETIMES" not in flags.args
    assert flags.notes == ("options left out: -fplugin",)


def test_configured_arguments_are_filtered_and_relative_to_their_file(source: Path, tmp_path: Path) -> None:
    flags = find_flags(source, configured=["-Iinc", "-B.", "-DX"], configured_dir=tmp_path)
    assert flags.origin == "clang-args of the configuration"
    assert ("-I", str(tmp_path / "inc")) == flags.args[2:4]
    assert "-DX" in flags.args and flags.notes == ("options left out: -B.",)


def test_own_architecture_macro_and_target_are_kept(source: Path) -> None:
    args = find_flags(source, explicit=["-target", "bpfeb", "-D__TARGET_ARCH_s390"]).args
    assert args[:3] == ("-target", "bpfeb", "-D__TARGET_ARCH_s390")


@pytest.mark.parametrize(
    "given", [["-D__TARGET_ARCH_x86", "-DA"], ["-D", "__TARGET_ARCH_x86", "-DA"], ["-D__TARGET_ARCH_x86=1", "-DA"]]
)
def test_the_architecture_asked_for_goes_before_files_but_not_before_what_was_typed(
    given: list[str], source: Path
) -> None:
    assert find_flags(source, configured=given, arch="arm64").args[:3] == (
        "--target=bpf",
        "-D__TARGET_ARCH_arm64",
        "-DA",
    )
    assert tuple(given) == find_flags(source, explicit=given, arch="arm64").args[1 : 1 + len(given)]
    (source.parent / "compile_flags.txt").write_text("\n".join(given))
    args = find_flags(source, arch="s390").args
    assert args[:3] == ("--target=bpfeb", "-D__TARGET_ARCH_s390", "-DA")


def test_architecture_names_follow_libbpf() -> None:
    machines = ("x86_64", "aarch64", "ppc64le", "s390x", "riscv64", "AMD64", "?")
    names = [target_architecture(machine) for machine in machines]
    assert names == ["x86", "arm64", "powerpc", "s390", "riscv", "x86", "x86"]


# --- malformed files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('[\n {"file": }]', ":2:", "not valid JSON"),
        ("{}", "", "expected a JSON list"),
        ("[1]", "", "entry 1: expected an object"),
        ('[{"file": 3, "command": ""}]', "", "entry 1: expected 'file'"),
        ('[{"file": "a.c", "directory": [], "command": ""}]', "", "entry 1: expected 'directory'"),
        ('[{"file": "a.c", "command": "x"}, {"file": "b.c"}]', "", "entry 2: expected 'command'"),
        ('[{"file": "a.c", "arguments": ["x", 1]}]', "", "entry 1: expected 'arguments'"),
        ('[{"file": "a\\u0000.c", "command": "x"}]', "", "entry 1: expected 'file'"),
        ("[" * 100_000, "", "not valid JSON"),
        ('[{"file": "prog.bpf.c", "command": "clang \'"}]', "", "no shell command"),
        ("[" + "9" * 10_000 + "]", "", "not valid JSON"),
    ],
)
def test_malformed_database_is_one_clear_error(source: Path, text: str, place: str, message: str) -> None:
    file = source.parent / "compile_commands.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        find_flags(source)
    assert str(caught.value).startswith(f"{file}{place}") and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["compile_commands.json", "compile_flags.txt", ".clangd"])
def test_text_that_is_not_utf8_names_its_line(source: Path, name: str) -> None:
    (source.parent / name).write_bytes(b"\n\n\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8") as caught:
        find_flags(source)
    assert caught.value.place is not None and caught.value.place.line == 3


@pytest.mark.parametrize("text", ["CompileFlags: [", "a: !!python/object/apply:os.system [id]", "*x", "\t- a"])
def test_malformed_clangd_is_one_clear_error(source: Path, text: str) -> None:
    (source.parent / ".clangd").write_text(text)
    with pytest.raises(UsageError, match="not valid YAML") as caught:
        find_flags(source)
    assert "\n" not in str(caught.value)


def test_too_large_flag_file_is_refused(source: Path) -> None:
    (source.parent / "compile_flags.txt").write_text("-DX\n" * 300_000)
    with pytest.raises(UsageError, match="larger than"):
        find_flags(source)


def test_fifo_and_folder_in_place_of_a_file_are_passed_over(source: Path) -> None:
    os.mkfifo(source.parent / "compile_flags.txt")
    (source.parent / "compile_commands.json").mkdir()
    assert find_flags(source).origin == "BPF defaults"


# --- the allow-list ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hostile",
    [
        ["-fplugin=evil.so"],
        ["-fplugin", "evil.so"],
        ["-fpass-plugin=evil.so"],
        ["-Xclang", "-load", "-Xclang", "evil.so"],
        ["-Xclang", "-include", "-Xclang", "/etc/passwd"],
        ["-mllvm", "-load=evil.so"],
        ["-o", "/etc/cron.d/x"],
        ["-o/etc/cron.d/x"],
        ["-o", "-DX"],
        ["@evil.rsp"],
        ["-specs=evil"],
        ["-specs", "evil"],
        ["--specs=evil"],
        ["-B", "bin"],
        ["-Bbin"],
        ["--config", "evil.cfg"],
        ["--config=evil.cfg"],
        ["-wrapper", "sh,-c,id"],
        ["-Wp,-MD,/etc/x"],
        ["-Wl,-plugin,evil.so"],
        ["-Wa,--listing"],
        ["-MF", "/etc/x", "-MD"],
        ["-MJ/etc/x"],
        ["-dumpdir", "/etc"],
        ["-save-temps=obj"],
        ["-ftime-trace=/etc/x"],
        ["-fprofile-instr-generate=/etc/x"],
        ["-fmodules", "-fmodules-cache-path=/etc"],
        ["-fcrash-diagnostics-dir=/etc"],
        ["-serialize-diagnostics", "/etc/x"],
        ["--serialize-diagnostics", "/etc/x"],
        ["-include-pch", "evil.pch"],
        ["-ivfsoverlay", "evil.yaml"],
        ["-resource-dir", "evil"],
        ["-resource-dir=evil"],
        ["-working-directory", "/"],
        ["--gcc-toolchain=/evil"],
        ["-x", "c++"],
        ["-xcuda"],
        ["-include", "@evil.rsp"],
        ["-include@evil.rsp"],
        ["-imacros", "@evil.rsp"],
        ["--include=@evil.rsp"],
        ["-include", "-fplugin=evil.so"],
        ["-dependency-file", "/etc/x"],
        ["-fmodule-file=evil.pcm"],
        ["-fmodule-map-file=evil"],
        ["-fprebuilt-module-path=evil"],
        ["-cc1", "-load", "evil.so"],
        ["-Xclang=-load"],
        ["-Xarch_bpf", "-fplugin=evil.so"],
        ["-ccc-gcc-name", "evil"],
        ["-fno-integrated-as"],
        ["--config-user-dir", "/evil"],
        ["--config-system-dir=/evil"],
        ["-fopt-record-file=/etc/x"],
        ["-fsave-optimization-record"],
        ["-foptimization-record-file=/etc/x"],
        ["-fproc-stat-report=/etc/x"],
        ["-header-include-file", "/etc/x"],
        ["-index-store-path", "/etc"],
        ["-stack-usage-file", "/etc/x"],
        ["-fsanitize-ignorelist=/dev/zero"],
        ["-fprofile-use=/dev/zero"],
        ["-std=c++20"],
        ["-mcpu=probe"],
        ["--target=x86_64-linux-gnu"],
        ["-target", "bpf;rm"],
        ["-fuse-ld=/evil"],
        ["-emit-llvm", "-S", "-E", "-c"],
        ["prog.bpf.c", "-"],
        ["-I-"],
        ["-I", "a\0b"],
        ["-DX\udc80"],
        ["-D" + "X" * MAX_ARGUMENT_LENGTH],
        ["--", "-DX"],
        [""],
    ],
)
def test_nothing_hostile_is_taken(hostile: list[str]) -> None:
    assert taken(*hostile) == ()
    # and what stands around it is still read as what it is
    around = taken("-DBEFORE", *hostile, "-DAFTER")
    assert around[0] == "-DBEFORE" and set(around) <= {"-DBEFORE", "-DAFTER"}


def test_what_changes_the_meaning_of_a_source_is_taken() -> None:
    assert taken(
        "-I", "inc", "-Iother", "-isystem", "/sys", "-iquoteq", "-idirafter", "z", "--include-directory=n",
        "-DA", "-D", "B=2", "-UC", "--define-macro=D", "-std=gnu11", "-ansi", "-x", "c", "-fshort-enums",
        "-nostdinc", "--target=bpfel", "-mcpu=v3", "--sysroot=root", "-isysroot", "root2",
    ) == (
        "-I", "/b/inc", "-I", "/b/other", "-isystem", "/sys", "-iquote", "/b/q", "-idirafter", "/b/z",
        "-I", "/b/n",
        "-DA", "-DB=2", "-UC", "-DD", "-std=gnu11", "-ansi", "-x", "c", "-fshort-enums", "-nostdinc",
        "--target=bpfel", "-mcpu=v3", "--sysroot=/b/root", "--sysroot=/b/root2",
    )  # fmt: skip


def test_ordinary_build_options_go_without_a_note() -> None:
    call = ["-O2", "-g", "-c", "-Wall", "-Wno-unused", "-MMD", "-fno-stack-protector", "-o", "x.o", "x.c", "-pipe"]
    assert filter_arguments(call, Path("/")).dropped == ()


def test_dropped_options_are_named_without_their_values() -> None:
    dropped = filter_arguments(["-fplugin=secret.so", "--config=x", "@rsp", "--\x1b[31m=1"], Path("/")).dropped
    assert dropped == ("--?[31m", "--config", "-fplugin", "@file")


def test_no_word_begins_as_a_response_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative to the current folder, too; and whatever takes an option to pieces."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "@pre").write_text("")
    words = [
        "-I",
        "@resp",
        "-isystem@resp",
        "--sysroot=@resp",
        "-include",
        "./@pre",
        "-I",
        ".",
        "-I",
        "a/../@resp",
    ]
    for directory in (".", "", "@folder", "a/.."):
        args = filter_arguments(words, Path(directory)).args
        assert not any(arg.startswith("@") for arg in args)
        assert args[:2] == ("-I", os.path.normpath(tmp_path / directory / "@resp"))
    monkeypatch.setattr(allowlist, "_take_valued", lambda option, value, directory: (option, value))
    assert filter_arguments(words[:2], tmp_path) == Filtered((), ("-I",))


def test_option_without_its_value_is_no_option() -> None:
    assert taken("-DX", "-D") == ("-DX",)


def test_forced_include_must_be_a_file_when_it_exists(tmp_path: Path) -> None:
    (tmp_path / "pre.h").write_text("")
    os.mkfifo(tmp_path / "fifo.h")
    assert taken("-include", "pre.h", directory=tmp_path) == ("-include", str(tmp_path / "pre.h"))
    assert taken("-include", "vmlinux.h", directory=tmp_path) == ("-include", "vmlinux.h")
    assert taken("-include", "fifo.h", directory=tmp_path) == ()
    assert taken("-include", "/dev/zero", directory=tmp_path) == ()


def test_number_of_arguments_is_bounded() -> None:
    filtered = filter_arguments(["-DX"] * (MAX_ARGUMENTS + 5), Path("/"))
    assert len(filtered.args) == MAX_ARGUMENTS and filtered.dropped
