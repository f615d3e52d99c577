"""`spec import`: mechanical facts get into spec files, everything else stays, twice is once."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from btf_builder import Builder
from test_facts_check import as_kernel
from test_facts_source import tree

from kfuncgen import cli
from kfuncgen.diagnostic import SpecError, UsageError
from kfuncgen.facts.check import compare
from kfuncgen.facts.importing import Plan, import_facts
from kfuncgen.facts.yamledit import SpecText, words
from kfuncgen.records import replace
from kfuncgen.spec.kernelfacts import KernelFacts, KfuncFacts, to_json
from kfuncgen.spec.load import link, load_specs
from kfuncgen.spec.model import Contract, Kernel, SpecSet
from kfuncgen.spec.shape import FUNCTION_KEYS, read_family
from kfuncgen.spec.yamlsrc import parse_yaml

V6_12, V6_18 = Kernel(6, 12), Kernel(6, 18)

SPEC = """\
# kept: the first line
family: demo
kernels: ["6.12"]
hooks: [XDP]   # kept: behind a value
since: "6.8"

kfuncs:
  # kept: above an entry
  demo_get:
    prototype: >-
      struct demo *demo_get(u32 id,
      u32 more)
    flags:
      - KF_ACQUIRE   # kept: behind a part of a value
      # kept: inside a value
      - KF_RET_NULL

    summary: "Kept: as it is"
  demo_put: {prototype: void demo_put(struct demo *d), flags: [KF_RELEASE]}

  demo_old:
    since: '6.9'
    flags: [KF_RCU]
    prototype: int demo_old(void)
    changes:
      "6.14": {flags: []}
      "6.16":
        prototype: int demo_old(u32 a)   # kept: why
