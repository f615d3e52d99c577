"""`python -m benchmarks.kernels --image VMLINUZ`: do linter and kernel agree on another kernel, too?

Every source (tests/cases and the C blocks of the rules' pages) is compiled once. The same objects are loaded on
the running kernel and, in one boot, on the kernel of VMLINUZ under emulation (virtme-ng's `vng`, qemu, busybox;
modules as `vng` finds them, in /lib/modules). The linter is asked once for both kernels, and for BTF
with and without type tags, whichever each has; printed are, for each kernel, how often it agrees, and every
disagreement.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from kfuncgen.diagnostic import Finding, KfuncgenError, Severity, SourceError, UsageError
from kfuncgen.facts.btf import read_btf
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.lint.rule import classify_message
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel
from kfuncgen.toolchain.clang import compile_bpf
from kfuncgen.toolchain.flags import find_flags
from kfuncgen.toolchain.headers import DATA, WITHOUT_PROTOTYPES, fallback_include_args
from kfuncgen.verify import require_capability, worker
from kfuncgen.verify.log import read_log

ROOT = Path(__file__).resolve().parents[1]
PRELUDE = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n'
LICENSE = 'char _license[] SEC("license") = "GPL";\n'
BLOCK = re.compile(r"^```c(?: [^\n]*)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MODULES = ("nf_conntrack", "nf_nat", "nf_flow_table", "xfrm_interface", "fou")
"""Modules that bring kfuncs; those that a kernel lacks are left out."""
VMLINUX = Path("/sys/kernel/btf/vmlinux")
MARK = "kfuncgen-load "
BOOT_SECONDS = 3600
"""An emulated processor is some thirty times slower; a boot takes less than a minute."""
OBJECT_RULES = frozenset(("kfunc-missing", "kfunc-signature", "missing-ksym"))
"""What one program does wrong keeps all programs of the object from being loaded."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a kernel said of a program: accepted, rejected or not-loaded, and why."""

    verdict: str
    message: str = ""


Outcomes = dict[tuple[str, str], Outcome]
"""By source and program; all of a source that cannot be opened under the program ""."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A kernel, and whether its BTF is `with` or `without` type tags."""

    kernel: Kernel
    type_tags: str

    def __str__(self) -> str:
        return f"{self.kernel}{' with type tags' if self.type_tags == 'with' else ''}"


