"""From a source to a report: flags, parse, lower, explore each program on each targeted kernel, tell."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from kfuncgen.diagnostic import Finding, Note, Report, SourceError
from kfuncgen.lint import LintOptions, ir
from kfuncgen.lint.ahead import Ahead
from kfuncgen.lint.callbacks import check_no_throw
from kfuncgen.lint.callgraph import reachable_calls
from kfuncgen.lint.compiler import MAX_SOURCE_BYTES, compiler_args, flags_of
from kfuncgen.lint.exceptions import check_declaration
from kfuncgen.lint.explore import BudgetExceeded, Explorer
from kfuncgen.lint.externs import Resolved
from kfuncgen.lint.lower import lower
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Sources
from kfuncgen.lint.parse import Unit
from kfuncgen.lint.parse_headers import Headers
from kfuncgen.lint.program import entry_state, is_program, parts, programs
from kfuncgen.lint.returns import is_judged
from kfuncgen.lint.rule import catalogue, rule_named
from kfuncgen.lint.run import Occurrence, Program, Run
from kfuncgen.lint.slicing import Slicing
from kfuncgen.lint.specials import check_references
from kfuncgen.lint.story import by_place, tell
from kfuncgen.lint.suppress import read_suppressions, silence
from kfuncgen.lint.targets import alike
from kfuncgen.records import Struct, field, replace
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.progtypes import section_info
from kfuncgen.spec.typetags import BtfKind
from kfuncgen.toolchain.dependencies import Dependencies, dependencies
from kfuncgen.toolchain.flags import Flags
from kfuncgen.toolchain.headers import WITHOUT_PROTOTYPES, fallback_used

RECURSION = 30_000
"""Frames for expressions as deep as generated code has them: lowering takes about five per level."""


RARELY = 50_000
"""New objects between two searches for cycles. Checking makes many objects and few cycles: a quarter of its time
went into looking in vain."""


def check_file(
    path: Path, options: LintOptions, text: str | None = None, headers: Headers | None = None
) -> Report:
    """Lint one source, or `text` as its content. Raises SourceError when it cannot be read or parsed."""
    data = text.encode("utf-8", "surrogateescape") if text is not None else options.unsaved.get(str(path))
    return check_data(path, options, flags_of(path, options), data, headers or Headers())[0]


def check_data(
    path: Path, options: LintOptions, flags: Flags, data: bytes | None, headers: Headers | Ahead
) -> tuple[Report, Dependencies | None]:
    """Lint `data` as the content of `path` (None: what is there), with what the report depends on besides.

    That is None when it is not known: the source was parsed as a whole. Raises SourceError as `check_file`.
    """
    began = time.time_ns()
    others = options.unsaved if data is None else {**options.unsaved, str(path): data}
    before, collecting = sys.getrecursionlimit(), gc.get_threshold()
    sys.setrecursionlimit(max(before, RECURSION))
    gc.set_threshold(RARELY, *collecting[1:])
    try:
        unit = _parse(path, compiler_args(flags), None, partial(headers.parse, others=others))
        notes = [Note(str(path), "", f"flags are those of {flags.origin}", "info")]
        notes += [Note(str(path), "", note, "info") for note in flags.notes]
        bundled = fallback_used(unit.includes)
        if bundled:
            notes.append(Note(str(path), "", f"bundled headers were used for {', '.join(bundled)}", "info"))
        report = _check_unit(unit, options, notes, data)
    finally:
        # Others rely on the usual limit, to refuse nesting that would overflow the stack.
        sys.setrecursionlimit(before)
        gc.set_threshold(*collecting)
    if unit.depends is None or data is None or len(others) > 1:
        return report, None
    compiled = {name for name, _, _ in unit.depends.inputs}
    more = [name for name in unit.includes if name not in compiled]
    with contextlib.suppress(OSError):
        own = dependencies(data, more, compiler_args(flags), began)
        return report, own.joined(unit.depends) if own is not None else None
    return report, None


def _parse(path: Path, args: list[str], text: str | None, parser: Callable[..., Unit]) -> Unit:
    """Parse; once more without the bundled vmlinux.h's prototypes when the source has others of its own."""
    try:
        return parser(path, args, text)
    except SourceError as error:
        told = "\n".join((str(error), *error.details))
        if "conflicting types for" not in told or WITHOUT_PROTOTYPES in args:
            raise
        return parser(path, [*args, WITHOUT_PROTOTYPES], text)


