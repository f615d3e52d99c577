"""The pages of the rules as they stand beside them, with what the rule's code knows: severity, fixes, messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.rule import TOPICS, Rule, Topic
from sitegen.model import Knowledge, rule_page
from sitegen.relations import specific
from sitegen.text import Page, code, facts, fence, link, linked, table

FENCE = re.compile(r"^```c[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"^```text\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"// (?:error|warning|hint)$")

SEVERITIES = {
    Severity.ERROR: "the kernel rejects the program",
    Severity.WARNING: "the program loads, and is wrong at run time",
    Severity.HINT: "needless code, or something that the program asks of its loader",
}
FIXES = {
    "": "by hand",
    "safe": "`kfuncgen lint --fix`, in many cases",
    "unsafe": "`kfuncgen lint --fix --unsafe-fixes`, in many cases: look at what it did",
}


def pages(known: Knowledge) -> Iterator[Page]:
    """The index, then the page of each rule, by name."""
    yield Page("rules/index.md", "Rules", "\n".join(_index(known)))
    for rule in known.rules.values():
        yield Page(rule_page(rule.name), rule.name, "\n".join(_page(rule, known)))


def by_topic(known: Knowledge) -> Iterator[tuple[str, list[Rule]]]:
    """The rules under the titles of their topics."""
    topics: tuple[Topic, ...] = tuple(TOPICS)
    for topic in topics:
        yield TOPICS[topic], [rule for rule in known.rules.values() if rule.topic == topic]


def _index(known: Knowledge) -> Iterator[str]:
    yield "---\ntitle: Rules\n---\n\n# Rules\n"
    yield (
        f"The linter has {len(known.rules)} rules. Each page shows bad and good code; tests lint every block "
        "of it and load it into a kernel. With a message of the verifier at hand, type it into the search "
        'above, or ask `kfuncgen explain "Unreleased reference id=2"`. Which findings can be [fixed by '
        "kfuncgen](../howto/fixes.md) is in the last column.\n"
    )
    for title, rules in by_topic(known):
        yield f"## {title}\n"
        rows = []
        for rule in rules:
            marks = [
                *([rule.fixable] if rule.fixable else []),
                *(["off unless selected"] if rule.optional else []),
            ]
            rows.append((f"[`{rule.name}`]({rule.name}.md)", _severity(rule), rule.summary, ", ".join(marks)))
        yield from table(("Rule", "Severity", "Finds", "Fix"), rows)


def _severity(rule: Rule) -> str:
    return f'<span class="severity {rule.severity}">{rule.severity}</span>'


def _page(rule: Rule, known: Knowledge) -> Iterator[str]:
    here = rule_page(rule.name)
    title, _, rest = rule.page.partition("\n")
    summary, _, rest = rest.lstrip().partition("\n")
    yield f"---\ntitle: {rule.name}\nsearch:\n  boost: 2\n---\n\n{title}\n\n{summary}\n"
    rows = [
        ("Severity", f"{_severity(rule)}: {SEVERITIES[rule.severity]}"),
        ("About", TOPICS[rule.topic]),
        ("Fixed", FIXES[rule.fixable]),
    ]
    if rule.optional:
        rows.insert(1, ("Off", f"unless it is selected by name: `--select {rule.name}`"))
    yield from facts(rows)
    yield linked(_highlighted(_with_all_messages(rest, rule)), known.linker(here))
    yield from _silence(rule)
    yield from _kfuncs(rule, known, here)


def _highlighted(text: str) -> str:
    """The page with the marked lines of its blocks highlighted, and without what only tests need."""

    def block(match: re.Match[str]) -> str:
        lines = match["body"].splitlines()
        marks = [number for number, line in enumerate(lines, 1) if MARK.search(line)]
        return "\n".join(fence(match["body"], "c", marks)).rstrip("\n")

    return FENCE.sub(block, QUOTED.sub(_messages, text))


def _with_all_messages(text: str, rule: Rule) -> str:
    """The page with those messages that its text mentions in passing, of other kernels mostly, quoted too."""
    quoted = "\n".join(match["body"] for match in QUOTED.finditer(text))
    missing = [message for message in rule.verifier if message not in quoted]
    if not missing:
        return text
    also = "Other kernels say" if quoted else "The verifier says"
    return text.replace(
        "\n## Bad\n", "\n".join(["", f"{also}:", "", "```text", *missing, "```", "", "## Bad", ""]), 1
    )


def _messages(quoted: re.Match[str]) -> str:
    """Messages of the verifier, each a heading: so the search shows it by its own text, before all others."""
    lines = [line for line in quoted["body"].splitlines() if line]
    return "\n\n".join(f"#### {code(line)} {{ .message }}" for line in lines) + "\n"


def _silence(rule: Rule) -> Iterator[str]:
    yield "## How to accept it\n"
    yield "Where you know better, a comment on the line, or alone on the line before, with the reason:\n"
    yield from fence(f"/* kfuncgen: ignore[{rule.name}] the reason */")
    yield "[More ways](../howto/findings.md): a function, a file, a baseline, `kfuncgen.toml`.\n"


def _kfuncs(rule: Rule, known: Knowledge, here: str) -> Iterator[str]:
    linker = known.linker(here)
    names = [f.name for f in (*known.kfuncs, *known.helpers) if rule.name in specific(known.shown(f))]
    if not names:
        return
    yield "## Calls that it is about { data-search-exclude }\n"
    yield ", ".join(link(f"`{name}`", linker(name)) for name in names)
    yield ""
