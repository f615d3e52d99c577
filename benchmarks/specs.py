"""`python -m benchmarks.specs`: how long the specs take to load, from their files and from the cache.

Each figure is the median of fresh processes: `import` is Python's own work for the modules, `load` what loading
costs behind it. The cache is one of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

_FILES = "from kfuncgen.spec import load", "load.load_builtin()"
_CACHE = "from kfuncgen.spec import cached, store", "cached.load_specs()"
_MEASURE = """
import time
start = time.perf_counter()
{imports}
imported = time.perf_counter()
specs = {load}
print(imported - start, time.perf_counter() - imported, len(specs.functions))
"""
BUDGET_MS = 20.0
"""What loading from the cache may cost."""


def main(arguments: list[str]) -> int:
    """Print the figures; 1 when loading from the cache costs more than its budget."""
    parser = argparse.ArgumentParser(prog="benchmarks.specs", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="processes for each figure (default 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        _run(*_CACHE, environment)  # fills the cache
        figures = {
            name: _median(*code, environment, max(1, options.runs))
            for name, code in (("files", _FILES), ("cache", _CACHE))
        }
    if options.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    else:
        for name, figure in figures.items():
            times = f"import {figure['import_ms']:6.1f} ms   load {figure['load_ms']:6.1f} ms"
            sys.stdout.write(f"{name}   {times}   {figure['functions']:.0f} functions\n")
    return int(figures["cache"]["load_ms"] > BUDGET_MS)


def _median(imports: str, load: str, environment: dict[str, str], runs: int) -> dict[str, float]:
    samples = [_run(imports, load, environment) for _ in range(runs)]
    imported, loaded, functions = (statistics.median(column) for column in zip(*samples, strict=True))
    return {"import_ms": imported * 1000, "load_ms": loaded * 1000, "functions": functions}


def _run(imports: str, load: str, environment: dict[str, str]) -> tuple[float, ...]:
    """(seconds of imports, seconds of loading, functions) of one process."""
    code = _MEASURE.format(imports=imports, load=load)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return tuple(float(word) for word in done.stdout.split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
