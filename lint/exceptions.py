"""Exception callbacks: what a program's `exception_callback` tag may name, and how it is verified (CONTRACT 4.J).

Sources: btf_prepare_func_args(), do_check_common(), check_btf_func() and find_exception_callback_subprog(),
check_max_stack_depth_subprog() in kernel/bpf/verifier.c of 6.12 and 6.18.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.callgraph import calls
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.run import Run
from kfuncgen.lint.state import State

_TAG = "exception_callback:"


def callback_names(function: ir.Function) -> list[str]:
    """The functions that the tags of a program name as its exception callback."""
    return [tag.removeprefix(_TAG) for tag in function.decl_tags if tag.startswith(_TAG)]


def check_declaration(run: Run, state: State) -> None:
    """Report a tag that the kernel does not take, and direct calls of the callback."""
    program = run.program.function
    names = callback_names(program)
    if not names:
        return
    body = run.module.functions.get(names[0])
    how = ""
    if len(names) > 1:
        how = "several"
    elif body is None:
        how = "missing"
    elif body.static:
        how = "static"
    elif not body.result.is_integer:
        how = "result"
    elif len(body.params) != 1 or not body.params[0].ctype.is_integer:
        how = "arguments"
    if how:
        words = {"how": how, "callback": names[0], "kfunc": "bpf_throw"}
        run.report(state, Fault.EXCEPTION_CALLBACK, program.span, program.name, words=words)
    elif body is not None and body.noinline:
        for inside, call in calls(run.module, program):
            if call.callee == body.name:
                words = {"how": "called", "callback": body.name, "kfunc": body.name}
                run.report(state, Fault.EXCEPTION_CALLBACK, call.span, inside.name, words=words)
