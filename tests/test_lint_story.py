"""What is made of faults: the path a person reads, the words of rules, the kernel's message they stand for."""

from __future__ import annotations

import pytest

from kfuncgen.diagnostic import Severity, Span
from kfuncgen.lint import ir
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, catalogue, classify_message
from kfuncgen.lint.run import Program, Run
from kfuncgen.lint.state import State, Step
from kfuncgen.lint.story import MAX_BRANCHES, tell
from kfuncgen.lint.types import INT
from kfuncgen.spec.load import load_builtin

LEAK_WORDS = {"kfunc": "bpf_task_from_pid", "acquire": "bpf_task_from_pid", "var": "t", "kind": "object"}


def span(line: int) -> Span:
    return Span("t.c", line, 1, line, 2)


def empty_run() -> Run:
    """A run of an empty program, before anything was found."""
    specs = load_builtin()
    function = ir.Function("f", (), INT, "tc", False, span(1))
    return Run(ir.Module("t.c"), specs, specs.newest, Program(function, "tc", None))


def story(*steps: Step, subject: int = 7) -> list[tuple[int, str]]:
    """Lines and words of the events that are told of a leak in line 90 after those steps."""
    run, state = empty_run(), State()
    for step in steps:
        state.step(step.what, step.span, step.text, step.subject)
    site = run.site(ir.Call(None, "bpf_task_from_pid", (), INT, span(1)), "f")
    run.report(state, Fault.LEAK, span(90), "f", subject, site, LEAK_WORDS)
    (told,) = tell(run, run.occurrences)
    return [(event.span.line, event.message) for event in told.finding.path]


def test_story_begins_at_the_acquire_and_ends_at_the_fault() -> None:
    told = story(
        Step("branch", span(1), "taking the true branch"),
        Step("acquire", span(2), "acquired here", 7),
        Step("assume", span(3), "assuming 't' is not NULL", 7),
        Step("acquire", span(4), "acquired here", 8),
        Step("branch", span(5), "taking the false branch"),
    )
    assert [line for line, _ in told] == [2, 3, 5, 90]
    assert "'t'" in told[0][1] and "acquired here" in told[0][1]
    assert told[1:3] == [(3, "assuming 't' is not NULL"), (5, "taking the false branch")]


def test_calls_in_which_nothing_happened_to_the_subject_are_left_out() -> None:
    told = story(
        Step("acquire", span(1), "acquired here", 7),
        Step("call", span(2), "calling g()"),
        Step("branch", span(3), "taking the true branch"),
        Step("return", span(2), "back from g()"),
        Step("call", span(4), "calling h()"),
        Step("release", span(5), "released here", 7),
        Step("return", span(4), "back from h()"),
    )
    assert [line for line, _ in told] == [1, 4, 5, 4, 90]


def test_a_test_of_the_subject_is_told_once() -> None:
    told = story(
        Step("acquire", span(1), "acquired here", 7),
        Step("assume", span(2), "assuming 't' is NULL", 7),
        Step("branch", span(2), "taking the true branch"),
    )
    assert [message for line, message in told if line == 2] == ["assuming 't' is NULL"]


def test_of_many_branches_the_latest_are_told() -> None:
    branches = [Step("branch", span(n), "taking the true branch") for n in range(2, 30)]
    told = story(Step("acquire", span(1), "acquired here", 7), *branches)
    assert [line for line, _ in told] == [1, *range(30 - MAX_BRANCHES, 30), 90]


def test_fault_without_subject_has_no_path() -> None:
    assert story(Step("branch", span(1), "taking the true branch"), subject=0) == []


def leaks(*exits: tuple[int, int]) -> Run:
    """A run that found leaks: (line of the exit, number of branches before it) of one acquire."""
    run = empty_run()
    call = ir.Call(None, "bpf_task_from_pid", (), INT, span(2))
    site = run.site(call, "f")
    for line, branches in exits:
        state = State()
        state.step("acquire", span(2), "acquired here", 7)
        for n in range(branches):
            state.step("branch", span(3 + n), "taking the true branch")
        run.report(state, Fault.LEAK, span(line), "f", 7, site, LEAK_WORDS)
    return run


@pytest.mark.parametrize("exits", [((20, 3), (30, 1), (40, 2)), ((40, 2), (30, 1), (20, 3))])
def test_leak_is_told_once_by_its_shortest_path(exits: tuple[tuple[int, int], ...]) -> None:
    run = leaks(*exits)
    (told,) = tell(run, run.occurrences)
    assert told.finding.rule == "unreleased-reference"
    assert told.finding.span.line == 30


def test_paths_of_equal_length_are_told_by_place() -> None:
    run = leaks((40, 1), (20, 1))
    (told,) = tell(run, run.occurrences)
    assert told.finding.span.line == 20


def test_leak_of_what_was_misused_is_not_told_beside_the_misuse() -> None:
    run = leaks((20, 1))
    words = {"var": "t", "origin": "bpf_task_from_pid"}
    run.report(State(), Fault.UNCHECKED_NULL, span(9), "f", 7, run.occurrences[0].site, words)
    assert [t.finding.rule for t in tell(run, run.occurrences)] == ["unchecked-null"]


def test_on_shadow_paths_only_leaks_count_and_are_the_test_that_hides_them() -> None:
    run = leaks((20, 1))
    state = State()
    state.shadow = run.site(ir.Call(None, "bpf_cpumask_create", (), INT, span(5)), "f")
    run.shadow_tests[state.shadow] = span(6)
    before = len(run.occurrences)
    run.report(state, Fault.NULL_ARGUMENT, span(7), "f")
    assert len(run.occurrences) == before
    run.report(state, Fault.LEAK, span(7), "f", words={"var": "t"})
    last = run.occurrences[-1]
    assert (last.fault, last.span.line, last.words["lost"]) == (Fault.DEAD_NULL_TEST, 6, "t")


# -- rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", catalogue().values(), ids=lambda rule: rule.name)
def test_templates_take_any_words_and_none(rule: Rule) -> None:
    hostile = {"var": "{0}%s{kfunc}", "kfunc": "k{", "how": "exit", "sections": "", "kind": "iterator"}
    for words in ({}, hostile):
        assert isinstance(rule.word(words), str)
        assert isinstance(rule.advise(words), str)
        assert isinstance(rule.last_event(words), str)


def test_words_are_not_templates_themselves() -> None:
    rule = Rule(Fault.LEAK, Severity.ERROR, "references", "'{var}' of {kfunc}() is lost")
    assert rule.word({"var": "{kfunc}", "kfunc": "f"}) == "'{kfunc}' of f() is lost"
    assert rule.word({"kfunc": "f"}) == "'' of f() is lost"


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("Unreleased reference id=3 alloc_insn=12", "unreleased-reference"),
        ("R1 must be a rcu pointer", "not-rcu-argument"),
        ("Possibly NULL pointer passed to trusted arg0", "null-argument"),
        ("calling kernel function bpf_task_from_pid is not allowed", "kfunc-not-allowed"),
        ("nested rcu read lock (kernel function bpf_rcu_read_lock)", "rcu-unbalanced"),
        ("bpf_rcu_read_unlock is missing", "rcu-unbalanced"),
        ("the kernel says something else", ""),
        ("", ""),
    ],
)
def test_kernel_messages_are_classified(message: str, rule: str) -> None:
    assert classify_message(message) == rule
