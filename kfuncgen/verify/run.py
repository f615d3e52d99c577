"""Verifies files: compiles sources, loads every program of an object alone, says what the kernel said.

The kernel is asked by a worker process (worker.py): one per object, and another one for the rest after a crash or
a hang. What a message means (`rule`) is told by the caller's `classify`, since this package knows no rules.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from kfuncgen.diagnostic import Place, SourceError, UsageError
from kfuncgen.records import Struct, field
from kfuncgen.toolchain.clang import compile_bpf
from kfuncgen.toolchain.flags import Flags, find_flags
from kfuncgen.toolchain.headers import WITHOUT_PROTOTYPES, fallback_include_args
from kfuncgen.toolchain.libbpf import NEEDED, require_capability
from kfuncgen.verify.elf import called_symbol, read_object, source_line
from kfuncgen.verify.log import read_log

PROGRAM_SECONDS = 60
"""The verifier's limit of a million instructions takes a few seconds; more than this is a hang."""

WORKER = ("-m", "kfuncgen.verify.worker")

Verdict = Literal["accepted", "rejected", "not-loaded"]
Classifier = Callable[[str], str]


class ProgramVerdict(Struct, frozen=True):
    """What the running kernel says of one program.

    `not-loaded`: the load failed before the verifier looked at the program, so this is no verdict about it;
    `message` is then libbpf's. `line` is 1-based in the program's source, 0 when unknown. `log` are libbpf's
    warnings (prefixed `libbpf: `) and the verifier's log; "" for an accepted program without warnings.
    """

    file: str
    program: str
    section: str
    verdict: Verdict
    message: str = ""
    line: int = 0
    rule: str = ""
    log: str = ""


def _no_rule(message: str) -> str:
    return ""


def verify_files(
    paths: Iterable[Path],
    classify: Classifier = _no_rule,
    compile_args: Sequence[str] | None = None,
    build_dir: Path | None = None,
    configured: Sequence[str] = (),
    configured_dir: Path | None = None,
    timeout: float = PROGRAM_SECONDS,
) -> list[ProgramVerdict]:
    """The verdicts of all programs of `paths`, in order of the files and of the programs in them.

    Objects are loaded as they are; `*.c` is compiled first, with flags as in `find_flags` (`compile_args` are
    those typed after `--`). `classify` maps a verifier message to a rule name, or "". `timeout` is in seconds
    for each program. Raises UsageError (no right to load, no libbpf, unusable file) or SourceError.
    """
    require_capability()
    verdicts: list[ProgramVerdict] = []
    for path in paths:
        if path.suffix == ".c":
            flags = find_flags(path, compile_args, build_dir, configured, configured_dir)
            verdicts += _verify_source(path, flags, classify, timeout)
        else:
            verdicts += verify_object(path, classify, timeout=timeout)
    return verdicts


def _verify_source(path: Path, flags: Flags, classify: Classifier, timeout: float) -> list[ProgramVerdict]:
    with tempfile.TemporaryDirectory(prefix="kfuncgen-") as folder:
        output = Path(folder) / f"{path.stem}.o"
        _compile(path, output, (*flags.args, *fallback_include_args()))
        return verify_object(output, classify, source=path, timeout=timeout)


def _compile(path: Path, output: Path, args: tuple[str, ...]) -> None:
    """Compile; a second time without the bundled vmlinux.h's prototypes when the source has others of its own."""
    try:
        compile_bpf(path, output, args)
    except SourceError as error:
        text = "\n".join(error.details)
        bundled = fallback_include_args()[1]
        if "conflicting types for" not in text or bundled not in text:
            raise
        compile_bpf(path, output, (*args, WITHOUT_PROTOTYPES))


def verify_object(
    path: Path,
    classify: Classifier = _no_rule,
    source: Path | None = None,
    timeout: float = PROGRAM_SECONDS,
    only: Collection[str] = (),
) -> list[ProgramVerdict]:
    """The verdicts of the programs of the object `path`; `source` is the file they are reported under.

    `only` names the programs to load; all are when it is empty.
    """
    shown = str(source or path)
    data = read_object(path, shown)
    verdicts: list[ProgramVerdict] = []
    programs: list[list[str]] = []
    while True:
        run = _run_worker(path, len(verdicts), timeout, shown, only)
        programs = run.programs
        for index, outcome in enumerate(run.outcomes, len(verdicts)):
            verdicts.append(_judge(shown, programs[index], outcome, data, source, classify))
        if len(verdicts) >= len(programs):
            break
        # The worker died at this program: that is all there is to say of it, the rest goes on.
        name, section = programs[len(verdicts)]
        verdicts.append(ProgramVerdict(shown, name, section, "not-loaded", run.ending))
        if len(verdicts) >= len(programs):
            break
    if not programs and not only:
        raise UsageError("has no BPF program (no function in a section of its own)", Place(shown))
    return verdicts


