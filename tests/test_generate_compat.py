"""`gen header` for several kernels: flavours, older names, wrappers that choose; every kfunc of each kernel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from generate_support import BTF, CLANG, check_golden, vmlinux_h
from kernel import can_load, verdicts

from kfuncgen.generate import render_header
from kfuncgen.generate.compat import same_for_compiler, same_for_loader, spans
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.kernels import parse_targets
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.prototype import parse_prototype
from kfuncgen.toolchain.clang import compile_bpf
from kfuncgen.toolchain.headers import DATA, fallback_include_args
from kfuncgen.toolchain.libbpf import Libbpf

KERNELS = ("6.1", "6.12", "6.18", "7.1", "6.1..6.18", "6.1..7.1")
CHANGED = ("bpf_list_push_front", "bpf_session_is_return", "bpf_wq_set_callback", "scx_bpf_dsq_insert___v2")


def header(names: tuple[str, ...], kernels: str, minimal: bool = False, types: tuple[str, ...] = ()) -> str:
    specs = load_builtin()
    return render_header(names, specs, parse_targets(kernels, specs), minimal=minimal, types=types)


def every_kfunc() -> tuple[str, ...]:
    functions = load_builtin().functions.values()
    callable_ones = [
        f for f in functions if f.kind == "kfunc" and f.hooks != ("FMODRET",) and f.filter != "hidden"
    ]
    assert len(callable_ones) > 360
    return tuple(sorted(function.name for function in callable_ones))


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("style", ["prototypes", "types only"])
def test_every_kfunc_in_one_file_with_vmlinux_h_before_and_after(kernels: str, style: str, tmp_path: Path) -> None:
    """vmlinux.h as new bpftools print it, and as Debian 12's does; with ours in front, behind, and alone."""
    (tmp_path / "all.h").write_text(header(every_kfunc(), kernels))
    (tmp_path / "own.h").write_text(header(every_kfunc(), kernels, minimal=True))
    specs = load_builtin()
    kernel_types = Path(fallback_include_args()[1], "vmlinux.h").read_text()
    if style == "types only":
        folder = vmlinux_h() if BTF.exists() else None
        if folder is None:
            pytest.skip("no BTF or bpftool to make vmlinux.h with")
        kernel_types = (folder / "vmlinux.h").read_text()
        kernel_types = kernel_types[: kernel_types.find("#ifndef BPF_NO_KFUNC_PROTOTYPES")]
    (tmp_path / "vmlinux.h").write_text(kernel_types)
    lacking = [name for name in specs.options if f"struct {name} {{" not in kernel_types]
    defines = [f"-DKFG_DEFINE_{name.removeprefix('bpf_').upper()}" for name in lacking]
    theirs = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n'
    texts = {"before": f'#include "all.h"\n{theirs}', "after": f'{theirs}#include "all.h"\n'}
    if style == "prototypes":
        texts["alone"] = '#include "own.h"\n#include <bpf/bpf_helpers.h>\n'
    files = []
    for name, text in texts.items():
        files.append(str(tmp_path / f"{name}.c"))
        Path(files[-1]).write_text(text)
    command = [CLANG or "clang", "-target", "bpf", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{tmp_path}"]
    done = subprocess.run([*command, *defines, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]


def test_header_for_a_range_of_kernels() -> None:
    check_golden("header/range.h", header(CHANGED, "6.1..7.1"))


def test_kernels_that_agree_need_no_wrapper() -> None:
    text = header(("bpf_task_from_pid",), "6.2..6.18")
    assert "kfg_task_from_pid" not in text
    assert "Not in Linux" not in text


def test_a_kfunc_that_came_later_says_where_it_is_not() -> None:
    text = header(("bpf_task_from_vpid",), "6.12..6.18")
    assert "Not in Linux 6.12: call it where kfg_exists(bpf_task_from_vpid) only." in text


def test_narrower_integers_are_told() -> None:
    text = header(("bpf_dynptr_adjust",), "6.12..7.0")
    assert "u64 start, u64 end" in text
    assert "Up to Linux 6.18 the kernel takes 32 bits of start, end." in " ".join(text.replace(" * ", " ").split())


def test_size_of_options_is_one_that_all_kernels_take() -> None:
    assert "#define KFG_CT_OPTS_SIZE NF_BPF_CT_OPTS_SZ\n" in header(("bpf_xdp_ct_lookup",), "6.12..6.18")
    text = header(("bpf_xdp_ct_lookup",), "6.1..6.18")
    assert "#define KFG_CT_OPTS_SIZE 12 /* what all of Linux 6.1..6.18 take */\n" in text
    assert "with opts__sz = 12:" in text


@pytest.mark.parametrize("kernels", ["6.17..6.18", "6.17,6.18..7.1", "6.12", "6.12,6.17..7.0"])
def test_command_names_the_range(kernels: str) -> None:
    shown = kernels.replace(",6.18..", "..")
    assert f"gen header bpf_strlen --kernel {shown}\n" in header(("bpf_strlen",), kernels)


@pytest.mark.parametrize(
    ("one", "other", "loader", "compiler"),
    [
        ("int f(u32 a)", "int f(u64 a)", True, False),
        ("int f(u32 a)", "s32 f(__u32 b__k)", True, True),
        ("int f(u32 a)", "void f(u32 a)", False, False),
        ("int f(void)", "int f(void *ctx)", False, False),
        ("int f(struct a *p)", "int f(struct b *p)", True, False),
        ("int f(struct a *p)", "int f(void *p)", False, False),
        ("bool f(const struct a *p)", "int f(struct a *p)", True, False),
        ("int f(enum a p)", "int f(u32 p)", False, False),
        ("int f(u32 **p)", "int f(u32 *p)", False, False),
    ],
)
def test_what_makes_a_flavour(one: str, other: str, loader: bool, compiler: bool) -> None:
    first, second = parse_prototype(one)[1], parse_prototype(other)[1]
    assert same_for_loader(first, second) == same_for_loader(second, first) == loader
    assert same_for_compiler(first, second) == same_for_compiler(second, first) == compiler


def test_spans_are_of_neighbours_in_the_range() -> None:
    known = [Kernel(6, minor) for minor in (1, 2, 3, 4, 6)]
    assert spans([known[0], known[2], known[3], known[4]], known) == "6.1, 6.3 to 6.6"


WORK = """
struct work {
	struct bpf_wq wq;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct work);
} works SEC(".maps");

static int run(void *map, int *key, void *value)
{
	(void)map, (void)key, (void)value;
	return 0;
}

SEC("tc")
int defer(struct __sk_buff *ctx)
{
	int key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	(void)ctx;
	if (!work || bpf_wq_init(&work->wq, &works, 0) || kfg_wq_set_callback(&work->wq, run, 0))
		return 0;
	return bpf_wq_start(&work->wq, 0);
}
"""
LIST = """
struct item {
	struct bpf_list_node node;
	int value;
};

#define private(name) SEC(".bss." #name) __hidden __attribute__((aligned(8)))
private(list) struct bpf_spin_lock lock;
private(list) struct bpf_list_head head __attribute__((btf_decl_tag("contains:item:node")));

SEC("tc")
int push(struct __sk_buff *ctx)
{
	struct item *item = kfg_obj_new(bpf_core_type_id_local(struct item));

	if (!item)
		return 0;
	item->value = ctx->len;
	bpf_spin_lock(&lock);
	kfg_list_push_front(&head, &item->node);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc")
int drop(struct __sk_buff *ctx)
{
	KFG_AUTO(bpf_obj_drop) struct item *item = kfg_obj_new(bpf_core_type_id_local(struct item));

	if (item)
		item->value = ctx->len;
	return 0;
}
"""


@pytest.mark.parametrize(
    ("names", "types", "kernels", "body"),
    [
        (
            ("bpf_wq_init", "bpf_wq_set_callback", "bpf_wq_start"),
            ("BPF_MAP_TYPE_ARRAY", "__sk_buff"),
            "6.10..7.0",
            WORK,
        ),
        (("bpf_obj_new", "bpf_list_push_front"), ("__sk_buff", "bpf_spin_lock"), "6.4..7.1", LIST),
    ],
    ids=["work", "list"],
)
def test_wrappers_call_what_the_running_kernel_has(
    names: tuple[str, ...], types: tuple[str, ...], kernels: str, body: str, tmp_path: Path
) -> None:
    specs = load_builtin()
    (tmp_path / "kfuncs.h").write_text(header(names, kernels, minimal=True, types=types))
    includes = '#include "kfuncs.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_core_read.h>\n'
    source = tmp_path / "chosen.bpf.c"
    source.write_text(f'{includes}{body}\nchar _license[] SEC("license") = "GPL";\n')
    output = tmp_path / "chosen.o"
    flags = ("-target", "bpf", "-Wall", "-Wextra", "-Werror", "-isystem", str(DATA / "include"))
    compile_bpf(source, output, flags)
    linted = check_paths([source], LintOptions(parse_targets(kernels, specs), specs))
    assert linted.failures == ()
    assert [f"{f.span.line}: {f.rule}: {f.message}" for f in linted.report.findings] == []
    reason = can_load()
    if reason:
        pytest.skip(reason)
    assert {name: (v.verdict, v.message) for name, v in verdicts(output).items() if v.verdict != "accepted"} == {}


@pytest.mark.skipif(can_load() is not None, reason=can_load() or "")
def test_name_of_its_own_where_vmlinux_h_came_first_needs_a_libbpf_that_drops_it(tmp_path: Path) -> None:
    """Up to 6.18 the size of a dynptr has 32 bits, and this header is for 7.0: both prototypes are in one file."""
    (tmp_path / "kfuncs.h").write_text(header(("bpf_dynptr_from_xdp", "bpf_dynptr_size"), "7.0"))
    source = tmp_path / "late.bpf.c"
    source.write_text(
        '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include "kfuncs.h"\n\n'
        'SEC("xdp")\nint size(struct xdp_md *ctx)\n{\n\tstruct bpf_dynptr packet;\n\n'
        "\treturn bpf_dynptr_from_xdp(ctx, 0, &packet) ? 0 : bpf_dynptr_size(&packet) & 1;\n}\n\n"
        'char _license[] SEC("license") = "GPL";\n'
    )
    output = tmp_path / "late.o"
    first = ("-isystem", str(DATA / "include"), *fallback_include_args())
    compile_bpf(source, output, ("-target", "bpf", "-Wall", "-Wextra", "-Werror", *first))
    verdict = verdicts(output)["size"]
    assert verdict.verdict == ("accepted" if Libbpf().version >= (1, 3) else "rejected"), verdict
