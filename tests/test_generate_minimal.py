"""`gen header --minimal`: exactly the types that are needed, and programs with no vmlinux.h in the kernel."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from generate_support import CLANG
from kernel import can_load, verdicts

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import render_header
from kfuncgen.generate.minimal import render_types
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin, load_specs
from kfuncgen.toolchain.clang import compile_bpf
from kfuncgen.toolchain.headers import DATA, kernel_declarations

PROGRAMS = sorted((Path(__file__).parent / "minimal").glob("*.bpf.c"))
OWN_SPEC = """
family: demo
since: "6.8"
hooks: [XDP]
kfuncs:
  demo_look:
    prototype: int demo_look(struct demo *d, struct bpf_dynptr *p)
  demo_kind:
    prototype: int demo_kind(enum demo_kind kind)
  bpf_iter_demo_new:
    prototype: int bpf_iter_demo_new(struct bpf_iter_demo *it)
    flags: [KF_ITER_NEW]
  bpf_iter_demo_next:
    prototype: int *bpf_iter_demo_next(struct bpf_iter_demo *it)
    flags: [KF_ITER_NEXT, KF_RET_NULL]
  bpf_iter_demo_destroy:
    prototype: void bpf_iter_demo_destroy(struct bpf_iter_demo *it)
    flags: [KF_ITER_DESTROY]
"""


def types(*names: str) -> str:
    """What `names` bring, without the arithmetic types that every header has."""
    text = render_types(names, load_builtin(), "/* test */")
    body = text[text.index("true = 1,\n};\n") + len("true = 1,\n};\n") :]
    return body.removesuffix("\n#endif /* __VMLINUX_H__ */\n").strip("\n")


def header_of(program: Path) -> str:
    """The header that a program's first line asks for."""
    words = shlex.split(program.read_text().splitlines()[0].removeprefix("// gen header "))
    kfuncs = words[: words.index("--type")] if "--type" in words else words
    asked = [word for word in words[len(kfuncs) :] if word != "--type"]
    return render_header(kfuncs, load_builtin(), minimal=True, types=asked)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name.removesuffix(".bpf.c"))
def test_program_without_vmlinux_h_is_clean_and_accepted(program: Path, tmp_path: Path) -> None:
    (tmp_path / "kfuncs.h").write_text(header_of(program))
    source = tmp_path / program.name
    source.write_text(program.read_text())
    output = tmp_path / "program.o"
    flags = ("-Wall", "-Wextra", "-Werror", "-isystem", str(DATA / "include"))
    compile_bpf(source, output, ("-target", "bpf", "-D__TARGET_ARCH_x86", *flags))
    specs = load_builtin()
    linted = check_paths([source], LintOptions((specs.newest,), specs))
    assert linted.failures == ()
    assert [f"{f.span.line}: {f.rule}: {f.message}" for f in linted.report.findings] == []
    reason = can_load()
    if reason:
        pytest.skip(reason)
    judged = verdicts(output)
    assert judged
    assert {name: (v.verdict, v.message) for name, v in judged.items() if v.verdict != "accepted"} == {}


def test_programs_are_of_many_kinds() -> None:
    called = {w for p in PROGRAMS for w in re.findall(r"\b\w+(?=\()", p.read_text())}
    kfuncs = {name for name, function in load_builtin().functions.items() if function.kind == "kfunc"}
    assert len(PROGRAMS) > 20
    assert len(called & kfuncs) > 40


def test_what_has_only_pointers_has_no_members() -> None:
    text = render_header(["bpf_task_from_pid"], load_builtin(), minimal=True)
    assert "\nstruct task_struct {};\n" in text
    assert text.count("struct task_struct {") == 1


def test_kfuncs_with_structs_that_are_only_declared_are_not_found(tmp_path: Path) -> None:
    """Why they are defined: linter and loader agree that such a prototype is another one."""
    program = next(path for path in PROGRAMS if path.name == "task_kptr.bpf.c")
    text = header_of(program)
    assert "struct task_struct {};" in text
    (tmp_path / "kfuncs.h").write_text(text.replace("struct task_struct {};", "struct task_struct;"))
    source = tmp_path / program.name
    source.write_text(program.read_text())
    specs = load_builtin()
    linted = check_paths([source], LintOptions((specs.newest,), specs))
    told = [f.message for f in linted.report.findings if f.rule == "unguarded-kfunc"]
    assert any("bpf_task_from_pid()" in message and "only declared" in message for message in told), told
    output = tmp_path / "program.o"
    compile_bpf(source, output, ("-target", "bpf", "-isystem", str(DATA / "include")))
    reason = can_load()
    if reason:
        pytest.skip(reason)
    assert [verdict.verdict for verdict in verdicts(output).values()] != ["accepted"]


