"""The compiler flags of a source, as all who parse it use them."""

from __future__ import annotations

from pathlib import Path

from kfuncgen.diagnostic import Place, SourceError
from kfuncgen.lint import LintOptions
from kfuncgen.toolchain.flags import Flags, find_flags
from kfuncgen.toolchain.headers import fallback_include_args

MAX_SOURCE_BYTES = 8 << 20
"""Larger sources are refused: no program of a person is that long, and lowering would take minutes."""
_QUIET = "-Wno-everything"
"""Compiler warnings are the compiler's business."""


def flags_of(path: Path, options: LintOptions) -> Flags:
    """The flags of a source and where they came from."""
    if not _is_utf8(str(path.absolute())):
        raise SourceError("its path is not UTF-8, and libclang opens no other files", Place(str(path)))
    flags = find_flags(
        path, options.clang_args, options.build_dir, options.configured_args, options.configured_dir, options.arch
    )
    odd = next((arg for arg in flags.args if not _is_utf8(arg)), None)
    if odd is not None:
        raise SourceError(f"the compiler flag '{odd}' is not UTF-8, and libclang takes no other", Place(str(path)))
    return flags


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def compiler_args(flags: Flags) -> list[str]:
    """The arguments with which a source is parsed."""
    return [*flags.args, _QUIET, *fallback_include_args(flags.args)]
