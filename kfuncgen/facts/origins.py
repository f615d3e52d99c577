"""Where facts come from: the running kernel, a kept probe, BTF, a source tree. One function for each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.facts.btf import read_btf
from kfuncgen.facts.definitions import declarations
from kfuncgen.facts.source import read_source
from kfuncgen.records import replace
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts, read_facts
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.model import Kernel, SpecSet
from kfuncgen.spec.overlay import MODULES

MAX_HEADER_BYTES = 8 << 20
"""A vmlinux.h with kfuncs has 3 MB."""


def config_options(specs: SpecSet) -> frozenset[str]:
    """The kernel options that specs name: what explains a kfunc's absence."""
    return frozenset({MODULES, *(option for function in specs.functions.values() for option in function.config)})


def from_live(specs: SpecSet) -> KernelFacts:
    """The running kernel's facts (see `probe.probe_live`), with the options that `specs` name."""
    from kfuncgen.facts.probe import probe_live

    return probe_live(config_options(specs))


def from_probe(path: Path) -> KernelFacts:
    """The facts kept in a file."""
    return read_facts(path)


def from_source(folder: Path, kernel: Kernel | None = None) -> KernelFacts:
    """The facts of a source tree; `kernel` where it is none of a whole kernel."""
    return read_source(folder, kernel)


def from_btf(path: Path, kernel: Kernel | None = None, base: Path | None = None) -> KernelFacts:
    """Names and prototypes of the tagged kfuncs in `path`.

    BTF does not say whose it is: the running kernel's below /sys/kernel/btf, else that of `kernel`; UsageError
    when that is not given.
    """
    folder = Path("/sys/kernel/btf")
    live = path.parent == folder
    if kernel is None and not live:
        raise UsageError("BTF does not tell its kernel; name it with --kernel", Place(str(path)))
    if base is None and live and path.name != "vmlinux":
        base = folder / "vmlinux"
    btf = read_btf(path, base)
    module = path.name.split(".")[0] if btf.base is not None else ""
    prototypes = btf.kfuncs()
    if not prototypes:
        raise UsageError(
            "has no function with the tag bpf_kfunc (pahole 1.26 and newer write it)", Place(str(path))
        )
    kfuncs = {name: KfuncFacts(name, prototype=text, module=module) for name, text in prototypes.items()}
    at = kernel or live_kernel()
    return KernelFacts(at, str(at), "btf", kfuncs, complete=False, place=Place(str(path)))


def from_header(path: Path, kernel: Kernel | None = None) -> KernelFacts:
    """Prototypes of the functions that a C header declares: those marked __ksym or __bpf_kfunc where it has such,
    else all. `kernel` is the one they are for, the running one when it is not given."""
    place = Place(str(path))
    try:
        if not path.is_file():
            raise UsageError("is no file" if path.exists() else "does not exist", place)
        with path.open("rb") as stream:
            data = stream.read(MAX_HEADER_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", place) from None
    if len(data) > MAX_HEADER_BYTES:
        raise UsageError(f"is too large, expected at most {MAX_HEADER_BYTES >> 20} MiB", place)
    found = declarations(data.decode("utf-8", "replace"))
    if not found:
        raise UsageError("declares no function", place)
    kfuncs = {name: KfuncFacts(name, prototype=text) for name, text in found.items()}
    at = kernel or live_kernel()
    return KernelFacts(at, str(at), "header", kfuncs, complete=False, place=place)


def only(facts: KernelFacts, names: Iterable[str]) -> KernelFacts:
    """`facts` of the kfuncs `names` alone; UsageError when one of them is not there."""
    wanted = list(names)
    for name in wanted:
        if name not in facts.kfuncs:
            raise UsageError(f"there is no kfunc '{name}'", facts.place)
    return (
        replace(facts, kfuncs={name: facts.kfuncs[name] for name in wanted}, complete=False) if wanted else facts
    )
