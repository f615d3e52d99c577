"""The licence of an object, and what the kernel keeps from programs that are not GPL-compatible.

Sources: license_is_gpl_compatible() (include/linux/license.h), check_kfunc_call(), check_helper_call(),
check_struct_ops_btf_id() (kernel/bpf/verifier.c), bpf_lsm_verify_prog() (kernel/bpf/bpf_lsm.c), 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State
from kfuncgen.lint.transfer import Transfer
from kfuncgen.spec.helperargs import GPL_ONLY
from kfuncgen.spec.progtypes import SectionInfo

_COMPATIBLE = frozenset(
    ("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL")
)
_GPL_TYPES = {"BPF_PROG_TYPE_STRUCT_OPS": "struct_ops", "BPF_PROG_TYPE_LSM": "LSM"}
"""Program types that are there for GPL-compatible programs as a whole."""


def is_compatible(module: ir.Module) -> bool:
    """Whether the kernel takes the object's licence for GPL-compatible."""
    return (module.licence or "") in _COMPATIBLE


def may_exist(module: ir.Module, info: SectionInfo | None) -> bool:
    """Whether the licence allows programs of a type at all."""
    return info is None or info.program_type not in _GPL_TYPES or is_compatible(module)


def may_call(call: Transfer) -> bool:
    """Whether the licence allows a call: of kfuncs, and of helpers for GPL-compatible programs only."""
    if is_compatible(call.run.module) or not (call.contract.is_kfunc or call.name in GPL_ONLY):
        return True
    how = "kfunc" if call.contract.is_kfunc else "helper"
    call.report(Fault.LICENCE, {"how": how, "licence": call.run.module.licence or ""})
    return False


def check_program(run: Run, state: State) -> None:
    """Report a program of a type that needs a GPL-compatible licence whatever it calls."""
    program = run.program
    if program.kind != "main" or program.info is None or may_exist(run.module, program.info):
        return
    kind = _GPL_TYPES[program.info.program_type]
    words = {"how": "program", "kind": kind, "licence": run.module.licence or ""}
    run.report(state, Fault.LICENCE, program.function.span, program.function.name, words=words)