class _Run(Struct):
    """What one worker managed: all programs of the object, outcomes from the first one asked for on."""

    programs: list[list[str]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    ending: str = ""


def _run_worker(path: Path, first: int, timeout: float, shown: str, only: Collection[str]) -> _Run:
    # -P: no module may come from the current directory, which may hold anything
    command = [sys.executable, "-P", *WORKER, str(path), str(first), *sorted(only)]
    root = str(Path(__file__).parents[2])
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": search},
    )
    run, error, hung = _Run(), "", False
    try:
        assert process.stdout is not None
        for line in _lines(process.stdout.fileno(), timeout):
            fields = json.loads(line)
            if "error" in fields:
                messages = [_plain(m) for m in fields.get("messages", ())]
                error = messages[-1] if messages else str(fields["error"])
            elif "programs" in fields:
                run.programs = fields["programs"]
            elif "end" in fields:
                run.outcomes.append(fields)
    except TimeoutError:
        hung = True
    finally:
        if hung:
            process.kill()
        if process.stdout is not None:
            process.stdout.close()
        status = process.wait()
    if error:
        if NEEDED in error:
            raise UsageError(error)
        raise UsageError(f"libbpf cannot open it: {error}", Place(shown))
    run.ending = f"no verdict within {timeout:g} s" if hung else _died(status)
    if not run.programs and (hung or status):
        raise UsageError(f"libbpf cannot open it: {run.ending}", Place(shown))
    return run


def _died(status: int) -> str:
    if status >= 0:
        return f"the loading process ended with status {status}"
    try:
        return f"libbpf crashed ({signal.Signals(-status).name})"
    except ValueError:
        return f"libbpf crashed (signal {-status})"


def _lines(descriptor: int, timeout: float) -> Iterator[bytes]:
    """The complete lines of a pipe; TimeoutError when none comes within `timeout` seconds."""
    pending = b""
    deadline = time.monotonic() + timeout
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            return
        *complete, pending = (pending + chunk).split(b"\n")
        for line in complete:
            yield line
            deadline = time.monotonic() + timeout


def _judge(
    shown: str, program: list[str], outcome: dict[str, Any], data: bytes, source: Path | None, classify: Classifier
) -> ProgramVerdict:
    """The verdict on one program from what its load left behind."""
    name, section = program
    messages = [line for text in outcome["messages"] for line in str(text).splitlines()]
    log = "".join(f"{line}\n" for line in messages)
    if outcome["loaded"]:
        return ProgramVerdict(shown, name, section, "accepted", log=log)
    verifier_log = str(outcome["log"])
    if verifier_log:
        log += ("[the beginning is cut off]\n" if outcome.get("cut") else "") + verifier_log
    reading = read_log(verifier_log, source.name if source else "")
    if not reading.message and reading.instruction < 0:
        # An empty log is no verdict: the load never reached the verifier.
        return ProgramVerdict(shown, name, section, "not-loaded", _loader_reason(messages), log=log)
    line = reading.line
    if not line and reading.instruction >= 0:
        line = source_line(data, name, section, reading.instruction)[1]
    reasons = reading.reasons or (_loader_reason(messages),)
    if reading.unresolved >= 0:
        # libbpf 1.2 and newer puts this line into the log itself (libbpf.c: fixup_log_missing_kfunc_call)
        called = called_symbol(data, name, section, reading.unresolved)
        reasons = (f"kfunc '{called}' is referenced but wasn't resolved", *reasons)
    message = reasons[0]
    rule = next((found for found in map(classify, reasons) if found), "")
    return ProgramVerdict(shown, name, section, "rejected", message, line, rule, log)


def _plain(message: str) -> str:
    return message.removeprefix("libbpf: ").strip()


def _loader_reason(messages: Sequence[str]) -> str:
    """libbpf's own reason: its last warning that is more than "failed to load"."""
    lines = [_plain(message) for message in messages]
    telling = [line for line in lines if line and not _is_hollow(line)]
    return (telling or lines or ["the load failed without a message"])[-1]


def _is_hollow(line: str) -> bool:
    """Lines that only pass an error on, or guess at ulimits (libbpf.c: bpf_object_load, pr_perm_msg)."""
    if line.startswith(("failed to load object", "permission error while running as root")):
        return True
    return re.fullmatch(r"prog '.*': failed to (?:load|prepare load attributes): -\d+", line) is not None
