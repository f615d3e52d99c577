"""The size passed for an options struct is not one that the kernel function accepts."""

import re

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
from kfuncgen.lint.rule import Rule, Words


def _message(words: Words) -> str:
    slip = " (sizeof of a pointer, not of the struct)" if words["pointer"] else ""
    effect = "returns NULL" + (
        f" with {words['error_field']} = -EINVAL" if words["error_field"] else " and reports no error"
    )
    sizes = f"takes {words['valid']} bytes of {words['struct']}, not {words['size']}{slip}"
    return f"{words['kfunc']}() {sizes}; it always {effect}"


def _resize(broken: Broken) -> Fix | None:
    """The size of what the pointer points to, else of the struct as the program declares it, else the constant."""
    words = broken.words
    place = broken.argument(int(words["argument"]))
    if place is None:
        return None
    written = broken.source.code[slice(*place)].decode("utf-8", "replace")
    struct = broken.run.module.struct.get(words["struct"].removeprefix("struct "))
    pointer = re.fullmatch(r"sizeof\s*\(\s*(\w+)\s*\)", written)
    if words["pointer"] and pointer is not None:
        size = f"sizeof(*{pointer[1]})"
    elif struct is not None and str(struct.size) in words["valid"].split(" or "):
        size = f"sizeof(struct {struct.name})"
    elif words["constant"]:
        size = words["constant"]
    else:
        return None
    return fix(f"pass {size}", (broken.source.edit(*place, size),), safe=True)


RULE = Rule(
    fault=Fault.OPTS_SIZE,
    severity=Severity.WARNING,
    topic="options",
    message=_message,
    fix=_resize,
    fixable="safe",
    help="pass {constant}, or sizeof of the struct",
)
