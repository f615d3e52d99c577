"""Random programs: a fixed part of what `python -m benchmarks.differential` makes, judged by linter and kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel import can_load

from benchmarks.differential import AGREE, FALSE, MISSED, UNJUDGED, Judges, Outcome, judged, report, show
from benchmarks.grammar import made
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin

COUNT = 120


@pytest.mark.kernel
def test_linter_and_kernel_agree_on_random_programs(tmp_path: Path) -> None:
    reason = can_load()
    if reason:
        pytest.skip(reason)
    if live_kernel() < load_builtin().newest:
        pytest.skip("the programs are written for a newer kernel")
    outcomes = [o for batch in judged(range(COUNT), Judges(tmp_path)) for o in batch]
    differ = [o for o in outcomes if o.state in (FALSE, MISSED)]
    assert [(o.number, o.state, o.message, o.told) for o in differ if not o.limit] == []
    assert len(differ) <= 0.02 * COUNT
    # Older releases of libbpf know neither struct_ops nor netfilter well enough to load such programs.
    judgements = [o for o in outcomes if o.state != UNJUDGED]
    assert len(judgements) >= 0.85 * COUNT
    agreed = [o for o in judgements if o.state == AGREE]
    assert len(agreed) >= 0.95 * len(judgements)
    assert min(sum(o.verdict == verdict for o in agreed) for verdict in ("accepted", "rejected")) >= COUNT // 4


def test_a_program_is_made_again_from_its_number() -> None:
    texts = [made(number).text for number in range(60)]
    assert [made(number).text for number in range(60)] == texts
    assert len(set(texts)) == 60


def test_programs_are_of_many_kinds() -> None:
    programs = [made(number) for number in range(400)]
    assert len({program.section for program in programs}) >= 12
    assert len({what for program in programs for what in program.mutations}) >= 10
    text = "".join(program.text for program in programs)
    called = (
        "bpf_kptr_xchg",
        "bpf_rbtree_add",
        "bpf_list_pop_front",
        "bpf_dynptr_slice",
        "bpf_loop",
        "bpf_timer_init",
    )
    assert [name for name in (*called, "bpf_xdp_get_xfrm_state", "bpf_res_spin_lock") if name not in text] == []


def outcome(verdict: str, rules: tuple[str, ...], state: str, message: str = "") -> Outcome:
    return Outcome(1, "tc", (), verdict, message, 0, rules, (), (), state)


def test_figures_count_what_was_compared(capsys: pytest.CaptureFixture[str]) -> None:
    leak = outcome("rejected", ("unreleased-reference",), AGREE, "Unreleased reference id=3 alloc_insn=9")
    outcomes = [leak] * 2 + [outcome("accepted", (), AGREE), outcome("accepted", ("null-argument",), FALSE)]
    figures = report(outcomes)
    assert (figures["compared"], figures["agreement"], figures["same_reason"]) == (4, 0.75, 2)
    assert figures["messages"] == {"Unreleased reference id=… alloc_insn=…": 2}
    show(outcomes, 1.0)
    assert "agreement: 3 of 4 (75.00 %), false errors 1, missed 0" in capsys.readouterr().out
