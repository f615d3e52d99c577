"""Fields of map values that not every program type may come near (CONTRACT 4.E, special-field-prog-type).

A program may not even refer to a map with such a field, on whatever path (check_map_prog_compatibility() in
kernel/bpf/verifier.c of 6.12 and 6.18); global data of one section is one map.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.callgraph import reachable_calls
from kfuncgen.lint.fields import map_type
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mapdefs import map_attribute
from kfuncgen.lint.mentions import globals_of
from kfuncgen.lint.records import records_of
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.spec.trust import refused_fields


def check_references(run: Run, state: State) -> None:
    """Report the first reference of a program to a map that it may not refer to."""
    info = run.program.info
    kinds = refused_fields(info.program_type) if info is not None else ()
    if not kinds or info is None:
        return
    names = [run.program.function.name, *reachable_calls(run.module, run.program.function)]
    for name in dict.fromkeys(names):
        body = run.module.functions.get(name)
        for var, span in globals_of(body) if body is not None else ():
            what = _field(run, var, kinds)
            if what and body is not None:
                words = {"var": var.name, "what": what, "section": info.section}
                run.report(state, Fault.SPECIAL_FIELD_PROGRAM, span, body.name, words=words)
                return


def _field(run: Run, var: ir.GlobalVariable, kinds: tuple[str, ...]) -> str:
    """The first of these fields in a map's values or in the section of a variable, "" when there is none."""
    records = records_of(run.module)
    if var.extern:
        return ""
    if var.section == ".maps":
        ctype = map_attribute(var.ctype, "value")
        record = records.value(ctype, map_type(run.module, var.name)) if ctype is not None else None
    else:
        record = records.whole_section(var)
    if record is None:
        return ""
    return next((kind for kind in kinds if record.only(kind) is not None), "")
