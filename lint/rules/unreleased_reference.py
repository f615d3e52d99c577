"""A reference is still held where the program ends."""

import re

from kfuncgen.diagnostic import Edit, Fix, Severity
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

    What a function took that was called is released before that function returns, wherever it returns with it:
    further out nothing names it. Nobody but the author knows whether a record is to be submitted or discarded, so
    what can be released in several ways is not mended safely.
    """
    words, site = broken.words, broken.occurrence.site
    name = words.get("release", "")
    if words["kind"] == "iterator" and not name:
        # Programs get no further than the naming scheme: btf_check_iter_kfuncs() (kernel/bpf/btf.c, 6.12).
        name = f"{words['acquire'].removesuffix('_new')}_destroy"
    contract = broken.run.contract(name)
    taker = broken.run.sites[site].function
    inside = taker != broken.occurrence.function
    places = broken.at_returns(taker, site) if inside else [broken]
    if contract is None or not places:
        return None
    call, edits = "", tuple[Edit, ...]()
    for place in places:
        call = _call(place, contract, inside)
        here = place.before_return(call, but=words["var"]) if call else ()
        if not here:
            return None
        edits += here
    acquire = broken.run.contract(words.get("acquire", ""))
    others = [broken.run.contract(other) for other in acquire.release] if acquire is not None else []
    ways = [other for other in others if other is not None and _arguments(other, other.effects.releases, "it")]
    return fix(f"insert {call}", edits, safe=len(ways) <= 1)


def _call(place: Broken, contract: Contract, inside: bool) -> str:
    """The statement that releases the reference before a function returns; "" where it cannot be told."""
    site, exits = place.occurrence.site, place.exits()
    var = place.variable(place.words["var"])
    if var is None or not exits or any(way.sites.count(site) != 1 for way in exits):
        return ""
    in_place = place.words["kind"] in ("iterator", "dynptr")
    if not in_place and not (place.set_once(var) and (place.kept_back(var) or not inside)):
        return ""
    number = 0 if in_place else contract.effects.releases
    args = _arguments(contract, number, f"&{var.name}" if in_place else var.name)
    return f"{re.sub('_impl$', '', contract.name)}({', '.join(args)});" if args else ""


def _arguments(contract: Contract, number: int | None, what: str) -> list[str]:
    """Arguments for a call that releases `what`; none when it takes more than that and flags."""
    params = [param.name for param in contract.params]
    if number is None or any(name != "flags" for place, name in enumerate(params) if place != number):
        return []
    return [what if place == number else "0" for place in range(len(params))]


RULE = Rule(
    fault=Fault.LEAK,
    severity=Severity.ERROR,
    topic="references",
    message=_message,
    help=_help,
    last="{it} is still held here",
    fix=_release,
    fixable="safe",
    verifier=("Unreleased reference id=%d alloc_insn=%d",),
)
