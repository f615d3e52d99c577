"""Text and JSON of `kfuncgen spec check` and `spec diff`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfuncgen.facts.check import KINDS, Change, Comparison, Difference
from kfuncgen.render.json import dump

NAMED = 3
"""How many names stand before a reason that many kfuncs share."""

_SAID = {
    "missing": "not in the specs",
    "absent": "not in the kernel",
}


def check_text(comparison: Comparison) -> Iterator[str]:
    """The differences, one line each; then what was told apart, then the count."""
    for difference in comparison.differences:
        yield f"{difference.name}: {_difference(difference)}"
    yield from _told(comparison)
    facts = comparison.facts
    number = len(comparison.differences)
    counted = "no difference" if not number else "1 difference" if number == 1 else f"{number} differences"
    kinds = ", ".join(f"{count} {kind}" for kind in KINDS if (count := _count(comparison, kind)))
    yield f"{counted} from {facts.origin} {facts.release}, {comparison.compared} kfuncs compared" + (
        f" ({kinds})" if kinds else ""
    )


def _told(comparison: Comparison) -> Iterator[str]:
    """What was told apart, a line for each reason; JSON has all names."""
    reasons: dict[str, list[str]] = {}
    for name, reason in comparison.told:
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        more = len(names) - NAMED
        rest = [f"{more} more"] if more > 1 else names[NAMED:]
        yield f"{', '.join([*names[:NAMED], *rest])}: {reason}"


def _count(comparison: Comparison, kind: str) -> int:
    return sum(difference.kind == kind for difference in comparison.differences)


def _difference(difference: Difference) -> str:
    place = f" ({difference.place})" if difference.place else ""
    if difference.kind in _SAID:
        what = difference.kernel or difference.spec
        return f"{_SAID[difference.kind]}: {what}{place}"
    return f"{difference.kind}: spec {difference.spec or 'none'}, kernel {difference.kernel or 'none'}{place}"


def check_json(comparison: Comparison) -> str:
    """`{"kernel", "origin", "compared", "differences", "told"}`."""
    return dump(
        {
            "kernel": comparison.facts.release,
            "origin": comparison.facts.origin,
            "compared": comparison.compared,
            "differences": [
                {"name": d.name, "kind": d.kind, "spec": d.spec, "kernel": d.kernel, "place": d.place}
                for d in comparison.differences
            ],
            "told": [{"name": name, "reason": reason} for name, reason in comparison.told],
        }
    )


def diff_text(changes: Sequence[Change]) -> Iterator[str]:
    """One line for each change, `+` for what came, `-` for what went, `~` for what is different."""
    for change in changes:
        if change.kind in ("came", "went"):
            yield f"{'+' if change.kind == 'came' else '-'} {change.before or change.after}"
        else:
            yield f"~ {change.name}: {change.kind} {change.before or 'none'} -> {change.after or 'none'}"
    counts = {
        what: len(
            {change.name for change in changes if (change.kind if change.kind in ("came", "went") else "") == key}
        )
        for what, key in (("came", "came"), ("went", "went"), ("changed", ""))
    }
    yield ", ".join(f"{count} {what}" for what, count in counts.items())


def diff_json(old: str, new: str, changes: Sequence[Change]) -> str:
    """`{"old", "new", "came", "went", "changed"}`: names, and `{"name", "kind", "before", "after"}` by name."""
    return dump(
        {
            "old": old,
            "new": new,
            "came": [change.name for change in changes if change.kind == "came"],
            "went": [change.name for change in changes if change.kind == "went"],
            "changed": [
                {"name": c.name, "kind": c.kind, "before": c.before, "after": c.after}
                for c in changes
                if c.kind not in ("came", "went")
            ],
        }
    )
