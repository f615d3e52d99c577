"""The rules as a whole: names, pages, wording, the faults they claim, the kernel messages they pre-empt."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

import pytest
from rule_pages import Page, lint, message_pattern, pages

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import LIFE, Fault, Life, Use, judge
from kfuncgen.lint.rule import TOPICS, Rule, Topic, catalogue, classify_message

RULES = catalogue()
SECTIONS = ("What it does", "Why is this bad", "Bad", "Good", "Limits", "How to fix")
OPTIONAL = ("Limits",)

VARIABLES = ("var", "lost", "param", "buffer")
"""Words that are names of the user's variables: in quotes wherever they occur."""
FUNCTIONS = ("kfunc", "test", "by", "acquire", "release")
"""Words that are names of functions: `name()` wherever they occur."""

by_rule = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
by_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)


def page_of(rule: Rule) -> Page:
    return next(page for page in pages() if page.rule == rule.name)


def samples(text: str) -> str:
    """A message as the kernel would print it, from one with %d, %u and %s."""
    return text.replace("%d", "1").replace("%u", "1").replace("%s", "some_name")


def test_there_are_rules() -> None:
    assert len(RULES) >= 40


def test_every_topic_has_a_title_and_rules() -> None:
    assert set(TOPICS) == set(get_args(Topic)) == {rule.topic for rule in RULES.values()}


@by_rule
def test_name_is_kebab_case_without_digits(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)


@by_rule
def test_page_is_titled_with_the_name_of_the_rule(rule: Rule) -> None:
    assert rule.page.splitlines()[0] == f"# {rule.name}"


@by_page
def test_page_has_its_sections_in_order(page: Page) -> None:
    wanted = tuple(name for name in SECTIONS if name not in OPTIONAL or name in page.sections)
    assert page.sections == wanted
    assert [name for name in wanted if not page.section(name).strip()] == []


@by_page
def test_page_fits_in_120_columns(page: Page) -> None:
    assert [line for line in page.text.splitlines() if len(line.expandtabs(8)) > 120] == []


@by_rule
def test_summary_is_one_sentence_on_a_line_of_its_own(rule: Rule) -> None:
    title, blank, summary, end = rule.page.splitlines()[:4]
    assert title and not blank and not end
    assert rule.summary == summary
    assert summary[0].isupper() and summary.endswith(".")
    assert not re.search(r"[.!?] [A-Z]", summary)


def test_each_fault_is_claimed_by_exactly_one_rule() -> None:
    claims = Counter(rule.fault for rule in RULES.values())
    assert {fault.name: claims[fault] for fault in Fault if claims[fault] != 1} == {}


def test_life_table_is_total_and_judge_reads_it() -> None:
    assert set(LIFE) == {(life, use) for life in Life for use in Use}
    assert [(life, use) for life, use in LIFE if judge(life, use) is not LIFE[life, use]] == []


def test_life_table_lets_nothing_wrong_pass_and_says_nothing_twice() -> None:
    # A held reference may be used in every way; after a fault was reported nothing more is said.
    for life in (Life.HELD, Life.STOPPED):
        assert [use for use in Use if LIFE[life, use] is not None] == []
    for life in (Life.NULL, Life.UNCHECKED, Life.RELEASED, Life.STALE):
        assert [use for use in Use if LIFE[life, use] is None] == []


def templates() -> Iterator[tuple[str, str]]:
    for rule in RULES.values():
        for what in ("message", "help", "last"):
            template = getattr(rule, what)
            if isinstance(template, str) and template:
                yield f"{rule.name}-{what}", template


@pytest.mark.parametrize("template", [pytest.param(text, id=name) for name, text in templates()])
def test_template_quotes_variables_and_marks_functions(template: str) -> None:
    before = ""
    pieces = [*string.Formatter().parse(template), ("", None, None, None)]
    for (literal, word, _, _), (after, *_) in pairwise(pieces):
        before = literal or before
        if word in VARIABLES:
            assert before.endswith("'") and after.startswith("'"), f"{{{word}}} without quotes"
        if word in FUNCTIONS:
            assert after.startswith("()"), f"{{{word}}} without ()"


@by_page
def test_wording_of_the_findings_on_the_page(page: Page) -> None:
    found = [f for block in page.blocks for f in lint(block) if f.rule == block.rule]
    assert found, "no block of the page shows the rule at work"
    for finding in found:
        assert finding.message, finding
        for text in (finding.message, finding.help, *(event.message for event in finding.path)):
            assert wording_fault(text) is None, f"{wording_fault(text)}: {text}"


def wording_fault(text: str) -> str | None:
    """What is wrong with the manner of a message, None when nothing is."""
    if text != text.strip():
        return "blanks around it"
    first = text.split()[0] if text else ""
    name = not first.isalpha() or (first.isupper() and len(first) > 1)
    if text and not (text[0].islower() or name):
        return "starts in upper case and with no name"
    if text.endswith(("!", "?")) or re.search(r"[^.]\.$", text):
        return "ends like a sentence"
    # What a word leaves behind that nobody filled in: an empty name, a call of nothing, a placeholder.
    if re.search(r"''|\"\"|(^|\s)\(\)|\s\s|[{}]|\bNone\b|\s[.,;]", text.removesuffix(" ...")):
        return "incomplete"
    return None


@pytest.mark.parametrize(
    "text",
    [
        *("The task is lost", "'t' is lost.", "lost!", "'' is lost", "() fails", "'t' from () is lost", "a  b"),
        *("{var} is lost", "passed to None", " lost", "lost , and gone"),
    ],
)
def test_wording_fault_sees_what_is_wrong(text: str) -> None:
    assert wording_fault(text) is not None


@pytest.mark.parametrize(
    "text", ["NULL is dereferenced", "bpf_task_release() fails", "'t' is lost", "check it: if (!t) ...", ""]
)
def test_wording_fault_lets_good_words_pass(text: str) -> None:
    assert wording_fault(text) is None


@by_rule
def test_error_names_the_message_it_pre_empts_or_its_page_says_who_does(rule: Rule) -> None:
    if rule.severity is not Severity.ERROR:
        assert rule.verifier == (), "the kernel refuses what is an error; this rule is not one"
        return
    if rule.verifier:
        return
    owners = {classify_message(samples(message)) for message in page_of(rule).messages} - {"", rule.name}
    assert owners, "no kernel message, and none of another rule on the page"
    assert [owner for owner in sorted(owners) if f"`{owner}`" in rule.page] != [], f"page does not name {owners}"


@by_rule
def test_messages_of_the_rule_stand_in_its_page(rule: Rule) -> None:
    assert [message for message in rule.verifier if message not in rule.page] == []


@by_page
def test_messages_of_the_page_lead_to_a_page_that_quotes_them(page: Page) -> None:
    wrong = []
    for message in page.messages:
        text = samples(message)
        quoting = [
            p.stem.replace("_", "-") for p in pages() if any(message_pattern(m).match(text) for m in p.messages)
        ]
        if classify_message(text) not in quoting:
            wrong.append(f"'{message}' leads to '{classify_message(text)}', quoted by {', '.join(quoting)}")
    assert not wrong, "\n".join(["", *wrong])


def test_no_message_is_claimed_by_two_rules() -> None:
    claims = Counter(message for rule in RULES.values() for message in rule.verifier)
    assert [message for message, count in claims.items() if count > 1] == []
