"""What is mutated: the kernel's selftests, the marked cases, the rules' pages, a generated project."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from benchmarks.agreement import kernel_tree
from benchmarks.agreement.judge import Flags
from benchmarks.agreement.toolchain import (
    kernel_libbpf,
    libbpf_library,
    vmlinux_folder,
)
from kfuncgen.generate import render_project
from kfuncgen.spec.load import load_builtin
from kfuncgen.toolchain.flags import find_flags
from kfuncgen.toolchain.headers import DATA, fallback_include_args

ROOT = Path(__file__).parents[2]

_PRELUDE = b'#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n'
_LICENSE = b'char _license[] SEC("license") = "GPL";\n'
_FENCE = re.compile(r"^```c\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"// (?:error|warning)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """A source of the corpus: `name` as reported, `path` where its own includes are looked up."""

    name: str
    path: Path
    text: bytes
    flags: Flags


def near(source: Source) -> Source:
    """The source with its own folder searched for includes: it is compiled elsewhere."""
    flags = replace(source.flags, args=(*source.flags.args, "-iquote", str(source.path.parent)))
    return replace(source, flags=flags)


_AS_WRITTEN = "-fno-delete-null-pointer-checks"
"""Many mutants reach through NULL, which C leaves undefined: by default clang removes such code, and the verifier
never sees what was broken."""


def as_written(source: Source) -> Source:
    """The source as mutants of it are compiled: near its folder, and what reaches through NULL is kept."""
    found = near(source)
    return replace(found, flags=replace(found.flags, args=(*found.flags.args, _AS_WRITTEN)))


def matches(name: str, pattern: str) -> bool:
    """Whether a source's name, or the last part of it with or without its ending, matches a glob."""
    base = name.rsplit("/", 1)[-1]
    return any(fnmatch(text, pattern) for text in (name, base, base.split(".")[0]))


def selftest_flags(tree: Path | None) -> Flags:
    """How the kernel's programs are compiled: their Makefile's way, with the running kernel's vmlinux.h."""
    tree = tree or kernel_tree.kernel_tree()
    assert tree is not None
    installed = kernel_libbpf(tree)
    headers = installed / "include" if installed is not None else None
    words = kernel_tree.clang_args(tree, headers)
    folder = vmlinux_folder()
    args = ("-mcpu=v3", "-fno-strict-aliasing", *words, "-I", str(folder))
    complete = (*find_flags(Path("x.c"), args).args, *fallback_include_args())
    return Flags(complete, _folders_state(words), libbpf_library(tree))


@cache
def _folders_state(args: tuple[str, ...]) -> str:
    """A fingerprint of the headers directly in the include folders: their names, sizes and times."""
    found = hashlib.sha256()
    for word in args:
        if word.startswith("/"):
            for file in sorted(Path(word).glob("**/*.h") if "progs" in word else Path(word).glob("*.h")):
                status = file.stat()
                found.update(f"{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def selftests(tree: Path | None) -> Iterator[Source]:
    """The kernel's own programs."""
    flags = selftest_flags(tree)
    for path in kernel_tree.sources(tree):
        yield Source(f"selftests/{path.name}", path, path.read_bytes(), flags)


def own_flags(path: Path, tree: Path | None, *more: str) -> Flags:
    """How the project's own programs are compiled, in its tests too: bundled headers first."""
    args = (*find_flags(path, ()).args, *more, "-isystem", str(DATA / "include"), *fallback_include_args())
    return Flags(args, "bundled", libbpf_library(tree))


def cases(tree: Path | None) -> Iterator[Source]:
    """The marked programs of tests/cases."""
    for path in sorted((ROOT / "tests/cases").glob("*.bpf.c")):
        yield Source(f"cases/{path.name}", path, path.read_bytes(), own_flags(path, tree))


def pages(tree: Path | None) -> Iterator[Source]:
    """The blocks without marks of the rules' pages, those for the newest kernel."""
    for path in sorted((ROOT / "lint/rules").glob("*.md")):
        text = path.read_text()
        for number, fence in enumerate(_FENCE.finditer(text), 1):
            body = fence["body"]
            if _MARK.search(body):
                continue
            ending = b"" if 'SEC("license")' in body else _LICENSE
            source = ROOT / "lint/rules" / f"{path.stem}-{number}.bpf.c"
            yield Source(
                f"pages/{source.name}", source, _PRELUDE + body.encode() + ending, own_flags(source, tree)
            )


def projects(tree: Path | None, folder: Path) -> Iterator[Source]:
    """The BPF sources of generated projects, written into `folder` for their includes."""
    for template in sorted(p.name for p in (ROOT / "templates").iterdir() if (p / "template.yaml").is_file()):
        target = folder / template
        for name, file in render_project(template, {}, load_builtin()).items():
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(file.text)
        for path in sorted(target.glob("**/*.bpf.c")):
            minimal = path.with_name("vmlinux.min.h")
            if minimal.is_file():
                path.with_name("vmlinux.h").write_bytes(minimal.read_bytes())
            yield Source(f"projects/{template}/{path.name}", path, path.read_bytes(), own_flags(path, tree))
