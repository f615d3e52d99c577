"""A reference is still held where the program ends."""

import re

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
from kfuncgen.lint.rule import Rule, Words
from kfuncgen.spec.model import Contract


def _message(words: Words) -> str:
    if words["kind"] == "iterator":
        return f"iterator {words['it']} is not destroyed on this path"
    if words["kind"] == "dynptr":
        return f"dynptr {words['it']} from {words['acquire']}() is neither submitted nor discarded on this path"
    known = words["it"].startswith("the result of") or not words["acquire"]
    origin = "" if known else f" from {words['acquire']}()"
    return f"{words['it']}{origin} is not released on this path"


def _help(words: Words) -> str:
    if words["release"]:
        return f"call {words['release']}() on it before the program returns here"
    return "release it before the program returns here"


def _release(broken: Broken) -> Fix | None:
    """The release before the `return`, where all paths to it hold the reference and a variable still names it.

    Nobody but the author knows whether a record is to be submitted or discarded, so what can be released in
    several ways is not mended safely.
    """
    words, site = broken.words, broken.occurrence.site
    kind, var = words["kind"], broken.variable(words["var"])
    name = words.get("release", "")
    if kind == "iterator" and not name:
        # Programs get no further than the naming scheme: btf_check_iter_kfuncs() (kernel/bpf/btf.c, 6.12).
        name = f"{words['acquire'].removesuffix('_new')}_destroy"
    contract = broken.run.contract(name)
    if var is None or contract is None or broken.run.sites[site].function != broken.occurrence.function:
        return None
    if any(exit.sites.count(site) != 1 for exit in broken.exits()) or not broken.exits():
        return None
    in_place = kind in ("iterator", "dynptr")
    if not in_place and not broken.set_once(var):
        return None
    args = _arguments(
        contract, 0 if in_place else contract.effects.releases, f"&{var.name}" if in_place else var.name
    )
    if not args:
        return None
    acquire = broken.run.contract(words.get("acquire", ""))
    others = [broken.run.contract(other) for other in acquire.release] if acquire is not None else []
    ways = [other for other in others if other is not None and _arguments(other, other.effects.releases, "it")]
    call = f"{re.sub('_impl$', '', name)}({', '.join(args)});"
    return fix(f"insert {call}", broken.before_return(call, but=var.name), safe=len(ways) <= 1)


def _arguments(contract: Contract, number: int | None, what: str) -> list[str]:
    """Arguments for a call that releases `what`; none when it takes more than that and flags."""
    params = [param.name for param in contract.params]
    if number is None or any(name != "flags" for place, name in enumerate(params) if place != number):
        return []
    return [what if place == number else "0" for place in range(len(params))]


RULE = Rule(
    fault=Fault.LEAK,
    severity=Severity.ERROR,
    message=_message,
    help=_help,
    last="{it} is still held here",
    fix=_release,
    fixable="safe",
    verifier=("Unreleased reference id=%d alloc_insn=%d",),
)
