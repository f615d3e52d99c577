"""The kernel's verdicts, kept on disk: the same source, flags and kernel are compiled and loaded once."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.agreement.code import Code, read_code
from benchmarks.agreement.toolchain import clang_version, kernel_release, libbpf_version, workspace
from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.toolchain.clang import find_clang
from kfuncgen.verify import ProgramVerdict, verify_object

_LOG_KEPT = 4000
"""Characters of a log's end that are kept: the last instructions and the reason."""
_COMPILE_SECONDS = 120
_FORMAT = "6"
"""Changed when what is kept changes its meaning."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the kernel says of one program: accepted, rejected or not-loaded (never seen by the verifier).

    `code`, `externs` and `lines` are what code.py says of it: the fingerprint, the kernel's symbols that it refers
    to, the lines and columns of the source that became instructions.
    """

    program: str
    section: str
    verdict: str
    message: str = ""
    line: int = 0
    log: str = ""
    code: str = ""
    externs: tuple[str, ...] = ()
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """A compiled source: an error of the compiler or of libbpf, or fingerprints by function."""

    error: str = ""
    codes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Flags:
    """How a source is compiled: arguments, what included files are like (a fingerprint), what to load with.

    `preamble` is a precompiled header that stands for the first lines of the source, None for none.
    """

    args: tuple[str, ...]
    headers: str
    libbpf: Path | None
    preamble: Path | None = None


class Judge:
    """Compiles and loads, or remembers. One per process: the database is shared, the connection is not."""

    def __init__(self, database: Path | None = None) -> None:
        self._database = sqlite3.connect(database or workspace() / "verdicts.sqlite", timeout=60)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        self._database.commit()

    def judge(
        self,
        text: bytes,
        name: str,
        flags: Flags,
        only: Collection[str] = (),
        unlike: dict[str, str] | None = None,
    ) -> tuple[Build, list[Verdict]]:
        """Verdicts of the programs of a source called `name`.

        `only` names the programs to load (all when empty); with `unlike` those are left out whose code is the
        one given there.
        """
        key = self._key(text, name, flags, sorted(only), sorted((unlike or {}).items()))
        kept = self._get(key)
        if kept is not None:
            build = Build(kept["error"], tuple((a, b) for a, b in kept["codes"]))
            return build, [_restored(v) for v in kept["verdicts"]]
        build, verdicts = self._make(text, name, flags, only, unlike)
        value = {"error": build.error, "codes": build.codes, "verdicts": [asdict(v) for v in verdicts]}
        self._put(key, value)
        return build, verdicts

    def knows(
        self, text: bytes, name: str, flags: Flags, only: Collection[str], unlike: dict[str, str] | None
    ) -> bool:
        """Whether `judge` need not compile."""
        return self._get(self._key(text, name, flags, sorted(only), sorted((unlike or {}).items()))) is not None

    def kept(self, what: str, text: bytes, parts: object, make: Callable[[], Any]) -> Any:
        """What `make` returned for these `parts` and `text` when it was asked first: plain JSON data."""
        key = hashlib.sha256(repr((_FORMAT, what, parts)).encode() + text).hexdigest()
        value = self._get(key)
        if value is None:
            value = make()
            self._put(key, value)
        return value

    def _key(self, text: bytes, name: str, flags: Flags, *more: object) -> str:
        parts: list[object] = [_FORMAT, name, flags.args, flags.headers, clang_version(), kernel_release()]
        parts += [libbpf_version(flags.libbpf), more]
        return hashlib.sha256(repr(parts).encode() + text).hexdigest()

    def _get(self, key: str) -> Any:
        row = self._database.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def _put(self, key: str, value: object) -> None:
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, json.dumps(value)))

    def _make(
        self, text: bytes, name: str, flags: Flags, only: Collection[str], unlike: dict[str, str] | None
    ) -> tuple[Build, list[Verdict]]:
        with _placed(text, name) as source:
            output = source.with_name("out.o")
            error = compile_source(source, output, flags)
            if error:
                return Build(error), []
            made = read_code(output, name)
            codes = {function: code.fingerprint for function, code in made.items()}
            wanted = set(only)
            if unlike is not None:
                wanted = {p for p in (wanted or codes) if p in codes and codes[p] != unlike.get(p)}
            build = Build("", tuple(sorted(codes.items())))
            if unlike is not None and not wanted:
                return build, []
            try:
                said = _load(output, source, flags, wanted)
            except KfuncgenError as problem:
                return replace(build, error=problem.message), []
        return build, [_verdict(v, made.get(v.program, Code("", (), ()))) for v in said]


def _restored(kept: dict[str, Any]) -> Verdict:
    places = tuple((line, column) for line, column in kept["places"])
    return Verdict(**{**kept, "externs": tuple(kept["externs"]), "places": places})


def _verdict(said: ProgramVerdict, code: Code) -> Verdict:
    log = said.log[-_LOG_KEPT:] if said.verdict != "accepted" else ""
    return Verdict(
        said.program, said.section, said.verdict, said.message, said.line, log,
        code.fingerprint, code.externs, code.places,
    )  # fmt: skip


def compile_source(source: Path, output: Path, flags: Flags) -> str:
    """Compile with -O2 -g; the compiler's first error, "" when there is none."""
    before = ("-include-pch", str(flags.preamble)) if flags.preamble else ()
    return run_compiler(["-O2", "-g", *flags.args, *before, "-c", str(source), "-o", str(output)])


def warnings_of(text: bytes, name: str, flags: Flags) -> set[str]:
    """Which variables without a value clang warns of, without their places."""
    with _placed(text, name) as source:
        args = ["-O2", *flags.args, "-fsyntax-only", str(source)]
        done = _clang(args, "-Wuninitialized", "-Wsometimes-uninitialized")
    told = done.stderr.decode(errors="replace").splitlines()
    return {line.split("warning: ")[1] for line in told if " warning: variable " in line}


def whole_log(text: bytes, name: str, flags: Flags, program: str) -> str:
    """All that the verifier says of a program; "" when it cannot be built."""
    with _placed(text, name) as source:
        output = source.with_name("out.o")
        if compile_source(source, output, flags):
            return ""
        return "".join(v.log for v in _load(output, source, flags, {program}))


@contextmanager
def _placed(text: bytes, name: str) -> Iterator[Path]:
    """The source as a file in a folder of its own, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        source = Path(folder) / name
        source.write_bytes(text)
        yield source


def _load(output: Path, source: Path, flags: Flags, only: Collection[str]) -> list[ProgramVerdict]:
    if flags.libbpf is not None:
        os.environ["KFUNCGEN_LIBBPF"] = str(flags.libbpf)
    return verify_object(output, source=source, only=only)


def run_compiler(args: Sequence[str]) -> str:
    """Run clang; its first error, "" when there is none."""
    try:
        done = _clang(args)
    except subprocess.TimeoutExpired:
        return f"no object within {_COMPILE_SECONDS} s"
    if not done.returncode:
        return ""
    lines = done.stderr.decode(errors="replace").splitlines()
    return next((line for line in lines if "error:" in line), "the compiler failed")


def _clang(args: Sequence[str], *warnings: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [find_clang(), *args, "-Wno-everything", *warnings, "-fno-color-diagnostics"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMPILE_SECONDS, check=False,
    )  # fmt: skip
