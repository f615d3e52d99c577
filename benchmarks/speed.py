"""`python -m benchmarks.speed`: the linter beside the compiler, on the same files in the same run.

Each source is compiled (`clang -O2 -g -target bpf -c`), and linted by a process of its own: cold (an empty cache),
edited (what it includes was compiled before, the text of a function is new), unchanged. The largest of the
kernel's programs are measured one by one, and all of them in one run of the linter beside as many of the compiler.
`clang --analyze` runs beside them with `--analyze`. The linter is the wheel of this checkout, unpacked: it brings
what a checkout has to make first (`--checkout` measures that). Times are medians of wall-clock time, processes run
in turn; a ratio is the median of the ratios of pairs, so that a noisy machine harms both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.agreement.corpus import selftest_flags
from benchmarks.agreement.kernel_tree import kernel_tree, sources
from benchmarks.agreement.toolchain import BenchmarkError, vmlinux_folder
from kfuncgen import cli
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.toolchain.clang import find_clang

WAYS = ("cold", "edited", "unchanged")


@dataclass(slots=True)
class Case:
    """Sources that are linted at once, and the flags that they need."""

    name: str
    sources: tuple[Path, ...]
    flags: tuple[str, ...]
    lines: int = 0
    times: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of each run, by what ran."""
    memory: int = 0
    """The most that a linter's process had in memory, in MB."""


