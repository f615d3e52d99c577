"""Generated callers: what they look like, who may have one, and that compiler, linter and kernel take them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from generate_support import check_golden
from kernel import can_load

from benchmarks.callers import Outcome, Workbench, judged, mutants, mutated
from kfuncgen import cli
from kfuncgen.diagnostic import SpecError, UsageError
from kfuncgen.generate import render_call, render_program
from kfuncgen.spec.kernels import live_kernel
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.programs import read_programs

SPECS = load_builtin()
NEWEST = (SPECS.newest,)

SAMPLE = {
    # references: own argument, helper, lookup, walk, kept object, two at once
    "bpf_task_acquire": "tp_btf/task_newtask",
    "bpf_task_release": "xdp",
    "bpf_task_from_pid": "tc",
    "bpf_task_get_cgroup1": "syscall",
    "bpf_task_under_cgroup": "iter/task",
    "bpf_cgroup_ancestor": "iter",
    "bpf_cgroup_read_xattr": "raw_tp/task_newtask",
    "bpf_cpumask_and": "tp_btf",
    "bpf_cpumask_release": "syscall",
    "bpf_key_put": "cgroup/connect4",
    "bpf_kfunc_call_test_release": "tc",
    "bpf_lookup_user_key": "syscall",
    "bpf_send_signal_task": "perf_event",
    "bpf_sock_destroy": "iter",
    "css_rstat_updated": "tp_btf",
    # options, memory, contexts
    "bpf_xdp_get_xfrm_state": "xdp",
    "bpf_xdp_ct_lookup": "xdp",
    "bpf_skb_ct_alloc": "tc",
    "bpf_ct_insert_entry": "tc",
    "bpf_ct_set_nat_info": "xdp",
    "bpf_crypto_ctx_create": "syscall",
    "bpf_crypto_encrypt": "tc",
    "bpf_sock_addr_set_sun_path": "cgroup/connect4",
    "bpf_cast_to_kern_ctx": "sockops",
    "bpf_stream_vprintk_impl": "socket",
    # dynptrs, iterators, strings, maps
    "bpf_dynptr_slice": "xdp",
    "bpf_dynptr_slice_rdwr": "tc",
    "bpf_dynptr_clone": "cgroup_skb/ingress",
    "bpf_copy_from_user_str": "uprobe.s",
    "bpf_iter_task_new": "syscall",
    "bpf_iter_css_new": "iter.s/task",
    "bpf_iter_bits_next": "lwt_xmit",
    "bpf_strnstr": "lwt_in",
    "bpf_map_sum_elem_count": "sk_lookup",
    "bpf_wq_start": "tc",
    "bpf_task_work_schedule_signal_impl": "tp_btf",
    # regions, lists, trees, local objects, exceptions
    "bpf_rcu_read_lock": "syscall",
    "bpf_local_irq_save": "xdp",
    "bpf_res_spin_lock_irqsave": "tc",
    "bpf_list_pop_front": "tc",
    "bpf_list_front": "xdp",
    "bpf_rbtree_add_impl": "tc",
    "bpf_rbtree_remove": "syscall",
    "bpf_refcount_acquire_impl": "tc",
    "bpf_percpu_obj_drop_impl": "syscall",
    "bpf_throw": "cgroup/sock_create",
    # operations
    "tcp_reno_cong_avoid": "struct_ops",
}
GOLDEN_PROGRAMS = (
    "bpf_xdp_get_xfrm_state",
    "bpf_ct_insert_entry",
    "bpf_iter_css_new",
    "bpf_rbtree_add_impl",
    "bpf_task_under_cgroup",
    "bpf_wq_start",
    "tcp_reno_cong_avoid",
)
GOLDEN_CALLS = ("bpf_xdp_ct_lookup", "bpf_task_get_cgroup1", "bpf_dynptr_slice", "bpf_list_pop_front")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Where programs are judged."""
    reason = can_load()
    if reason is not None:
        pytest.skip(reason)
    if live_kernel() != SPECS.newest:
        pytest.skip("the sample is that of the newest kernel of the specs")
    yield Workbench(tmp_path_factory.mktemp("callers"), SPECS, live_kernel())


