"""Kernels × kfuncs as a picture: a table whose cells are bars, with what came, changed and went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from kfuncgen.spec.model import Family, Function, Kernel
from sitegen.history import Event, events
from sitegen.model import Knowledge, family_page
from sitegen.text import Page

PAGE = "kfuncs/kernels.md"
SYMBOLS = {"came": "●", "changed": "◆", "went": "✕"}


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring kernels that one cell stands for."""

    start: int
    length: int
    present: bool
    event: Event | None = None


def page(known: Knowledge) -> Page:
    """The picture, and how to read it."""
    return Page(PAGE, "Kernels × kfuncs", "\n".join(_page(known)))


def _page(known: Knowledge) -> Iterator[str]:
    checked = ", ".join(map(str, known.specs.checked))
    yield "---\ntitle: Kernels × kfuncs\nhide: [navigation, toc]\nsearch:\n  exclude: true\n---\n"
    yield "# Kernels × kfuncs\n"
    yield (
        f"Which Linux has which kfunc. Compared with kernels' own tables: {checked}; what is said of those "
        f"after {known.specs.newest} was published, not measured. Options of the kernel's configuration are "
        "not looked at. The same as a list: [changes by kernel](changes.md); between two kernels: `kfuncgen "
        "spec diff 6.12 6.18`.\n"
    )
    yield '<div class="wide" markdown="0">'
    yield from _controls(known)
    yield from _legend()
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Kernels and kfuncs">'
    yield '<table class="matrix" data-filtered="kfuncs">'
    yield f"<caption>{len(known.kfuncs)} kfuncs, Linux {known.releases[0]} to {known.releases[-1]}</caption>"
    yield "<thead><tr><th scope=col>kfunc</th>"
    for kernel in known.releases:
        measured = ' class="measured" title="compared with this kernel"' if kernel in known.specs.checked else ""
        yield f"<th scope=col{measured}>{kernel}</th>"
    yield "</tr></thead>"
    for family in known.families:
        yield from _family(family, known)
    yield "</table></div></div>"


def _controls(known: Knowledge) -> Iterator[str]:
    options = "".join(f"<option>{kernel}</option>" for kernel in reversed(known.releases))
    yield (
        '<form class="filters" data-for="kfuncs" hidden>'
        "<label>Name or family <input type=search name=text autocomplete=off></label><label>Something "
        "happened in <select name=kernel><option value=''>any "
        f"kernel</option>{options}</select></label><label><input type=checkbox name=folded> families "
        "only</label><output aria-live=polite></output></form>"
    )


def _legend() -> Iterator[str]:
    yield (
        '<p class="legend"><span class="cell has"></span> has it '
        f'<span class="cell has came">{SYMBOLS["came"]}</span> came '
        f'<span class="cell has changed">{SYMBOLS["changed"]}</span> changed (flags, program types, prototype) '
        f'<span class="cell went">{SYMBOLS["went"]}</span> went. '
        "Rows of families show how many of their kfuncs a kernel has.</p>"
    )


def _family(family: Family, known: Knowledge) -> Iterator[str]:
    functions = known.kfuncs_of(family)
    histories = {function.name: events(function) for function in functions}
    name = escape(family.name)
    address = family_page(family.name).rpartition("/")[2].removesuffix(".md") + ".html"
    yield f'<tbody data-family="{name}">'
    yield f'<tr class="family"><th scope=rowgroup><a href="{address}">{name}</a></th>'
    most = len(functions)
    for kernel in known.releases:
        count = sum(function.exists_at(kernel) for function in functions)
        happened = [event for history in histories.values() for event in history if event.kernel == kernel]
        share = round(50 * count / most)
        told = _counted(happened)
        moved = " moved" if happened else ""
        title = f' title="{kernel}: {told}"' if told else ""
        yield f'<td class="count{moved}" style="--share:{share}%"{title}>{count or ""}</td>'
    yield "</tr>"
    for function in functions:
        yield _row(function, histories[function.name], known.releases)
    yield "</tbody>"


def _counted(happened: Sequence[Event]) -> str:
    kinds = ((kind, sum(event.kind == kind for event in happened)) for kind in SYMBOLS)
    return ", ".join(f"{number} {kind}" for kind, number in kinds if number)


def _row(function: Function, history: Sequence[Event], releases: Sequence[Kernel]) -> str:
    kernels = " ".join(dict.fromkeys(str(event.kernel) for event in history))
    cells = [
        f'<tr data-name="{function.name}" data-kernels="{kernels}">'
        f'<th scope=row><a href="{function.name}.html">{function.name}</a></th>'
    ]
    for run in runs(function, history, releases):
        span = f" colspan={run.length}" if run.length > 1 else ""
        if run.event is not None:
            kind = run.event.kind
            has = "has " if run.present else ""
            what = escape(f"{run.event.kernel}: {run.event.plain}", quote=True)
            cells.append(
                f'<td class="{has}{kind}"{span}><a href="{function.name}.html#kernels" title="{what}">'
                f'{SYMBOLS[kind]}<span class="unseen"> {kind}</span></a></td>'
            )
        elif run.present:
            cells.append(f'<td class="has"{span}><span class="unseen">has it</span></td>')
        else:
            cells.append(f"<td{span}></td>")
    return "".join([*cells, "</tr>"])


def runs(function: Function, history: Sequence[Event], releases: Sequence[Kernel]) -> Iterator[Run]:
    """The cells of a row: an event has one of its own, kernels without any are drawn together."""
    at = {event.kernel: event for event in reversed(history)}
    current: Run | None = None
    for index, kernel in enumerate(releases):
        event, present = at.get(kernel), function.exists_at(kernel)
        if event is None and current is not None and current.event is None and current.present == present:
            current = Run(current.start, current.length + 1, present)
            continue
        if current is not None:
            yield current
        current = Run(index, 1, present, event)
    if current is not None:
        yield current