# kept: the last line
"""


def fact(name: str, prototype: str, hooks: tuple[str, ...] = ("XDP",), flags: tuple[str, ...] = ()) -> KfuncFacts:
    return KfuncFacts(name, dict.fromkeys(hooks, flags), prototype)


def kernel(at: Kernel, *kfuncs: KfuncFacts) -> KernelFacts:
    return KernelFacts(at, str(at), "probe", {known.name: known for known in kfuncs})


def specs_of(texts: Mapping[str, str]) -> SpecSet:
    return link([read_family(parse_yaml(text.encode(), name)) for name, text in texts.items()])


def imported(text: str, facts: KernelFacts) -> tuple[str, list[str]]:
    """The text after the import, which must load and be the same after a second one; and what was said."""
    result = import_facts({"d.yaml": text}, facts, Plan())
    new = result.texts.get("d.yaml", text)
    again = import_facts({"d.yaml": new}, facts, Plan())
    assert again.texts == {}
    assert again.lines == []
    return new, result.lines


def at(text: str, name: str, version: Kernel) -> Contract:
    return specs_of({"d.yaml": text}).functions[name].at(version)


GET, PUT, OLD = (
    fact("demo_get", "struct demo *demo_get(u32 id, u32 more)", flags=("KF_ACQUIRE", "KF_RET_NULL")),
    fact("demo_put", "void demo_put(struct demo *d)", flags=("KF_RELEASE",)),
    fact("demo_old", "int demo_old(u32 a)"),
)


def test_what_agrees_is_left_alone() -> None:
    assert imported(SPEC, kernel(V6_18, GET, PUT, OLD)) == (SPEC, [])


def test_flags_of_a_later_kernel_become_a_change() -> None:
    flags = ("KF_ACQUIRE", "KF_RCU", "KF_RET_NULL")
    new, lines = imported(SPEC, kernel(V6_18, replace(GET, hooks={"XDP": flags}), PUT, OLD))
    assert at(new, "demo_get", V6_12).flags == ("KF_ACQUIRE", "KF_RET_NULL"), "6.12 was compared: it keeps its own"
    assert set(at(new, "demo_get", V6_18).flags) == set(flags)
    assert lines == ["d.yaml: demo_get: flags KF_ACQUIRE KF_RET_NULL -> KF_ACQUIRE KF_RET_NULL KF_RCU (6.18)"]
    added = '    changes:\n      "6.18":\n        flags: [KF_ACQUIRE, KF_RET_NULL, KF_RCU]\n'
    assert new.replace(added, "") == SPEC


def test_flags_of_the_compared_kernel_are_put_right() -> None:
    new, _ = imported(SPEC, kernel(V6_12, replace(GET, hooks={"XDP": ("KF_ACQUIRE", "KF_SLEEPABLE")})))
    assert at(new, "demo_get", Kernel(6, 8)).flags == ("KF_ACQUIRE", "KF_SLEEPABLE")
    assert at(new, "demo_get", V6_18).flags == ("KF_ACQUIRE", "KF_SLEEPABLE")
    assert "    flags: [KF_ACQUIRE, KF_SLEEPABLE]\n" in new
    assert re.findall("# kept: .*", new) == re.findall("# kept: .*", SPEC)


def test_an_older_kernel_does_not_change_what_was_compared_later() -> None:
    new, _ = imported(SPEC, kernel(Kernel(6, 10), replace(GET, hooks={"XDP": ("KF_ACQUIRE",)})))
    assert at(new, "demo_get", Kernel(6, 10)).flags == ("KF_ACQUIRE",)
    assert at(new, "demo_get", V6_12).flags == ("KF_ACQUIRE", "KF_RET_NULL")


def test_hooks_of_the_family_become_ones_own() -> None:
    wide = dict.fromkeys(("XDP", "TC"), ("KF_RELEASE",))
    new, lines = imported(SPEC, kernel(V6_18, replace(PUT, hooks=wide)))
    assert at(new, "demo_put", V6_12).hooks == ("XDP",)
    assert at(new, "demo_put", V6_18).hooks == ("XDP", "TC")
    assert at(new, "demo_get", V6_18).hooks == ("XDP",)
    assert lines == ["d.yaml: demo_put: hooks XDP -> XDP TC (6.18)"]
    (line,) = [line for line in new.splitlines() if "demo_put" in line]
    assert line.endswith(', flags: [KF_RELEASE], hooks: [XDP], changes: {"6.18": {hooks: [XDP, TC]}}}')


def test_prototypes() -> None:
    text = (
        "int demo_old("
        + ", ".join(f"const struct some_long_name_of_a_struct *parameter{i}" for i in range(3))
        + ")"
    )
    new, _ = imported(SPEC, kernel(V6_18, replace(OLD, prototype=text)))
    assert at(new, "demo_old", V6_18).prototype.text == text
    assert at(new, "demo_old", Kernel(6, 15)).prototype.text == "int demo_old(void)"
    assert max(map(len, new.splitlines())) <= 115
    assert "# kept: why" in new
    flow, _ = imported(SPEC, kernel(V6_12, replace(PUT, prototype="void demo_put(struct demo *d, u64 flags)")))
    assert at(flow, "demo_put", V6_12).prototype.text == "void demo_put(struct demo *d, u64 flags)"


def test_a_change_that_is_none_any_more_goes() -> None:
    new, _ = imported(
        SPEC, kernel(Kernel(6, 15), replace(OLD, hooks={"XDP": ("KF_RCU",)}, prototype="int demo_old(void)"))
    )
    assert at(new, "demo_old", Kernel(6, 15)).flags == ("KF_RCU",)
    assert '"6.14"' not in new
    assert '"6.16"' in new


def test_an_older_kernel_that_has_it() -> None:
    new, lines = imported(
        SPEC, kernel(Kernel(6, 5), fact("demo_old", "int demo_old(void)", flags=("KF_SLEEPABLE",)))
    )
    function = specs_of({"d.yaml": new}).functions["demo_old"]
    assert (str(function.since), function.at(Kernel(6, 5)).flags) == ("6.5", ("KF_SLEEPABLE",))
    assert function.at(Kernel(6, 9)).flags == ("KF_RCU",)
    assert lines[0] == "d.yaml: demo_old: since 6.9 -> 6.5"


def test_what_cannot_be_written_is_told() -> None:
    result = import_facts({"d.yaml": SPEC}, kernel(V6_18, replace(OLD, filter="demo_filter")), Plan())
    assert result.lines == ["d.yaml: demo_old: filter none, the kernel's is demo_filter; to be written by hand"]
    ended = SPEC.replace("since: '6.9'", "since: '6.9'\n    until: '6.17'")
    result = import_facts({"d.yaml": ended}, kernel(V6_18, OLD), Plan())
    assert result.lines == ["d.yaml: demo_old: 6.18 has it, the spec does not (until 6.17); left as it is"]
    assert result.texts == {}


def test_line_ends_stay(folder: Path) -> None:
    Path("d.yaml").write_bytes(b"\xef\xbb\xbf" + SPEC.replace("\n", "\r\n").encode())
    facts = kernel(V6_18, replace(GET, hooks={"XDP": ("KF_ACQUIRE",)}), PUT, OLD)
    Path("p.json").write_text(json.dumps(to_json(facts)))
    assert run("--probe", "p.json", "--into", "d.yaml") == 0
    data = Path("d.yaml").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf# kept")
    assert data.count(b"\r\n") == data.count(b"\n") > SPEC.count("\n")
    assert run("--probe", "p.json", "--into", "d.yaml") == 0
    assert Path("d.yaml").read_bytes() == data


@pytest.mark.parametrize(
    "body",
    [
        "{flags: [], prototype: int f(void)}",
        "{ 'prototype': 'int f(void)', \"flags\": [ ] , }",
        "{\n    prototype: int f(void),  # one\n    flags: [], # two\n    # three\n  }",
        "\n    prototype: |\n      int f(void)\n    flags: []",
        "\n    prototype:\n      int\n      f()\n\n    # comment\n    flags:\n    - KF_RCU\n    - KF_SLEEPABLE",
        '\n      flags:\n        [\n          KF_RCU,  # why\n        ]\n      prototype: "int f(void)"',
        "\n    prototype: int f(void)\n    changes: {}",
        "\n    prototype: int f(void)\n    changes: {'6.10': {flags: [KF_RCU], hooks: [TC]}}",
        "\n    prototype: int f()\n    changes:\n      6.10:\n        flags: [KF_RCU]\n      '6.17': {flags: []}",
        "\n    prototype: int f()\n    hooks: [TC]\n    since: 6.9\n    summary: >\n      One.\n\n      Two.\n\n",
    ],
)
@pytest.mark.parametrize("ending", ["", "\n", "\n# end", "\n\n  g: {prototype: int g(void)}\n"])
@pytest.mark.parametrize("version", ["6.7", "6.8", "6.12", "6.18"])
def test_all_ways_to_write_it(body: str, ending: str, version: str) -> None:
    text = f'family: x\nkernels: ["6.12"]\nhooks: [XDP]\nsince: "6.8"\nkfuncs:\n  f: {body}{ending}'
    prototype = "int f(u32 a, u64 b)"
    facts = kernel(Kernel.parse(version), fact("f", prototype, ("TC", "SYSCALL"), ("KF_SLEEPABLE",)))
    before = specs_of({"d.yaml": text}).functions["f"]
    new, _ = imported(text, facts)
    after = specs_of({"d.yaml": new}).functions["f"]
    contract = after.at(Kernel.parse(version))
    assert after.exists_at(Kernel.parse(version))
    assert (contract.prototype.text, contract.flags, contract.hooks) == (
        prototype,
        ("KF_SLEEPABLE",),
        ("TC", "SYSCALL"),
    )
    if version != "6.12" and before.exists_at(V6_12):
        old, kept = before.at(V6_12), after.at(V6_12)
        assert (old.prototype, old.flags, old.hooks) == (kept.prototype, kept.flags, kept.hooks), "it was compared"
    assert sorted(re.findall("#.*", new)) == sorted(re.findall("#.*", text))


# Kfuncs that no spec has.


def test_new_kfuncs_are_stubs_or_entries() -> None:
    facts = kernel(V6_18, GET, fact("new_one", "int new_one(void)", ("TC", "XDP"), ("KF_SLEEPABLE",)))
    stub = (
        'new_one:\n  prototype: int new_one(void)\n  flags: [KF_SLEEPABLE]\n  hooks: [XDP, TC]\n  since: "6.18"\n'
    )
    assert import_facts({}, facts, Plan()).stubs[-1] == stub
    added = import_facts({"d.yaml": SPEC}, facts, Plan("d.yaml")).texts["d.yaml"]
    assert "# kept: the last line" in added
    assert specs_of({"d.yaml": added}).functions["new_one"].hooks == ("XDP", "TC")
    made = import_facts({"d.yaml": SPEC}, facts, Plan("dir/My-Module.yaml")).texts
    assert list(made) == ["dir/My-Module.yaml"]
    assert made["dir/My-Module.yaml"].startswith("family: my_module\nsummary: ")


def test_pairs_are_found() -> None:
    get = fact("own_get", "struct own *own_get(u32 id)", flags=("KF_ACQUIRE", "KF_RET_NULL"))
    puts = [fact(name, f"void {name}(struct own *o)", flags=("KF_RELEASE",)) for name in ("own_put", "own_drop")]
    one = import_facts({}, kernel(V6_18, get, puts[0]), Plan("own.yaml")).texts["own.yaml"]
    assert "release" not in one
    two = import_facts({}, kernel(V6_18, get, *puts), Plan("own.yaml")).texts["own.yaml"]
    assert "release: [own_drop, own_put]" in two
    with pytest.raises(SpecError, match=r"'own_get' acquires a reference and lacks the key 'release'"):
        import_facts({}, kernel(V6_18, get), Plan("own.yaml"))


def test_hooks_that_nothing_tells() -> None:
    facts = kernel(V6_18, KfuncFacts("own_do", prototype="int own_do(void)"))
    with pytest.raises(UsageError, match="no header and no BTF tells the program types of 'own_do'"):
        import_facts({}, facts, Plan("own.yaml"))
    text = import_facts({}, facts, Plan("own.yaml", hooks=("TC",))).texts["own.yaml"]
    assert specs_of({"own.yaml": text}).functions["own_do"].hooks == ("TC",)


# The built-in specs, damaged in many ways.


def builtin_files() -> dict[str, str]:
    folder = Path(cli.__file__).parent / "specs"
    return {path.name: path.read_text() for path in sorted(folder.glob("*.yaml"))}


def test_the_built_in_specs_are_what_they_say() -> None:
    for version in (V6_12, V6_18):
        result = import_facts(builtin_files(), as_kernel(version), Plan())
        assert (result.texts, result.lines, result.stubs) == ({}, [], [])


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_repaired_by_the_facts(seed: int) -> None:
    rng = random.Random(seed)
    texts = builtin_files()
    damaged: dict[str, str] = {}
    names = []
    for name, text in texts.items():
        spec = SpecText(text)
        for function in rng.sample(spec.keys(("kfuncs",)), min(3, len(spec.keys(("kfuncs",))))):
            path = ("kfuncs", function)
            if rng.random() < 0.5 and spec.has(path, "flags") and "ITER" not in text:
                spec.set(path, "flags", words(["KF_SLEEPABLE"]), FUNCTION_KEYS)
            elif rng.random() < 0.5:
                spec.delete(path, "changes")
            else:
                spec.set(path, "hooks", words(rng.sample(["XDP", "LWT", "SYSCALL"], 2)), FUNCTION_KEYS)
            names.append(function)
        damaged[name] = spec.text
    try:
        broken = specs_of(damaged)
    except SpecError:
        return  # a release without KF_RELEASE: that is refused, as it should be
    assert any(compare(broken, as_kernel(version)).differences for version in (V6_12, V6_18))
    for version in (V6_12, V6_18):
        result = import_facts(damaged, as_kernel(version), Plan())
        assert result.texts
        damaged |= result.texts
    repaired = specs_of(damaged)
    for version in (V6_12, V6_18):
        assert compare(repaired, as_kernel(version)).differences == (), version
        assert import_facts(damaged, as_kernel(version), Plan()).texts == {}
    for name, text in texts.items():
        comments = re.findall(r"^ *#.*$", text, re.MULTILINE)
        assert [c.strip() for c in re.findall(r"^ *#.*$", damaged[name], re.MULTILINE)] == [
            c.strip() for c in comments
        ]
        for summary in re.findall(r"^ +summary: .*$", text, re.MULTILINE):
            assert summary in damaged[name]


# The command.


def run(*args: str) -> int:
    return cli.main(["spec", "import", *args])


def test_own_kfuncs_from_the_source_of_a_module(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree(Path("module"), "obj-m += demo.o\n")
    assert run("--linux", "module", "--kernel", "6.18", "--into", "mine.yaml", "demo_get", "demo_put") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["mine.yaml: demo_get: new", "mine.yaml: demo_put: new"]
    assert out[2:] == [
        "mine.yaml is new: --spec mine.yaml, or spec-paths in kfuncgen.toml with its folder, make it known"
    ]
    Path("specs").mkdir()
    Path("mine.yaml").rename("specs/mine.yaml")
    function = load_specs([Path("specs")]).functions["demo_get"]
    assert (function.flags, function.hooks) == (("KF_ACQUIRE", "KF_RET_NULL"), ("TC", "TRACING"))
    assert function.release == ("demo_put",)
    assert run("--linux", "module", "--kernel", "6.18", "--into", "specs", "demo_get", "demo_put") == 0
    assert capsys.readouterr().out.count("to be written by hand") == 2, "the filter"


def test_own_kfuncs_from_a_header(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own.h").write_text(
        "/* own kfuncs */\nextern struct own *own_get(u32 id) __weak __ksym;\n"
        "extern void own_put(struct own *) __ksym;\n"
        "extern int own_count(struct own *o, int n__k) __ksym;\nint helper(void);\n"
    )
    assert run("--header", "own.h", "--kernel", "6.18", "--hooks", "XDP,TC", "--new", "own.yaml", "own_count") == 0
    assert Path("own.yaml").read_text() == (
        "family: own\nsummary: Functions of the module own.\n\nkfuncs:\n  own_count:\n"
        "    prototype: int own_count(struct own *o, int n__k)\n"
        '    flags: []\n    hooks: [XDP, TC]\n    since: "6.18"\n'
    )
    before = Path("own.yaml").read_bytes()
    assert run("--header", "own.h", "--kernel", "6.18", "--into", "own.yaml", "own_count") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to change"
    assert Path("own.yaml").read_bytes() == before


def test_own_kfuncs_from_a_modules_btf(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    builder = Builder()
    builder.function("own_do", builder.integer("int"))
    Path("own").write_bytes(builder.data())
    assert run("--btf", "own", "--kernel", "6.18", "--hooks", "XDP", "--into", "own.yaml") == 0
    assert load_specs([Path("own.yaml")]).functions["own_do"].prototype.text == "int own_do(void)"
    assert capsys.readouterr().out.startswith("own.yaml: own_do: new\n")
    assert cli.main(["spec", "show", "own_do", "--spec", "own.yaml"]) == 0
    assert capsys.readouterr().out.startswith("int own_do(void);\n")


def test_a_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("d.yaml").write_text(SPEC)
    facts = kernel(V6_18, replace(GET, hooks={"XDP": ("KF_ACQUIRE",)}), PUT, OLD)
    Path("p.json").write_text(json.dumps(to_json(facts)))
    assert run("--probe", "p.json", "--into", "d.yaml", "--dry-run") == 0
    out = capsys.readouterr().out
    assert out.startswith("--- d.yaml\n+++ d.yaml\n@@")
    assert "+        flags: [KF_ACQUIRE]\n" in out
    assert Path("d.yaml").read_text() == SPEC


def test_nothing_is_half_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("d.yaml").write_text(SPEC)
    facts = kernel(
        V6_18, replace(PUT, hooks={"XDP": ()}), OLD
    )  # what demo_get acquires is released by nothing then
    Path("p.json").write_text(json.dumps(to_json(facts)))
    assert run("--probe", "p.json", "--into", "d.yaml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert Path("d.yaml").read_text() == SPEC
    assert sorted(path.name for path in Path().iterdir()) == ["d.yaml", "p.json"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "expected one of --live, --probe FILE, --btf FILE and --linux DIR"),
        (["--header", "none.h"], "none.h: does not exist"),
        (["--header", "."], ".: is no file"),
        (["--header", "empty.h", "--kernel", "6.18"], "empty.h: declares no function"),
        (["--header", "own.h", "--kernel", "6.18", "nothing"], "own.h: there is no kfunc 'nothing'"),
        (["--header", "own.h", "--kernel", "6.18", "--hooks", "XPD"], "unknown hook 'XPD'; did you mean 'XDP'?"),
        (["--header", "own.h", "--kernel", "6.18", "--new", "."], "'.' is a folder, expected a file (--new)"),
        (["--header", "own.h", "--kernel", "6.18", "--into", "own.h"], "own.h"),
        (
            ["--header", "own.h", "--kernel", "6.18", "--new", "x.yaml"],
            "no header and no BTF tells the program types",
        ),
        (
            ["--header", "own.h", "--hooks", "XDP", "--kernel", "6.18", "--new", "no/x.yaml"],
            "cannot write 'no/x.yaml'",
        ),
        (["--header", "bad.h", "--hooks", "XDP", "--kernel", "6.18", "--new", "x.yaml"], "unknown type 'odd_t'"),
    ],
)
def test_mistakes_are_one_line(
    args: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.h").write_text("#define X 1\n")
    Path("own.h").write_text("extern int own_do(u32 id) __ksym;\n")
    Path("bad.h").write_text("extern int own_do(odd_t id) __ksym;\n")
    assert run(*args) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert not Path("x.yaml").exists()


def test_the_documented_way_for_ones_own_module(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands of specs/README.md, with a program that uses the module."""
    tree(Path("path/to/module"), "obj-m += ring.o\n")
    text = (Path(cli.__file__).parent / "specs/README.md").read_text()
    made, linted = re.findall(r"^    kfuncgen (spec import --linux .*|lint --spec .*)$", text, re.MULTILINE)
    Path("specs").mkdir()
    assert cli.main([*made.split(), "demo_get", "demo_put"]) == 0
    Path("src").mkdir()
    source = Path("src/a.bpf.c")
    program = (
        '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n'
        "struct demo { int a; };\nstruct demo_opts { int b; };\n"
        "extern struct demo *demo_get(u32 id, const struct demo_opts *opts, u32 opts__sz) __ksym;\n"
        "extern void demo_put(struct demo *d) __ksym;\n"
        'SEC("tc") int f(struct __sk_buff *skb)\n{\n\tstruct demo_opts o = {};\n'
        "\tstruct demo *d = demo_get(1, &o, sizeof(o));\n\n\tif (d)\n\t\tdemo_put(d);\n\treturn 0;\n}\n"
        'char LICENSE[] SEC("license") = "GPL";\n'
    )
    source.write_text(program)
    capsys.readouterr()
    assert cli.main(linted.split()) == 0, capsys.readouterr().out
    source.write_text(program.replace("\t\tdemo_put(d);", "\t\treturn 1;"))
    assert cli.main([*linted.split(), "--output-format", "concise"]) == 1
    assert "[unreleased-reference]" in capsys.readouterr().out
    Path("kfuncgen.toml").write_text('spec-paths = ["specs"]\n')
    assert cli.main(["lint", "src", "--output-format", "concise"]) == 1
