"""What one kernel says of its kfuncs, and the file in which that is kept (`kfuncgen spec probe -o FILE`).

The file is JSON: `{"version": 1, "kernel": RELEASE, "origin", "config": {OPTION: VALUE} or null, "kfuncs": {NAME:
{"hooks": {HOOK: [FLAG]}, "prototype", "module"}}}`. It comes from anywhere, so every word of it is checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.records import Struct
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.words import HOOKS, KF_FLAGS

VERSION = 1
"""Raised when a reader of the old form could misread the new one; added keys do not raise it."""
MAX_BYTES = 8 << 20
"""A probe of 6.18 has about 60 KB."""
MAX_KFUNCS = 20_000

EXPECTED = 'expected a probe file: JSON with "kernel" (a release) and "kfuncs" (flags and hooks by name)'


class KfuncFacts(Struct, frozen=True):
    """One kfunc of one kernel. None = the origin does not tell.

    `hooks`: the flags by hook, in the vocabularies' order (kernels register flags per hook). `prototype`: C in one
    line. `filter`: the kernel's filter function. `module`: the module that has it, "" for the kernel itself.
    `place`: file and line of its definition, "" when unknown.
    """

    name: str
    hooks: Mapping[str, tuple[str, ...]] | None = None
    prototype: str | None = None
    filter: str | None = None
    module: str = ""
    place: str = ""

    @property
    def common_flags(self) -> tuple[str, ...] | None:
        """The flags that it has in most of its hooks."""
        return None if self.hooks is None else most_common(self.hooks)


class KernelFacts(Struct, frozen=True):
    """The kfuncs of one kernel by name.

    `complete`: what is not among them, the kernel does not have. `config`: values of its options, None when
    unknown: with them the absence of a kfunc can be explained. `origin`: where it was read.
    """

    kernel: Kernel
    release: str
    origin: str
    kfuncs: Mapping[str, KfuncFacts]
    complete: bool = True
    config: Mapping[str, str] | None = None
    place: Place = Place("")


def most_common(flags: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The flags that most hooks have, of several the first ones; () for no hook."""
    kinds = list(flags.values())
    return max(kinds, key=kinds.count) if kinds else ()


def flag_order(flag: str) -> tuple[int, str]:
    """Sorts flags as include/linux/btf.h has them; unknown ones come last."""
    return (KF_FLAGS.index(flag) if flag in KF_FLAGS else len(KF_FLAGS), flag)


def hook_order(hook: str) -> tuple[int, str]:
    """Sorts hooks as specs list them; unknown ones come last."""
    return (HOOKS.index(hook) if hook in HOOKS else len(HOOKS), hook)


def to_json(facts: KernelFacts) -> dict[str, Any]:
    """`facts` as the document that `read_facts` reads."""
    kfuncs = {
        name: {
            "hooks": {hook: list(known.hooks[hook]) for hook in sorted(known.hooks, key=hook_order)},
            "prototype": known.prototype or "",
            "module": known.module,
        }
        for name, known in sorted(facts.kfuncs.items())
        if known.hooks is not None
    }
    config = dict(sorted(facts.config.items())) if facts.config is not None else None
    return {
        "version": VERSION,
        "kernel": facts.release,
        "origin": facts.origin,
        "config": config,
        "kfuncs": kfuncs,
    }


def read_facts(path: Path) -> KernelFacts:
    """The facts kept in the file `path`; UsageError, with one line, when it holds none."""
    place = Place(_short(str(path)))
    missing = UsageError("no such probe file; expected for example 6.12, or the path of a probe file", place)
    try:
        if not path.is_file():
            raise missing
    except (OSError, ValueError):  # no text is too long or too strange to be asked for
        raise missing from None
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the probe file: {error.strerror}", place) from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"the probe file is too large, expected at most {MAX_BYTES} bytes", place)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"not JSON; {EXPECTED}", place) from None
    return _facts(document, place)


def _facts(document: Any, place: Place) -> KernelFacts:
    release = document.get("kernel") if isinstance(document, dict) else None
    if not isinstance(release, str) or not isinstance(document.get("kfuncs"), dict):
        raise UsageError(EXPECTED, place)
    try:
        kernel = Kernel.parse(release)
    except ValueError:
        raise UsageError(f"the kernel '{_short(release)}' is no version; {EXPECTED}", place) from None
    if document.get("version", VERSION) != VERSION:
        raise UsageError(f"is of another version than {VERSION}, which this kfuncgen reads", place)
    if len(document["kfuncs"]) > MAX_KFUNCS:
        raise UsageError(f"names more than {MAX_KFUNCS} kfuncs", place)
    config = document.get("config")
    if config is not None and not (isinstance(config, dict) and all(isinstance(v, str) for v in config.values())):
        raise UsageError('"config" is no mapping from options to words', place)
    kfuncs = {name: _kfunc(name, entry, place) for name, entry in document["kfuncs"].items()}
    return KernelFacts(kernel, release, "probe", kfuncs, True, config, place)


def _kfunc(name: str, entry: Any, place: Place) -> KfuncFacts:
    if not re.fullmatch(r"[A-Za-z_]\w{0,127}", name):
        raise UsageError(f"'{_short(name)}' is no name of a kfunc", place)
    if not isinstance(entry, dict):
        raise UsageError(f"kfunc '{name}' is no mapping with hooks and prototype", place)
    hooks, prototype, module = entry.get("hooks"), entry.get("prototype"), entry.get("module", "")
    if hooks is not None and not isinstance(hooks, dict):
        raise UsageError(f"the hooks of '{name}' are no mapping from hooks to flags", place)
    if not isinstance(prototype, str | None) or not isinstance(module, str):
        raise UsageError(f"prototype or module of '{name}' is no text", place)
    known = None
    if hooks is not None:
        known = {hook: _flags(name, hook, flags, place) for hook, flags in hooks.items()}
    return KfuncFacts(name, known, prototype or None, module=module[:60])


def _flags(name: str, hook: str, flags: Any, place: Place) -> tuple[str, ...]:
    words = [hook, *flags] if isinstance(flags, list) else [None]
    for word in words:
        if not isinstance(word, str) or not re.fullmatch(r"[A-Z][A-Z0-9_]{0,40}", word):
            raise UsageError(f"hook '{_short(hook)}' of '{name}' has no list of flags", place)
    return tuple(sorted(set(flags), key=flag_order))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
