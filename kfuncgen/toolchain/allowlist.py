"""Which compiler arguments are taken from files that nobody vouches for.

Compile databases, compile_flags.txt, .clangd and kfuncgen.toml travel with a repository, so they are untrusted:
only what changes the *meaning of the source* is taken (include paths, defines, standard, language options,
target when it is BPF). Nothing that loads code, writes files, runs programs or hands arguments through
(-fplugin, -Xclang, -o, @file, -B, -specs ...) is known here, and what is not known is left out: an allow-list.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from kfuncgen.records import Struct

MAX_ARGUMENTS = 4096
"""More arguments than this are no compiler call; the rest is left out, with a note."""
MAX_ARGUMENT_LENGTH = 16 * 1024
"""Longest single argument in characters (Linux allows 128 KiB; no define or path needs that)."""

_PATH_OPTIONS = (
    "-I",
    "-isystem",
    "-iquote",
    "-idirafter",
    "-isysroot",
    "--sysroot",
    "--include-directory",
    "-include",
    "--include",
    "-imacros",
)
_FORCED_INCLUDES = frozenset({"-include", "--include", "-imacros"})
_DEFINE_OPTIONS = ("-D", "-U", "--define-macro", "--undefine-macro")
_EXACT = frozenset(
    {
        "-ansi",
        "-nostdinc",
        "-nostdlibinc",
        "-nobuiltininc",
        "-undef",
        "-mlittle-endian",
        "-mbig-endian",
        "-ffreestanding",
        "-fhosted",
        "-fbuiltin",
        "-fno-builtin",
        "-fsigned-char",
        "-funsigned-char",
        "-fno-signed-char",
        "-fno-unsigned-char",
        "-fshort-enums",
        "-fno-short-enums",
        "-fshort-wchar",
        "-fno-short-wchar",
        "-fms-extensions",
        "-fno-ms-extensions",
        "-fgnu89-inline",
        "-fgnu-keywords",
        "-fno-gnu-keywords",
        "-fasm",
        "-fno-asm",
        "-fcommon",
        "-fno-common",
        "-fwrapv",
        "-fno-wrapv",
        "-fstrict-aliasing",
        "-fno-strict-aliasing",
        "-fdollars-in-identifiers",
        "-fno-dollars-in-identifiers",
        "-fstrict-flex-arrays",
        "-fblocks",
        "-fno-blocks",
    }
)
_JOINED = re.compile(
    r"-std=(?:c|gnu)\d[\dxyz]|-std=iso9899:\d{4}"  # C standards; C++ is no BPF C
    r"|-mcpu=(?:generic|v\d{1,2})"  # not `probe`, which asks the kernel of the machine
    r"|-fstrict-flex-arrays=[0-3]"
)
_BPF_TARGET = re.compile(r"bpf(?:el|eb)?(?:-[\w.-]{1,64})?")
# Options whose value is the next argument: both are left out, so that `-o -DX` is no define.
# fmt: off
_SEPARATE_VALUE = frozenset((
    "-o", "-MF", "-MT", "-MQ", "-MJ", "-Xclang", "-Xpreprocessor", "-Xassembler", "-Xlinker", "-Xanalyzer",
    "-Xarch_host", "-Xarch_device", "-Xopenmp-target", "-mllvm", "-arch", "-T", "-L", "-l", "-u", "-z", "-B",
    "-e", "-F", "-framework", "-specs", "-dumpdir", "-dumpbase", "-aux-info", "-wrapper", "-iprefix",
    "-iwithprefix", "-iwithprefixbefore", "-cxx-isystem", "-isystem-after", "-iframework", "-imultilib",
    "-ivfsoverlay", "-include-pch", "-current_version", "-install_name", "-serialize-diagnostics",
    "--serialize-diagnostics", "-gcc-toolchain", "--param", "-dependency-file", "-load", "-plugin",
    "-plugin-arg", "-working-directory", "-resource-dir", "--config", "--output", "--prefix", "--specs",
    "-main-file-name",
))
# fmt: on


class Filtered(Struct, frozen=True):
    """What was taken, and which options were left out that might have mattered (sorted, without values)."""

    args: tuple[str, ...]
    dropped: tuple[str, ...]


def filter_arguments(args: Sequence[str], directory: Path) -> Filtered:
    """The arguments of `args` that are safe and matter, relative paths resolved against `directory`.

    `args` is a compiler call without the compiler itself. Source files and unknown options are left out;
    options that are normal in a build and mean nothing here (-c, -o, -O2, -g, -W..., -M...) silently so. No word
    begins with `@`: clang takes it for a file of arguments wherever it stands, also as the value of an option.
    """
    directory = directory.absolute()
    taken: list[str] = []
    dropped: set[str] = set()
    position = 0
    if len(args) > MAX_ARGUMENTS:
        dropped.add(f"(all after the first {MAX_ARGUMENTS} arguments)")
        args = args[:MAX_ARGUMENTS]
    while position < len(args):
        arg = args[position]
        position += 1
        following = args[position] if position < len(args) else None
        if arg == "--":
            break
        if not arg.startswith("-") or arg == "-":
            if arg.startswith("@"):
                dropped.add("@file")
            continue
        if not _is_plain(arg) or (following is not None and not _is_plain(following) and arg in _WITH_VALUE):
            dropped.add(_option_name(arg))
            position += arg in _WITH_VALUE
            continue
        found = _match_valued(arg, following)
        if found is not None:
            option, value, used_next = found
            position += used_next
            kept = _take_valued(option, value, directory)
            if any(word.startswith("@") for word in kept):
                kept = ()
            taken.extend(kept)
            if not kept:
                dropped.add(f"{option} {value}" if option == "--target" else option)
        elif arg in _EXACT or _JOINED.fullmatch(arg):
            taken.append(arg)
        else:
            if arg in _SEPARATE_VALUE:
                position += 1
            if not _is_ordinary(arg):
                dropped.add(_option_name(arg))
    return Filtered(tuple(taken), tuple(sorted(dropped)))


_VALUED = {
    "-target": "--target",
    "--target": "--target",
    "-x": "-x",
    "--language": "-x",
    **{option: option for option in (*_PATH_OPTIONS, *_DEFINE_OPTIONS)},
}
_WITH_VALUE = frozenset(_VALUED) | _SEPARATE_VALUE
# Short options may have their value joined on; the longest name wins (`-includex.h` is no -I).
_JOINABLE = sorted(
    ("-I", "-isystem", "-iquote", "-idirafter", "-isysroot", "-include", "-imacros", "-D", "-U", "-x"),
    key=len,
    reverse=True,
)


def _match_valued(arg: str, following: str | None) -> tuple[str, str, bool] | None:
    """(canonical option, value, value was the next argument) when `arg` is a known option with a value."""
    if arg in _VALUED:
        return (_VALUED[arg], following if following is not None else "", True)
    if arg.startswith("--"):
        name, equals, value = arg.partition("=")
        return (_VALUED[name], value, False) if equals and name in _VALUED else None
    for option in _JOINABLE:
        # `-include-pch` and the like are other options, not -include with a value
        if arg.startswith(option) and not (option in _FORCED_INCLUDES and arg[len(option)] == "-"):
            if option == "-I" and arg == "-I-":
                return None
            return (option, arg[len(option) :], False)
    return None


def _take_valued(option: str, value: str, directory: Path) -> tuple[str, ...]:
    """The arguments to pass for `option` with `value`, none when it is not acceptable."""
    if not value:
        return ()
    if option == "--target":
        return (f"--target={value}",) if _BPF_TARGET.fullmatch(value) else ()
    if option == "-x":
        return ("-x", "c") if value == "c" else ()
    if option in _DEFINE_OPTIONS:
        letter = "-D" if option in ("-D", "--define-macro") else "-U"
        return (letter + value,)
    option = {"--include-directory": "-I", "--include": "-include", "-isysroot": "--sysroot"}.get(option, option)
    if option in _FORCED_INCLUDES:
        if value.startswith(("@", "-")):
            return ()
        file = Path(os.path.normpath(directory / value))
        try:
            if file.exists():
                return (option, str(file)) if file.is_file() else ()  # a FIFO or device would never end
        except OSError:
            return ()
        return (option, value)  # the compiler looks for it along the include path
    if value.startswith(("=", "$SYSROOT")):
        return (option, value)
    path = os.path.normpath(directory / value)
    return (f"--sysroot={path}",) if option == "--sysroot" else (option, path)


def _is_plain(arg: str) -> bool:
    """Whether `arg` can be handed to a compiler at all: bounded, no NUL, encodable."""
    if len(arg) > MAX_ARGUMENT_LENGTH or "\0" in arg:
        return False
    try:
        arg.encode()
    except UnicodeEncodeError:
        return False
    return True


# Build options that say nothing about what the source means; leaving them out needs no note.
_ORDINARY = re.compile(
    r"-c|-S|-E|-emit-llvm|-o.*|-O[\w]*|-g.*|-W(?!p,|a,|l,).*|-w|-v|-pipe|-M\w*.*|-f(?:no-)?(?!plugin|pass-plugin).*"
    r"|-m(?!llvm).*|-pthread|-p[ge]|-pedantic(?:-errors)?|-l.+|-L.*|-static|-shared|-s|-no-canonical-prefixes|-Q\w*"
)


def _is_ordinary(arg: str) -> bool:
    return _ORDINARY.fullmatch(arg) is not None


def _option_name(arg: str) -> str:
    """`-fplugin` for `-fplugin=x.so`: what a note may show of an argument, printable and short."""
    name = arg.split("=", 1)[0][:40]
    return "".join(c if c.isprintable() else "?" for c in name)
