"""Whether what a call names is there on this kernel, as the program declares it (CONTRACT 4.J).

Loaders judge declarations before the verifier sees a program (kfuncgen.lint.externs); the verifier refuses a call
of a weak extern that could not be resolved, where it can be reached (check_kfunc_call() and add_kfunc_call() in
kernel/bpf/verifier.c: such a call has the number 0, or one that libbpf put there).
"""

from __future__ import annotations

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.externs import Resolved, called_function, is_silent
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import Run
from kfuncgen.lint.signatures import difference
from kfuncgen.lint.state import BEYOND, State
from kfuncgen.lint.targets import KFUNC_ADDRESSES_SINCE
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.values import plain_name
from kfuncgen.spec.model import Function

_DEVICE_BOUND = "bpf_xdp_metadata_rx_"
"""The kfuncs that a network device answers: xdp_metadata_kfunc_ids (net/core/xdp.c, XDP_METADATA_KFUNC_xxx), which
bpf_dev_bound_kfunc_check() allows in device-bound programs only (kernel/bpf/offload.c)."""


def check_call(call: Transfer) -> bool:
    """Report a call of what this kernel lacks or what is declared wrongly; False when the path ends here.

    Beyond such a call only more of its kind is reported: no kernel gets there, and kernels that do are looked at
    by themselves.
    """
    name = call.call.callee if isinstance(call.call.callee, str) else ""
    declaration = call.run.module.declarations.get(name)
    if declaration is None or name in call.run.module.functions:
        return True
    if not declaration.ksym:
        _report_declaration(call, declaration)
        return True
    found = call.run.resolved(name)
    words = {**_life(call.contract.function), "symbol": name, "instead": _instead(call)}
    if declaration.weak:
        if found is Resolved.MISMATCH and not is_silent(declaration, call.run.loader):
            _report_mismatch(call.run, call.state, declaration, Fault.SIGNATURE)
        elif found in (Resolved.ABSENT, Resolved.MISMATCH) and not call.run.compiled:
            how = "flavour" if found is Resolved.ABSENT and _is_there(call) else found.value
            words |= {"how": how, "kfunc": name, "difference": _difference(call.run, declaration)}
            _report(call, Fault.UNGUARDED, words)
            return False
    elif found is Resolved.MISMATCH:
        _report_mismatch(call.run, call.state, declaration, Fault.SIGNATURE)
    elif found is Resolved.ABSENT:
        how = "flavour" if _is_there(call) else found.value
        _report(call, Fault.MISSING, words | {"how": how, "kfunc": name})
        return False
    _tell_needs(call)
    return True


def _tell_needs(call: Transfer) -> None:
    """What the call needs that no source shows: of the kernel's configuration, and of the program's loader."""
    function = call.contract.function
    if function.config or function.module:
        options = " and ".join(function.config)
        call.report(Fault.KERNEL_NEEDS, {"options": options, "module": function.module})
    if call.name.startswith(_DEVICE_BOUND):
        call.report(Fault.LOADER_NEEDS, {"how": "device"})
    elif call.effects.destructive:
        call.report(Fault.LOADER_NEEDS, {"how": "reboot"})


def check_guard(run: Run, state: State, name: str, span: Span) -> None:
    """Report a weak extern that the program asks for and that cannot be found as it is declared, or asked for."""
    declaration = run.module.declarations.get(name)
    if (
        declaration is not None
        and declaration.ksym
        and name not in run.module.functions
        and run.kernel < KFUNC_ADDRESSES_SINCE
        and run.resolved(name) is Resolved.FOUND
    ):
        run.report(state, Fault.KFUNC_ADDRESS, span, run.program.function.name, words={"kfunc": name})
    if declaration is None or not declaration.weak or run.resolved(name) is not Resolved.MISMATCH:
        return
    if not is_silent(declaration, run.loader):
        _report_mismatch(run, state, declaration, Fault.SIGNATURE)
    elif plain_name(name) == name or not _fits_somewhere(run, declaration):
        # One flavour for each kernel is how programs cope with changed prototypes: each is missing somewhere.
        _report_mismatch(run, state, declaration, Fault.WEAK_SIGNATURE)


def _report(call: Transfer, fault: Fault, words: dict[str, str]) -> None:
    call.report(fault, words)
    call.state.shadow = BEYOND


def _is_there(call: Transfer) -> bool:
    """Whether the kernel has the function, only not under the name that the loader looks for."""
    return call.contract.function.exists_at(call.run.kernel)


def _instead(call: Transfer) -> str:
    """Words on the twin with or without `_impl`, if this kernel has that one: 7.0 and 7.1 brought variants whose
    last arguments the verifier fills in."""
    name = call.name
    twin = call.run.specs.get(name.removesuffix("_impl") if name.endswith("_impl") else f"{name}_impl")
    return f", else {twin.name}()" if twin is not None and twin.exists_at(call.run.kernel) else ""


def _life(function: Function) -> dict[str, str]:
    """Words on the kernels that have a function."""
    (since, _), *later = function.turns()
    turns = [f"{kernel} brought it back" if there else f"{kernel} removed it" for kernel, there in later]
    return {"life": ": " + ", ".join([f"{since} brought it", *turns])}


def _report_declaration(call: Transfer, declaration: ir.Declaration) -> None:
    """A kfunc without __ksym: told where it is declared, or called when it is declared nowhere."""
    declared = bool(declaration.span.line)
    words = {"kfunc": call.name, "symbol": call.name, "how": "declared" if declared else "undeclared"}
    words["prototype"] = call.contract.prototype.text
    span, function = (declaration.span, "") if declared else (call.call.span, call.evaluator.function.name)
    call.run.report(call.state, Fault.NOT_KSYM, span, function, words=words)


def _report_mismatch(run: Run, state: State, declaration: ir.Declaration, fault: Fault) -> None:
    """A declaration that is not the kernel's, told where it stands."""
    function = called_function(declaration.name, run.specs, run.loader)
    assert function is not None
    words = {"kfunc": declaration.name, "symbol": declaration.name, "difference": _difference(run, declaration)}
    words["prototype"] = function.at(run.kernel).prototype.text
    run.report(state, fault, declaration.span, "", words=words)


def _difference(run: Run, declaration: ir.Declaration) -> str:
    function = called_function(declaration.name, run.specs, run.loader)
    return difference(declaration.ctype, function.at(run.kernel).prototype) if function is not None else ""


def _fits_somewhere(run: Run, declaration: ir.Declaration) -> bool:
    """Whether some kernel's prototype is the declared one."""
    function = called_function(declaration.name, run.specs, run.loader)
    assert function is not None
    prototypes = [function.prototype, *(c.prototype for c in function.changes if c.prototype is not None)]
    return any(not difference(declaration.ctype, prototype) for prototype in prototypes)