Said = dict[Judge, Outcomes]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement; 0 when it was made, 2 when something that it needs is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--image", type=Path, metavar="VMLINUZ", help="the other kernel")
    parser.add_argument("--vng", default="vng", metavar="FILE", help="the vng command (default: found by name)")
    parser.add_argument("--only", default="*", metavar="GLOB", help="sources whose name matches")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all verdicts")
    parser.add_argument("--verdicts", type=Path, metavar="FILE", help="take these instead of loading again")
    parser.add_argument("--load", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.load is not None:
        return load_all(options.load)
    try:
        require_capability()
        return _measure(options)
    except KfuncgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _measure(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="kfuncgen-kernels-") as name:
        folder = Path(name)
        sources = list(write_sources(folder, options.only))
        kept = options.verdicts
        said = read_verdicts(kept) if kept is not None else _load(sources, folder, options)
        judges = sorted(said, key=lambda judge: (judge.kernel, judge.type_tags))
        kernels = tuple(sorted({judge.kernel for judge in judges}))
        result = check_paths(sources, LintOptions(kernels, load_builtin(), clang_args=(), type_tags="either"))
    found: dict[str, list[Finding]] = {source.name: [] for source in sources}
    for finding in result.report.findings:
        found.setdefault(Path(finding.span.file).name, []).append(finding)
    print(f"{len(sources)} sources, {len(result.failures)} could not be linted")
    for judge in judges:
        _report(judge, {key: value for key, value in said[judge].items() if key[0] in found}, found)
    return 0


def _load(sources: Sequence[Path], folder: Path, options: argparse.Namespace) -> Said:
    """Compile once, load on each kernel, and keep the verdicts: an emulated kernel takes its time."""
    broken = [source.name for source in sources if not compile_once(source)]
    if broken:
        print(f"{len(broken)} sources do not compile: {', '.join(broken)}")
    said = dict([load_here(folder)])
    if options.image is not None:
        began = time.monotonic()
        guest, outcomes = load_emulated(options.image, options.vng, folder)
        said[guest] = outcomes
        print(f"{guest}: {options.image.name}, {time.monotonic() - began:.0f} s with its boot")
    if options.json is not None:
        rows = [
            {"kernel": str(judge.kernel), "type_tags": judge.type_tags, "source": source, "program": program}
            | _row(outcome)
            for judge, outcomes in said.items()
            for (source, program), outcome in sorted(outcomes.items())
        ]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return said


def read_verdicts(file: Path) -> Said:
    """The verdicts that an earlier run kept with --json."""
    said: Said = {}
    for row in json.loads(file.read_text(encoding="utf-8")):
        outcomes = said.setdefault(Judge(Kernel.parse(row["kernel"]), row["type_tags"]), {})
        outcomes[row["source"], row["program"]] = Outcome(row["verdict"], row["message"])
    return said


def _row(outcome: Outcome) -> dict[str, str]:
    return {"verdict": outcome.verdict, "message": outcome.message}


def _report(judge: Judge, outcomes: Outcomes, found: Mapping[str, Sequence[Finding]]) -> None:
    """Print how far the linter agrees with a kernel, and where it does not."""
    tally: Counter[str] = Counter()
    lines = []
    unseen: Counter[str] = Counter()
    for (source, program), outcome in sorted(outcomes.items()):
        errors = [f for f in found.get(source, ()) if _concerns(f, program, judge)]
        rules = ", ".join(sorted({f.rule for f in errors}))
        by_loader = outcome.verdict == "not-loaded" and bool(classify_message(outcome.message))
        if outcome.verdict == "not-loaded" and not by_loader:
            unseen[re.sub(r"'[^']*'|\d+", "…", outcome.message)] += 1
            continue
        refused = outcome.verdict == "rejected" or by_loader
        what = "agree" if refused == bool(errors) else "missed" if refused else "false"
        tally[what] += 1
        if what != "agree":
            lines.append(f"  {what}: {source}: {program}: {rules or outcome.message}")
    print(f"{judge}: {tally['agree']} agree, {tally['missed']} missed, {tally['false']} false")
    print("".join(f"{line}\n" for line in lines), end="")
    for message, count in unseen.most_common():
        print(f"  no verdict: {count} times {message}")


def _concerns(finding: Finding, program: str, judge: Judge) -> bool:
    if finding.severity is not Severity.ERROR or str(judge.kernel) not in finding.kernels:
        return False
    if finding.type_tags not in ("", judge.type_tags):
        return False
    return not program or program in finding.programs or finding.rule in OBJECT_RULES


def write_sources(folder: Path, only: str) -> Iterator[Path]:
    """Write the sources that are measured into `folder`: the marked cases, and each block of each page."""
    tests = ROOT / "tests"
    for case in sorted([*(tests / "cases").glob("*.bpf.c"), *(tests / "tagged").glob("*.bpf.c")]):
        target = folder / case.name
        if target.match(only):
            shutil.copyfile(case, target)
            yield target
    for page in sorted((ROOT / "lint" / "rules").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            line = text.count("\n", 0, block.start(1)) + 1
            target = folder / f"{page.stem}_{line}.bpf.c"
            if target.match(only):
                ending = "" if 'SEC("license")' in block[1] else LICENSE
                target.write_text(PRELUDE + "\n" * (line - 4) + block[1] + ending)
                yield target


def compile_once(source: Path) -> bool:
    """Compile a source to an object beside it; whether it compiles."""
    output = source.with_suffix(".o")
    args = (*find_flags(source, ()).args, "-isystem", str(DATA / "include"), *fallback_include_args())
    for more in ((), (WITHOUT_PROTOTYPES,)):
        try:
            compile_bpf(source, output, (*args, *more))
        except SourceError:
            continue
        return True
    return False


def load_all(folder: Path) -> int:
    """Load all objects of a folder on this kernel; one line of JSON each. Runs on both kernels alike."""
    for module in MODULES:
        subprocess.run(["modprobe", "-q", module], check=False, stderr=subprocess.DEVNULL)
    type_tags = "with" if "rcu" in read_btf(VMLINUX).type_tags() else "without"
    print(f"{MARK}{json.dumps([os.uname().release, type_tags])}", flush=True)
    for compiled in sorted(folder.glob("*.o")):
        # A process for each: libbpf may crash. Forked, since starting Python takes long under emulation.
        answers = folder / "answers" if os.access(folder, os.W_OK) else Path(tempfile.gettempdir()) / "answers"
        child = os.fork()
        if child == 0:
            with answers.open("w", encoding="utf-8") as stream, redirect_stdout(stream):
                status = worker.main([str(compiled), "0"])
            os._exit(status)
        os.waitpid(child, 0)
        lines = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
        print(f"{MARK}{json.dumps([compiled.stem + '.c', _outcomes(lines)])}", flush=True)
    return 0


def _outcomes(lines: Sequence[dict[str, object]]) -> dict[str, list[str]]:
    """Verdict and reason by program from what the worker says of an object."""
    found: dict[str, list[str]] = {}
    names: list[list[str]] = []
    for fields in lines:
        if "error" in fields:
            messages = fields.get("messages") or [fields["error"]]
            assert isinstance(messages, list)
            return {"": ["not-loaded", str(messages[-1]).removeprefix("libbpf: ").strip()]}
        if "programs" in fields:
            assert isinstance(fields["programs"], list)
            names = fields["programs"]
            continue
        name, log = names[len(found)][0], str(fields["log"])
        reading = read_log(log, "")
        if fields["loaded"]:
            found[name] = ["accepted", ""]
        elif reading.message or reading.instruction >= 0:
            found[name] = ["rejected", reading.reasons[0] if reading.reasons else ""]
        else:
            found[name] = ["not-loaded", _reason(fields["messages"])]
    for name, _ in names[len(found) :]:
        found[name] = ["not-loaded", "the loading process ended"]
    return found


def _reason(messages: object) -> str:
    """The first of libbpf's warnings that says more than that loading failed."""
    assert isinstance(messages, list)
    lines = [line.removeprefix("libbpf: ").strip() for text in messages for line in str(text).splitlines()]
    telling = [
        line
        for line in lines
        if not re.match(r"failed to load object|prog '.*': (?:BPF program )?(?:load )?failed", line)
    ]
    return (telling or lines or [""])[0]


def load_here(folder: Path) -> tuple[Judge, Outcomes]:
    """The outcomes on the running kernel."""
    command = [sys.executable, "-m", "benchmarks.kernels", "--load", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=BOOT_SECONDS)
    judge, outcomes = _read(done.stdout)
    assert judge is not None
    return judge, outcomes


def load_emulated(image: Path, vng: str, folder: Path) -> tuple[Judge, Outcomes]:
    """The kernel of an image and the outcomes on it. UsageError when it cannot be booted."""
    kept = {name: os.environ[name] for name in ("KFUNCGEN_LIBBPF", "PYTHONPATH") if name in os.environ}
    words = [*(f"{name}={value}" for name, value in kept.items()), sys.executable, "-m", "benchmarks.kernels"]
    inside = f"cd {shlex.quote(str(ROOT))} && env {shlex.join([*words, '--load', str(folder)])}"
    said = emulate(image, vng, inside, BOOT_SECONDS)
    judge, outcomes = _read(said)
    if judge is None:
        raise UsageError(f"{vng} did not boot the image: {said[-400:]}")
    return judge, outcomes


def emulate(image: Path, vng: str, inside: str, seconds: int) -> str:
    """What a shell command prints on the kernel of an image, which sees the files of this machine.

    UsageError when `vng` is not there or takes longer than `seconds`.
    """
    command = [
        vng,
        "--run",
        str(image),
        "--disable-kvm",
        "--cpus",
        "1",
        "--memory",
        "3G",
        "--user",
        "root",
        "--rw",
    ]
    # What vng starts in turn stands beside it.
    path = os.pathsep.join((*([str(Path(vng).parent)] if os.sep in vng else []), os.environ.get("PATH", "")))
    try:
        done = subprocess.run(
            [*command, "--exec", inside],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{vng} cannot boot the image: {error}") from None
    return done.stdout or done.stderr


def _read(text: str) -> tuple[Judge | None, Outcomes]:
    """The kernel and the outcomes that `load_all` printed, among whatever else a console shows."""
    lines = [line.partition(MARK)[2] for line in text.splitlines() if MARK in line]
    if not lines:
        return None, {}
    outcomes: Outcomes = {}
    for line in lines[1:]:
        source, programs = json.loads(line)
        outcomes.update(((source, name), Outcome(*found)) for name, found in programs.items())
    release, type_tags = json.loads(lines[0])
    return Judge(Kernel.parse(release), type_tags), outcomes


if __name__ == "__main__":
    sys.exit(main())