@pytest.fixture(scope="module")
def outcomes(bench: Workbench) -> list[Outcome]:
    """The sample, judged at once: the linter starts once for all."""
    found: list[tuple[Outcome, Path | None]] = []
    for kfunc, section in SAMPLE.items():
        source = render_program(kfunc, SPECS, (bench.kernel,), section)
        file = bench.folder / f"{kfunc}.bpf.c"
        file.write_text(source)
        found.append((Outcome(kfunc, section, "ok", source=source), file))
    return judged(bench, found)


@pytest.mark.kernel
@pytest.mark.parametrize("kfunc", SAMPLE)
def test_program_is_taken_by_compiler_linter_and_kernel(kfunc: str, outcomes: list[Outcome]) -> None:
    outcome = next(o for o in outcomes if o.kfunc == kfunc)
    assert (outcome.state, outcome.message) == ("ok", ""), outcome.source


MUTATED = (
    "bpf_task_from_pid",
    "bpf_xdp_ct_lookup",
    "bpf_iter_task_new",
    "bpf_rcu_read_lock",
    "bpf_list_pop_front",
)


@pytest.mark.kernel
def test_program_without_its_check_or_its_release_is_refused_by_both(
    bench: Workbench, outcomes: list[Outcome]
) -> None:
    chosen = [o for o in outcomes if o.kfunc in MUTATED]
    changed = mutated(bench, chosen)
    assert [m for m in changed if not (m.lint and m.kernel)] == []
    assert {(m.kfunc, m.kind) for m in changed} >= {
        ("bpf_task_from_pid", "check"),
        ("bpf_task_from_pid", "release"),
        ("bpf_iter_task_new", "destroy"),
        ("bpf_rcu_read_lock", "region"),
    }


def test_mutants_take_out_one_thing_each() -> None:
    source = render_program("bpf_task_from_pid", SPECS, NEWEST, "xdp")
    found = list(mutants(source))
    assert [(kind, removed) for kind, removed, _ in found] == [
        ("check", "if (!task)"),
        ("release", "bpf_task_release(task);"),
    ]
    assert all(len(text) < len(source) for _, _, text in found)


@pytest.mark.parametrize("kfunc", GOLDEN_PROGRAMS)
def test_program_is_that_of_the_golden_file(kfunc: str) -> None:
    check_golden(f"callers/{kfunc}.bpf.c", render_program(kfunc, SPECS, NEWEST, SAMPLE[kfunc]))


@pytest.mark.parametrize("kfunc", GOLDEN_CALLS)
def test_snippet_is_that_of_the_golden_file(kfunc: str) -> None:
    check_golden(f"callers/{kfunc}.call.c", render_call(kfunc, SPECS, NEWEST))


