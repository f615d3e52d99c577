"""What the real verifier says, program by program, and what is said when it cannot be asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kernel import compile_bpf, verdicts

from kfuncgen.diagnostic import SourceError, UsageError
from kfuncgen.toolchain.flags import find_flags
from kfuncgen.toolchain.headers import fallback_include_args
from kfuncgen.verify import require_capability, run, verify_files, verify_object
from kfuncgen.verify.elf import called_symbol, read_object, source_line
from kfuncgen.verify.log import read_log

HEAD = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
char _license[] SEC("license") = "GPL";
int sink;
"""

SEVERAL = (
    HEAD
    + """\
SEC("tp_btf/task_newtask")
int BPF_PROG(good, struct task_struct *task, u64 flags)
{
	struct task_struct *held = bpf_task_acquire(task);

	if (held) {
		sink = held->pid;
		bpf_task_release(held);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(leak, struct task_struct *task, u64 flags)
{
	struct task_struct *held = bpf_task_acquire(task);

	if (held)
		sink = held->pid;
	return 0;
}

SEC("?tp_btf/task_newtask")
int BPF_PROG(null_argument, struct task_struct *task, u64 flags)
{
	bpf_task_release(bpf_task_from_pid(1)); /* null_argument */
	return 0;
}

extern int kfuncgen_absent(int value) __ksym __weak;

SEC("syscall")
int weak_called(void *ctx)
{
	return kfuncgen_absent(1); /* weak_called */
}

SEC("syscall")
int weak_guarded(void *ctx)
{
	return &kfuncgen_absent ? kfuncgen_absent(1) : 0;
}

SEC("xdp")
int wrong_hook(struct xdp_md *ctx)
{
	struct cpumask *mask = (void *)bpf_cpumask_create();

	return mask ? 2 : 1;
}
"""
)


def line_of(source: str, mark: str) -> int:
    """The line of `source` with the comment `mark`."""
    return next(n for n, text in enumerate(source.splitlines(), 1) if f"/* {mark} */" in text)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_bpf(SEVERAL, tmp_path_factory.mktemp("several"))


@pytest.mark.kernel
def test_each_program_of_an_object_has_its_own_verdict(several: Path) -> None:
    found = verdicts(several)
    assert {name: v.verdict for name, v in found.items()} == {
        "good": "accepted",
        "leak": "rejected",
        "null_argument": "rejected",
        "weak_called": "rejected",
        "weak_guarded": "accepted",
        "wrong_hook": "rejected",
    }
    assert found["good"].message == "" and found["good"].log == ""
    assert found["leak"].message.startswith("Unreleased reference id=")
    assert found["null_argument"].message.startswith("Possibly NULL pointer passed to trusted arg0")
    assert found["null_argument"].section == "tp_btf/task_newtask"
    assert found["null_argument"].line == line_of(SEVERAL, "null_argument")
    assert found["weak_called"].message == "kfunc 'kfuncgen_absent' is referenced but wasn't resolved"
    assert found["weak_called"].line == line_of(SEVERAL, "weak_called")
    assert "is not allowed" in found["wrong_hook"].message
    assert "processed" in found["leak"].log


@pytest.mark.kernel
def test_only_the_named_programs_are_loaded(several: Path) -> None:
    found = verify_object(several, only=("null_argument", "good", "no_such_program"))
    assert [(v.program, v.verdict) for v in found] == [("good", "accepted"), ("null_argument", "rejected")]
    assert verify_object(several, only=("no_such_program",)) == []


@pytest.mark.kernel
def test_sources_are_compiled_and_classified(tmp_path: Path) -> None:
    source = tmp_path / "several.bpf.c"
    source.write_text(SEVERAL)
    asked = []

    def classify(message: str) -> str:
        asked.append(message)
        return "reference-leak" if "would lead to reference leak" in message else ""

    found = {v.program: v for v in verify_files([source], classify)}
    assert found["leak"].rule == "reference-leak", "all lines of a reason are offered, the main one first"
    assert found["null_argument"].rule == "" and found["null_argument"].file == str(source)
    assert all(asked) and len(found) == 6


@pytest.mark.kernel
def test_missing_strong_kfunc_is_not_a_verdict(tmp_path: Path) -> None:
    source = HEAD + (
        "extern int kfuncgen_absent(int value) __ksym;\n"
        'SEC("syscall") int f(void *c) { return kfuncgen_absent(1); }\n'
    )
    verdict = verdicts(compile_bpf(source, tmp_path))["f"]
    assert verdict.verdict == "not-loaded"
    assert verdict.message == "extern (func ksym) 'kfuncgen_absent': not found in kernel or module BTFs"
    assert verdict.line == 0 and verdict.log.startswith("libbpf: ")


@pytest.mark.kernel
def test_missing_attach_target_is_not_a_verdict(tmp_path: Path) -> None:
    source = HEAD + 'SEC("tp_btf/kfuncgen_no_such") int BPF_PROG(f) { return 0; }\n'
    verdict = verdicts(compile_bpf(source, tmp_path))["f"]
    assert verdict.verdict == "not-loaded" and "kfuncgen_no_such" in verdict.message


