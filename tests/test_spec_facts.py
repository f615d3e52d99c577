"""The built-in specs against the kernels' own tables: names, hooks, flags, filters, prototypes.

tests/facts/kfuncs-<kernel>.tsv hold one kfunc per line: name, hooks with flags, filter function, prototype
normalised ("-" where the table has none). 6.18 was read from a running kernel (kfuncs outside its configuration
are missing, and filters are not visible), 6.12 and 6.1 from the source of those releases.

tests/facts/kfuncs.tsv holds what a public data set says of all kernels up to 7.1: name, first kernel, flags,
program types (`TYPE>=first<gone`), prototype. Where it and a kernel disagree, the kernel is right: such
differences are listed here, with the reason.

Where KFUNCGEN_FACTS names a folder with the tables in JSON, the committed ones are compared with them;
KFUNCGEN_UPDATE=1 rewrites them then.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Contract, Function, Kernel
from kfuncgen.spec.progtypes import hook_at, section_info
from kfuncgen.spec.words import KF_FLAGS

FACTS = Path(__file__).parent / "facts"
KERNELS = ("6.1", "6.12", "6.18")

NOT_CONFIGURED = {
    "CONFIG_CRASH_DUMP",
    "CONFIG_FS_VERITY",
    "CONFIG_HID_BPF",
    "CONFIG_NET_FOU_IP_TUNNELS",
    "CONFIG_NET_SCH_BPF",
    "CONFIG_NF_FLOW_TABLE",
    "CONFIG_SCHED_CLASS_EXT",
    "CONFIG_SYSTEM_DATA_VERIFICATION",
    "CONFIG_TCP_CONG_DCTCP",
    "CONFIG_XFRM_INTERFACE",
}
"""What the 6.18 kernel of the table was built without; it has no modules, and so not the test module either."""

FILTERS = {
    "bpf_fs_kfuncs_filter": "lsm",
    "bpf_get_fsverity_digest_filter": "lsm",
    "tracing_iter_filter": "iter",
    "bpf_kprobe_multi_filter": "kprobe-session",
    "": "",
}


def normalise(name: str, prototype: str) -> str:
    """`prototype` without its function's name, in one spelling for C source and for BTF."""
    text = " ".join(prototype.split())
    text = re.sub(r"\b(static|noinline|__user|__rcu)\b ?", "", text)
    text = text.replace("long unsigned int", "unsigned long").replace("short int", "short")
    text = re.sub(r"\blong int\b", "long", text)
    text = re.sub(rf"\b{name} ?\(", "(", text, count=1)
    text = re.sub(r"fn\([^()]*\) ?\* ?(\w+)", r"fn \1", text)  # BTF: fn(types) * name
    text = re.sub(r"\w+ \((\w+)\)\([^()]*\)", r"fn \1", text)  # C: type (name)(types)
    text = re.sub(r"\w+_callback_t (\w+)", r"fn \1", text)  # a typedef of such a pointer
    text = text.replace("(void)", "()")
    return re.sub(r" ?([*(),]) ?", r"\1", text).strip()


def rows_of(table: dict[str, dict[str, object]]) -> list[str]:
    """The lines of a TSV from the JSON form of a table."""
    rows = []
    for name in sorted(table):
        entry = table[name]
        hooks = entry["hooks"]
        assert isinstance(hooks, dict)
        prototype = entry.get("proto")
        text = normalise(name, str(prototype)) if prototype else "-"
        columns = (name, hooks_column(hooks), str(entry.get("filter", "")), text)
        rows.append("\t".join(columns))
    return rows


def hooks_column(hooks: Mapping[str, str]) -> str:
    """`HOOK:FLAG|FLAG` for each hook; the flags may differ between hooks. Flags go without KF_."""
    parts = []
    for hook in sorted(hooks):
        flags = set(filter(None, hooks[hook].split("|")))
        names = [flag.removeprefix("KF_") for flag in KF_FLAGS if flag.removeprefix("KF_") in flags]
        assert len(names) == len(flags), hooks
        parts.append(f"{hook}:{'|'.join(names)}")
    return " ".join(parts)


def committed(kernel: str) -> list[str]:
    return (FACTS / f"kfuncs-{kernel}.tsv").read_text().splitlines()


def facts(kernel: str) -> dict[str, list[str]]:
    """The columns after the name, by name."""
    return {line.split("\t")[0]: line.split("\t")[1:] for line in committed(kernel)}


def contract(name: str, kernel: str) -> Contract:
    """The contract of a function that is there on `kernel`."""
    function = load_builtin().get(name)
    assert function is not None, f"{name} of {kernel} has no spec"
    assert function.exists_at(Kernel.parse(kernel)), f"{name} of {kernel}: since {function.since}"
    return function.at(Kernel.parse(kernel))


