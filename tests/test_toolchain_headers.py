"""The bundled headers: parsed with nothing else installed, compiled, and loaded into a verifier."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from clang import cindex
from kernel import verdicts

from kfuncgen.cachedir import cache_dir
from kfuncgen.toolchain import clang
from kfuncgen.toolchain.headers import DATA, WITHOUT_PROTOTYPES, fallback_include_args, fallback_used

ALONE = ("--target=bpf", "-nostdinc", "-D__TARGET_ARCH_x86")
"""No system header at all, as on a machine where only the Python package is installed."""

WITH_VMLINUX = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdarg.h>
#include <limits.h>
#include <errno.h>

char _license[] SEC("license") = "GPL";
extern int kfuncgen_absent(int value) __ksym __weak;
struct value { struct task_struct __kptr *task; struct bpf_spin_lock lock; };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct value);
} values SEC(".maps");
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int); };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__array(values, struct inner);
} outer SEC(".maps");
long total;
char text[16];

__noinline int checked(struct task_struct *task __arg_trusted __arg_nullable)
{
	return task ? task->pid : 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(core, struct task_struct *task, u64 flags)
{
	const unsigned char *name = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
	struct cred *cred;
	u32 inum = 0;

	BPF_CORE_READ_INTO(&inum, task, nsproxy, uts_ns, ns.inum);
	BPF_CORE_READ_STR_INTO(&text, task, comm);
	BPF_PROBE_READ_INTO(&cred, task, cred);
	total += BPF_PROBE_READ(task, group_leader, pid) + BPF_CORE_READ_BITFIELD_PROBED(task, in_execve);
	total += BPF_CORE_READ_BITFIELD(task, sched_reset_on_fork) + bpf_core_type_size(struct task_struct);
	if (bpf_core_field_exists(task->pid) && bpf_core_field_exists(struct task_struct, tgid))
		total += bpf_core_field_size(task->comm) + bpf_core_field_offset(struct task_struct, comm);
	if (bpf_core_type_exists(struct bpf_iter_num) &&
		bpf_core_enum_value_exists(enum bpf_map_type, BPF_MAP_TYPE_HASH))
		total += bpf_core_enum_value(enum bpf_map_type, BPF_MAP_TYPE_HASH);
	total += bpf_core_cast(task, struct task_struct)->tgid + inum + (name != NULL) + (cred != NULL);
	return checked(task);
}

struct pair { u64 first, second; };
SEC("tp_btf/task_newtask")
int BPF_PROG2(second, struct task_struct *, task, unsigned long, flags)
{
	total += task->pid + flags;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(loops, struct task_struct *task, u64 flags)
{
	struct task_struct *each;
	int i, *number;

	bpf_for(i, 0, 5)
		total += i;
	bpf_repeat(3)
		total++;
	bpf_for_each(num, number, 0, 4)
		total += *number;
	bpf_rcu_read_lock();
	bpf_for_each(task, each, NULL, BPF_TASK_ITER_ALL_PROCS)
		total += each->pid;
	bpf_rcu_read_unlock();
	if (bpf_ksym_exists(kfuncgen_absent))
		total += kfuncgen_absent(1);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(prints, struct task_struct *task, u64 flags)
{
	bpf_printk("none");
	bpf_printk("one %d", 1);
	bpf_printk("four %d %d %d %d", 1, 2, 3, 4);
	BPF_SNPRINTF(text, sizeof(text), "%d", task->pid);
	return 0;
}

SEC("iter/task")
int dump(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d %s", task->pid, task->comm);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(stash, struct task_struct *task, u64 flags)
{
	int key = 0;
	struct value *value = bpf_map_lookup_elem(&values, &key);
	struct task_struct *held, *old;

	if (!value)
		return 0;
	held = bpf_task_acquire(task);
	if (!held)
		return 0;
	old = bpf_kptr_xchg(&value->task, held);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("xdp")
int packet(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	u64 wide = bpf_cpu_to_be64(1) + bpf_htonl(2) + bpf_ntohs(3);

	barrier();
	barrier_var(wide);
	if (unlikely((void *)(eth + 1) > (void *)(long)ctx->data_end))
		return XDP_ABORTED;
	total = container_of(&eth->h_proto, struct ethhdr, h_proto)->h_proto + wide + INT_MAX + UINT8_MAX;
	return likely(eth->h_proto == bpf_htons(0x0800)) ? XDP_PASS : XDP_DROP;
}
"""

PROBES = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
char _license[] SEC("license") = "GPL";
long total;
SEC("kprobe/f") int BPF_KPROBE(enter, struct path *path, umode_t mode) { total += mode + !path; return 0; }
SEC("kretprobe/f") int BPF_KRETPROBE(leave, long result) { total += result + PT_REGS_PARM2_CORE(ctx); return 0; }
SEC("ksyscall/openat") int BPF_KSYSCALL(call, int folder, const char *name) { total += folder; return 0; }
SEC("uprobe") int BPF_UPROBE(user, int one) { unsigned long ip; BPF_KPROBE_READ_RET_IP(ip, ctx); return ip + one; }
SEC("uretprobe") int BPF_URETPROBE(user_return, int result) { return result + PT_REGS_IP(ctx); }
"""

WITHOUT_VMLINUX = """\
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/pkt_cls.h>
#include <linux/ptrace.h>
#include <sys/socket.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char _license[] SEC("license") = "GPL";

