"""`python -m benchmarks.callers`: is every generated caller accepted?

For each kfunc of the specs that the running kernel has, and each kind of program from which its verifier lets it
be called (as benchmarks.allowed asks it), `kfuncgen gen program` writes the program. It is compiled with -Wall
-Wextra (-Wno-unused-parameter: BPF_PROG() of libbpf has one itself) against the running kernel's vmlinux.h,
linted, and loaded. With --mutate each program is loaded and linted again without one NULL check, release, destroy
or other end of an obligation at a time: both must refuse it. KFUNCGEN_LIBBPF names a libbpf to load with.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.agreement.toolchain import vmlinux_folder
from benchmarks.allowed import HOOKS, VMLINUX, Hook, Verifier
from kfuncgen.diagnostic import KfuncgenError, Severity, UsageError
from kfuncgen.facts.btf import read_btf
from kfuncgen.generate import render_program
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Contract, Kernel, SpecSet
from kfuncgen.spec.progtypes import allows, section_info
from kfuncgen.toolchain.clang import find_clang
from kfuncgen.toolchain.headers import DATA
from kfuncgen.verify import require_capability, verify_object

ENDS = re.compile(r"\t+(\w*(?:release|destroy|unlock|put|drop_impl|restore|enable)\w*)\(.*\);")
"""A call that ends an obligation."""

WARNINGS = ("-Wall", "-Wextra", "-Wno-unused-parameter")
LEFT_OUT = ("struct_ops/ssthresh", "uprobe.session")
"""struct_ops, for which the generator picks the member, is asked instead of one member; libbpf 1.5 does not know
uprobe.session."""
MORE_HOOKS = (Hook("struct_ops"), Hook("iter/tcp"), Hook("tp_btf"), Hook("iter"))
"""Kinds for which the generator picks what is attached to."""


@dataclass(slots=True)
class Outcome:
    """What became of one pair. `state`: ok, refused (by the generator), compiler, linter or verifier."""

    kfunc: str
    section: str
    state: str
    message: str = ""
    source: str = ""


@dataclass(slots=True)
class Mutant:
    """One program without one of its lines, and whether linter and kernel refuse it."""

    kfunc: str
    section: str
    kind: str
    removed: str
    lint: bool
    kernel: bool
    message: str = ""


class Workbench:
    """Compiles, lints and loads programs in a folder of its own."""

    def __init__(self, folder: Path, specs: SpecSet, kernel: Kernel) -> None:
        self.folder, self.specs, self.kernel = folder, specs, kernel
        self.include = ("-isystem", str(DATA / "include"), "-isystem", str(vmlinux_folder()))
        self.flags = ("-target", "bpf", "-D__TARGET_ARCH_x86", "-O2", "-g", *self.include)
        head = folder / "all.h"
        names = ("bpf_helpers", "bpf_tracing", "bpf_core_read")
        head.write_text('#include "vmlinux.h"\n' + "".join(f"#include <bpf/{name}.h>\n" for name in names))
        self.lint_pch = folder / "lint.pch"
        _lint_pch(head, self.lint_pch, self.include)
        self.pch = folder / "all.pch"
        command = [find_clang(), *self.flags, "-DBPF_NO_KFUNC_PROTOTYPES=", "-x", "c-header", str(head)]
        subprocess.run([*command, "-o", str(self.pch)], check=True, capture_output=True)

    def compiled(self, file: Path) -> str:
        """Compile `file`; the compiler's words, "" when it has none."""
        command = [find_clang(), *self.flags, "-DBPF_NO_KFUNC_PROTOTYPES=", *WARNINGS]
        command += ["-include-pch", str(self.pch), "-c", str(file), "-o", str(file.with_suffix(".o"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.stderr.strip() or ("" if done.returncode == 0 else "failed")

    def loaded(self, file: Path) -> str:
        """What the kernel says of the object of `file`, "" when it takes all of it."""
        try:
            found = verify_object(file.with_suffix(".o"))
        except UsageError as error:
            return error.message
        refused = [verdict for verdict in found if verdict.verdict != "accepted"]
        return f"{refused[0].verdict}: {refused[0].message}" if refused else ""

    def linted(self, files: Sequence[Path]) -> dict[str, str]:
        """The first error or warning in each file that has one."""
        arguments = (*_lint_arguments(self.include), "-include-pch", str(self.lint_pch))
        options = LintOptions((self.kernel,), self.specs, clang_args=arguments)
        result = check_paths(list(files), options)
        told: dict[str, str] = {}
        for failure in result.failures:
            told[failure.file] = failure.error
        for finding in result.report.findings:
            if finding.severity is not Severity.HINT:
                told.setdefault(finding.span.file, f"{finding.rule}: {finding.message}")
        return told


def _lint_arguments(include: Sequence[str]) -> tuple[str, ...]:
    return ("-target", "bpf", "-D__TARGET_ARCH_x86", "-DBPF_NO_KFUNC_PROTOTYPES=", *include)


def _lint_pch(header: Path, output: Path, include: Sequence[str]) -> None:
    """The headers as libclang's own precompiled header: it parses each program in a tenth of the time."""
    from clang import cindex

    unit = cindex.Index.create().parse(str(header), args=["-x", "c-header", *_lint_arguments(include)])
    unit.save(str(output))


def pairs(
    specs: SpecSet, kernel: Kernel, verifier: Verifier, kfuncs: str, sections: str
) -> Iterator[tuple[Contract, Hook]]:
    """Each kfunc with each kind of program from which it may be called here."""
    for function in sorted(specs.functions.values(), key=lambda f: f.name):
        if function.name not in verifier.kfuncs or not function.exists_at(kernel):
            continue
        if not re.search(kfuncs, function.name) or function.hooks == ("FMODRET",):
            continue
        contract = function.at(kernel)
        for hook in (*HOOKS, *MORE_HOOKS):
            info = section_info(hook.section)
            assert info is not None
            if not re.search(sections, hook.section) or not allows(contract, info, kernel):
                continue
            if contract.effects.sleepable and not info.sleepable:
                continue
            if (
                hook not in MORE_HOOKS
                and verifier.says(hook, function.name) is None
                and info.attach != "struct_ops"
            ):
                continue
            if hook.section in LEFT_OUT:
                continue
            yield contract, hook


def generated(bench: Workbench, chosen: Sequence[tuple[Contract, Hook]]) -> list[tuple[Outcome, Path | None]]:
    """The programs, written; refusals of the generator have no file."""
    found: list[tuple[Outcome, Path | None]] = []
    for number, (contract, hook) in enumerate(chosen):
        outcome = Outcome(contract.name, hook.section, "ok")
        file: Path | None = bench.folder / f"p{number}.bpf.c"
        try:
            outcome.source = render_program(contract.name, bench.specs, (bench.kernel,), hook.section)
            assert file is not None
            file.write_text(outcome.source)
        except UsageError as error:
            outcome.state, outcome.message, file = "refused", error.message, None
        found.append((outcome, file))
    return found


def judged(bench: Workbench, found: Sequence[tuple[Outcome, Path | None]]) -> list[Outcome]:
    """Every outcome, after compiler, linter and kernel have spoken.

    Programs that differ in their function alone (one kfunc in several sections) are put into one file: compiled
    and linted together, each loaded alone. When one of them is refused, each is asked for itself.
    """
    groups: dict[str, list[tuple[Outcome, Path]]] = {}
    for outcome, file in found:
        if file is not None:
            groups.setdefault(_frame(outcome), []).append((outcome, file))
    together: list[tuple[Path, list[tuple[Outcome, Path]]]] = []
    alone: list[tuple[Outcome, Path]] = []
    for number, members in enumerate(groups.values()):
        file = bench.folder / f"g{number}.bpf.c"
        if len(members) == 1:
            alone += members
            continue
        file.write_text(_combined([outcome for outcome, _ in members]))
        together.append((file, members))
    told = bench.linted([file for file, _ in together])
    for file, members in together:
        if str(file) in told or bench.compiled(file) or bench.loaded(file):
            alone += members
    told = bench.linted([file for _, file in alone])
    for outcome, file in alone:
        words = bench.compiled(file)
        if words:
            outcome.state, outcome.message = "compiler", words.splitlines()[0]
        elif says := bench.loaded(file):
            outcome.state, outcome.message = "verifier", says
        elif str(file) in told:
            outcome.state, outcome.message = "linter", told[str(file)]
    return [outcome for outcome, _ in found]


_FUNCTION = re.compile(r'^SEC\("[^"\n]+"\)\n(?:int|void|u32|s32)\b[^{;]*\{\n.*?^\}\n', re.MULTILINE | re.DOTALL)
"""The program itself within a generated file."""


def _frame(outcome: Outcome) -> str:
    """What is around the program: banner and program left out."""
    rest = outcome.source.partition("*/\n")[2]
    return f"{outcome.kfunc}\n{_FUNCTION.sub('', rest)}" if ".struct_ops" not in rest else outcome.source


def _combined(members: Sequence[Outcome]) -> str:
    """One file with the programs of all `members`, whose frames are the same."""
    functions = []
    for number, outcome in enumerate(members):
        match = _FUNCTION.search(outcome.source)
        assert match is not None
        functions.append(re.sub(r"\bcall_(\w+)", rf"call{number}_\1", match[0], count=1))
    first = _FUNCTION.search(members[0].source)
    assert first is not None
    return members[0].source.replace(first[0], "\n".join(functions))


def mutants(source: str) -> Iterator[tuple[str, str, str]]:
    """(kind, what was taken out, the program without it) for each check and each end of an obligation."""
    lines = source.split("\n")
    for index, line in enumerate(lines):
        check = re.fullmatch(r"(\t+)if \(!(\w+)\)( \{)?", line)
        if check and index + 1 < len(lines):
            end = index + 1
            if check[3]:
                end = next(i for i in range(index, len(lines)) if lines[i] == f"{check[1]}}}")
            yield "check", line.strip(), "\n".join(lines[:index] + lines[end + 1 :])
        ended = ENDS.fullmatch(line)
        if ended and not lines[index - 1].strip().startswith("if ("):
            region = re.search("unlock|restore|enable", ended[1])
            kind = "destroy" if "destroy" in ended[1] else "region" if region else "release"
            yield kind, line.strip(), "\n".join(lines[:index] + lines[index + 1 :])


def mutated(bench: Workbench, outcomes: Sequence[Outcome]) -> list[Mutant]:
    """All mutants of the accepted programs, judged by both."""
    work: list[tuple[Mutant, Path]] = []
    for number, outcome in enumerate(o for o in outcomes if o.state == "ok"):
        for other, (kind, removed, text) in enumerate(mutants(outcome.source)):
            file = bench.folder / f"m{number}-{other}.bpf.c"
            file.write_text(text)
            work.append((Mutant(outcome.kfunc, outcome.section, kind, removed, False, False), file))
    told = bench.linted([file for _, file in work])
    done = []
    for mutant, file in work:
        command = [find_clang(), *bench.flags, "-DBPF_NO_KFUNC_PROTOTYPES=", "-w", "-include-pch", str(bench.pch)]
        run = subprocess.run(
            [*command, "-c", str(file), "-o", str(file.with_suffix(".o"))], capture_output=True, check=False
        )
        if run.returncode:
            continue
        mutant.message = bench.loaded(file)
        mutant.kernel, mutant.lint = bool(mutant.message), str(file) in told
        done.append(mutant)
    return done


def report(outcomes: Sequence[Outcome], changed: Sequence[Mutant]) -> str:
    """The table: by section, what failed and why, and the mutants on which the two do not agree."""
    written = [o for o in outcomes if o.state != "refused"]
    lines = []
    for section in dict.fromkeys(o.section for o in outcomes):
        here = [o for o in outcomes if o.section == section]
        asked = [o for o in here if o.state != "refused"]
        good = sum(o.state == "ok" for o in asked)
        lines.append(f"{section:32} {good} of {len(asked)}, {len(here) - len(asked)} not written")
    for outcome in written:
        if outcome.state != "ok":
            lines.append(f"  {outcome.kfunc} in {outcome.section}: {outcome.state}: {outcome.message}")
    lines += _refusals([o for o in outcomes if o.state == "refused"])
    kfuncs = {o.kfunc for o in outcomes}
    whole = {o.kfunc for o in written if o.state == "ok"} - {o.kfunc for o in written if o.state != "ok"}
    good = sum(o.state == "ok" for o in written)
    lines.append(f"{good} of {len(written)} programs are accepted by compiler, linter and kernel")
    without = ", ".join(sorted(kfuncs - whole)) or "none"
    lines.append(f"{len(whole)} of {len(kfuncs)} kfuncs have callers, all of them accepted; without: {without}")
    return "\n".join([*lines, *_disagreements(changed)])


def _refusals(refused: Sequence[Outcome]) -> list[str]:
    """Pairs for which the generator writes nothing, by its reason."""
    reasons: dict[str, list[str]] = {}
    for outcome in refused:
        reason = outcome.message.partition("; it can")[0]
        reason = reason.replace(f"{outcome.kfunc}() cannot be called from {outcome.section} ", "")
        reasons.setdefault(reason, []).append(f"{outcome.kfunc} ({outcome.section})")
    return [
        f"  not written, {len(where)}: {reason}: {', '.join(where[:4])}{' ...' if len(where) > 4 else ''}"
        for reason, where in sorted(reasons.items())
    ]


def _disagreements(changed: Sequence[Mutant]) -> list[str]:
    lines = []
    for mutant in changed:
        if not (mutant.lint and mutant.kernel):
            word = "refuses" if mutant.lint else "accepts"
            where = f"{mutant.kfunc} in {mutant.section} without '{mutant.removed}'"
            lines.append(f"  {where}: linter {word}, kernel {mutant.message or 'accepts'}")
    for kind in sorted({m.kind for m in changed}):
        of_kind = [m for m in changed if m.kind == kind]
        both = sum(m.lint and m.kernel for m in of_kind)
        lines.append(f"without a {kind}: both refuse {both} of {len(of_kind)}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, judge and print; 0 when all is as it should be, 1 when not, 2 when something is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.callers", description=__doc__)
    parser.add_argument("--kfuncs", default="", help="only those whose name matches this regular expression")
    parser.add_argument("--sections", default="", help="only sections that match this one")
    parser.add_argument("--first", action="store_true", help="each kfunc in one kind of program only")
    parser.add_argument("--mutate", action="store_true", help="take out checks and releases too")
    parser.add_argument("--json", type=Path, help="write all outcomes to this file")
    parser.add_argument("--show", action="store_true", help="print the programs that failed")
    options = parser.parse_args(arguments)
    try:
        require_capability()
        specs, kernel, verifier = load_builtin(), live_kernel(), Verifier(read_btf(VMLINUX))
        with tempfile.TemporaryDirectory(prefix="kfuncgen-callers-") as folder:
            bench = Workbench(Path(folder), specs, kernel)
            chosen = list(pairs(specs, kernel, verifier, options.kfuncs, options.sections))
            written = generated(bench, chosen)
            if options.first:
                first = {o.kfunc: o for o, file in reversed(written) if file is not None}
                written = [pair for pair in written if first.get(pair[0].kfunc, pair[0]) is pair[0]]
            outcomes = judged(bench, written)
            changed = mutated(bench, outcomes) if options.mutate else []
    except KfuncgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.show:
        print("\n".join(o.source for o in outcomes if o.state not in ("ok", "refused")))
    print(report(outcomes, changed))
    present = {f.name for f in specs.functions.values() if f.name in verifier.kfuncs and f.exists_at(kernel)}
    left = sorted(present - {o.kfunc for o in outcomes})
    if not options.kfuncs and not options.sections:
        print(f"{len(present)} kfuncs are there; no program that may call these loads here: {', '.join(left)}")
    if options.json:
        data = {"pairs": [asdict(o) for o in outcomes], "mutants": [asdict(m) for m in changed]}
        options.json.write_text(json.dumps(data, indent=1))
    failed = any(o.state not in ("ok", "refused") for o in outcomes)
    return int(failed or any(not (m.lint and m.kernel) for m in changed))


if __name__ == "__main__":
    sys.exit(main())