def _check_unit(unit: Unit, options: LintOptions, notes: list[Note], data: bytes | None) -> Report:
    module = lower(unit)
    try:
        return _check_module(unit, module, options, notes, data)
    finally:
        module.release()


def _check_module(
    unit: Unit, module: ir.Module, options: LintOptions, notes: list[Note], data: bytes | None
) -> Report:
    files = Files(options)
    if data is not None:
        files[unit.file] = data
    sources = Sources(files)
    merged: dict[tuple[object, ...], _Merged] = {}
    found = programs(module, options.specs)
    for kernels in alike(module, options.specs, options.kernels):
        for run, btf in _runs(module, found, options, kernels[0]):
            for told in tell(run, run.occurrences, sources):
                if _selected(told.finding.rule, options):
                    entry = merged.setdefault(told.key, _Merged(told.finding))
                    entry.kernels.update(kernels)
                    entry.programs.update(dict.fromkeys(run.program.names))
                    entry.btf |= btf
            for (function, message), span in sorted(run.notes.items(), key=lambda n: n[0]):
                notes.append(Note(unit.file, function, message, "incomplete", span.line, span.column))
    for name, body in sorted(module.functions.items()):
        if is_program(body) and section_info(body.section) is None:
            unknown = f'section "{body.section}" is not known: program type, context and arguments are not checked'
            notes.append(Note(unit.file, name, unknown, "incomplete", body.span.line, body.span.column))
        for opaque in body.opaque:
            notes.append(
                Note(
                    unit.file,
                    name,
                    f"{opaque.what} is not understood",
                    "incomplete",
                    opaque.span.line,
                    opaque.span.column,
                )
            )
    findings = [
        replace(
            m.finding,
            kernels=tuple(map(str, sorted(m.kernels))),
            programs=tuple(m.programs),
            type_tags=next(iter(m.btf)) if options.type_tags == "either" and len(m.btf) == 1 else "",
        )
        for m in merged.values()
    ]
    names = {unit.file, *(finding.span.file for finding in findings)}
    comments = {file: some for file in names if (some := read_suppressions(file, files[file]))}
    # Rules take a while to import, and most sources have no such comments.
    rules = {name: _selected(name, options) for name in catalogue()} if comments else {}
    findings, silenced = silence(findings, comments, rules)
    findings = [finding for finding in findings if not options.ignores(finding.rule, finding.span.file)]
    return Report(
        by_place(findings),
        tuple(sorted(set(notes))),
        1,
        sum(is_program(f) for f in module.functions.values()),
        len(module.functions),
        silenced,
    )


class Files(dict[str, bytes]):
    """The bytes of the files that were parsed, read when they are asked for; none when one has gone since."""

    def __init__(self, options: LintOptions) -> None:
        super().__init__(options.unsaved)

    def __missing__(self, file: str) -> bytes:
        try:
            with Path(file).open("rb") as source:
                self[file] = source.read(MAX_SOURCE_BYTES)
        except OSError:
            self[file] = b""
        return self[file]


def _runs(
    module: ir.Module, found: Sequence[Program], options: LintOptions, kernel: Kernel
) -> Iterator[tuple[Run, frozenset[str]]]:
    """All explorations for one kernel, each with the kinds of BTF that it is about.

    Where no tagged field is read, one exploration serves both kinds.
    """
    kinds: tuple[BtfKind, ...] = (options.type_tags,) if options.type_tags != "either" else ("with", "without")
    while kinds:
        runs = explore_all(module, found, replace(options, type_tags=kinds[0]), kernel)
        runs += _compiled(module, found, options, runs)
        about = frozenset(kinds[:1] if any(run.tagged for run in runs) else kinds)
        yield from ((run, about) for run in runs)
        kinds = tuple(kind for kind in kinds if kind not in about)