@pytest.mark.kernel
def test_map_that_cannot_be_made_is_not_a_verdict(tmp_path: Path) -> None:
    source = HEAD + (
        "struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 0); __type(key, int); __type(value, int); }"
        ' m SEC(".maps");\n'
        'SEC("syscall") int f(void *c) { int k = 0; return bpf_map_lookup_elem(&m, &k) ? 1 : 0; }\n'
    )
    verdict = verdicts(compile_bpf(source, tmp_path))["f"]
    assert verdict.verdict == "not-loaded" and "map" in verdict.message


@pytest.mark.kernel
def test_load_refused_before_the_verifier_is_not_a_verdict(tmp_path: Path) -> None:
    source = HEAD + 'SEC("fentry/do_unlinkat") int BPF_PROG(f) { return 0; }\n'
    verdict = verdicts(compile_bpf(source, tmp_path))["f"]
    if verdict.verdict == "accepted":
        pytest.skip("this kernel allows fentry; the refusal cannot be provoked")
    assert verdict.verdict == "not-loaded" and "Operation not permitted" in verdict.message
    assert "ulimit" not in verdict.message


@pytest.mark.kernel
def test_program_without_gpl_license_may_not_call_kfuncs(tmp_path: Path) -> None:
    source = HEAD.replace('"GPL"', '"Proprietary"')
    source += 'SEC("syscall") int f(void *c) { bpf_rcu_read_lock(); return 0; }\n'
    verdict = verdicts(compile_bpf(source, tmp_path))["f"]
    assert verdict.verdict == "rejected"
    assert verdict.message == "cannot call kernel function from non-GPL compatible program"


@pytest.mark.kernel
def test_struct_ops_programs_are_loaded_alone(tmp_path: Path) -> None:
    source = HEAD + (
        'SEC("struct_ops/a") u32 BPF_PROG(a, struct sock *sk) { return tcp_reno_ssthresh(sk); }\n'
        'SEC("struct_ops/b") u32 BPF_PROG(b, struct sock *sk)\n'
        "{ struct task_struct *t = bpf_task_from_pid(1); if (t) sink = t->pid; return 1; }\n"
        'SEC(".struct_ops") struct tcp_congestion_ops ops = {\n'
        '\t.ssthresh = (void *)a, .undo_cwnd = (void *)b, .name = "kfuncgen" };\n'
        'SEC("syscall") int c(void *ctx) { return 0; }\n'
    )
    found = {name: v.verdict for name, v in verdicts(compile_bpf(source, tmp_path)).items()}
    assert found == {"a": "accepted", "b": "rejected", "c": "accepted"}


@pytest.mark.kernel
def test_nothing_is_pinned(tmp_path: Path) -> None:
    source = HEAD + (
        "struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1);\n"
        " __type(key, int); __type(value, int); __uint(pinning, LIBBPF_PIN_BY_NAME);\n"
        '} kfuncgen_pinned SEC(".maps");\n'
        'SEC("syscall") int f(void *c) { int k = 0; return bpf_map_lookup_elem(&kfuncgen_pinned, &k) ? 1 : 0; }\n'
    )
    assert verdicts(compile_bpf(source, tmp_path))["f"].verdict == "accepted"
    assert not Path("/sys/fs/bpf/kfuncgen_pinned").exists()


@pytest.mark.kernel
def test_object_without_programs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no BPF program"):
        verify_object(compile_bpf("int x = 1;\n", tmp_path))


@pytest.mark.kernel
def test_source_that_does_not_compile_tells_the_compilers_words(tmp_path: Path) -> None:
    source = tmp_path / "bad.bpf.c"
    source.write_text("int f(void)\n{ return missing; }\n")
    with pytest.raises(SourceError, match="does not compile") as caught:
        verify_files([source])
    assert caught.value.place is not None and caught.value.place.line == 2
    assert any("undeclared identifier 'missing'" in line for line in caught.value.details)


@pytest.mark.kernel
def test_source_with_own_prototypes_compiles_with_the_bundled_vmlinux(tmp_path: Path) -> None:
    source = tmp_path / "own.bpf.c"
    source.write_text(
        HEAD
        + "extern struct task_struct *bpf_task_from_pid(int pid) __ksym;\n"
        + "extern void bpf_task_release(const struct task_struct *task) __ksym;\n"
        + 'SEC("syscall") int f(void *c)\n'
        + "{ struct task_struct *t = bpf_task_from_pid(1); if (t) bpf_task_release(t); return 0; }\n"
    )
    with pytest.raises(SourceError):
        run.compile_bpf(source, tmp_path / "own.o", (*find_flags(source).args, *fallback_include_args()))
    assert [v.verdict for v in verify_files([source])] == ["accepted"]


@pytest.mark.kernel
def test_malformed_bpf_elf_is_one_clear_error(several: Path, tmp_path: Path) -> None:
    data = several.read_bytes()
    for number, broken in enumerate((data[:200], data[:40] + b"\xff" * 8 + data[48:], data[:64] + b"\0" * 4096)):
        file = tmp_path / f"broken{number}.o"
        file.write_bytes(broken)
        with pytest.raises(UsageError) as caught:
            verify_object(file)
        assert str(caught.value).startswith(str(file)) and "\n" not in str(caught.value)