@pytest.mark.parametrize("kernel", KERNELS)
def test_specs_agree_with_the_kernels_table(kernel: str) -> None:
    table = facts(kernel)
    assert len(table) > 60
    wrong = []
    for name, (hooks, filter_name, prototype) in table.items():
        found = contract(name, kernel)
        function = found.function
        by_hook = {hook: function.at(found.kernel, hook).flags for hook in found.hooks}
        ours = hooks_column({h: "|".join(f.removeprefix("KF_") for f in flags) for h, flags in by_hook.items()})
        pairs = [("hooks", ours, hooks)]
        if prototype != "-":
            pairs.append(("prototype", normalise(name, found.prototype.text), prototype))
        if kernel == "6.12" and function.filter != "css-task-iter":
            pairs.append(("filter", function.filter, FILTERS[filter_name]))
        wrong += [f"{name} {what}: spec {ours}, kernel {theirs}" for what, ours, theirs in pairs if ours != theirs]
    assert wrong == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_spec_is_of_a_kfunc_that_the_kernel_lacks(kernel: str) -> None:
    at = Kernel.parse(kernel)
    ours = {f for f in load_builtin().functions.values() if f.kind == "kfunc" and f.exists_at(at)}
    if kernel == "6.18":
        ours = {f for f in ours if f.module != "bpf_testmod" and not NOT_CONFIGURED & set(f.config)}
    assert {f.name for f in ours} == set(facts(kernel)) - ABSENT[kernel]


ABSENT: dict[str, set[str]] = {"6.1": set(), "6.12": set(), "6.18": set()}
"""Names of a kernel's table without a spec."""


# -- all kernels, as a public data set has them ----------------------------------------------------------------


def published() -> dict[str, list[str]]:
    """The columns after the name, by name."""
    lines = (FACTS / "kfuncs.tsv").read_text().splitlines()
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def loosely(name: str, prototype: str) -> str:
    """`normalise`, and without what the data set leaves out: the keyword enum and address spaces."""
    text = re.sub(r"\b(enum|__arena) ", "", prototype)
    text = text.replace("long long unsigned int", "unsigned long long")
    return normalise(name, re.sub(r" ?\* (?=[,)])", "*", text))


def published_rows(table: dict[str, dict[str, Any]]) -> list[str]:
    """The lines of the TSV from the JSON form of the data set."""
    rows = []
    for name in sorted(table):
        entry = table[name]
        types = []
        for allowed in entry["program_types"]:
            since, until = allowed.get("since", ""), allowed.get("until", "")
            word = allowed["type"].removeprefix("BPF_PROG_TYPE_")
            types.append(word + (f">={since}" if since else "") + (f"<{until}" if until else ""))
        flags = "|".join(flag.removeprefix("KF_") for flag in KF_FLAGS if flag in entry["flags"])
        assert set(entry["flags"]) <= set(KF_FLAGS), name
        since = entry.get("since", "-")
        rows.append("\t".join((name, since, flags, " ".join(types), loosely(name, entry["prototype"]))))
    return rows


SINCE = {
    "bpf_list_push_back": "6.2 and 6.3 had it; 6.4 renamed it, 7.1 brought the name back",
    "bpf_list_push_front": "6.2 and 6.3 had it; 6.4 renamed it, 7.1 brought the name back",
    "bpf_rbtree_add": "6.3 had it; 6.4 renamed it, 7.1 brought the name back",
    "bpf_dynptr_is_rdonly": "became a kfunc in 6.5; the function of that name in 5.19 was the kernel's own",
    "bpf_sk_assign_tcp_reqsk": "its commit is of January 2024, in time for 6.9",
    "bpf_strnlen": "missing in the data set; came with the other string functions",
    "bpf_stream_vprintk": "6.17 had it already, 6.18 renamed it",
    "bpf_stream_vprintk_impl": "the name since 6.18; what 6.17 has is bpf_stream_vprintk()",
}
"""First kernels that are not those of the data set."""

