"""`python -m benchmarks.agreement selftests|mutants`: how far linter and kernel agree, with every disagreement."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.agreement import mutants, report, selftests
from benchmarks.agreement.kernel_tree import kernel_tree
from benchmarks.agreement.toolchain import clang_version, kernel_release, libbpf_library, libbpf_version
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.verify import require_capability


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a measurement; 0 when it was made, 2 when something that it needs is missing."""
    options = _parser().parse_args(arguments)
    try:
        require_capability()
        tree = options.kernel_source or kernel_tree()
        library = libbpf_library(tree)
        if library is None:
            print("note: libbpf of the kernel tree could not be built, the system's is used", file=sys.stderr)
        about = {
            "kernel": kernel_release(),
            "clang": clang_version(),
            "libbpf": libbpf_version(library),
        }
        print(f"kernel {about['kernel']}; {about['clang']}; libbpf {about['libbpf']}\n")
        run = _selftests if options.command == "selftests" else _mutants
        figures, lines = run(options, tree)
    except KfuncgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    if options.json is not None:
        options.json.write_text(json.dumps({**about, **figures}, indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    both = argparse.ArgumentParser(add_help=False)
    both.add_argument("--kernel-source", type=Path, metavar="DIR", help="a kernel tree with selftests")
    both.add_argument("--json", type=Path, metavar="FILE", help="write all figures and disagreements")
    both.add_argument("--only", default="*", metavar="GLOB", help="sources whose name matches")
    both.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    first = commands.add_parser("selftests", parents=[both], help="the kernel's own programs")
    first.add_argument("--reference", type=Path, metavar="FILE", help="JSON that says which programs are in scope")
    second = commands.add_parser("mutants", parents=[both], help="mutants of accepted programs")
    second.add_argument("--limit", type=int, default=0, metavar="N", help="so many mutants, chosen at random")
    second.add_argument("--seed", type=int, default=1, metavar="S", help="for --limit (default: 1)")
    second.add_argument("--keep", type=Path, metavar="DIR", help="write the sources of disagreements there")
    return parser


class _Progress:
    """Says how far a run has come: in place on a terminal, else a line now and then."""

    def __init__(self, what: str, step: int) -> None:
        self.what = what
        self.step = step
        self.last = 0

    def show(self, done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} {self.what}", end="", file=sys.stderr, flush=True)
        elif done - self.last >= self.step:
            self.last = done
            print(f"{done} {self.what}", file=sys.stderr, flush=True)


def _selftests(options: argparse.Namespace, tree: Path | None) -> tuple[dict[str, Any], list[str]]:
    reference = selftests.read_reference(options.reference) if options.reference else None
    files = []
    progress = _Progress("files", 100)
    for file in selftests.measure(tree, options.only, options.jobs):
        files.append(file)
        progress.show(len(files))
    matrix = selftests.compare(files, reference) if reference is not None else None
    figures = selftests.summary(files)
    lines = report.selftests_text(figures, matrix)
    return {"all": figures, "in_scope": report.matrix_json(matrix)}, lines


def _mutants(options: argparse.Namespace, tree: Path | None) -> tuple[dict[str, Any], list[str]]:
    start = time.monotonic()
    tally = report.Tally(options.keep)
    with mutants.measure(tree, options.only, options.limit, options.seed, options.jobs) as measured:
        tried = f"{measured.chosen} of {measured.possible} mutants of {measured.sources} sources"
        progress = _Progress(f"labelled, {tried}", 100)
        for outcomes in measured.outcomes:
            for outcome in outcomes:
                tally.add(outcome)
            progress.show(tally.mutants)
    seconds = round(time.monotonic() - start)
    figures = {"seconds": seconds, "sources": measured.sources, "possible": measured.possible}
    return {**figures, **tally.json()}, [f"{tried}, {seconds} s", *tally.text()]


if __name__ == "__main__":
    sys.exit(main())