@pytest.mark.parametrize(
    ("kfunc", "section", "message"),
    [
        ("bpf_task_from_pidd", "xdp", "unknown kfunc 'bpf_task_from_pidd', did you mean bpf_task_from_pid"),
        ("bpf_task_from_pid", "xpd", "unknown section 'xpd', did you mean xdp"),
        ("bpf_task_from_pid", "x\ny", "unknown section 'x?y'"),
        (
            "bpf_task_from_pid",
            "kprobe/do_exit",
            "() cannot be called from kprobe/do_exit; it can from xdp",
        ),
        (
            "bpf_lookup_user_key",
            "xdp",
            "() cannot be called from xdp (it may sleep); it can from syscall",
        ),
        ("bpf_xdp_get_xfrm_state", "tc", "it can from xdp"),
        ("bpf_list_front", "perf_event", "programs of that type may not refer to a struct bpf_list_head"),
        ("bpf_map_lookup_elem", "xdp", "'bpf_map_lookup_elem' is a helper"),
        ("bpf_fentry_test1", "xdp", "'bpf_fentry_test1' is not for calling"),
        ("__bpf_trap", "xdp", "'__bpf_trap' is not for calling"),
        ("tcp_reno_ssthresh", "struct_ops/nothing", "no struct of operations with the member 'nothing' is known"),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line(kfunc: str, section: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        render_program(kfunc, SPECS, NEWEST, section)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


CAST = "extern void *bpf_cast_to_kern_ctx(void *obj) __weak __ksym;\n"
NO_CONTEXT = "programs of that type have no context struct of the kernel's"
DISAGREED = {
    ("bpf_cast_to_kern_ctx", "syscall"): (NO_CONTEXT, CAST, "bpf_cast_to_kern_ctx(ctx);", "is not a struct"),
    ("bpf_sock_addr_set_sun_path", "cgroup_skb/ingress"): (
        "nothing that it may call or read gives it a struct bpf_sock_addr_kern",
        CAST + "extern int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa_kern, const u8 *sun_path, "
        "u32 sun_path__sz) __weak __ksym;",
        "u8 path[8] = {}; bpf_sock_addr_set_sun_path(bpf_cast_to_kern_ctx(ctx), path, 8);",
        "expected pointer to STRUCT bpf_sock_addr_kern but R1 has a pointer to STRUCT sk_buff",
    ),
    ("bpf_dynptr_from_skb", "iter/task"): (
        "nothing that it may call or read gives it a trusted struct sk_buff",
        "extern int bpf_dynptr_from_skb(struct __sk_buff *s, u64 flags, struct bpf_dynptr *p) __weak __ksym;",
        "struct bpf_dynptr p; bpf_dynptr_from_skb((void *)ctx, 0, &p);",
        "pointer type STRUCT __sk_buff must point to scalar",
    ),
    ("bpf_iter_css_new", "action"): (
        "nothing that it may call or read gives it a trusted struct cgroup_subsys_state",
        "extern int bpf_iter_css_new(struct bpf_iter_css *it, struct cgroup_subsys_state *start, "
        "unsigned int flags) __weak __ksym;\n"
        "extern void bpf_iter_css_destroy(struct bpf_iter_css *it) __weak __ksym;",
        "struct bpf_iter_css it; struct task_struct *task = bpf_get_current_task_btf();\n"
        "bpf_iter_css_new(&it, &task->cgroups->dfl_cgrp->self, 1); bpf_iter_css_destroy(&it);",
        "R2 must be referenced or trusted",
    ),
    ("bpf_dynptr_slice_rdwr", "socket"): (
        "programs of that type may not write to packets",
        "extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, u32 offset, void *buffer, u32 size) "
        "__weak __ksym;\nchar data[64];",
        "struct bpf_dynptr p; char b[8]; bpf_dynptr_from_mem(data, 64, 0, &p);\n"
        "bpf_dynptr_slice_rdwr(&p, 0, b, 8);",
        "the prog does not allow writes to packet data",
    ),
    ("bpf_res_spin_lock", "socket"): (
        "programs of that type may not refer to a struct bpf_res_spin_lock",
        "extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __weak __ksym;\n"
        "extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __weak __ksym;\n"
        'struct bpf_res_spin_lock lock __hidden SEC(".data.lock");',
        "if (bpf_res_spin_lock(&lock)) return 0; bpf_res_spin_unlock(&lock);",
        "socket filter progs cannot use bpf_spin_lock yet",
    ),
}
"""What the generator does not write although the verifier lets the kfunc be called: its reason, the best that one
could write, and what the kernel says to that."""


@pytest.mark.kernel
@pytest.mark.parametrize("pair", DISAGREED, ids="-".join)
def test_what_is_not_written_the_kernel_would_refuse(pair: tuple[str, str], bench: Workbench) -> None:
    kfunc, section = pair
    reason, declarations, code, message = DISAGREED[pair]
    with pytest.raises(UsageError) as caught:
        render_program(kfunc, SPECS, (bench.kernel,), section)
    assert f"({reason})" in caught.value.message
    file = bench.folder / f"refused-{kfunc}.bpf.c"
    file.write_text(
        f'#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n{declarations}\n'
        f'SEC("{section}")\nint refused(void *ctx)\n{{\n\t{code}\n\treturn 0;\n}}\n'
        'char _license[] SEC("license") = "GPL";\n'
    )
    assert "error:" not in bench.compiled(file)
    assert message in bench.loaded(file)


def test_kernel_without_the_kfunc_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Linux 6.6 has no bpf_xdp_get_xfrm_state\(\): it came with 6.8"):
        render_program("bpf_xdp_get_xfrm_state", SPECS, (Kernel(6, 6),), "xdp")


def test_what_one_of_several_kernels_lacks_is_guarded() -> None:
    both = render_program("bpf_xdp_get_xfrm_state", SPECS, (Kernel(6, 6), Kernel(6, 12)), "xdp")
    assert "if (!bpf_ksym_exists(bpf_xdp_get_xfrm_state) || !bpf_ksym_exists(bpf_xdp_xfrm_state_release))" in both
    assert "bpf_ksym_exists" not in render_program("bpf_xdp_get_xfrm_state", SPECS, (Kernel(6, 12),), "xdp")


def test_prototype_is_that_of_the_kernel() -> None:
    assert "void *aux__ign) __weak" in render_program("bpf_wq_start", SPECS, (Kernel(6, 12),), "tc")
    assert "void *aux__prog) __weak" in render_program("bpf_wq_start", SPECS, (Kernel(6, 18),), "tc")


def test_snippet_names_what_the_author_supplies() -> None:
    text = render_call("bpf_task_get_cgroup1", SPECS, NEWEST, "tc")
    assert " * struct task_struct *task: the task to look at" in text
    assert re.search(r"cgrp = bpf_task_get_cgroup1\(task, hierarchy_id\);", text)


def test_snippet_tells_which_arguments_of_the_program_it_reads() -> None:
    text = render_call("bpf_put_file", SPECS, NEWEST, "lsm/task_kill")
    assert 'struct task_struct *p: an argument of SEC("lsm/task_kill")' in text
    assert "file = bpf_get_task_exe_file(p);" in text


def test_snippet_takes_the_size_of_what_it_is_given() -> None:
    text = render_call("bpf_sock_addr_set_sun_path", SPECS, NEWEST, "cgroup/connect4")
    assert "bpf_sock_addr_set_sun_path(sa_kern, sun_path, sun_path_sz);" in text
    assert "sizeof(sun_path)" not in text


def test_sleeping_kfunc_gets_what_needs_no_rcu() -> None:
    text = render_program("css_rstat_flush", SPECS, NEWEST, "lsm.s")
    assert "bpf_rcu_read_lock" not in text
    assert "css_rstat_flush(&cgrp->self);" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sections: {}", "the file has the unknown key 'sections'"),
        ("targets: {tp_btf/x: int}", "bad prototype"),
        ("struct_ops: {x: {members: [int f(struct sock *sk)], needed: [f]}}", "unknown key 'needed'"),
        ("struct_ops: {x: {}}", "x lacks the key 'members'"),
        ("returns: [xdp]", "'returns' is a list, expected keys and values"),
    ],
)
def test_damaged_facts_about_programs_are_refused_with_their_place(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_programs(text.encode(), "programs.yaml")
    assert message in caught.value.message
    assert caught.value.place is not None and caught.value.place.file == "programs.yaml"


def test_commands_write_and_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.bpf.c"
    words = ["gen", "program", "bpf_task_from_pid", "--section", "xdp"]
    assert cli.main([*words, "-o", str(file)]) == 0
    assert cli.main(words) == 0
    assert capsys.readouterr().out == file.read_text()
    file.write_text("mine\n")
    assert cli.main([*words, "-o", str(file)]) == 2
    assert "--force overwrites it" in capsys.readouterr().err
    assert cli.main(["gen", "call", "bpf_task_from_pid"]) == 0
    assert 'Written for SEC("xdp").' in capsys.readouterr().out


def test_bare_section_takes_the_target_that_offers_most() -> None:
    assert 'SEC("iter/tcp")' in render_program("bpf_sock_destroy", SPECS, NEWEST, "iter")
    assert 'SEC("tp_btf/cgroup_mkdir")' in render_program("css_rstat_updated", SPECS, NEWEST, "tp_btf")
    assert 'SEC("tp_btf/task_newtask")' in render_program("bpf_task_acquire", SPECS, NEWEST, "tp_btf")


def test_same_input_gives_the_same_bytes() -> None:
    for kfunc, section in list(SAMPLE.items())[::8]:
        assert render_program(kfunc, SPECS, NEWEST, section) == render_program(kfunc, SPECS, NEWEST, section)