SEC("xdp")
int ports(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_TX;
}

SEC("tc")
int lookup(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);

	if (sk)
		bpf_sk_release(sk);
	return AF_INET6 == 10 ? TC_ACT_OK : TC_ACT_SHOT;
}
"""


def errors(source: str, *args: str) -> list[str]:
    """What libclang finds wrong with `source`."""
    unit = cindex.Index.create().parse(
        "test.bpf.c", args=[*args, "-Wall", "-Wno-unused"], unsaved_files=[("test.bpf.c", source)]
    )
    return [str(d) for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Warning]


@pytest.mark.parametrize("source", [WITH_VMLINUX, PROBES, WITHOUT_VMLINUX], ids=["vmlinux", "probes", "uapi"])
def test_programs_parse_with_nothing_else_installed(source: str) -> None:
    assert errors(source, *ALONE, *fallback_include_args()) == []
    assert errors(source, *ALONE) != [], "the simulation must not find system headers"


@pytest.mark.parametrize("machine", ["arm64", "s390", "riscv", "powerpc"])
def test_bundled_vmlinux_is_x86_wherever_it_is_parsed(machine: str) -> None:
    assert errors(PROBES, *ALONE[:-1], f"-D__TARGET_ARCH_{machine}", *fallback_include_args()) == []


@pytest.mark.parametrize(
    ("machine", "registers"),
    [
        ("arm64", "struct user_pt_regs { unsigned long regs[31], sp, pc; };"),
        ("arm", "struct pt_regs { unsigned long uregs[18]; };"),
        ("s390", "typedef struct { struct { unsigned long addr; } psw; unsigned long gprs[16]; } user_pt_regs;"),
        ("powerpc", "struct pt_regs { unsigned long gpr[32], nip, link, orig_gpr3; };"),
        ("riscv", "struct user_regs_struct { unsigned long pc, ra, sp, s0, a0, a1, a2, a3, a4, a5, a6, a7; };"),
        ("loongarch", "struct user_pt_regs { unsigned long regs[32], csr_era; };"),
        ("mips", "struct pt_regs { unsigned long regs[32], cp0_epc; };"),
    ],
)
def test_registers_of_other_machines(machine: str, registers: str) -> None:
    program = re.sub(r'.*(ksyscall|uprobe|"uretprobe).*\n', "", PROBES).replace(
        '#include "vmlinux.h"', f"#include <linux/types.h>\n{registers}\nstruct path; typedef short umode_t;"
    )
    assert errors(program, *ALONE[:-1], f"-D__TARGET_ARCH_{machine}", *fallback_include_args()) == []


def test_every_bundled_header_stands_alone() -> None:
    for file in sorted((DATA / "include").rglob("*.h")):
        name = file.relative_to(DATA / "include")
        types = "#include <linux/types.h>\n" if name.parts[0] == "bpf" else ""  # as libbpf's own expect it
        source = f"{types}#include <{name}>\n#include <{name}>\nint kfuncgen_after;\n"
        assert errors(source, *ALONE, *fallback_include_args()) == [], name


@pytest.mark.kernel
@pytest.mark.parametrize("source", [WITH_VMLINUX, WITHOUT_VMLINUX], ids=["vmlinux", "uapi"])
def test_programs_built_with_nothing_else_are_accepted(source: str, tmp_path: Path) -> None:
    file = tmp_path / "bundled.bpf.c"
    file.write_text(source)
    output = tmp_path / "bundled.o"
    clang.compile_bpf(file, output, (*ALONE, "-Werror", *fallback_include_args()))
    found = verdicts(output)
    assert {n: (v.verdict, v.message) for n, v in found.items()} == dict.fromkeys(found, ("accepted", ""))
    assert len(found) >= 2


def test_helpers_have_the_numbers_of_the_kernel() -> None:
    """The declarations against the enum in the kernel's own BTF (vmlinux.h)."""
    text = (DATA / "include/bpf/bpf_helper_defs.h").read_text()
    declared = {name: int(n) for name, n in re.findall(r"\(\* const bpf_(\w+)\)\(.*\) = \(void \*\) (\d+);", text)}
    folder = Path(fallback_include_args()[1])
    vmlinux = (folder / "vmlinux.h").read_text()
    kernel = {name: int(n) for name, n in re.findall(r"^\tBPF_FUNC_(\w+) = (\d+),$", vmlinux, re.MULTILINE)}
    assert kernel.pop("unspec") == 0
    assert declared == {name: number for name, number in kernel.items() if not name.startswith("__")}
    assert len(declared) == 211