NO_FLAGS = "the data set has no flags for it"
FLAGS = {
    "bpf_arena_alloc_pages": "KF_RET_NULL is in no kernel's table",
    "bpf_kfree_skb": "KF_RELEASE in the source (net/sched/bpf_qdisc.c)",
    "bpf_qdisc_skb_drop": "KF_RELEASE in the source (net/sched/bpf_qdisc.c)",
    "bpf_qdisc_bstats_update": NO_FLAGS,
    "bpf_list_back": NO_FLAGS,
    "bpf_list_front": NO_FLAGS,
    "bpf_rbtree_left": NO_FLAGS,
    "bpf_rbtree_right": NO_FLAGS,
    "bpf_rbtree_root": NO_FLAGS,
    "bpf_xdp_metadata_rx_hash": NO_FLAGS,
    "bpf_xdp_metadata_rx_timestamp": NO_FLAGS,
    "bpf_xdp_metadata_rx_vlan_tag": NO_FLAGS,
    "hid_bpf_allocate_context": NO_FLAGS,
    "hid_bpf_get_data": NO_FLAGS,
    "hid_bpf_hw_output_report": NO_FLAGS,
    "hid_bpf_hw_request": NO_FLAGS,
    "hid_bpf_input_report": NO_FLAGS,
    "hid_bpf_release_context": NO_FLAGS,
    "scx_bpf_dispatch_from_dsq_set_slice": "KF_RCU in 6.12's source",
    "scx_bpf_dispatch_from_dsq_set_vtime": "KF_RCU in 6.12's source",
    "bpf_stream_print_stack": "KF_IMPLICIT_ARGS; 7.0 has no KF_TRUSTED_ARGS",
    "bpf_stream_vprintk": "KF_IMPLICIT_ARGS; 7.0 has no KF_TRUSTED_ARGS",
    "bpf_task_work_schedule_resume": "KF_IMPLICIT_ARGS; 7.0 has no KF_TRUSTED_ARGS",
    "bpf_task_work_schedule_signal": "KF_IMPLICIT_ARGS; 7.0 has no KF_TRUSTED_ARGS",
    "bpf_wq_set_callback": "KF_IMPLICIT_ARGS in the source (kernel/bpf/helpers.c)",
    "scx_bpf_dsq_move_to_local___v2": "KF_IMPLICIT_ARGS in the source (kernel/sched/ext.c)",
}
"""Flags that are not those of the data set."""

GENERIC = (
    r"bpf_(cgroup_(acquire|ancestor|from_id|release)|list_|obj_|percpu_obj_|rbtree_|refcount_|task_(acquire|from|get"
    r"|release|under)|send_signal_task|throw)|crash_kexec$"
)
KEYS = r"bpf_(key_put|lookup_(system|user)_key|verify_pkcs7_signature)$"
CGROUP = [f"CGROUP_{word}" for word in ("SKB", "SOCK_ADDR", "SOCK", "DEVICE", "SOCKOPT", "SYSCTL")] + ["SOCK_OPS"]
TRACING = ["LSM", "TRACING", "TRACEPOINT", "PERF_EVENT"]
TYPES: tuple[tuple[str, list[str], str], ...] = (
    (r"bpf_cpumask_", ["SYSCALL"], "6.12 and 6.18 have them in the set of SYSCALL"),
    (GENERIC, ["SYSCALL", *CGROUP], "6.12 and 6.18 have the generic functions in these sets"),
    (GENERIC, ["XDP"], "the generic functions came to XDP in 6.7 only"),
    (r"crash_kexec$", ["SCHED_CLS", "STRUCT_OPS"], "in 6.1 in the set of TRACING only"),
    (KEYS, [*CGROUP, "SCHED_CLS", "STRUCT_OPS", "SYSCALL", "XDP"], "generic functions in 6.18"),
    (r"bpf_dynptr_from_skb$", ["STRUCT_OPS"], "only within Qdisc_ops, which the kernel of the table lacks"),
    (r"bpf_dynptr_from_skb$", TRACING, "in the set of TRACING from 6.12 on"),
    (r"hid_bpf_(allocate|hw|input|release)", ["LSM", "TRACING"], "up to 6.10 for syscall programs only"),
    (r"scx_bpf_select_cpu_dfl$", [*TRACING, "SYSCALL"], "in the sets of TRACING and SYSCALL from 6.16 on"),
    (r"(__)?scx_bpf_select_cpu_", TRACING, "taken out of the set of TRACING in 7.1"),
)
"""Program types that are not those of the data set: by names, and why."""


def types_at(function: Function, kernel: Kernel) -> set[str]:
    """Program types whose set has the function; UNSPEC = the set for all of them."""
    hooks = function.at(kernel).hooks
    if "COMMON" in hooks:
        return {"UNSPEC"}
    infos = [info for section in SECTIONS if (info := section_info(section)) is not None]
    return {i.program_type.removeprefix("BPF_PROG_TYPE_") for i in infos if hook_at(i, kernel) in hooks}


