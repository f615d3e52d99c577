"""From raw occurrences to findings: one per mistake, each with the path a person needs, worded by its rule."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kfuncgen.diagnostic import Event, Finding, Severity, Span
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, Sources
from kfuncgen.lint.relevance import Relevance
from kfuncgen.lint.rule import Rule, rule_named, rule_of
from kfuncgen.lint.run import Occurrence, Run
from kfuncgen.lint.state import Step
from kfuncgen.records import Struct, replace

MAX_BRANCHES = 8
"""Branch events shown between the acquire and the fault; the latest tell most."""

_SITE_FAULTS = frozenset((Fault.LEAK, Fault.DEAD_NULL_TEST, Fault.OPTS_ERROR_IGNORED))
"""Faults that are one mistake per acquire (or call) site, however many ways out there are."""

_KFUNC_FAULTS = frozenset((Fault.MISSING, Fault.KERNEL_NEEDS, Fault.LOADER_NEEDS))
"""Faults that are one mistake, or one fact, per kfunc, however often it is called."""


class Told(Struct, frozen=True):
    """A finding together with what orders and deduplicates it."""

    finding: Finding
    key: tuple[object, ...]


def tell(run: Run, occurrences: Sequence[Occurrence], sources: Sources | None = None) -> list[Told]:
    """Findings of one run, one per mistake: the shortest path wins, ties by place. No sources, no fixes."""
    if not occurrences:
        return []  # and no rule is imported
    relevance = Relevance(run)
    best: dict[tuple[object, ...], tuple[tuple[object, ...], Broken]] = {}
    spoken = {
        o.site
        for o in occurrences
        if o.site and o.fault not in _SITE_FAULTS and (r := rule_of(o.fault)) and r.severity is Severity.ERROR
    }
    for occurrence in occurrences:
        if occurrence.fault is Fault.LEAK and occurrence.site in spoken:
            # What was misused on one path is not called lost on another: one mistake, one report.
            continue
        rule = rule_of(occurrence.fault)
        if rule is None:
            continue
        words = _words(run, occurrence)
        finding = _finding(run, occurrence, rule, relevance, words)
        key: tuple[object, ...]
        if occurrence.fault in _SITE_FAULTS:
            site = run.sites[occurrence.site]
            key = (rule.name, site.span, occurrence.function)
        elif occurrence.fault in _KFUNC_FAULTS:
            key = (rule.name, occurrence.kfunc)
        else:
            key = (rule.name, occurrence.span, occurrence.words.get("field", ""), occurrence.words.get("var", ""))
        rank = (len(finding.path), finding.span, finding.message, tuple((e.span, e.message) for e in finding.path))
        if key not in best or rank < best[key][0]:
            best[key] = (rank, Broken(finding, occurrence, words, run, sources or Sources(defaultdict(bytes))))
    return [Told(_mended(broken), key) for key, (_, broken) in best.items()]


def _mended(broken: Broken) -> Finding:
    """The finding with its fix, where its rule has one."""
    rule = rule_named(broken.finding.rule)
    fix = rule.fix(broken) if rule.fix is not None and broken.source.data else None
    return replace(broken.finding, fix=fix) if fix is not None else broken.finding


def _words(run: Run, occurrence: Occurrence) -> dict[str, str]:
    """The words of a fault, with those that follow from where it came from."""
    words = dict(occurrence.words)
    site = run.sites[occurrence.site]
    if site.name and not words.get("acquire"):
        words["acquire"] = site.name
    words.setdefault("acquire_line", str(site.span.line))
    acquired = run.contract(words.get("acquire", "")) or run.contract(words.get("origin", ""))
    if acquired is not None and acquired.release:
        words.setdefault("release", acquired.release[0])
    words.setdefault("line", str(occurrence.span.line))
    for word in ("kfunc", "acquire", "release", "by", "what"):
        # Programs call these through macros without the suffix (bpf_experimental.h).
        if word in words:
            words[word] = re.sub(r"_impl\b", "", words[word])
    words["it"] = _phrase(words)
    named = run.called(occurrence.subject)
    words["held"] = f"'{named}'" if named else words["it"]
    return words


def _finding(
    run: Run, occurrence: Occurrence, rule: Rule, relevance: Relevance, words: Mapping[str, str]
) -> Finding:
    return Finding(
        rule=rule.name,
        severity=rule.severity,
        span=occurrence.span,
        message=rule.word(words),
        function=occurrence.function.removeprefix("____"),
        program=run.program.names[0],
        section=run.program.section,
        kfunc=occurrence.kfunc,
        verifier=rule.kernel_message(words),
        help=rule.advise(words),
        path=events(occurrence, rule, words, relevance),
    )


def _phrase(words: Mapping[str, str]) -> str:
    """What to call the value that a finding is about: its name in quotes, else where it came from."""
    name = words.get("var", "") or words.get("lost", "")
    if name and not name.startswith("the "):
        return name if name == "NULL" else f"'{name}'"
    origin = words.get("origin", "") or words.get("acquire", "")
    if origin.startswith("bpf_"):
        return f"the result of {origin}()"
    return name or "it"


def events(
    occurrence: Occurrence, rule: Rule, words: Mapping[str, str], relevance: Relevance
) -> tuple[Event, ...]:
    """The numbered path: what happened to the subject, the branches in between, calls that matter."""
    steps = _steps(occurrence.trail)
    subject = occurrence.subject
    if not subject:
        return ()
    first = next((i for i, s in enumerate(steps) if s.subject == subject), None)
    if first is None:
        return ()
    name = words.get("var", "").lstrip("&*").split("->")[0].split(".")[0].split("[")[0]
    relevant = _prune(steps[first:], subject, name, relevance, occurrence.span)
    told = [Event(s.span, _text(s, words)) for s in relevant]
    last = rule.last_event(words)
    if last and (not told or told[-1].span != occurrence.span or told[-1].message != last):
        told.append(Event(occurrence.span, last))
    return tuple(told)


def _text(step: Step, words: Mapping[str, str]) -> str:
    if step.what in ("acquire", "read") and not step.text.startswith(("iterator", "dynptr")):
        text = step.text.replace(", may be NULL", "") if words.get("test") else step.text
        return f"{words['held']} {text}"
    if step.what == "return" and words.get("kind"):
        return f"{step.text}, {words['it']} is still held"
    return step.text


def _steps(trail: object) -> list[Step]:
    steps: list[Step] = []
    while isinstance(trail, tuple):
        trail, step = trail
        steps.append(step)
    steps.reverse()
    return steps


def _prune(steps: list[Step], subject: int, name: str, relevance: Relevance, fault: Span) -> list[Step]:
    """Drop finished calls in which nothing happened to the subject, other subjects, names that the finding does
    not use, and branches that make no difference."""
    kept: list[Step] = []
    opened: list[int] = []
    for step in steps:
        if step.what == "call":
            opened.append(len(kept))
            kept.append(step)
        elif step.what == "return":
            if opened:
                start = opened.pop()
                if not any(s.subject == subject for s in kept[start:]):
                    del kept[start:]
                    continue
            kept.append(step)
        elif _belongs(step, subject, name) or (step.what == "branch" and not _is_idle(step, relevance, fault)):
            kept.append(step)
    branches = [i for i, s in enumerate(kept) if s.what == "branch"]
    surplus = set(branches[:-MAX_BRANCHES]) if len(branches) > MAX_BRANCHES else set()
    # A test of the subject itself is told once, as what it means and not as a branch.
    tested = {s.span for s in kept if s.what == "assume"}
    return [s for i, s in enumerate(kept) if i not in surplus and not (s.what == "branch" and s.span in tested)]


def _belongs(step: Step, subject: int, name: str) -> bool:
    """Whether a step is about the subject; of its further names only the one that the finding uses is told."""
    if step.what == "alias" and not step.text.startswith(f"'{name}' "):
        return False
    return step.subject == subject


def _is_idle(step: Step, relevance: Relevance, fault: Span) -> bool:
    return step.branch is not None and relevance.is_idle(step.branch, fault)


def by_place(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order of output."""
    return tuple(sorted(findings, key=lambda f: f.sort_key))