WORKER = """\
import json, os, sys, time
print(json.dumps({{"programs": [["one", "xdp"], ["two", "xdp"], ["three", "xdp"]]}}), flush=True)
for index in range(int(sys.argv[2]), 3):
    if index == 1:
        {fate}
    print(json.dumps({{"end": index, "loaded": True, "log": "", "messages": []}}), flush=True)
"""


@pytest.mark.parametrize(
    ("fate", "message"),
    [
        ("os.kill(os.getpid(), 11)", "libbpf crashed (SIGSEGV)"),
        ("time.sleep(60)", "no verdict within 0.5 s"),
        ("os._exit(3)", "the loading process ended with status 3"),
    ],
)
def test_crash_or_hang_costs_one_program_only(
    fate: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER.format(fate=fate))
    monkeypatch.setattr(run, "WORKER", (str(worker),))
    monkeypatch.setattr(run, "read_object", lambda path, shown: b"")
    found = verify_object(tmp_path / "any.o", timeout=0.5)
    assert [(v.program, v.verdict, v.message) for v in found] == [
        ("one", "accepted", ""),
        ("two", "not-loaded", message),
        ("three", "accepted", ""),
    ]


def test_unusable_inputs_are_one_clear_error(tmp_path: Path) -> None:
    text = tmp_path / "text.o"
    text.write_text("no object\n" * 20)
    fifo = tmp_path / "fifo.o"
    os.mkfifo(fifo)
    for path, message in (
        (text, "is no ELF object"),
        (Path(sys.executable).resolve(), "not for BPF"),
        (tmp_path, "is no file"),
        (fifo, "is no file"),
        (tmp_path / "absent.o", "does not exist"),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            verify_object(path)
        assert str(caught.value).startswith(str(path))


def test_huge_object_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "huge.o"
    with file.open("wb") as stream:
        stream.write(b"\x7fELF")
        stream.truncate(65 * 1024 * 1024)
    with pytest.raises(UsageError, match="larger than"):
        verify_object(file)


@pytest.mark.kernel
@pytest.mark.skipif(os.getuid() != 0, reason="only root can give its capabilities up to see what happens")
def test_without_capabilities_the_error_says_what_is_needed(several: Path) -> None:
    code = (
        "import ctypes, sys\n"
        "from pathlib import Path\n"
        "class Head(ctypes.Structure): _fields_ = [('version', ctypes.c_uint32), ('pid', ctypes.c_int)]\n"
        "data = (ctypes.c_uint32 * 6)()\n"
        "assert ctypes.CDLL(None).capset(ctypes.byref(Head(0x20080522, 0)), data) == 0\n"
        "from kfuncgen.diagnostic import UsageError\n"
        "from kfuncgen.verify import verify_files\n"
        "try: verify_files([Path(sys.argv[1])])\n"
        "except UsageError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(several)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("loading BPF programs needs CAP_BPF")


def test_missing_libbpf_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFUNCGEN_LIBBPF", str(tmp_path / "libnothing.so"))
    monkeypatch.setattr(run, "read_object", lambda path, shown: b"")
    with pytest.raises(UsageError, match=r"^libbpf 1\.0 or newer is needed"):
        verify_object(tmp_path / "any.o")


def test_library_that_is_no_libbpf_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFUNCGEN_LIBBPF", "libc.so.6")
    monkeypatch.setattr(run, "read_object", lambda path, shown: b"")
    with pytest.raises(UsageError, match=r"^libbpf 1\.0 or newer is needed: libc\.so\.6 has no libbpf_"):
        verify_object(tmp_path / "any.o")


def test_modules_of_the_current_directory_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "read_object", lambda path, shown: b"")
    with pytest.raises(UsageError):
        verify_object(tmp_path / "absent.o")
    assert not (tmp_path / "ran").exists()


@pytest.mark.kernel
def test_line_information_of_the_object_agrees_with_the_kernels(several: Path) -> None:
    """Kernels before 6.10 name no lines; .BTF.ext must then give what newer ones print."""
    data = read_object(several, "several.o")
    for verdict in verdicts(several).values():
        if verdict.verdict != "rejected" or verdict.program == "wrong_hook":
            continue
        reading = read_log(verdict.log, "test0.bpf.c")
        file, line = source_line(data, verdict.program, verdict.section, reading.instruction)
        assert (file, line) == ("test0.bpf.c", verdict.line), verdict.program
    assert called_symbol(data, "leak", "tp_btf/task_newtask", 1) == "bpf_task_acquire"
    assert called_symbol(data, "leak", "tp_btf/task_newtask", 10_000) == ""
    assert source_line(b"\x7fELF" + b"\xff" * 100, "f", "xdp", 0) == ("", 0)


def test_capability_check_names_the_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self, **_: "Name:\tx\nCapEff:\t0000000000000000\n")
    with pytest.raises(UsageError, match="CAP_BPF"):
        require_capability()
    monkeypatch.setattr(Path, "read_text", lambda self, **_: "CapEff:\t0000008000000000\n")
    require_capability()
