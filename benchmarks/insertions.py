"""`python -m benchmarks.insertions`: is every call that editors insert accepted?

For each kfunc that the running kernel has, and programs of several kinds whose arguments have names of their own,
the safe call that completion offers is inserted: at the head of a function, behind an `if`, and in a function that
the program calls. The result is compiled, linted and loaded, as benchmarks.callers does with whole programs.
KFUNCGEN_LIBBPF names a libbpf to load with. What must be bound to a device cannot be loaded, and is told apart.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from lsprotocol import types

from benchmarks.allowed import VMLINUX
from benchmarks.callers import Outcome, Workbench
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.facts.btf import read_btf
from kfuncgen.generate import insertion
from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan
from kfuncgen.lsp.snippets import Client, declaring, inserted, missing
from kfuncgen.lsp.surroundings import statement_place, surroundings
from kfuncgen.spec.cached import load_specs
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.model import Kernel, SpecSet
from kfuncgen.verify import require_capability

HEAD = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

"""
PROGRAMS: Mapping[str, str] = {
    "xdp": 'SEC("xdp")\nint prog(struct xdp_md *x)\n{\n\t<>\n\treturn XDP_PASS;\n}\n',
    "tc": 'SEC("tc")\nint prog(struct __sk_buff *skb)\n{\n\tif (skb->len)\n\t\t<>\n\treturn 0;\n}\n',
    "syscall": (
        "static int part(void *ctx)\n{\n\t<>\n\treturn 0;\n}\n\n"
        'SEC("syscall")\nint prog(void *ctx)\n{\n\treturn part(ctx);\n}\n'
    ),
    "tp_btf": (
        'SEC("tp_btf/task_newtask")\nint BPF_PROG(prog, struct task_struct *t, u64 flags)\n'
        "{\n\t<>\n\treturn 0;\n}\n"
    ),
    "iter": 'SEC("iter/task")\nint prog(struct bpf_iter__task *c)\n{\n\t<>\n\treturn 0;\n}\n',
}
DEVICE = "metadata kfuncs require device-bound program"


def with_call(name: str, program: str, specs: SpecSet, kernel: Kernel) -> str | None:
    """A source in which `<>` became the safe call of a kfunc; None when there is none for that program."""
    text = HEAD + program
    start = text.index("<>")
    text = text.replace("<>", name)
    scan, shown, end = Scan(text), Text(text, "utf-16"), start + len(name)
    function, place = scan.function_at(end), statement_place(scan, start, end)
    assert function is not None and place is not None
    made = insertion(name, specs, (kernel,), surroundings(scan, function, start))
    if made is None:
        return None
    word = types.Range(shown.position_at(start), shown.position_at(end))
    edits = [types.TextEdit(word, inserted(made, place, shown, Client()))]
    edits += declaring(missing(made, scan, ()), scan, end, shown)
    for edit in sorted(edits, key=lambda one: shown.offset(one.range.start), reverse=True):
        text = text[: shown.offset(edit.range.start)] + edit.new_text + text[shown.offset(edit.range.end) :]
    return text


def made(bench: Workbench, kfuncs: str) -> Iterator[tuple[Outcome, Path]]:
    """The sources, written."""
    known = read_btf(VMLINUX).kfuncs()
    for section, program in PROGRAMS.items():
        for name, function in sorted(bench.specs.functions.items()):
            if function.kind != "kfunc" or name not in known or not re.search(kfuncs, name):
                continue
            source = with_call(name, program, bench.specs, bench.kernel)
            if source is not None:
                file = bench.folder / f"{name}.{section}.bpf.c"
                file.write_text(source)
                yield Outcome(name, section, "ok", source=source), file


def judged(bench: Workbench, kfuncs: str) -> list[Outcome]:
    """Every outcome, after compiler, linter and kernel have spoken."""
    found = list(made(bench, kfuncs))
    told = bench.linted([file for _, file in found])
    for outcome, file in found:
        words = bench.compiled(file)
        loaded = "" if "error:" in words else bench.loaded(file)
        if words:
            outcome.state, outcome.message = "compiler", words.splitlines()[0]
        elif str(file) in told:
            outcome.state, outcome.message = "linter", told[str(file)]
        elif loaded:
            outcome.state = "device" if DEVICE in loaded else "verifier"
            outcome.message = loaded
    return [outcome for outcome, _ in found]


def main() -> int:
    """Print the figures and whatever was not accepted."""
    parser = argparse.ArgumentParser(description="Judge the calls that editors insert.")
    parser.add_argument("--kfuncs", default="", help="only those whose name matches this expression")
    parser.add_argument("--show", action="store_true", help="print the sources that are not accepted")
    arguments = parser.parse_args()
    try:
        require_capability()
        specs, kernel = load_specs(()), live_kernel()
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            outcomes = judged(Workbench(Path(folder), specs, kernel), arguments.kfuncs)
    except KfuncgenError as error:
        print(error, file=sys.stderr)
        return 2
    wrong = [one for one in outcomes if one.state not in ("ok", "device")]
    for one in wrong:
        print(f"{one.kfunc} in {one.section}: {one.state}: {one.message}")
        if arguments.show:
            print(one.source)
    bound = sum(one.state == "device" for one in outcomes)
    kfuncs = len({one.kfunc for one in outcomes})
    print(f"Linux {kernel}: {len(outcomes)} calls of {kfuncs} kfuncs inserted in {time.monotonic() - began:.0f} s")
    print(f"accepted {len(outcomes) - len(wrong) - bound}, not {len(wrong)}, need a device {bound}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
