"""Type ids as arguments: of bpf_obj_new(), bpf_percpu_obj_new() and bpf_rdonly_cast().

Source: check_kfunc_call(), the part after the arguments (kernel/bpf/verifier.c 6.12 and 6.18); CONTRACT 4.E.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.records import records_of
from kfuncgen.lint.targets import CAST_TO_VOID_SINCE
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.types import Type, only_scalars

MAX_PERCPU = 512
"""BPF_GLOBAL_PERCPU_MA_MAX_SIZE: the largest percpu object, in bytes."""

_PARAMETERS = {"obj-new": 0, "percpu-obj-new": 0, "rdonly-cast": 1}


def check_type_id(call: Transfer) -> bool:
    """Whether the type id names a type that the kfunc takes; what is not is reported."""
    word = next((w for w in _PARAMETERS if w in call.special), "")
    if not word:
        return True
    index = _PARAMETERS[word]
    how = _number(call, word, index)
    written = call.call.args[index] if index < len(call.call.args) else None
    while isinstance(written, ir.Cast):
        written = written.operand
    name = ""
    if not how and isinstance(written, ir.Unknown) and written.of is not None:
        how, name = _named(call, word, written, written.of), str(written.of)
    if not how:
        return True
    call.report(Fault.TYPE_ID, {"how": how, "type": name or str(call.constant(index)), "number": str(index + 1)})
    return False


def _number(call: Transfer, word: str, index: int) -> str:
    """What is wrong with an id that is a plain number: 0 is void, and most numbers are no one's."""
    number = call.constant(index)
    if number is None:
        return ""
    if word == "rdonly-cast":
        return "void" if number == 0 and call.run.kernel < CAST_TO_VOID_SINCE else ""
    if not 0 <= number < 1 << 32:
        return "range"
    return "struct" if number == 0 else ""


def _named(call: Transfer, word: str, written: ir.Unknown, ctype: Type) -> str:
    if word == "rdonly-cast":
        if written.ids == "local":
            return "local"
        if ctype.kind in ("struct", "union"):
            return "cast typedef" if written.typedef else ""
        return "cast"
    if written.ids == "kernel":
        return "kernel"
    if ctype.kind != "struct":
        return "struct"
    if written.typedef:
        return "typedef"
    if word != "percpu-obj-new" or not ctype.fields:
        return ""
    if ctype.size > MAX_PERCPU:
        return "size"
    if not only_scalars(ctype):
        return "scalars"
    return "special" if records_of(call.run.module).object(ctype).fields else ""