def _compiled(module: ir.Module, found: Sequence[Program], options: LintOptions, runs: Sequence[Run]) -> list[Run]:
    """Further runs that hold the calls of strong externs which this kernel lacks behind tests for weak ones.

    The verifier never gets there, but the compiler has left the reference in the object, which does not load.
    """
    if not runs:
        return []
    told = {o.words.get("kfunc") for run in runs for o in run.occurrences if o.fault is Fault.MISSING}
    missing = {
        name
        for name, declaration in module.declarations.items()
        if name not in told and not declaration.weak and runs[0].resolved(name) is Resolved.ABSENT
    }
    if not missing:
        return []
    further = explore_all(module, found, options, runs[0].kernel, compiled=True)
    for run in further:
        run.notes.clear()
        run.occurrences = [
            o for o in run.occurrences if o.fault is Fault.MISSING and o.words.get("kfunc") in missing
        ]
    return further


def explore_all(
    module: ir.Module, found: Sequence[Program], options: LintOptions, kernel: Kernel, compiled: bool = False
) -> list[Run]:
    """Explore the programs of a module in order; their parts only when code that can be reached leads to them, as
    the verifier does (do_check_subprogs() and push_async_cb() in verifier.c), once per kind of program.

    `compiled`: walk what the compiler keeps, and not only what this kernel's verifier does."""
    slicing = Slicing(module, options.specs, kernel)
    slicing.add((program.function, is_judged(program)) for program in found)
    walk = partial(explore, module, options=options, kernel=kernel, compiled=compiled, slicing=slicing)
    runs = [walk(program) for program in found]
    alone: dict[object, Run] = {}
    todo = list(runs)
    while todo:
        caller = todo.pop(0)
        for key, program in parts(caller):
            run = alone.get(key)
            if run is None:
                run = alone[key] = walk(program)
                todo.append(run)
                continue
            missing = [owner for owner in caller.program.names if owner not in run.program.owners]
            if missing:
                run.program.owners += tuple(missing)
                todo.append(run)
    return runs + [alone[key] for key in sorted(alone, key=str)]


class _Merged(Struct):
    """One mistake, wherever it was met: the finding as first told, kernels and programs (in order)."""

    finding: Finding
    kernels: set[Kernel] = field(default_factory=set)
    programs: dict[str, None] = field(default_factory=dict)
    btf: frozenset[str] = frozenset()


def _selected(rule: str, options: LintOptions) -> bool:
    if rule in options.ignore:
        return False
    return rule in options.select if options.select is not None else not rule_named(rule).optional


def explore(
    module: ir.Module,
    program: Program,
    options: LintOptions,
    kernel: Kernel,
    compiled: bool = False,
    slicing: Slicing | None = None,
) -> Run:
    """Explore one program on one kernel; the run holds what was found. `slicing` tells what need not be walked."""
    run = Run(module, options.specs, kernel, program, loader=options.loader, compiled=compiled, slicing=slicing)
    run.type_tags = options.type_tags == "with"
    state = entry_state(run)
    if program.kind == "main":
        check_declaration(run, state)
        check_references(run, state)
    elif program.kind != "global":
        check_no_throw(run, state, program.function)
    try:
        Explorer(run, program.function, 0, result=is_judged(program)).explore(state)
    except BudgetExceeded:
        names = reachable_calls(module, program.function)
        run.reached.update(n for n in names if n in module.functions and module.functions[n].noinline)
        run.note(
            program.function.name, "the program has more paths than are explored; the rest is not checked",
            program.function.span,
        )  # fmt: skip
    for site in sorted(run.error_sites - run.error_reads):
        call = run.sites[site]
        words = {"kfunc": call.name, "struct": call.struct, "field": call.option}
        run.occurrences.append(
            Occurrence(Fault.OPTS_ERROR_IGNORED, call.span, call.function, 0, site, words, None, call.name)
        )
    return run
