"""A kfunc needs a kernel that was built with some option, or has some module loaded."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, Words


def _needs(words: Words) -> str:
    parts = [words["options"], f"the module {words['module']}" if words["module"] else ""]
    return f"{words['kfunc']}() needs {', or '.join(part for part in parts if part)}"


def _help(words: Words) -> str:
    if not words["module"]:
        return "declare it __weak and ask bpf_ksym_exists() where kernels without it must do"
    return f"load {words['module']} before the program, where it is not built in; its BTF needs " + (
        "CONFIG_DEBUG_INFO_BTF_MODULES"
    )


RULE = Rule(
    fault=Fault.KERNEL_NEEDS,
    severity=Severity.HINT,
    topic="kernels",
    message=_needs,
    help=_help,
    optional=True,
)