SECTIONS = (
    *("xdp", "tc", "action", "struct_ops/x", "fentry/x", "lsm/x", "tp/x", "perf_event", "syscall"),
    *("cgroup_skb", "cgroup/sock", "cgroup/connect4", "cgroup/dev", "cgroup/getsockopt", "cgroup/sysctl"),
    *("sockops", "sk_skb", "socket", "netfilter", "lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local", "kprobe/x"),
)
"""One section for each program type with kfuncs of its own."""


def published_types(column: str, kernel: Kernel) -> set[str]:
    """The data set's program types as of `kernel`."""
    found = set()
    for word in column.split():
        match = re.fullmatch(r"(\w+)(?:>=([\d.]+))?(?:<([\d.]+))?", word)
        assert match is not None, word
        since, until = (Kernel.parse(m) if m else None for m in match.groups()[1:])
        if (since is None or since <= kernel) and (until is None or kernel < until):
            found.add(match[1])
    return found


def test_specs_have_every_published_kfunc_from_its_first_kernel_on() -> None:
    table = published()
    assert len(table) > 300
    functions = load_builtin().functions
    assert set(table) - set(functions) == set()
    differ = {n for n, (since, *_) in table.items() if str(functions[n].since) != since}
    assert differ == set(SINCE)


def test_flags_are_the_published_ones() -> None:
    differ = set()
    for name, (_, flags, _, _) in published().items():
        function = load_builtin().functions[name]
        # The data set tells of KF_TRUSTED_ARGS (gone in 7.0), and seldom of KF_IMPLICIT_ARGS (new in 7.0).
        recent = Kernel(6, 19)
        found = function.at(recent if function.exists_at(recent) else Kernel(7, 1))
        if not function.exists_at(found.kernel):
            found = function.at(function.since)
        if "|".join(flag.removeprefix("KF_") for flag in found.flags) != flags:
            differ.add(name)
    assert differ == set(FLAGS)


@pytest.mark.parametrize("kernel", ["6.1", "6.6", "6.12", "6.18", "7.1"])
def test_program_types_are_the_published_ones(kernel: str) -> None:
    at = Kernel.parse(kernel)
    wrong = []
    for name, (_, _, types, _) in published().items():
        function = load_builtin().functions[name]
        if function.exists_at(at):
            differ = types_at(function, at) ^ published_types(types, at)
            differ -= {word for names, words, _ in TYPES if re.match(names, name) for word in words}
            wrong += [f"{name}: {' '.join(sorted(differ))}"] if differ else []
    assert wrong == []


PROTOTYPES = {"bpf_wq_set_callback_impl": "the data set has the type of its callback instead"}


def test_prototypes_are_the_published_ones() -> None:
    wrong = []
    for name, (_, _, _, prototype) in published().items():
        function = load_builtin().functions[name]
        texts = [function.prototype.text, *(c.prototype.text for c in function.changes if c.prototype)]
        if name not in PROTOTYPES and prototype not in [loosely(name, text) for text in texts]:
            wrong.append(f"{name}: {prototype}")
    assert wrong == []


def test_committed_table_is_that_of_the_data_set() -> None:
    folder = os.environ.get("KFUNCGEN_FACTS")
    if not folder:
        pytest.skip("KFUNCGEN_FACTS does not name a folder with kfunc-facts.json")
    rows = published_rows(json.loads((Path(folder) / "kfunc-facts.json").read_text()))
    if os.environ.get("KFUNCGEN_UPDATE") == "1":
        (FACTS / "kfuncs.tsv").write_text("\n".join(rows) + "\n")
    assert (FACTS / "kfuncs.tsv").read_text().splitlines() == rows


def test_normalise_makes_c_and_btf_alike() -> None:
    btf = "int (struct bpf_wq * wq, fn(void *, int *, void *) * callback_fn, long unsigned int * flags)"
    c = "int f(struct bpf_wq *wq, int (callback_fn)(void *map, int *key, void *value), unsigned long *flags)"
    assert normalise("f", btf) == normalise("f", c) == "int(struct bpf_wq*wq,fn callback_fn,unsigned long*flags)"


@pytest.mark.parametrize("kernel", KERNELS)
def test_committed_tables_are_those_of_the_kernels(kernel: str) -> None:
    folder = os.environ.get("KFUNCGEN_FACTS")
    if not folder:
        pytest.skip("KFUNCGEN_FACTS does not name a folder with kfuncs-*.json")
    source = Path(folder) / f"kfuncs-{kernel}.json"
    if not source.exists():
        pytest.skip(f"the folder has no {source.name}")
    rows = rows_of(json.loads(source.read_text()))
    if os.environ.get("KFUNCGEN_UPDATE") == "1":
        (FACTS / f"kfuncs-{kernel}.tsv").write_text("\n".join(rows) + "\n")
    assert committed(kernel) == rows
