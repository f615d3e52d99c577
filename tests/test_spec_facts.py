"""The built-in specs against the kernels' own tables: names, hooks, flags, filters, prototypes.

tests/facts/kfuncs-<kernel>.tsv hold one kfunc per line: name, hooks with flags, filter function, prototype
normalised ("-" where the table has none). 6.18 was read from a running kernel (kfuncs outside its configuration
are missing, and filters are not visible), 6.12 from the source of that release.

Where KFUNCGEN_FACTS names a folder with the tables in JSON, the committed ones are compared with them;
KFUNCGEN_UPDATE=1 rewrites them then.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Contract, Kernel
from kfuncgen.spec.words import KF_FLAGS

FACTS = Path(__file__).parent / "facts"
KERNELS = ("6.12", "6.18")

UNSPECIFIED = re.compile(
    r"scx_|bpf_iter_scx_|hid_bpf_"  # sched_ext and HID
    r"|cubictcp_|bbr_|dctcp_|tcp_(reno|slow|cong)"  # congestion control, for struct_ops of the same kind
    r"|bpf_kfunc_|bpf_testmod_|bpf_iter_testmod_"  # the kernel's own test module
    r"|bpf_fentry_test1$|bpf_modify_return_test|update_socket_protocol$"  # targets of fmod_ret, not callables
)
"""kfuncs without a spec, and why."""

NOT_CONFIGURED = {
    "bpf_kfree_skb",
    "bpf_qdisc_bstats_update",
    "bpf_qdisc_skb_drop",
    "bpf_qdisc_watchdog_schedule",
    "bpf_get_fsverity_digest",
    "bpf_skb_get_fou_encap",
    "bpf_skb_get_xfrm_info",
    "bpf_skb_set_fou_encap",
    "bpf_skb_set_xfrm_info",
    "bpf_verify_pkcs7_signature",
    "bpf_xdp_flow_lookup",
    "crash_kexec",
}
"""kfuncs that the 6.18 kernel of the table was built without."""

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
    text = re.sub(r"\b(static|__user|__rcu)\b ?", "", text)
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
    function = load_builtin().get(name)
    assert function is not None, f"{name} of {kernel} has no spec"
    assert function.exists_at(Kernel.parse(kernel)), f"{name} of {kernel}: since {function.since}"
    return function.at(Kernel.parse(kernel))


@pytest.mark.parametrize("kernel", KERNELS)
def test_specs_agree_with_the_kernels_table(kernel: str) -> None:
    table = facts(kernel)
    assert len(table) > 200
    wrong = []
    for name, (hooks, filter_name, prototype) in table.items():
        if UNSPECIFIED.match(name):
            continue
        found = contract(name, kernel)
        flags = "|".join(flag.removeprefix("KF_") for flag in found.flags)
        pairs = [("hooks", hooks_column(dict.fromkeys(found.hooks, flags)), hooks)]
        if prototype != "-":
            pairs.append(("prototype", normalise(name, found.prototype.text), prototype))
        if kernel == "6.12" and found.function.filter != "css-task-iter":
            pairs.append(("filter", found.function.filter, FILTERS[filter_name]))
        wrong += [f"{name} {what}: spec {ours}, kernel {theirs}" for what, ours, theirs in pairs if ours != theirs]
    assert wrong == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_spec_is_of_a_kfunc_that_the_kernel_lacks(kernel: str) -> None:
    ours = {
        f.name
        for f in load_builtin().functions.values()
        if f.kind == "kfunc" and f.exists_at(Kernel.parse(kernel))
    }
    assert ours - set(facts(kernel)) == (NOT_CONFIGURED if kernel == "6.18" else set())


def test_normalise_makes_c_and_btf_alike() -> None:
    btf = "int (struct bpf_wq * wq, fn(void *, int *, void *) * callback_fn, long unsigned int * flags)"
    c = "int f(struct bpf_wq *wq, int (callback_fn)(void *map, int *key, void *value), unsigned long *flags)"
    assert normalise("f", btf) == normalise("f", c) == "int(struct bpf_wq*wq,fn callback_fn,unsigned long*flags)"


@pytest.mark.parametrize("kernel", KERNELS)
def test_committed_tables_are_those_of_the_kernels(kernel: str) -> None:
    folder = os.environ.get("KFUNCGEN_FACTS")
    if not folder:
        pytest.skip("KFUNCGEN_FACTS does not name a folder with kfuncs-*.json")
    rows = rows_of(json.loads((Path(folder) / f"kfuncs-{kernel}.json").read_text()))
    if os.environ.get("KFUNCGEN_UPDATE") == "1":
        (FACTS / f"kfuncs-{kernel}.tsv").write_text("\n".join(rows) + "\n")
    assert committed(kernel) == rows
