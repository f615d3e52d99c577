"""The benchmark of speed: what it edits, and what it tells."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed import Case, edited, ratio, synthetic, table


def test_an_edit_changes_the_last_function_alone() -> None:
    text = "int one(void)\n{\n\treturn 1;\n}\n\nint two(int x) {\n\tif (x) {\n\t\treturn 2;\n\t}\n\treturn 3;\n}\n"
    assert edited(text, "7") == text.replace("two(int x) {\n", "two(int x) {\n\t; /* 7 */\n")
    assert edited("int x;\n", "7") == "int x;\n\t; /* 7 */\n"
    made = synthetic(20, 500)
    assert edited(made, "7").count("entry_1, bool preempt, struct task_struct *prev)\n{\n\t; /* 7 */\n") == 1


def test_the_synthetic_program_is_as_large_as_it_says() -> None:
    text = synthetic()
    assert 4900 < text.count("\n") < 5600
    assert text.count("static int step_") == 200
    calls = ("bpf_task_from_pid(", "bpf_task_release(", "bpf_cpumask_create(", "bpf_cpumask_release(")
    assert sum(text.count(call) for call in (*calls, "bpf_cpumask_set_cpu(", "bpf_rcu_read_")) > 480


def test_ratios_are_medians_of_pairs() -> None:
    case = Case("one", (Path("a.c"),), (), 10)
    case.times = {"compile": [1.0, 2.0, 10.0], "cold": [2.0, 2.0, 5.0]}
    case.times |= {"edited": [1.0, 1.0, 1.0], "unchanged": [1.0, 1.0, 1.0]}
    assert ratio(case, "cold") == 1.0
    assert "1.00 x" in table([case]).splitlines()[1]
