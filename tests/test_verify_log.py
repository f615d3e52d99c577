"""Reading verifier logs of all ages: the reason, and the line it happened at."""

from __future__ import annotations

import pytest

from kfuncgen.verify.log import read_log

WALK = """\
0: R1=ctx() R10=fp0
; int BPF_PROG(leak, struct task_struct *task, u64 clone_flags) @ leak.bpf.c:9
0: (79) r1 = *(u64 *)(r1 +0)          ; R1_w=trusted_ptr_task_struct()
; struct task_struct *held = bpf_task_acquire(task); @ leak.bpf.c:11
1: (85) call bpf_task_acquire#65837   ; R0=ptr_or_null_task_struct(id=2,ref_obj_id=2) refs=2
; if (IS_NULL(held)) @ inline.h:300
2: (15) if r0 == 0x0 goto pc+2        ; R0=ptr_task_struct(ref_obj_id=2) refs=2
3: (b7) r0 = 0                        ; R0=0 refs=2
from 2 to 4: R0=0 R10=fp0
4: (95) exit
"""
END = "processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"


def test_leak_takes_the_reason_and_not_the_restatement() -> None:
    exit_line = "BPF_EXIT instruction in main prog would lead to reference leak"
    reading = read_log(f"{WALK}Unreleased reference id=2 alloc_insn=1\n{exit_line}\n{END}", "leak.bpf.c")
    assert reading.message == "Unreleased reference id=2 alloc_insn=1"
    assert reading.reasons == (reading.message, exit_line)
    assert (reading.file, reading.line, reading.instruction) == ("leak.bpf.c", 11, 4)


def test_states_behind_an_infinite_loop_are_no_reasons() -> None:
    states = "cur state: R0=scalar(smin=-4095) R10=fp0\nold state: R0=scalar(smin=-4095) R10=fp0\n"
    reading = read_log(f"{WALK}infinite loop detected at insn 6\n{states}{END}", "leak.bpf.c")
    assert reading.reasons == ("infinite loop detected at insn 6",)


def test_line_in_a_header_counts_when_the_source_has_none() -> None:
    text = "0: R1=ctx()\n; x @ inline.h:300\n0: (95) exit\nR0 !read_ok\n"
    assert read_log(text, "other.bpf.c").line == 300
    assert read_log(text + END).message == "R0 !read_ok"


def test_source_of_an_object_is_the_file_annotated_first() -> None:
    reading = read_log(f"{WALK}Unreleased reference id=2 alloc_insn=1\n{END}")
    assert (reading.file, reading.line) == ("leak.bpf.c", 11)


def test_annotations_without_places_give_no_line_but_an_instruction() -> None:
    text = "0: R1=ctx() R10=fp0\n; return 0;\n7: (95) exit\nbpf_rcu_read_unlock is missing\n" + END
    reading = read_log(text)
    assert (reading.message, reading.line, reading.instruction) == ("bpf_rcu_read_unlock is missing", 0, 7)


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("Possibly NULL pointer passed to trusted arg0\n", "Possibly NULL pointer passed to trusted arg0"),
        (
            "held lock and object are not in the same allocation\n"
            "bpf_spin_lock at off=16 must be held for bpf_list_head\n",
            "held lock and object are not in the same allocation",
        ),
        (
            "bpf_spin_lock at off=16 must be held for bpf_list_head\n",
            "bpf_spin_lock at off=16 must be held for bpf_list_head",
        ),
        (
            "Unreleased reference id=2 alloc_insn=1\nbpf_throw would lead to reference leak\n",
            "bpf_throw would lead to reference leak",
        ),
        (
            "Unreleased reference id=2 alloc_insn=1\ntail_call would lead to reference leak\n",
            "Unreleased reference id=2 alloc_insn=1",
        ),
        (
            "invalid read from stack R1 off -8+0 size 16\n"
            "arg#0 arg#1 memory, len pair leads to invalid memory access\n",
            "arg#0 arg#1 memory, len pair leads to invalid memory access",
        ),
        (
            "invalid access to memory, mem_size=14 off=16 size=4\n"
            "R1 min value is outside of the allowed memory range\n",
            "invalid access to memory, mem_size=14 off=16 size=4",
        ),
        (
            "global functions that may sleep are not allowed in non-sleepable context,\n"
            "i.e., in a RCU/IRQ/preempt-disabled section, or in\na non-sleepable BPF program context\n",
            "global functions that may sleep are not allowed in non-sleepable context, i.e., in a RCU/IRQ/"
            "preempt-disabled section, or in a non-sleepable BPF program context",
        ),
        (
            "R1 type=ptr_or_null_ expected=ptr_, trusted_ptr_, rcu_ptr_\n"
            "Caller passes invalid args into func#1 ('f')\n",
            "Caller passes invalid args into func#1 ('f')",
        ),
        (
            "3: <invalid kfunc call>\nkfunc 'absent' is referenced but wasn't resolved\n",
            "kfunc 'absent' is referenced but wasn't resolved",
        ),
    ],
)
def test_decisive_line(tail: str, message: str) -> None:
    assert read_log(WALK + tail + END).message == message


def test_explained_log_of_newer_kernels_gives_the_same_message() -> None:
    explained = """
Verification failed: Register Type Safety: Unreadable register

Reason:
  R0 has never been initialized on this path, so the verifier cannot use it as an input.

At:
  insn 0
        | ^-- error: R0 is not readable
  Instruction context:
  >>> 0 | (95) exit

Causal path:
  no retained diagnostic events on this path

Suggestion:
  Initialize R0 on every path before this instruction.

"""
    plain = "0: R1=ctx() R10=fp0\n0: (95) exit\nR0 !read_ok\n"
    assert read_log(plain + explained + END).message == "R0 !read_ok"
    alone = read_log("0: R1=ctx() R10=fp0\n0: (95) exit\n" + explained + END)
    assert alone.message.startswith("R0 has never been initialized on this path, so the verifier cannot")
    assert alone.reasons[1] == "Register Type Safety: Unreadable register"


@pytest.mark.parametrize("text", ["", "\n\n", END, "verification time 12 usec\nstack depth 0\n" + END])
def test_no_reason_and_no_instruction_is_no_verdict(text: str) -> None:
    reading = read_log(text)
    assert (reading.message, reading.instruction) == ("", -1)


def test_call_that_the_loader_left_unresolved_is_where_it_stops() -> None:
    walk = "0: R1=ctx() R10=fp0\n; f(); @ a.c:4\n1: (85) call #0   ;\n; return x; @ a.c:5\n2: (95) exit\n"
    reading = read_log(walk + "R0 !read_ok\n")
    assert (reading.unresolved, reading.instruction, reading.line) == (1, 1, 4)


def test_garbage_is_no_traceback() -> None:
    for text in ("\x00\xff", "; @ :\n", "1: (zz\n" * 3, "Verification failed:", "; x @ f.c:99999999999999999\n"):
        read_log(text)
