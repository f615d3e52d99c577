"""What the built-in specs say: the facts that the linter and the generator rest on."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml

from kfuncgen.spec import yamlsrc
from kfuncgen.spec.load import builtin_nodes, link, load_builtin, load_specs
from kfuncgen.spec.model import Contract, Kernel, OptionsStruct, Role
from kfuncgen.spec.shape import read_family
from kfuncgen.spec.yamlsrc import parse_yaml

SPECS = Path(__file__).parents[1] / "specs"
V6_12, V6_18 = Kernel(6, 12), Kernel(6, 18)


def contract(name: str, kernel: Kernel = V6_18) -> Contract:
    function = load_builtin().get(name)
    assert function is not None, name
    return function.at(kernel)


def options(name: str) -> OptionsStruct:
    return load_builtin().options[name]


def test_newest_kernel_is_the_newest_that_the_specs_were_compared_with() -> None:
    specs = load_builtin()
    assert specs.newest == V6_18
    assert specs.checked == (Kernel(6, 1), V6_12, V6_18)


def test_xfrm_lookup_is_an_acquire_that_may_fail() -> None:
    lookup = contract("bpf_xdp_get_xfrm_state")
    assert lookup.hooks == ("XDP",)
    assert lookup.effects.acquires and lookup.effects.may_be_null
    assert lookup.release == ("bpf_xdp_xfrm_state_release",)
    assert [p.role for p in lookup.params] == [Role.POINTER, Role.POINTER, Role.SIZE]
    assert lookup.params[1].size_param == 2
    assert lookup.function.options == ((1, options("bpf_xfrm_state_opts")),)
    assert lookup.function.since == Kernel(6, 8) and not lookup.function.exists_at(Kernel(6, 7))
    release = contract("bpf_xdp_xfrm_state_release")
    assert release.effects.releases == 0 and release.effects.trusted_args


def test_xfrm_options_have_the_kernels_layout() -> None:
    struct = options("bpf_xfrm_state_opts")
    layout = [(f.name, f.offset, f.size) for f in struct.fields]
    assert layout == [
        ("error", 0, 4),
        ("netns_id", 4, 4),
        ("mark", 8, 4),
        ("daddr", 12, 16),
        ("spi", 28, 4),
        ("proto", 32, 1),
        ("family", 34, 2),
    ]
    assert struct.size == 36 and struct.size_constant == "BPF_XFRM_STATE_OPTS_SZ"
    assert struct.sizes_at(V6_18) == (36,)
    assert [f.name for f in struct.fields if f.required] == ["netns_id", "daddr", "spi", "proto", "family"]
    assert [f.name for f in struct.fields if f.direction == "out"] == ["error"] == [struct.error_field]
    netns = struct.option("netns_id")
    assert netns is not None and (netns.minimum, netns.maximum) == (-1, 2**31 - 1)
    assert netns.values == {"BPF_F_CURRENT_NETNS": -1}
    family = struct.option("family")
    assert family is not None and family.values == {"AF_INET": 2, "AF_INET6": 10}
    assert {e.error for e in struct.errors} == {"EINVAL", "ENONET", "ENOENT"}


def test_conntrack_options_have_two_sizes_and_before_6_11_one() -> None:
    struct = options("bpf_ct_opts")
    assert struct.size == 16 and struct.size_constant == "NF_BPF_CT_OPTS_SZ"
    assert struct.sizes_at(V6_12) == (16, 12)
    assert struct.sizes_at(Kernel(6, 10)) == (12,)
    assert struct.sizes_at(Kernel(5, 17)) == ()
    reserved = struct.option("reserved")
    assert reserved is not None and (reserved.offset, reserved.size, reserved.count) == (13, 3, 3)
    assert reserved.reserved and reserved.since_size == 16


def test_conntrack_insert_consumes_one_reference_and_returns_another() -> None:
    insert = contract("bpf_ct_insert_entry")
    assert insert.effects.acquires and insert.effects.releases == 0
    alloc = contract("bpf_xdp_ct_alloc")
    assert alloc.release == ("bpf_ct_insert_entry",) and insert.release == ("bpf_ct_release",)
    assert alloc.prototype.result.struct_name == "nf_conn___init" == insert.params[0].ctype.struct_name
    assert insert.prototype.result.struct_name == "nf_conn"


def test_hooks_of_a_family_follow_its_history() -> None:
    def hooks(minor: int) -> set[str]:
        return set(contract("bpf_task_acquire", Kernel(6, minor)).hooks)

    assert hooks(6) == {"TC", "STRUCT_OPS", "TRACING"}
    assert hooks(7) == hooks(6) | {"XDP"}
    assert hooks(10) == hooks(7) | {"SYSCALL"}
    assert hooks(12) == hooks(10) | {"CGROUP"} == hooks(18)


def test_function_newer_than_a_change_of_its_family_begins_with_the_changed_hooks() -> None:
    function = load_builtin().functions["bpf_send_signal_task"]
    assert function.since == Kernel(6, 13) and function.changes == ()
    assert "CGROUP" in function.hooks


def test_flags_and_prototypes_change_with_the_kernel() -> None:
    assert not contract("bpf_task_acquire", Kernel(6, 2)).effects.may_be_null
    assert contract("bpf_task_acquire", Kernel(6, 4)).effects.may_be_null
    old, new = (contract("bpf_wq_set_callback_impl", k).params[3] for k in (V6_12, Kernel(6, 14)))
    assert (old.name, old.role) == ("aux__ign", Role.IGNORED)
    assert (new.name, new.role) == ("aux__prog", Role.PROG_AUX)
    assert "allowed-under-lock" not in contract("bpf_iter_num_new", V6_12).effects.special
    assert "allowed-under-lock" in contract("bpf_iter_num_new", V6_18).effects.special
    assert contract("bpf_iter_num_new", V6_18).effects.iterator == "new"


@pytest.mark.parametrize(
    ("function", "parameter", "role"),
    [
        ("bpf_dynptr_slice", "p", Role.DYNPTR),
        ("bpf_dynptr_slice", "buffer__opt", Role.POINTER),
        ("bpf_dynptr_slice", "buffer__szk", Role.CONSTANT_SIZE),
        ("bpf_obj_new_impl", "local_type_id__k", Role.CONSTANT),
        ("bpf_obj_drop_impl", "p__alloc", Role.ALLOC),
        ("bpf_refcount_acquire_impl", "p__refcounted_kptr", Role.REFCOUNTED),
        ("bpf_list_push_front_impl", "head", Role.LIST_HEAD),
        ("bpf_list_push_front_impl", "node", Role.LIST_NODE),
        ("bpf_list_push_front_impl", "meta__ign", Role.IGNORED),
        ("bpf_rbtree_add_impl", "root", Role.RB_ROOT),
        ("bpf_rbtree_add_impl", "node", Role.RB_NODE),
        ("bpf_rbtree_add_impl", "less", Role.CALLBACK),
        ("bpf_iter_bits_new", "it", Role.ITERATOR),
        ("bpf_iter_bits_new", "unsafe_ptr__ign", Role.IGNORED),
        ("bpf_get_file_xattr", "name__str", Role.CONST_STRING),
        ("bpf_wq_init", "wq", Role.WORKQUEUE),
        ("bpf_wq_init", "p__map", Role.MAP),
        ("bpf_task_work_schedule_signal_impl", "tw", Role.TASK_WORK),
        ("bpf_task_work_schedule_signal_impl", "callback", Role.CALLBACK),
        ("bpf_local_irq_save", "flags__irq_flag", Role.IRQ_FLAG),
        ("bpf_res_spin_lock", "lock", Role.RES_SPIN_LOCK),
        ("bpf_timer_init", "timer", Role.TIMER),
        ("bpf_task_acquire", "p", Role.POINTER),
        ("bpf_task_from_pid", "pid", Role.SCALAR),
    ],
)
def test_role_of_a_parameter(function: str, parameter: str, role: Role) -> None:
    assert next(p for p in contract(function).params if p.name == parameter).role is role


def test_suffixes_make_parameters_nullable_and_uninitialised() -> None:
    assert [p.nullable for p in contract("bpf_iter_task_new").params] == [False, True, False]
    assert [p.nullable for p in contract("bpf_dynptr_slice").params] == [False, False, True, False]
    assert [p.uninit for p in contract("bpf_dynptr_from_skb").params] == [False, False, True]


def test_every_flag_word_reaches_the_effects() -> None:
    assert contract("bpf_copy_from_user_str").effects.sleepable
    assert contract("crash_kexec", V6_12).effects.destructive
    assert contract("bpf_iter_css_new").effects.rcu_protected
    assert contract("bpf_cpumask_first").effects.rcu_args
    assert contract("bpf_ct_change_timeout").effects.trusted_args
    assert [contract(f"bpf_iter_task_{step}").effects.iterator for step in ("new", "next", "destroy")] == [
        "new",
        "next",
        "destroy",
    ]
    # KF_RET_NULL on an integer is no pointer that may be NULL (bpf_res_spin_lock).
    assert not contract("bpf_res_spin_lock").effects.may_be_null


def test_helpers_have_the_contracts_of_kfuncs() -> None:
    lookup = contract("bpf_sk_lookup_tcp")
    assert not lookup.is_kfunc and lookup.hooks == ()
    assert lookup.effects.acquires and lookup.effects.may_be_null and lookup.release == ("bpf_sk_release",)
    assert contract("bpf_sk_release").effects.releases == 0
    assert contract("bpf_ringbuf_reserve").effects.special == {"ringbuf-reserve"}
    assert contract("bpf_kptr_xchg").effects.may_be_null and contract("bpf_kptr_xchg").params[1].nullable
    assert contract("bpf_copy_from_user").effects.sleepable
    assert contract("bpf_tail_call").effects.special == {"tail-call", "packet-changing"}


def test_packet_changing_helpers_are_those_of_the_kernel() -> None:
    """bpf_helper_changes_pkt_data(), net/core/filter.c 6.12."""
    ours = {
        f.name.removeprefix("bpf_")
        for f in load_builtin().functions.values()
        if f.kind == "helper" and "packet-changing" in f.special
    }
    assert ours == {
        *("clone_redirect", "l3_csum_replace", "l4_csum_replace", "lwt_push_encap", "lwt_seg6_action"),
        *("lwt_seg6_adjust_srh", "lwt_seg6_store_bytes", "msg_pop_data", "msg_pull_data", "msg_push_data"),
        *("skb_adjust_room", "skb_change_head", "skb_change_proto", "skb_change_tail", "skb_pull_data"),
        *("skb_store_bytes", "skb_vlan_pop", "skb_vlan_push", "store_hdr_opt", "xdp_adjust_head"),
        *("xdp_adjust_meta", "xdp_adjust_tail", "tail_call"),
    }


def test_everything_is_documented() -> None:
    """Each function says what it does, each parameter of a kfunc what it is, each option field likewise."""
    specs = load_builtin()
    bare = [f.name for f in specs.functions.values() if not f.summary]
    for function in specs.functions.values():
        if function.kind == "kfunc":
            prototypes = [function.prototype, *(c.prototype for c in function.changes if c.prototype)]
            bare += [f"{function.name}: {p.name}" for t in prototypes for p in t.params if not p.summary]
    bare += [f"{o.name}.{f.name}" for o in specs.options.values() for f in o.fields if not f.summary]
    assert bare == []


def test_every_object_knows_its_place() -> None:
    specs = load_builtin()
    for function in specs.functions.values():
        assert function.place.file == f"specs/{function.family}.yaml" and function.place.line > 1
    text = (SPECS / "xfrm.yaml").read_text().splitlines()
    place = specs.functions["bpf_xdp_get_xfrm_state"].place
    assert text[place.line - 1][place.column - 1 :] == "bpf_xdp_get_xfrm_state:"


def test_spec_set_survives_pickling() -> None:
    specs = load_builtin()
    copy = pickle.loads(pickle.dumps(specs))
    assert list(copy.functions) == list(specs.functions)
    for name, function in specs.functions.items():
        kernel = specs.newest
        ours, theirs = function.at(kernel), copy.functions[name].at(kernel)
        assert (ours.flags, ours.hooks, ours.prototype, ours.effects) == (
            theirs.flags,
            theirs.hooks,
            theirs.prototype,
            theirs.effects,
        )
    assert copy.options == specs.options


def test_order_of_files_changes_nothing_but_the_order() -> None:
    raw = [read_family(node) for node in builtin_nodes()]
    one, other = link(raw), link(raw[::-1])
    assert {f.name for f in one.families} == {f.name for f in other.families}
    for name, function in one.functions.items():
        twin = other.functions[name]
        assert (function.prototype, function.release, function.changes) == (
            twin.prototype,
            twin.release,
            twin.changes,
        )


def test_users_specs_join_the_built_in_ones(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(
        """