def synthetic(functions: int = 200, lines: int = 5000) -> str:
    """Programs like a scheduler's: static functions over tasks, CPU masks and weights, and an entry for every ten.

    Each function has two or three calls of kfuncs; statements fill the lines.
    """
    text = [
        '#include "vmlinux.h"',
        "#include <bpf/bpf_helpers.h>",
        "#include <bpf/bpf_tracing.h>",
        "",
        "struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;",
        "void bpf_task_release(struct task_struct *p) __ksym __weak;",
        "struct bpf_cpumask *bpf_cpumask_create(void) __ksym __weak;",
        "void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym __weak;",
        "void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *cpumask) __ksym __weak;",
        "void bpf_rcu_read_lock(void) __ksym __weak;",
        "void bpf_rcu_read_unlock(void) __ksym __weak;",
        "",
        'char _license[] SEC("license") = "GPL";',
        "u64 counts[64], slices[64];",
        "",
    ]
    entries = max(1, functions // 10)
    body = max(8, (lines - len(text) - entries * 16) // functions - 12)
    for number in range(functions):
        text += [f"static int step_{number}(s32 pid, u32 cpu, u64 weight)", "{"]
        kinds = (
            ["\tstruct task_struct *p = bpf_task_from_pid(pid);", "", "\tif (!p)", "\t\treturn -1;"],
            ["\tstruct bpf_cpumask *p = bpf_cpumask_create();", "", "\tif (!p)", "\t\treturn -12;"],
        )
        text += kinds[number % 2]
        if number % 2 == 0:
            text.append("\tweight += p->static_prio;" if number % 4 else "\tweight += p->prio;")
        elif number % 4 == 1:
            text.append("\tbpf_cpumask_set_cpu(cpu & 63, p);")
        filled = 0
        while filled < body:
            at = (number + filled) % 64
            block = [
                f"\tif (weight > {100 + filled}) {{",
                f"\t\tcounts[{at}] += weight;",
                f"\t\tweight -= {at + 1};",
                "\t} else {",
                f"\t\tslices[{at}] = weight + cpu;",
                "\t}",
                f"\tweight = weight * {at + 3} + counts[{(at + 1) % 64}];",
            ]
            text += block
            filled += len(block)
        text += [f"\tbpf_{'task' if number % 2 == 0 else 'cpumask'}_release(p);", "\treturn weight & 1;", "}", ""]
    for number in range(entries):
        text += [
            f'SEC("tp_btf/sched_switch")\nint BPF_PROG(entry_{number}, bool preempt, struct task_struct *prev)',
            "{",
        ]
        text += ["\tint sum = 0;", "", "\tbpf_rcu_read_lock();"]
        text += [
            f"\tsum += step_{step}(prev->pid, sum & 7, sum);" for step in range(number * 10, number * 10 + 10)
        ]
        text += ["\tbpf_rcu_read_unlock();", "\treturn sum > 9;", "}", ""]
    return "\n".join(text)


def cases(folder: Path, largest: int) -> list[Case]:
    """The generated project's program, the synthetic one, and the largest of the kernel's test programs."""
    tree = kernel_tree()
    include = ("-D__TARGET_ARCH_x86", "-I", str(vmlinux_folder()), "-idirafter", "/usr/include/x86_64-linux-gnu")
    with contextlib.redirect_stdout(io.StringIO()):
        status = cli.main(["new", "xdp-xfrm", str(folder / "esp"), "--set", "name=esp"])
    if status:
        raise BenchmarkError("the project could not be written")
    source = folder / "esp" / "src" / "esp.bpf.c"
    found = [Case("xdp-xfrm project", (source,), include)]
    made = folder / "synthetic.bpf.c"
    made.write_text(synthetic(), "utf-8")
    found.append(Case("synthetic", (made,), include))
    programs: list[Case] = []
    for program in sorted(sources(tree), key=lambda file: (-len(file.read_bytes().splitlines()), file.name)):
        if len(programs) == largest:
            break
        copy = folder / "selftests" / program.name
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(program, copy)
        case = Case(program.stem, (copy,), selftest_flags(tree).args)
        if not run(compile_command(case, copy), folder).status:
            programs.append(case)
    if len(programs) > 1:
        together = tuple(source for case in programs for source in case.sources)
        found.append(Case(f"the {len(programs)} below at once", together, programs[0].flags))
    return found + programs


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that has ended: its status, seconds, and the most memory it had, in MB."""

    status: int
    seconds: float
    memory: int


def run(command: Sequence[str], cwd: Path, **variables: str) -> Ran:
    """Run a command without output."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(process.returncode, seconds, usage.ru_maxrss >> 10)


def run_all(commands: Iterable[Sequence[str]], cwd: Path) -> Ran:
    """Run commands one after the other, as one: the first status that is not 0, the sum of seconds."""
    done = [run(command, cwd) for command in commands]
    status = next((ran.status for ran in done if ran.status), 0)
    return Ran(status, sum(ran.seconds for ran in done), max(ran.memory for ran in done))


def compile_command(case: Case, source: Path) -> list[str]:
    """As the generated Makefiles compile."""
    clang = find_clang()
    return [clang, "-O2", "-g", "-target", "bpf", *case.flags, "-c", str(source), "-o", os.devnull]


def analyze_command(case: Case, source: Path) -> list[str]:
    """Clang's own analyzer on the same source."""
    return [find_clang(), "--analyze", "-target", "bpf", *case.flags, str(source), "-o", os.devnull]


def lint_command(case: Case) -> list[str]:
    """One process, as make and editors start it; several files one after the other, as they are compiled."""
    jobs = ["--jobs", "1"] if len(case.sources) > 1 else []
    return [sys.executable, "-m", "kfuncgen", "lint", *jobs, *map(str, case.sources), "--", *case.flags]


def edited(text: str, what: str) -> str:
    """The source with a statement that does nothing at the beginning of its last function."""
    bodies = list(re.finditer(r"^(?:\S[^\n]*\) ?)?\{\n", text, re.MULTILINE))
    at = bodies[-1].end() if bodies else len(text)
    return f"{text[:at]}\t; /* {what} */\n{text[at:]}"


def wheel(folder: Path) -> Path:
    """A folder with the wheel of this checkout, unpacked, and compiled as installers do."""
    root = Path(__file__).parents[1]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    if run(build, root).status:
        raise BenchmarkError("the wheel could not be built (is hatchling installed?); --checkout does without")
    (file,) = (folder / "dist").glob("*.whl")
    site = folder / "site"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(site)
    run([sys.executable, "-m", "compileall", "-q", str(site)], folder)
    return site


def measure(case: Case, runs: int, analyze: bool, folder: Path) -> None:
    """Run everything in turn, `runs` times."""
    texts = [source.read_text("utf-8") for source in case.sources]
    case.lines = sum(text.count("\n") for text in texts)
    warm = str(folder / "warm")

    def keep(way: str, ran: Ran, allowed: Sequence[int]) -> None:
        if ran.status not in allowed:
            raise BenchmarkError(f"{case.name}: {way} ended with status {ran.status}")
        case.times.setdefault(way, []).append(ran.seconds)
        if way in WAYS:
            case.memory = max(case.memory, ran.memory)

    for _ in range(2):  # headers are compiled when they are met again
        run(lint_command(case), folder, XDG_CACHE_HOME=warm)
    for number in range(runs):
        keep("compile", run_all((compile_command(case, source) for source in case.sources), folder), (0,))
        empty = folder / "empty"
        shutil.rmtree(empty, ignore_errors=True)
        keep("cold", run(lint_command(case), folder, XDG_CACHE_HOME=str(empty)), (0, 1))
        for source, text in zip(case.sources, texts, strict=True):
            source.write_text(edited(text, f"{case.name}, {number}"), "utf-8")  # not as another case did
        keep("edited", run(lint_command(case), folder, XDG_CACHE_HOME=warm), (0, 1))
        keep("unchanged", run(lint_command(case), folder, XDG_CACHE_HOME=warm), (0, 1))
        if analyze:
            keep("analyze", run_all((analyze_command(case, source) for source in case.sources), folder), (0,))
    for source, text in zip(case.sources, texts, strict=True):
        source.write_text(text, "utf-8")


def ratio(case: Case, way: str) -> float:
    """How long `way` takes of the compile: the median of the pairs."""
    return statistics.median(a / b for a, b in zip(case.times[way], case.times["compile"], strict=True))


def table(found: Sequence[Case]) -> str:
    """What was measured, a line for each source."""
    ways = [way for way in (*WAYS, "analyze") if way in found[0].times]
    lines = [f"{'':34s}{'lines':>6s}{'compile':>9s}" + "".join(f"{way:>17s}" for way in ways) + f"{'memory':>9s}"]
    for case in found:
        line = f"{case.name[:33]:34s}{case.lines:6d}{1e3 * statistics.median(case.times['compile']):6.0f} ms"
        for way in ways:
            line += f"{1e3 * statistics.median(case.times[way]):7.0f} ms {ratio(case, way):5.2f} x"
        lines.append(f"{line}{case.memory:6d} MB")
    return "\n".join(lines)


def jobs(folder: Path, runs: int) -> dict[str, float]:
    """Seconds for 100 sources with compiled headers, in one process and in two."""
    many = folder / "many"
    many.mkdir()
    examples = sorted((Path(__file__).parents[1] / "tests" / "cases").glob("*.bpf.c"))
    for index in range(100):
        text = examples[index % len(examples)].read_text("utf-8")
        (many / f"{index:03d}.bpf.c").write_text(text, "utf-8")
    warm = folder / "warm"
    lint = [sys.executable, "-m", "kfuncgen", "lint", str(many)]
    run([*lint, "--jobs", "1"], folder, XDG_CACHE_HOME=str(warm))
    run([*lint, "--jobs", "1"], folder, XDG_CACHE_HOME=str(warm))
    times: dict[str, list[float]] = {"1": [], "2": []}
    for _ in range(runs):
        for number in times:
            shutil.rmtree(warm / "kfuncgen" / "reports", ignore_errors=True)
            times[number].append(run([*lint, "--jobs", number], folder, XDG_CACHE_HOME=str(warm)).seconds)
    return {number: statistics.median(found) for number, found in times.items()}


def start_up(folder: Path, runs: int) -> float:
    """Seconds until `kfuncgen --version` has ended."""
    command = [sys.executable, "-m", "kfuncgen", "--version"]
    return statistics.median(run(command, folder).seconds for _ in range(runs))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each (5)")
    parser.add_argument(
        "--largest", type=int, default=10, metavar="N", help="how many of the kernel's programs (10)"
    )
    parser.add_argument("--checkout", action="store_true", help="measure the checkout, and not its wheel")
    parser.add_argument("--analyze", action="store_true", help="also run clang --analyze")
    parser.add_argument("--no-jobs", action="store_true", help="leave out the 100 sources in several processes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times")
    chosen = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="kfuncgen-speed-") as name:
            folder = Path(name)
            if not chosen.checkout:
                os.environ["PYTHONPATH"] = str(wheel(folder))
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # one that cannot keep its code is slow to start
            found = cases(folder, chosen.largest)
            for case in found:
                measure(case, chosen.runs, chosen.analyze, folder)
            print(table(found))
            print(f"\nstart-up: {1e3 * start_up(folder, chosen.runs):.0f} ms")
            both = {} if chosen.no_jobs else jobs(folder, chosen.runs)
            if both:
                text = ", ".join(f"--jobs {number}: {seconds:.2f} s" for number, seconds in both.items())
                print(f"100 sources, {text}, {both['1'] / both['2']:.2f} x as fast")
            if chosen.json is not None:
                rows = [
                    {"name": c.name, "lines": c.lines, "memory_mb": c.memory, "seconds": c.times} for c in found
                ]
                chosen.json.write_text(json.dumps({"cases": rows, "jobs": both}, indent=2) + "\n", "utf-8")
    except KfuncgenError as error:
        print(f"benchmarks.speed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