def test_members_that_are_asked_for_alone_are_written() -> None:
    end = "} __attribute__((preserve_access_index));"
    text = types("struct task_struct:comm,pid")
    assert text == f"typedef int pid_t;\n\nstruct task_struct {{\n\tpid_t pid;\n\tchar comm[16];\n{end}"


def test_paths_go_through_pointers_embedded_and_unnamed_structs() -> None:
    text = types(
        "struct task_struct:mm.exe_file", "struct xfrm_state:props.mode,id.spi", "struct xfrm_state:bydst"
    )
    assert "struct mm_struct {\n\tstruct file *exe_file;\n}" in text
    assert "\tstruct {\n\t\tu8 mode;\n\t} props;\n" in text
    assert "struct xfrm_id {\n\t__be32 spi;\n}" in text
    # bydst is in a union without a name, through which libbpf looks
    assert "struct xfrm_state {\n\tstruct hlist_node bydst;\n" in text
    assert text.index("struct xfrm_id {") < text.index("struct xfrm_state {")


def test_enumerators_come_alone_and_enums_whole() -> None:
    assert types("XDP_PASS", "XDP_TX") == "enum xdp_action {\n\tXDP_PASS = 2,\n\tXDP_TX = 3,\n};"
    assert types("BPF_ANY") == "enum {\n\tBPF_ANY = 0,\n};"
    assert "XDP_REDIRECT = 4" in types("xdp_action")
    assert types("enum xdp_action", "XDP_PASS").count("XDP_PASS") == 1


def test_what_the_program_has_itself_is_whole_and_stays_in_place() -> None:
    names = ["bpf_iter_css_new", "bpf_dynptr_clone", "bpf_list_pop_front", "bpf_skb_ct_alloc"]
    text = render_header(names, load_builtin(), minimal=True)
    for tag in ("bpf_iter_css", "bpf_dynptr", "bpf_list_head", "bpf_list_node", "bpf_sock_tuple", "bpf_ct_opts"):
        assert re.search(rf"^struct {tag} {{\n(?:\t.*\n)+}};$", text, re.MULTILINE), tag
    assert "__attribute__((preserve_access_index));" not in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("struct task_struct:pidd", "'struct task_struct' has no member 'pidd'"),
        ("struct task_struct:mm.x", "'struct mm_struct' has no member 'x'"),
        ("struct xfrm_state:props.x", r"'struct xfrm_state.props' has no member 'x'"),
        ("struct task_struct:pid.x", "no members of 'int' are known"),
        ("struct nosuch", "no kernel type or enumerator 'struct nosuch' is known"),
        ("NOSUCH", "no kernel type or enumerator 'NOSUCH' is known"),
        ("struct task_struct:", "bad type 'struct task_struct:'"),
        (
            "list_head:" + ".".join(["next"] * 50),
            "too much of 'list_head', expected at most 1000 members, 30 in a row",
        ),
        ("struct a b", "bad type 'struct a b'"),
        ("a;\nint b\x1b", "bad type"),
    ],
)
def test_bad_types_are_told(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        types(name)


def test_kfuncs_of_your_own_are_declared_as_far_as_their_types_are_known(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(OWN_SPEC)
    specs = load_specs([tmp_path])
    text = render_header(["demo_look"], specs, minimal=True)
    assert "tells the members of these. */\nstruct demo {};\n" in text
    # Without its size, memory of the program's own would be too small; an enum cannot be declared without it.
    for name, missing in (("demo_kind", "enum demo_kind"), ("bpf_iter_demo_new", "struct bpf_iter_demo")):
        with pytest.raises(UsageError, match=f"no definition of '{missing}' is known"):
            render_header([name], specs, minimal=True)


def test_types_without_minimal_are_refused() -> None:
    with pytest.raises(UsageError, match="written by --minimal only"):
        render_header(["bpf_task_from_pid"], load_builtin(), types=["u32"])


TRICKY = (
    *("task_struct", "sk_buff", "cpumask_var_t", "transaction_t", "rx_handler_func_t", "udp_gro_receive_t"),
    *("mempool_alloc_t", "struct pin_cookie", "acpi_bus_id", "enum bpf_map_type", "struct net_device"),
)
"""Types that embed most others, stand for arrays and functions, point to each other by typedefs, or are empty."""


def test_whatever_type_of_the_kernel_compiles_whole(tmp_path: Path) -> None:
    text = kernel_declarations()
    names = re.findall(r"^((?:struct|union|enum) \w+) \{$", text, re.MULTILINE)
    names += re.findall(r"^typedef [^\n{]*\b(\w+);$", text, re.MULTILINE)
    assert len(names) > 10000
    files = []
    for number, name in enumerate((*TRICKY, *names[:: len(names) // 25])):
        header_text = render_types([name], load_builtin(), "/* test */")
        files.append(str(tmp_path / f"{number}.c"))
        Path(files[-1]).write_text(f"{header_text}\n#include <bpf/bpf_helpers.h>\n")
    command = [CLANG or "clang", "-target", "bpf", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]