family: demo
since: "6.1"
hooks: [TRACING]
changes:
  "6.9": {hooks: [TRACING, XDP]}
kfuncs:
  demo_get:
    prototype: struct demo *demo_get(struct task_struct *p, struct demo_opts *opts, u32 opts__sz)
    flags: [KF_RET_NULL, KF_ACQUIRE]
  demo_put:
    prototype: void demo_put(struct demo *d)
    flags: [KF_RELEASE]
  demo_own:
    prototype: int demo_own(void)
    hooks: [SYSCALL]
options:
  demo_opts:
    definition: |
      struct demo_opts {
        u8 kind;
        u64 *where;
        u16 ports[3];
      };
    sizes: [{size: 24}]
    fields: {kind: {summary: k}, where: {}, ports: {since-size: 24}}
"""
    )
    specs = load_specs([tmp_path])
    get = specs.functions["demo_get"]
    assert get.release == ("demo_put",), "the only release of the type is found without being named"
    assert get.flags == ("KF_ACQUIRE", "KF_RET_NULL")
    assert get.at(Kernel(6, 8)).hooks == ("TRACING",) and get.at(Kernel(6, 9)).hooks == ("XDP", "TRACING")
    assert specs.functions["demo_own"].at(V6_18).hooks == ("SYSCALL",)
    layout = [(f.name, f.offset, f.size, f.count) for f in specs.options["demo_opts"].fields]
    assert layout == [("kind", 0, 1, 1), ("where", 8, 8, 1), ("ports", 16, 6, 3)]
    assert specs.newest == V6_18, "users' files do not move the default target"
    assert len(specs.functions) == len(load_builtin().functions) + 3
    assert load_specs([tmp_path / "demo.yaml"]).get("demo_put") is not None, "one file will do"


def test_python_parser_gives_the_same_nodes_as_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(yaml, "CSafeLoader"):
        pytest.skip("this PyYAML has no libyaml to compare with")
    fast = builtin_nodes()[:6]
    monkeypatch.setattr(yamlsrc, "_LOADER", yaml.SafeLoader)
    assert [parse_yaml((SPECS / Path(n.place.file).name).read_bytes(), n.place.file) for n in fast] == fast


def test_functions_may_go_and_come_back_and_differ_between_hooks(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(
        "family: demo\n"
        'since: "6.8"\n'
        "hooks: [STRUCT_OPS, SYSCALL]\n"
        "kfuncs:\n"
        "  demo_f:\n"
        "    prototype: int demo_f(struct task_struct *p)\n"
        "    flags: [KF_SLEEPABLE]\n"
        "    hook-flags: {SYSCALL: [KF_TRUSTED_ARGS]}\n"
        "    changes:\n"
        '      "6.10": {present: false}\n'
        '      "6.12": {present: true}\n'
    )
    function = load_specs([tmp_path]).functions["demo_f"]
    present = [function.exists_at(Kernel(6, minor)) for minor in (7, 8, 9, 10, 11, 12, 18)]
    assert present == [False, True, True, False, False, True, True]
    assert function.at(V6_18).flags == function.at(V6_18, "STRUCT_OPS").flags == ("KF_SLEEPABLE",)
    syscall = function.at(V6_18, "SYSCALL")
    assert syscall.flags == ("KF_TRUSTED_ARGS",) and not syscall.effects.sleepable
    assert not function.at(V6_18).effects.trusted_args


def test_arguments_are_trusted_by_default_from_7_0_on() -> None:
    before, after = contract("bpf_iter_num_new", Kernel(6, 19)), contract("bpf_iter_num_new", Kernel(7, 0))
    assert not before.effects.trusted_args and after.effects.trusted_args
    assert contract("bpf_key_put", Kernel(7, 0)).effects.trusted_args
    assert "KF_TRUSTED_ARGS" in contract("bpf_ct_set_timeout").flags
    assert "KF_TRUSTED_ARGS" not in contract("bpf_ct_set_timeout", Kernel(7, 1)).flags
    assert not contract("bpf_ringbuf_reserve", Kernel(7, 0)).effects.trusted_args
