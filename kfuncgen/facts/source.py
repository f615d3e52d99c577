"""The kfuncs of a kernel source tree, or of an out-of-tree module's folder: hooks, flags, filters, prototypes.

Read as text, with no configuration: what is under #ifdef counts. A set is what stands between BTF_KFUNCS_START
(before 6.9 BTF_SET8_START) and its end; a `struct btf_kfunc_id_set` names it and its filter,
register_btf_kfunc_id_set() gives that to a program type, and bpf_prog_type_to_kfunc_hook() in the tree's own
kernel/bpf/btf.c says what hook that is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.facts.definitions import find_definition, without_comments
from kfuncgen.records import Struct, field
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts, flag_order
from kfuncgen.spec.model import Kernel

MAX_FILES = 200_000
MAX_FILE_BYTES = 4 << 20
"""Larger files are tables (register headers of graphics drivers)."""
MAX_NAMES = 5000

_SKIPPED = frozenset({"Documentation", "LICENSES", "samples", "scripts", "usr", "rust", "arch", "sound", "tools"})
"""Folders at the top of a kernel tree that register no kfuncs; of tools, the test modules are read."""
_TEST_MODULES = "tools/testing/selftests/bpf"
_MARKS = (
    b"btf_kfunc_id_set",
    b"BTF_KFUNCS_START",
    b"BTF_SET8_START",
    b"__bpf_kfunc",
    b"register_btf_fmodret_id_set",
)

_HOOK_OF_TYPE = {
    "UNSPEC": "COMMON",
    "SCHED_CLS": "TC",
    **dict.fromkeys(("TRACING", "TRACEPOINT", "PERF_EVENT", "LSM"), "TRACING"),
    **{f"CGROUP_{kind}": "CGROUP" for kind in ("SKB", "SOCK", "DEVICE", "SOCK_ADDR", "SOCKOPT", "SYSCTL")},
    **{f"LWT_{kind}": "LWT" for kind in ("OUT", "IN", "XMIT", "SEG6LOCAL")},
    **{
        kind: kind
        for kind in ("XDP", "STRUCT_OPS", "SYSCALL", "SCHED_ACT", "SK_SKB", "SOCKET_FILTER", "NETFILTER")
    },
    "KPROBE": "KPROBE",
}
"""bpf_prog_type_to_kfunc_hook() of 6.12 to 6.18, for folders that are no whole kernel."""

_SET = re.compile(r"\bBTF_(?:KFUNCS|SET8)_(?:START\(\s*(\w+)\s*\)|END\()")
_ENTRY = re.compile(r"\bBTF_ID_FLAGS\(\s*func\s*,\s*(\w+)\s*(?:,([^)]*))?\)")
_ID_SET = re.compile(r"\bstruct\s+btf_kfunc_id_set\s+(\w+)\s*=\s*\{([^{}]*)\}\s*;")
_REGISTERED = re.compile(r"\bregister_btf_kfunc_id_set\(\s*(\w+)\s*,\s*&\s*(\w+)\s*\)")
_FMODRET = re.compile(r"\bregister_btf_fmodret_id_set\(\s*&\s*(\w+)\s*\)")
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(?:\(([^)]*)\))?((?:[^\n\\]|\\\n|\\.)*)$", re.MULTILINE)


class _File(Struct):
    """What one file says, names still unresolved."""

    name: str
    text: str
    sets: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    id_sets: dict[str, tuple[str, str]] = field(default_factory=dict)
    registered: list[tuple[str, str]] = field(default_factory=list)
    """(hook or program type, id set)"""


def read_source(folder: Path, kernel: Kernel | None = None) -> KernelFacts:
    """The kfuncs registered anywhere under `folder`; `kernel` is its release where no Makefile says so.

    UsageError when the folder is none, holds no kfuncs, or the kernel is not known.
    """
    place = Place(str(folder))
    if not folder.is_dir():
        raise UsageError("is no folder" if folder.exists() else "does not exist", place)
    kernel = kernel or _version(folder, place)
    files = [_read(name, text, folder) for name, text in _candidates(folder)]
    hooks = _hooks(folder)
    found = _registered(files, hooks)
    if not found:
        raise UsageError("registers no kfuncs (no register_btf_kfunc_id_set() with a set of BTF_ID_FLAGS)", place)
    prototypes = _prototypes(folder, files, {name: known.home for name, known in found.items()})
    kfuncs = {}
    for name, known in sorted(found.items()):
        text, where = prototypes.get(name, (None, known.home))
        kfuncs[name] = KfuncFacts(name, known.hooks, text, known.filter, place=where)
    return KernelFacts(kernel, str(kernel), "source", kfuncs, True, None, place)


def _version(folder: Path, place: Place) -> Kernel:
    try:
        text = (folder / "Makefile").read_text("utf-8", "replace")[:2000]
    except OSError:
        text = ""
    words = dict(re.findall(r"^(VERSION|PATCHLEVEL)\s*=\s*(\d{1,3})\s*$", text, re.MULTILINE))
    if len(words) != 2:
        raise UsageError("is no kernel tree (no Makefile with VERSION); name its kernel with --kernel", place)
    return Kernel(int(words["VERSION"]), int(words["PATCHLEVEL"]))


def _candidates(folder: Path) -> Iterator[tuple[str, str]]:
    """(name relative to `folder`, text without comments) of the C files that say anything about kfuncs."""
    for path in _c_files(folder):
        data = _bytes(path)
        if any(mark in data for mark in _MARKS):
            yield path.relative_to(folder).as_posix(), without_comments(data.decode("utf-8", "replace"))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError:
        return b""
    return data if len(data) <= MAX_FILE_BYTES else b""


def _c_files(folder: Path) -> Iterator[Path]:
    """The C sources of the tree in a fixed order; links are not followed."""
    whole = (folder / "kernel" / "bpf" / "btf.c").is_file()
    roots = [folder]
    if whole:
        roots = sorted(p for p in folder.iterdir() if p.is_dir() and p.name not in _SKIPPED)
        roots.append(folder / _TEST_MODULES)
    count = 0
    for root in roots:
        for where, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                if name.endswith(".c") and (Path(where) / name).is_file():
                    count += 1
                    if count > MAX_FILES:
                        raise UsageError(f"holds more than {MAX_FILES} C files", Place(str(folder)))
                    yield Path(where) / name


def _read(name: str, text: str, folder: Path) -> _File:
    file = _File(name, text)
    marks = list(_SET.finditer(text))
    for start, end in pairwise(marks):
        if start[1] is None or end[1] is not None:
            continue  # what is not closed is no set
        body = _expanded(text[start.end() : end.start()], text, folder)
        file.sets[start[1]] = {entry[1]: _flags(entry[2] or "") for entry in _ENTRY.finditer(body)}
    for match in _ID_SET.finditer(text):
        pointed = re.search(r"\.set\s*=\s*&\s*(\w+)", match[2])
        filtered = re.search(r"\.filter\s*=\s*&?\s*(\w+)", match[2])
        if pointed:
            file.id_sets[match[1]] = (pointed[1], filtered[1] if filtered else "")
    file.registered = [(match[1], match[2]) for match in _REGISTERED.finditer(text)]
    file.registered += [("FMODRET", match[1]) for match in _FMODRET.finditer(text)]
    return file


def _flags(text: str) -> tuple[str, ...]:
    return tuple(sorted(set(re.findall(r"\bKF_\w+", text)), key=flag_order))


def _expanded(body: str, text: str, folder: Path) -> str:
    """`body` of a set with lists of kfuncs that a header gives as a macro (XDP_METADATA_KFUNC_xxx) written out."""
    local = {match[1]: (match[2], match[3].replace("\\\n", " ")) for match in _MACRO.finditer(body)}
    plain = _MACRO.sub("", body)
    for word in re.findall(r"^\s*([A-Za-z_]\w*)\s*$", plain, re.MULTILINE):
        content = _object_macro(word, text, folder)
        if content is None:
            continue
        for macro, (parameters, replacement) in local.items():
            for call in re.finditer(rf"\b{macro}\(([^()]*)\)", content):
                values = [value.strip() for value in call[1].split(",")]
                names = [name.strip() for name in (parameters or "").split(",")]
                arguments = dict(zip(names, values, strict=False))
                plain += "\n" + re.sub(r"\w+", lambda m, a=arguments: a.get(m[0], m[0]), replacement)
    return plain


def _object_macro(name: str, text: str, folder: Path) -> str | None:
    """What `#define name` stands for in this file or in a header that it includes."""
    texts: Iterable[str] = (text,)
    headers = re.findall(r'^\s*#\s*include\s*[<"]([\w./-]+)[>"]', text, re.MULTILINE)
    inside = (folder / "include" / header for header in headers if ".." not in header)
    texts = (text, *(_bytes(path).decode("utf-8", "replace") for path in inside))
    for content in texts:
        for match in _MACRO.finditer(content):
            if match[1] == name and match[2] is None:
                return match[3].replace("\\\n", " ")
    return None


def _hooks(folder: Path) -> Mapping[str, str]:
    """Hook by program type, from the tree itself where it is a kernel."""
    text = _bytes(folder / "kernel" / "bpf" / "btf.c").decode("utf-8", "replace")
    match = re.search(r"\bbpf_prog_type_to_kfunc_hook\([^)]*\)\s*\{(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    if match is None:
        return _HOOK_OF_TYPE
    table, waiting = {}, []
    for case, hook in re.findall(r"case BPF_PROG_TYPE_(\w+)\s*:|return BTF_KFUNC_HOOK_(\w+)\s*;", match[1]):
        if case:
            waiting.append(case)
        else:
            table.update(dict.fromkeys(waiting, hook))
            waiting = []
    return table


class _Known(Struct):
    home: str
    hooks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    filter: str = ""


def _registered(files: list[_File], hook_of: Mapping[str, str]) -> dict[str, _Known]:
    """Every function of a registered set, with its hooks."""
    sets = {name: (file, entries) for file in files for name, entries in file.sets.items()}
    id_sets = {name: entry for file in files for name, entry in file.id_sets.items()}
    found: dict[str, _Known] = {}
    for file in files:
        for kind, id_set in file.registered:
            hook = kind if kind == "FMODRET" else hook_of.get(kind.removeprefix("BPF_PROG_TYPE_"))
            pointed = file.id_sets.get(id_set) or id_sets.get(id_set)
            if hook is None or pointed is None:
                continue
            name, filtered = pointed
            home, entries = (file, file.sets[name]) if name in file.sets else sets.get(name, (file, {}))
            for kfunc, flags in entries.items():
                known = found.setdefault(kfunc, _Known(home.name))
                known.hooks[hook] = tuple(sorted({*known.hooks.get(hook, ()), *flags}, key=flag_order))
                known.filter = known.filter or filtered
    if len(found) > MAX_NAMES:
        raise UsageError(f"registers more than {MAX_NAMES} kfuncs")
    return found


def _prototypes(folder: Path, files: list[_File], homes: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """(prototype, file:line) by name: from the set's file, else any with kfuncs, else its part of the tree."""
    texts = {file.name: file.text for file in files}
    found: dict[str, tuple[str, str]] = {}

    def look(name: str, file: str, text: str) -> bool:
        definition = find_definition(text, name)
        if definition is not None:
            found[name] = (definition[0], f"{file}:{definition[1]}")
        return definition is not None

    for name, home in homes.items():
        look(name, home, texts[home]) or any(look(name, file, text) for file, text in texts.items())
    for name in [name for name in homes if name not in found]:
        near = sorted((folder / homes[name]).parent.glob("*.c"))
        area = _c_files(folder / homes[name].split("/")[0]) if "/" in homes[name] else iter(())
        for path in (*near, *area):
            data = _bytes(path)
            if name.encode() in data and look(
                name, path.relative_to(folder).as_posix(), without_comments(data.decode("utf-8", "replace"))
            ):
                break
    return found