def test_real_headers_win_over_bundled_ones(tmp_path: Path) -> None:
    (tmp_path / "vmlinux.h").write_text("struct only_here { int x; };\n")
    source = '#include "vmlinux.h"\nstruct only_here value;\n'
    assert errors(source, *ALONE, "-I", str(tmp_path), *fallback_include_args()) == []


def test_prototypes_can_be_left_out_for_sources_that_declare_otherwise() -> None:
    source = '#include "vmlinux.h"\nextern void bpf_task_release(struct cgroup *other);\n'
    assert any("conflicting types" in e for e in errors(source, *ALONE, *fallback_include_args()))
    assert errors(source, *ALONE, WITHOUT_PROTOTYPES, *fallback_include_args()) == []


def test_used_bundled_headers_are_told_apart(tmp_path: Path) -> None:
    folder = fallback_include_args()[1]
    ours = [f"{folder}/vmlinux.h", str(DATA / "include/bpf/bpf_helpers.h"), f"{DATA}/include/bpf/../stddef.h"]
    others = ["x.bpf.c", "/usr/include/bpf/bpf_endian.h", str(tmp_path / "vmlinux.h")]
    assert fallback_used(others + ours) == ["bpf/bpf_helpers.h", "stddef.h", "vmlinux.h"]


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


SHOW = "from kfuncgen.toolchain.headers import *; a = fallback_include_args(); print(a[1]); "


def test_header_is_unpacked_once_into_the_cache(tmp_path: Path) -> None:
    folder = Path(run_python(SHOW, XDG_CACHE_HOME=str(tmp_path)))
    assert folder.parent == tmp_path / "kfuncgen"
    before = (folder / "vmlinux.h").stat()
    assert run_python(SHOW, XDG_CACHE_HOME=str(tmp_path)) == str(folder)
    assert (folder / "vmlinux.h").stat().st_mtime_ns == before.st_mtime_ns
    assert [p.name for p in folder.parent.iterdir()] == [folder.name], "nothing half-made is left"


def test_header_is_not_unpacked_for_those_who_have_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    own = tmp_path / "own"
    own.mkdir()
    (own / "vmlinux.h").write_text("struct only_here { int x; };\n")
    for args in (("-I", str(own)), (f"-I{own}",), ("-O2", "-isystem", str(own))):
        first = fallback_include_args(args)
        assert not (tmp_path / "cache").exists()
        assert fallback_used([str(own / "vmlinux.h"), f"{first[1]}/vmlinux.h"]) == ["vmlinux.h"]
    (own / "vmlinux.h").unlink()
    assert fallback_include_args(("-I", str(own))) == first, "arguments name the same folder"
    assert (Path(first[1]) / "vmlinux.h").is_file()


def test_what_the_kernel_declares_is_known_without_a_cache(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    code = "from kfuncgen.toolchain.headers import *; print(kernel_declares_struct('task_struct')); "
    code += "print(kernel_declares_struct('no_such'), kernel_declares_constant('BPF_MAP_TYPE_HASH'))"
    told = run_python(code, XDG_CACHE_HOME=str(blocked), TMPDIR=str(tmp_path))
    assert told.split() == ["True", "False", "True"]
    assert list(tmp_path.iterdir()) == [blocked]


def test_unwritable_cache_is_replaced_by_a_temporary_folder(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    code = SHOW + "from pathlib import Path; print((Path(a[1]) / 'vmlinux.h').stat().st_size > 2_000_000)"
    folder, whole = run_python(code, XDG_CACHE_HOME=str(blocked), TMPDIR=str(tmp_path)).splitlines()
    assert folder.startswith(str(tmp_path)) and whole == "True"
    assert not Path(folder).exists(), "it goes with the process"


def test_several_processes_may_unpack_at_once(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", SHOW], env=environment, stdout=subprocess.PIPE) for _ in range(3)
    ]
    folders = {process.communicate(timeout=60)[0] for process in running}
    assert len(folders) == 1 and all(process.returncode == 0 for process in running)
    assert len(list((tmp_path / "kfuncgen").iterdir())) == 1


def test_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "kfuncgen"


def test_clang_is_found_by_version_or_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("clang-9", "clang-19", "clang-19x", "clang-format-20"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KFUNCGEN_CLANG", raising=False)
    assert clang.find_clang() == str(tmp_path / "clang-19")
    monkeypatch.setenv("KFUNCGEN_CLANG", "clang-9")
    assert clang.find_clang() == str(tmp_path / "clang-9")
    monkeypatch.setenv("KFUNCGEN_CLANG", "clang-99")
    with pytest.raises(clang.UsageError, match="KFUNCGEN_CLANG names 'clang-99'"):
        clang.find_clang()
    monkeypatch.delenv("KFUNCGEN_CLANG")
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(clang.UsageError, match="clang is needed"):
        clang.find_clang()
