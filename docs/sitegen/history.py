"""What became of a kfunc, kernel by kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kfuncgen.spec.model import TRUSTED_BY_DEFAULT_SINCE, Contract, Function, Kernel
from sitegen.text import code

Kind = Literal["came", "changed", "went"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened with `kernel`, in plain words and as Markdown."""

    kernel: Kernel
    kind: Kind
    plain: str
    markdown: str


def events(function: Function) -> tuple[Event, ...]:
    """What happened to a function, oldest first; of one kernel, coming and going before changes."""
    found = [
        Event(kernel, "came" if there else "went", word, word)
        for number, (kernel, there) in enumerate(function.turns())
        for word in [("came back" if number else "came") if there else "went"]
    ]
    before = function.at(function.since)
    for change in function.changes:
        if not function.exists_at(change.since):
            continue  # what a family became meanwhile counts when the function comes back
        after = function.at(change.since)
        told = _changed(before, after)
        before = after
        if told:
            plain = "; ".join(told).replace("`", "")
            found.append(Event(change.since, "changed", plain, "; ".join(told)))
    return tuple(sorted(found, key=lambda event: (event.kernel, event.kind == "changed")))


def _changed(before: Contract, after: Contract) -> list[str]:
    """What is different on a later kernel, in Markdown."""
    told = _moved("programs", before.hooks, after.hooks)
    # 7.0 took the flag from all of them: the page of changes says so once.
    gone = ("KF_TRUSTED_ARGS",) if after.kernel >= TRUSTED_BY_DEFAULT_SINCE else ()
    told += _moved("flags", tuple(flag for flag in before.flags if flag not in gone), after.flags)
    if after.prototype.text != before.prototype.text:
        told.append(f"prototype {code(after.prototype.text)}")
    if after.effects.special != before.effects.special and not told:
        told.append("the verifier treats it otherwise")
    return told


def _moved(what: str, before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    gained = [f"`+{name}`" for name in after if name not in before]
    lost = [f"`-{name}`" for name in before if name not in after]
    return [f"{what} {' '.join([*gained, *lost])}"] if gained or lost else []
