"""`gen header`: what it says, what it refuses, and that C compilers and analyzers take it."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from generate_support import BTF, CLANG, check_golden, vmlinux_h

from kfuncgen.diagnostic import UsageError
from kfuncgen.generate import render_header
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel

XFRM = ("bpf_xdp_get_xfrm_state",)
STATE = ("struct xfrm_state:props.replay_window",)

LOOKUP = """
int lookup(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts opts;
	xfrm_address_t daddr = {};
	struct xfrm_state *state;
	int window;

	kfg_xfrm_state_opts_init(&opts, BPF_F_CURRENT_NETNS, &daddr, 1, IPPROTO_ESP, AF_INET);
	state = kfg_xdp_get_xfrm_state(ctx, &opts);
	%s
	window = state->props.replay_window;
	%s
	return window;
}
"""
CHECK = "if (!state) return -kfg_xfrm_state_opts_error(opts.error);"
RELEASE = "bpf_xdp_xfrm_state_release(state);"


@cache
def every_kfunc() -> tuple[str, ...]:
    specs = load_builtin()
    return tuple(
        name
        for name, function in sorted(specs.functions.items())
        if function.kind == "kfunc" and function.exists_at(specs.newest)
        if function.hooks != ("FMODRET",) and function.filter != "hidden"
    )


def clang(source: str, tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Compiles `source` for BPF with warnings as errors."""
    file = tmp_path / "source.c"
    file.write_text(source)
    assert CLANG, "no clang found"
    command = [CLANG, "-target", "bpf", "-O2", "-g", "-Wall", "-Wextra", "-Werror", *args]
    return subprocess.run(
        [*command, "-c", str(file), "-o", str(tmp_path / "source.o")], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("minimal", [False, True], ids=["plain", "minimal"])
def test_header_of_the_xfrm_kfuncs(minimal: bool) -> None:
    text = render_header(XFRM, load_builtin(), minimal=minimal, types=STATE if minimal else ())
    check_golden(f"header/xfrm{'-minimal' if minimal else ''}.h", text)


def test_header_of_kfuncs_with_other_shapes() -> None:
    names = ["bpf_skb_ct_lookup", "bpf_cpumask_acquire", "bpf_iter_task_new", "bpf_iter_task_destroy"]
    check_golden("header/other.h", render_header(names, load_builtin()))


def test_release_comes_along_and_before_what_acquires() -> None:
    text = render_header(XFRM, load_builtin())
    assert 0 < text.index("extern void bpf_xdp_xfrm_state_release(") < text.index("bpf_xdp_get_xfrm_state(struct")


def test_what_a_caller_cannot_do_without_comes_along() -> None:
    specs = load_builtin()
    text = render_header(["bpf_iter_bits_new"], specs)
    assert "bpf_iter_bits_next(" in text
    assert "void bpf_iter_bits_destroy(" in text
    assert "void bpf_preempt_enable(void)" in render_header(["bpf_preempt_disable"], specs)


def test_only_what_is_of_use_is_written() -> None:
    text = render_header(["bpf_dynptr_is_null"], load_builtin())
    for word in ("KFG_AUTO", "KFG_GUARD", "kfg_take", "KFG_ACQUIRES", "_ERRORS", "#define E"):
        assert word not in text


def test_errors_that_are_results_are_decoded(tmp_path: Path) -> None:
    text = render_header(["bpf_crypto_encrypt"], load_builtin(), minimal=True)
    source = f"""{text}
#define NAME(name, number, cause) _Static_assert(name == number, cause);
KFG_CRYPTO_ENCRYPT_ERRORS(NAME)
int which(int error)
{{
	return kfg_crypto_encrypt_error(error) == KFG_CRYPTO_ENCRYPT_EINVAL;
}}
"""
    done = clang(source, tmp_path)
    assert done.returncode == 0, done.stderr


def test_order_of_names_changes_nothing_but_the_command() -> None:
    specs = load_builtin()
    one = render_header(["bpf_task_from_pid", "bpf_xdp_get_xfrm_state"], specs, command="x")
    assert one == render_header(["bpf_xdp_get_xfrm_state", "bpf_task_from_pid"], specs, command="x")
    assert one == render_header(["bpf_task_from_pid", *XFRM, *XFRM], specs, command="x")


def test_command_names_the_kernel_only_when_it_is_not_the_newest() -> None:
    specs = load_builtin()
    assert "Remake: kfuncgen gen header bpf_xdp_get_xfrm_state\n" in render_header(XFRM, specs)
    assert "bpf_xdp_get_xfrm_state --kernel 6.8\n" in render_header(XFRM, specs, Kernel(6, 8))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no kfunc named, expected for example bpf_task_from_pid"),
        (["bpf_xdp_get_xfrm_stat"], "unknown kfunc 'bpf_xdp_get_xfrm_stat', did you mean bpf_xdp_get_xfrm_state"),
        (["task_from_pid"], "did you mean bpf_task_from_pid"),
        (["xyzzy"], "unknown kfunc 'xyzzy', see 'kfuncgen spec list'"),
        (["bpf_ringbuf_reserve"], "'bpf_ringbuf_reserve' is a helper, not a kfunc"),
        (["a\x1b[31m\n"], r"unknown kfunc 'a\?\[31m\?'"),
    ],
)
def test_bad_names_are_told_with_what_is_valid(names: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        render_header(names, load_builtin())


def test_every_kfunc_compiles_with_a_minimal_header_of_its_own(tmp_path: Path) -> None:
    """One file per kfunc, all given to one clang: without vmlinux.h, some with libbpf's headers after ours."""
    files = []
    for number, name in enumerate(every_kfunc()):
        (tmp_path / f"{name}.h").write_text(render_header([name], load_builtin(), minimal=True))
        file = tmp_path / f"{name}.c"
        helpers = "" if number % 10 else "#include <bpf/bpf_helpers.h>\n"
        file.write_text(f'#include "{name}.h"\n{helpers}void *p = {name};\n')
        files.append(str(file))
    assert len(files) > 100
    command = [CLANG, "-target", "bpf", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]


@pytest.mark.skipif(not BTF.exists(), reason="the running kernel has no BTF to make vmlinux.h from")
@pytest.mark.parametrize("first", ["header", "vmlinux"])
def test_every_kfunc_compiles_with_the_vmlinux_h_of_this_kernel(tmp_path: Path, first: str) -> None:
    include = vmlinux_h()
    if include is None:
        pytest.skip("no bpftool to make vmlinux.h with")
    kernel_types = (include / "vmlinux.h").read_text()
    specs = load_builtin()
    lacking = [name for name in specs.options if f"struct {name} {{" not in kernel_types]
    missing = [f"-DKFG_DEFINE_{name.removeprefix('bpf_').upper()}" for name in lacking]
    (tmp_path / "all.h").write_text(render_header(every_kfunc(), specs))
    before = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n' if first == "vmlinux" else ""
    done = clang(f'{before}#include "all.h"\n#include <bpf/bpf_helpers.h>\n', tmp_path, f"-I{include}", *missing)
    assert done.returncode == 0, done.stderr[:2000]


def test_wrappers_and_scope_bound_release_compile(tmp_path: Path) -> None:
    (tmp_path / "k.h").write_text(render_header(XFRM, load_builtin(), minimal=True, types=STATE))
    scoped = """
int scoped(struct xdp_md *ctx, struct bpf_xfrm_state_opts *opts, struct xfrm_state **out)
{
	KFG_AUTO(bpf_xdp_xfrm_state_release) struct xfrm_state *state = kfg_xdp_get_xfrm_state(ctx, opts);

	if (opts->error)
		return 1;
	*out = kfg_take(state);
	return kfg_exists(bpf_xdp_get_xfrm_state);
}
"""
    source = f'#include "k.h"\n#include <bpf/bpf_helpers.h>\n{LOOKUP % (CHECK, RELEASE)}{scoped}'
    done = clang(source, tmp_path)
    assert done.returncode == 0, done.stderr


def test_size_constant_of_the_minimal_header_is_checked_by_the_compiler(tmp_path: Path) -> None:
    text = render_header(XFRM, load_builtin(), minimal=True)
    assert clang(text, tmp_path, "-Wno-unused-function").returncode == 0
    done = clang(text.replace("u32 mark;", "u64 mark;"), tmp_path, "-Wno-unused-function")
    assert "has the size that the kernel accepts" in done.stderr


USES = {
    "xfrm": (XFRM, STATE, LOOKUP, CHECK, RELEASE),
    "task": (
        ("bpf_task_from_pid",),
        ("struct task_struct:pid",),
        "int look(int pid)\n{\n\tstruct task_struct *task = bpf_task_from_pid(pid);\n\tint found;\n\n"
        "\t%s\n\tfound = task->pid;\n\t%s\n\treturn found;\n}\n",
        "if (!task) return 0;",
        "bpf_task_release(task);",
    ),
    "conntrack": (
        ("bpf_xdp_ct_lookup",),
        ("struct nf_conn:mark",),
        "int look(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, struct bpf_ct_opts *opts)\n{\n"
        "\tstruct nf_conn *ct = kfg_xdp_ct_lookup(ctx, tuple, sizeof(tuple->ipv4), opts);\n\tint mark;\n\n"
        "\t%s\n\tmark = ct->mark;\n\t%s\n\treturn mark;\n}\n",
        "if (!ct) return 0;",
        "bpf_ct_release(ct);",
    ),
    "cgroup": (
        ("bpf_cgroup_from_id",),
        ("struct cgroup:level",),
        "int look(u64 id)\n{\n\tstruct cgroup *cgroup = bpf_cgroup_from_id(id);\n\tint level;\n\n"
        "\t%s\n\tlevel = cgroup->level;\n\t%s\n\treturn level;\n}\n",
        "if (!cgroup) return 0;",
        "bpf_cgroup_release(cgroup);",
    ),
}
"""Per family: kfuncs, types, a caller with places for check and release, and these two."""


@pytest.mark.parametrize("family", USES)
@pytest.mark.parametrize(
    ("checks", "releases", "gcc", "clang"),
    [
        (1, 1, "", ""),
        (1, 0, "-Wanalyzer-malloc-leak", "unix.Malloc"),
        (0, 1, "-Wanalyzer-possible-null-", ""),
        (1, 2, "-Wanalyzer-double-free", "unix.Malloc"),
    ],
    ids=["right", "leak", "unchecked", "double"],
)
def test_annotations_let_analyzers_join_in(
    family: str, checks: int, releases: int, gcc: str, clang: str, tmp_path: Path
) -> None:
    names, types, caller, check, release = USES[family]
    (tmp_path / "k.h").write_text(render_header(names, load_builtin(), minimal=True, types=types))
    source = tmp_path / "lookup.c"
    source.write_text(f'#include "k.h"\n{caller % (check * checks, release * releases)}')
    if not shutil.which("gcc"):
        pytest.skip("no gcc")
    command = ["gcc", "-fanalyzer", "-O2", "-S", "-o", "/dev/null", "-Wno-attributes", "-DKFG_ANALYZE"]
    command += [str(source)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert (gcc in told) if gcc else not told
    assert CLANG, "no clang found"
    command = [CLANG, "--analyze", "--analyzer-no-default-checks", "-Xclang", "-analyzer-checker=unix.Malloc"]
    command += ["-Xclang", "-analyzer-config", "-Xclang", "unix.DynamicMemoryModeling:Optimistic=true"]
    command += ["-target", "bpf", "-DKFG_ANALYZE", "-o", "/dev/null", str(source)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert (clang in told) if clang else not told


@pytest.mark.parametrize("name", ["update_socket_protocol", "bpf_qdisc_init_prologue"])
def test_what_no_program_calls_is_not_declared(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is not for calling"):
        render_header([name], load_builtin())
