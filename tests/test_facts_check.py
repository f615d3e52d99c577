"""`spec check`, `spec probe` and `spec diff`: every kind of difference is seen, the running kernel agrees."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from test_spec_facts import NOT_CONFIGURED, facts

from kfuncgen import cli
from kfuncgen.diagnostic import UsageError
from kfuncgen.facts import probe as probing
from kfuncgen.facts.check import Comparison, compare
from kfuncgen.facts.origins import config_options, only
from kfuncgen.records import replace
from kfuncgen.render.kernels import check_text
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts, read_facts, to_json
from kfuncgen.spec.load import builtin_nodes, link, load_builtin
from kfuncgen.spec.model import Change, Kernel, SpecSet
from kfuncgen.spec.overlay import with_facts
from kfuncgen.spec.shape import read_family
from kfuncgen.spec.yamlsrc import parse_yaml

V6_18 = Kernel(6, 18)


def as_kernel(kernel: Kernel = V6_18) -> KernelFacts:
    """A kernel that has just what the specs say."""
    kfuncs = {}
    for function in load_builtin().functions.values():
        if function.kind == "kfunc" and function.exists_at(kernel):
            contract = function.at(kernel)
            hooks = {hook: function.at(kernel, hook).flags for hook in contract.hooks}
            kfuncs[function.name] = KfuncFacts(function.name, hooks, contract.prototype.text)
    return KernelFacts(kernel, str(kernel), "probe", kfuncs)


def changed(**facts: KfuncFacts | None) -> KernelFacts:
    """That kernel with some kfuncs different, or missing where None."""
    kernel = as_kernel()
    kfuncs = {name: known for name, known in {**kernel.kfuncs, **facts}.items() if known is not None}
    return replace(kernel, kfuncs=kfuncs)


def differences(facts: KernelFacts) -> list[tuple[str, str]]:
    return [(d.name, d.kind) for d in compare(load_builtin(), facts).differences]


def test_every_kind_of_difference_is_seen() -> None:
    assert differences(as_kernel()) == []
    name = "bpf_xdp_get_xfrm_state"
    known = as_kernel().kfuncs[name]
    assert known.hooks is not None
    for kind, fact in {
        "flags": replace(known, hooks={"XDP": ("KF_ACQUIRE",)}),
        "hooks": replace(known, hooks={**known.hooks, "TC": known.hooks["XDP"]}),
        "prototype": replace(known, prototype=f"struct xfrm_state *{name}(struct xdp_md *ctx)"),
        "filter": replace(known, filter="some_filter"),
        "absent": None,
    }.items():
        configured = replace(changed(**{name: fact}), config={"CONFIG_XFRM": "y", "CONFIG_INET": "y"})
        assert differences(configured) == [(name, kind)], kind
    new = KfuncFacts("bpf_never_seen", {"XDP": ()}, "int bpf_never_seen(void)")
    assert differences(changed(bpf_never_seen=new)) == [("bpf_never_seen", "missing")]


def test_flags_may_differ_between_hooks() -> None:
    known = as_kernel().kfuncs["bpf_rcu_read_lock"]
    facts = changed(bpf_rcu_read_lock=replace(known, hooks={"COMMON": (), "XDP": ("KF_SLEEPABLE",)}))
    found = compare(load_builtin(), facts).differences
    assert [(d.kind, d.kernel) for d in found] == [("hooks", "COMMON XDP"), ("flags", "KF_SLEEPABLE (XDP)")]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"CONFIG_NET_FOU_IP_TUNNELS": "n"}, "built without CONFIG_NET_FOU_IP_TUNNELS"),
        ({"CONFIG_NET_FOU_IP_TUNNELS": "m"}, "in a module that is not loaded (fou)"),
        (None, "in a module that is not loaded (fou)"),
        ({"CONFIG_NET_FOU_IP_TUNNELS": "y"}, ""),
    ],
)
def test_what_the_kernel_was_built_without_is_told(config: dict[str, str] | None, reason: str) -> None:
    comparison = compare(load_builtin(), replace(changed(bpf_skb_get_fou_encap=None), config=config))
    assert comparison.told == ((("bpf_skb_get_fou_encap", reason),) if reason else ())
    assert len(comparison.differences) == (0 if reason else 1)


def test_without_a_configuration_absence_has_no_reason_but_its_options() -> None:
    gone = changed(bpf_get_fsverity_digest=None)
    (told,) = compare(load_builtin(), gone).told
    assert told[1] == "needs CONFIG_FS_VERITY, and the kernel's configuration is not known"
    source = replace(gone, origin="source")  # which has everything, whatever the configuration
    assert [(d.name, d.kind) for d in compare(load_builtin(), source).differences] == [(told[0], "absent")]


# The running kernel.


@cache
def running() -> KernelFacts:
    return probing.probe_live(config_options(load_builtin()))


@pytest.mark.kernel
def test_the_running_kernel_agrees() -> None:
    facts = running()
    if facts.kernel > load_builtin().newest:
        pytest.skip(f"the specs end with {load_builtin().newest}, this is {facts.kernel}")
    comparison = compare(load_builtin(), facts)
    assert comparison.differences == ()
    assert comparison.compared > 150
    assert all(reason.startswith(("built without CONFIG_", "in a module")) for _, reason in comparison.told)


@pytest.mark.kernel
def test_a_changed_flag_in_a_spec_fails_the_check() -> None:
    specs = load_builtin()
    name = "bpf_task_acquire"
    function = specs.functions[name]
    change = Change(running().kernel, flags=(*function.at(running().kernel).flags, "KF_SLEEPABLE"))
    broken = replace(function, changes=(*function.changes, change))
    changed = replace(specs, functions={**specs.functions, name: broken})
    before, after = compare(specs, running()).differences, compare(changed, running()).differences
    assert [(d.name, d.kind) for d in after if d not in before] == [(name, "flags")]


def families_with_flags() -> list[str]:
    """Spec files with kfuncs of 6.18 that have flags of their own."""
    kfuncs = [f for f in load_builtin().functions.values() if f.kind == "kfunc" and f.exists_at(V6_18)]
    return sorted({f.family for f in kfuncs if f.at(V6_18).flags and not f.hook_flags})


@pytest.mark.parametrize("family", families_with_flags())
def test_a_flag_edited_in_a_spec_file_fails_the_check(family: str) -> None:
    nodes = {Path(node.place.file).stem: node for node in builtin_nodes()}
    text = Path(str(files("kfuncgen") / "specs" / f"{family}.yaml")).read_text()
    seen = 0
    for name, body in re.findall(r"^  (\w+):\n((?:(?:    .*)?\n)+)", text, re.MULTILINE):
        function = load_builtin().get(name)
        if function is None or not function.exists_at(V6_18) or any(c.since > V6_18 for c in function.changes):
            continue
        lines = re.findall(r"^ +flags: \[.*KF_.*\]$", body, re.MULTILINE)
        if not lines or "KF_DESTRUCTIVE" in lines[-1] or seen == 3:
            continue
        edited = body[: body.rindex(lines[-1])] + lines[-1].replace("]", ", KF_DESTRUCTIVE]")
        edited += body[body.rindex(lines[-1]) + len(lines[-1]) :]
        changed = {**nodes, family: parse_yaml(text.replace(body, edited).encode(), f"specs/{family}.yaml")}
        specs = link([read_family(node) for node in changed.values()])
        found = [(d.name, d.kind) for d in compare(specs, as_kernel()).differences]
        assert found == [(name, "flags")]
        seen += 1
    assert seen


@pytest.mark.kernel
def test_a_probe_can_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "probe.json"
    assert cli.main(["spec", "probe", "-o", str(kept)]) == 0
    assert replace(read_facts(kept), place=running().place) == running()
    assert cli.main(["spec", "check", "--probe", str(kept), "--output-format", "json"]) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["kernel", "origin", "compared", "differences", "told"]
    assert document["compared"] > 150


def test_unknown_bits_have_names() -> None:
    assert probing.flag_names(1 << 0 | 1 << 2 | 1 << 31) == ("KF_ACQUIRE", "KF_RET_NULL", "KF_BIT_31")


def test_a_worker_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "none.o").write_bytes(b"no object")
    with pytest.raises(UsageError, match="cannot read the kernel's tables: ") as caught:
        probing._read_tables(tmp_path / "none.o")
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(probing, "BTF_FOLDER", tmp_path)
    monkeypatch.setattr(probing, "require_capability", lambda: None)
    with pytest.raises(UsageError, match="the running kernel has no BTF"):
        probing.probe_live()


# A kept probe in place of the specs.


def overlaid(facts: KernelFacts) -> SpecSet:
    return with_facts(load_builtin(), [facts])


def test_a_probe_says_what_its_kernel_has_and_no_other() -> None:
    known = as_kernel().kfuncs["bpf_task_acquire"]
    prototype = "struct task_struct *bpf_task_acquire(struct task_struct *p, u32 more)"
    new = KfuncFacts("own_get", {"TC": ("KF_ACQUIRE",)}, "struct own *own_get(u32 id)", module="own")
    put = KfuncFacts("own_put", {"TC": ("KF_RELEASE",)}, "void own_put(struct own *o)")
    specs = overlaid(
        changed(
            bpf_task_acquire=replace(known, hooks={"XDP": ()}, prototype=prototype),
            bpf_rcu_read_lock=None,
            own_get=new,
            own_put=put,
        )
    )
    acquire = specs.functions["bpf_task_acquire"]
    here, before = acquire.at(V6_18), acquire.at(Kernel(6, 17))
    assert (here.hooks, here.flags, here.prototype.text) == (("XDP",), (), prototype)
    assert before.hooks == load_builtin().functions["bpf_task_acquire"].at(Kernel(6, 17)).hooks
    assert [specs.functions["bpf_rcu_read_lock"].exists_at(k) for k in (Kernel(6, 17), V6_18)] == [True, False]
    own = specs.functions["own_get"]
    assert (own.family, own.release, own.exists_at(V6_18), own.exists_at(Kernel(6, 17))) == (
        "probed",
        ("own_put",),
        True,
        False,
    )


def test_modules_that_were_not_loaded_stay_possible() -> None:
    gone = changed(bpf_skb_get_fou_encap=None)
    name = "bpf_skb_get_fou_encap"
    assert overlaid(gone).functions[name].exists_at(V6_18)
    for value, expected in (("n", False), ("m", True), ("y", False)):
        configured = replace(gone, config={"CONFIG_NET_FOU_IP_TUNNELS": value})
        assert overlaid(configured).functions[name].exists_at(V6_18) is expected


def test_a_probe_as_kernel_and_as_spec(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = replace(changed(bpf_rcu_read_lock=None), release="6.18.3-cloud")
    Path("p.json").write_text(json.dumps(to_json(facts)))

    def names(*args: str) -> set[str]:
        assert cli.main(["spec", "list", "--output-format", "json", *args]) == 0
        return {kfunc["name"] for kfunc in json.loads(capsys.readouterr().out)["kfuncs"]}

    assert names("--kernel", "6.18") - names("--kernel", "p.json") == {"bpf_rcu_read_lock"}
    assert names("--kernel", "6.18", "--spec", "p.json") == names("--kernel", "p.json")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"kernel": "6.18", "kfuncs": {"1x": {}}}, "'1x' is no name of a kfunc"),
        ({"kernel": "6.18", "kfuncs": {"f": []}}, "kfunc 'f' is no mapping"),
        ({"kernel": "6.18", "kfuncs": {"f": {"hooks": []}}}, "the hooks of 'f'"),
        (
            {"kernel": "6.18", "kfuncs": {"f": {"hooks": {"XDP": "KF_RCU"}}}},
            "hook 'XDP' of 'f' has no list of flags",
        ),
        ({"kernel": "6.18", "kfuncs": {"f": {"hooks": {"XDP": [["KF_RCU"]]}}}}, "hook 'XDP' of 'f'"),
        ({"kernel": "6.18", "kfuncs": {"f": {"prototype": 1}}}, "prototype or module of 'f' is no text"),
        ({"kernel": "6.18", "kfuncs": {}, "version": 2}, "of another version than 1"),
        ({"kernel": "6.18", "kfuncs": {}, "config": {"CONFIG_X": 1}}, '"config" is no mapping'),
    ],
)
def test_strange_probe_files(document: object, message: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(document))
    with pytest.raises(UsageError, match=message) as caught:
        read_facts(tmp_path / "p.json")
    assert "\n" not in str(caught.value)


# Between kernels.


def test_diff_agrees_with_the_kernels_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["spec", "diff", "6.12", "6.18", "--output-format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["old", "new", "came", "went", "changed"]
    old, new = facts("6.12"), facts("6.18")
    # 6.18 was read from a kernel without these, and without modules
    functions = load_builtin().functions.values()
    unseen = {f.name for f in functions if NOT_CONFIGURED & set(f.config) or f.module == "bpf_testmod"}
    assert set(document["came"]) - unseen == new.keys() - old.keys() - unseen
    assert set(document["went"]) - unseen == old.keys() - new.keys() - unseen
    kinds = {"hooks": 0, "prototype": 2}
    for kind, column in kinds.items():
        theirs = {
            name
            for name in old.keys() & new.keys()
            if "-" not in (old[name][column], new[name][column])
            and simple(kind, old[name][column]) != simple(kind, new[name][column])
        }
        ours = {c["name"] for c in document["changed"] if c["kind"] == kind}
        assert ours - unseen == theirs - unseen, kind
    flags = {n for n in old.keys() & new.keys() if flags_of(old[n][0]) != flags_of(new[n][0])}
    assert {c["name"] for c in document["changed"] if c["kind"] == "flags"} - unseen == flags - unseen
    assert len(old.keys() - unseen) > 140, "most are compared"


def simple(kind: str, column: str) -> str:
    return " ".join(part.split(":")[0] for part in column.split()) if kind == "hooks" else column


def flags_of(column: str) -> set[str]:
    return {part.partition(":")[2] for part in column.split()}


def test_diff_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["spec", "diff", "6.12", "6.13"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].endswith(" changed")
    assert all(line[:2] in ("+ ", "- ", "~ ") for line in lines[:-1])
    assert cli.main(["spec", "diff", "6.12", "6.12"]) == 0
    assert capsys.readouterr().out == "0 came, 0 went, 0 changed\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["diff", "6.12"], "missing argument 'NEW'"),
        (["diff", "6.12", "six"], "'six' is no kernel"),
        (["diff", "6.12..6.14", "6.18"], "'6.12..6.14' names 3 kernels, expected one"),
        (["check", "--live", "--linux", "x"], "expected one of --live, --probe FILE, --btf FILE and --linux DIR"),
        (["check", "--linux", "none"], "none: does not exist"),
        (["check", "--btf", "none", "--kernel", "6.12"], "none: does not exist"),
        (["check", "--probe", "none.json"], "none.json: no such probe file"),
        (["check", "--probe", "none.json", "--kernel", "6.12"], "--probe tells its kernel itself"),
        (["check", "--linux", ".", "--kernel", "new"], "--kernel: 'new' is no kernel version"),
        (["check", "--linux", ".", "--base", "x"], "--base goes with --btf"),
        (["check", "--output-format", "xml"], "unknown output format 'xml'"),
        (["probe", "--spec", "none"], "no folder 'none' with specs"),
    ],
)
def test_mistakes_are_one_line(
    args: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["spec", *args]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kfuncgen: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_only_some() -> None:
    assert list(only(as_kernel(), ["bpf_rcu_read_lock"]).kfuncs) == ["bpf_rcu_read_lock"]
    with pytest.raises(UsageError, match="there is no kfunc 'x'"):
        only(as_kernel(), ["x"])


def test_kfuncs_that_share_a_reason_share_a_line() -> None:
    facts = KernelFacts(V6_18, "6.18", "probe", {})
    told = (("a", "gone"), ("b", "gone"), ("c", "gone"), ("d", "gone"), ("e", "away"), ("f", "gone"))
    lines = list(check_text(Comparison(facts, 0, (), told)))
    assert lines[:2] == ["a, b, c, 2 more: gone", "e: away"]
    assert next(iter(check_text(Comparison(facts, 0, (), told[:4])))) == "a, b, c, d: gone"
