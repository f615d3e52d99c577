"""Pages about many kfuncs: the overview, one for each family, changes by kernel, and the helpers."""

from __future__ import annotations

from collections.abc import Iterator

from kfuncgen.spec.model import TRUSTED_BY_DEFAULT_SINCE, Family, Function
from kfuncgen.spec.telling import lifetime
from sitegen import matrix, programs
from sitegen.history import Event, events
from sitegen.kfunc_pages import contract_list, options_struct
from sitegen.model import HELPERS, Knowledge, family_page
from sitegen.text import Page, code, escape, fence, link, prose, prototype, styled, table

CHANGES = "kfuncs/changes.md"


def pages(known: Knowledge) -> Iterator[Page]:
    """Everything but the pages of single kfuncs."""
    yield Page("kfuncs/index.md", "Overview", "\n".join(_index(known)))
    yield matrix.page(known)
    yield programs.page(known)
    yield Page(CHANGES, "Changes by kernel", "\n".join(_changes(known)))
    for family in known.families:
        yield Page(family_page(family.name), family.name, "\n".join(_family(family, known)))
    yield Page(HELPERS, "Helpers", "\n".join(_helpers(known)))


def _index(known: Knowledge) -> Iterator[str]:
    yield "---\ntitle: Kfuncs\n---\n\n# Kfuncs\n"
    yield (
        f"{len(known.kfuncs)} kernel functions in {len(known.families)} families, from Linux "
        f"{known.releases[0]} to {known.releases[-1]}, and the contracts of {len(known.helpers)} "
        "[helpers](../reference/helpers.md). All of it comes from the specs that the linter and the generator "
        "work by; `kfuncgen spec show NAME` prints a contract in the terminal.\n"
    )
    yield (
        "- [Kernels × kfuncs](kernels.md): which Linux has which\n"
        "- [Programs × kfuncs](programs.md): which programs may call which\n"
        "- [Changes by kernel](changes.md): what came, changed and went\n"
    )
    rows = []
    for family in known.families:
        functions = known.kfuncs_of(family)
        address = family_page(family.name).rpartition("/")[2]
        first = min(function.since for function in functions)
        rows.append(
            (f"[{family.name}]({address})", prose(family.summary, lambda _: ""), str(len(functions)), str(first))
        )
    yield from table(("Family", "About", "Kfuncs", "Since"), rows)


def _family(family: Family, known: Knowledge) -> Iterator[str]:
    here = family_page(family.name)
    linker = known.linker(here)
    yield f"---\ntitle: {family.name}\n---\n\n# {escape(family.name)}\n"
    yield f"{prose(family.summary, linker)}.\n"
    rows = []
    for function in known.kfuncs_of(family):
        rows.append(
            (link(code(function.name), linker(function.name)), prose(function.summary, linker), lifetime(function))
        )
    yield from table(("Kfunc", "Does", "Linux"), rows)


def _changes(known: Knowledge) -> Iterator[str]:
    linker = known.linker(CHANGES)
    history: dict[str, list[tuple[Function, Event]]] = {}
    for function in known.kfuncs:
        for event in events(function):
            history.setdefault(str(event.kernel), []).append((function, event))
    yield "---\ntitle: Changes by kernel\n---\n\n# Changes by kernel\n"
    yield (
        "What came, changed and went with each Linux, the newest first. Kernels that are not listed changed "
        f"nothing. What is said of those after {known.specs.newest} was published, not measured.\n"
    )
    for kernel in reversed(known.releases):
        happened = history.get(str(kernel), [])
        if not happened:
            continue
        yield f"## Linux {kernel}\n"
        if kernel == TRUSTED_BY_DEFAULT_SINCE:
            yield (
                "Pointers that are passed to kfuncs must be trusted and not NULL, unless the kfunc says "
                "otherwise. Until then only those with `KF_TRUSTED_ARGS` demanded it; the flag is gone.\n"
            )
        for kind, title in (("came", "Came"), ("went", "Went")):
            names = [link(code(f.name), linker(f.name)) for f, event in happened if event.kind == kind]
            if names:
                yield f"{title}: {', '.join(names)}.\n"
        changed: dict[str, list[str]] = {}
        for function, event in happened:
            if event.kind == "changed":
                changed.setdefault(event.markdown, []).append(link(code(function.name), linker(function.name)))
        rows = [(", ".join(names), how) for how, names in changed.items()]
        yield from styled("halves", table(("Changed", "How"), rows))


def _helpers(known: Knowledge) -> Iterator[str]:
    linker = known.linker(HELPERS)
    yield "---\ntitle: Helpers\n---\n\n# Helpers\n"
    yield (
        "Helpers whose contracts are those of kfuncs: they acquire, release, may return NULL, lock, sleep or "
        "call back. The linter knows of all helpers which programs have them; only these do something that a "
        "caller must mind.\n"
    )
    for function in known.helpers:
        contract = known.shown(function)
        yield f"## {escape(function.name)}\n"
        yield f"{prose(function.summary, linker)}\n"
        yield from fence(prototype(contract.prototype.text))
        yield from contract_list(contract, linker)
        for index, struct in function.options:
            yield from options_struct(struct, contract, contract.params[index].name, linker)
        if function.notes:
            yield f"{prose(' '.join(function.notes.split()), linker)}\n"
