"""The agreement report: mutants of a source, what of an object a program is, how verdicts are counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel import compile_bpf

from benchmarks.agreement import __main__ as command
from benchmarks.agreement import report
from benchmarks.agreement.classes import class_of, names, out_of_scope
from benchmarks.agreement.code import read_code
from benchmarks.agreement.corpus import Source, cases, matches, own_flags, pages
from benchmarks.agreement.engine import Error, lint_text
from benchmarks.agreement.families import linter_group, reference_groups
from benchmarks.agreement.judge import Flags, Judge, Verdict
from benchmarks.agreement.mutants import Outcome, Pair, plan
from benchmarks.agreement.mutate import KINDS, Mutant, mutants
from benchmarks.agreement.preamble import blank, preamble_lengths
from benchmarks.agreement.selftests import File, Program, Said, compare, summary
from benchmarks.agreement.tree import read_tree, split_arguments
from benchmarks.agreement.words import words
from kfuncgen.diagnostic import UsageError
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.lint.rule import catalogue
from kfuncgen.spec.load import load_builtin

HEAD = b"""\
struct task_struct { int pid; };
struct task_struct *bpf_task_acquire(struct task_struct *p);
struct task_struct *bpf_task_from_pid(int pid);
void bpf_task_release(struct task_struct *p);
void bpf_rcu_read_lock(void);
void bpf_rcu_read_unlock(void);
int bpf_iter_num_new(int *it, int start, int end);
int *bpf_iter_num_next(int *it);
void bpf_iter_num_destroy(int *it);
#define NULL ((void *)0)
#define release_it(x) bpf_task_release(x)
int sink;
"""

Change = tuple[str, str, str]
"""Kind, what the body lost, what it gained (lines, stripped)."""


def changes(body: str) -> set[Change]:
    """All mutants of a function with this body, as the lines they change."""
    text = HEAD + f"int f(struct task_struct *t, struct task_struct *other)\n{{\n{body}\n}}\n".encode()
    functions = read_tree(Path("f.c"), text, [])
    found = set()
    for mutant in mutants(text, functions, words(load_builtin())):
        old, new = text.decode().splitlines(), mutant.apply(text).decode().splitlines()
        while old and new and old[0] == new[0]:
            del old[0], new[0]
        while old and new and old[-1] == new[-1]:
            del old[-1], new[-1]
        found.add((mutant.kind, _line(old), _line(new)))
    return found


def _line(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def of_kind(found: set[Change], kind: str) -> list[tuple[str, str]]:
    return sorted((old, new) for k, old, new in found if k == kind)


def test_release_is_deleted_doubled_and_given_other_arguments() -> None:
    found = changes(
        "struct task_struct *p = bpf_task_from_pid(1);\nif (!p)\nreturn 0;\nbpf_task_release(p);\nreturn 1;"
    )
    assert of_kind(found, "delete-release") == [("bpf_task_release(p);", ";")]
    twice = "{ bpf_task_release(p); bpf_task_release(p); }"
    assert of_kind(found, "duplicate-release") == [("bpf_task_release(p);", twice)]
    assert of_kind(found, "replace-release-argument") == [
        ("bpf_task_release(p);", "bpf_task_release((void *)0);"),
        ("bpf_task_release(p);", "bpf_task_release(other);"),
    ]


def test_acquire_is_replaced_by_its_argument_or_by_null() -> None:
    found = changes("t = bpf_task_acquire(other);\nt = bpf_task_from_pid(1);\nreturn 0;")
    assert of_kind(found, "drop-acquire") == [
        ("t = bpf_task_acquire(other);", "t = (void *)(other);"),
        ("t = bpf_task_from_pid(1);", "t = (void *)0;"),
    ]


@pytest.mark.parametrize(
    ("condition", "passed", "inverted"),
    [
        ("t", "1", "!(t)"),
        ("t != NULL", "1", "!(t)"),
        ("NULL == t", "0", "(t)"),
        ("t && sink > 1", "1 && sink > 1", "!(t) && sink > 1"),
        ("sink || !t", "sink || 0", "sink || (t)"),
        ("(t = bpf_task_from_pid(1))", "(((void)(t = bpf_task_from_pid(1)), 1))", "(!(t = bpf_task_from_pid(1)))"),
    ],
)
def test_tests_for_null_are_passed_and_inverted(condition: str, passed: str, inverted: str) -> None:
    found = changes(f"if ({condition}) sink = 1; else sink = 2;\nreturn 0;")
    rest = "sink = 1; else sink = 2;"
    ours = [(k, new) for k, old, new in found if "null-check" in k]
    assert sorted(ours) == [
        ("delete-null-check", f"if ({passed}) {rest}"),
        ("invert-null-check", f"if ({inverted}) {rest}"),
    ]


def test_check_that_leaves_is_deleted_whole_and_side_effects_stay() -> None:
    found = changes("if (!t) {\nsink = 1;\nreturn 0;\n}\nif (!(t = bpf_task_from_pid(1)))\nreturn 1;\nreturn 2;")
    assert ("delete-null-check", "if (!t) { sink = 1; return 0; }", ";") in found
    kept = "(void)((t = bpf_task_from_pid(1)));"
    assert ("delete-null-check", "if (!(t = bpf_task_from_pid(1))) return 1;", kept) in found


def test_numbers_are_no_checks() -> None:
    assert not [
        c for c in changes("if (!sink)\nreturn 0;\nif (sink == 0)\nreturn 1;\nreturn 2;") if "null" in c[0]
    ]


def test_regions_and_iterators_lose_their_ends_and_beginnings() -> None:
    found = changes(
        "int it;\nbpf_rcu_read_lock();\nbpf_iter_num_new(&it, 0, 3);\nsink = *bpf_iter_num_next(&it);\n"
        "bpf_iter_num_destroy(&it);\nbpf_rcu_read_unlock();\nreturn 0;"
    )
    assert of_kind(found, "drop-unlock") == [("bpf_rcu_read_unlock();", ";")]
    assert of_kind(found, "drop-iter-destroy") == [("bpf_iter_num_destroy(&it);", ";")]
    assert of_kind(found, "drop-lock") == [("bpf_iter_num_new(&it, 0, 3);", ";"), ("bpf_rcu_read_lock();", ";")]


def test_calls_are_swapped_and_uses_moved_behind_releases() -> None:
    found = changes("sink = 2;\nsink = t->pid;\nbpf_task_release(t);\nbpf_rcu_read_lock();\nreturn 0;")
    swapped = ("bpf_task_release(t); bpf_rcu_read_lock();", "bpf_rcu_read_lock(); bpf_task_release(t);")
    assert of_kind(found, "swap-calls") == [swapped]
    moved = ("sink = t->pid; bpf_task_release(t);", "bpf_task_release(t); sink = t->pid;")
    assert of_kind(found, "use-behind-release") == [moved]


def test_a_macros_call_is_a_statement_but_its_body_is_not_touched() -> None:
    found = changes(
        "release_it(t);\n#define both() do { bpf_task_release(t); bpf_task_release(t); } while (0)\nboth();"
    )
    assert of_kind(found, "delete-release") == []
    assert not [c for c in found if "both" in c[1]]


def test_every_mutant_is_told_apart() -> None:
    text = HEAD + b"int f(struct task_struct *t)\n{\nbpf_task_release(t);\nbpf_task_release(t);\nreturn 0;\n}\n"
    made = mutants(text, read_tree(Path("f.c"), text, []), words(load_builtin()))
    assert len({m.key for m in made}) == len(made)
    assert len({m.apply(text) for m in made if m.kind != "swap-calls"}) >= 6
    assert {m.kind for m in made} <= set(KINDS)


def test_source_that_does_not_parse_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"f\.c"):
        read_tree(Path("f.c"), b"int f(void) { return x; }\n", [])


def test_arguments_are_split_where_c_splits_them() -> None:
    text = b'f(a, g(b, c), "x,)", (d, e) /* , */);'
    split = split_arguments(text, 2)
    assert split == ((b"a", b"g(b, c)", b'"x,)"', b"(d, e) /* , */"), len(text) - 1)
    assert split_arguments(b"f(a; b)", 2) is None
    assert split_arguments(b"f(a", 2) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b'#include "vmlinux.h"\n// more\n#include <a.h>\n\nint x;\n#include "late.h"\n', b"\nint x;"),
        (b"/* a\n * b */\n#include <a.h>\n#define X \\\n 1\nint x;\n", b"#define X"),
        (b"#ifdef A\n#include <a.h>\n#else\n#include <b.h>\n#endif\nint x;\n", b"int x;"),
        (b"int x;\n#include <a.h>\n", b"int x;"),
        (b"#ifdef A\nint y;\n#endif\n#include <a.h>\nint x;\n", b"#ifdef A"),
    ],
)
def test_preamble_ends_behind_its_last_include(text: bytes, kept: bytes) -> None:
    length = next(iter(preamble_lengths(text)), 0)
    assert text[length:].startswith(kept)
    blanked = blank(text, length)
    assert blanked.count(b"\n") == text.count(b"\n")
    assert blanked[:length].strip() == b""


def test_preamble_may_end_behind_vmlinux_too() -> None:
    text = b'// x\n#include "vmlinux.h"\n#include "maps.h"\nint x;\n'
    assert [text[n:] for n in preamble_lengths(text)] == [b"int x;\n", b'#include "maps.h"\nint x;\n']


PROGRAMS = """\
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
int sink;
extern void bpf_rcu_read_lock(void) __ksym;
static __noinline int helper(int x) { return x * sink; }
SEC("xdp") int one(struct xdp_md *ctx)
{
	return helper(ctx->ingress_ifindex);
}
SEC("xdp") int two(struct xdp_md *ctx)
{
	bpf_rcu_read_lock();
	return 2;
}
"""


@pytest.mark.kernel
def test_code_of_a_program_is_that_of_what_it_reaches(tmp_path: Path) -> None:
    def code(old: str = "", new: str = "") -> tuple[str, str]:
        assert old in PROGRAMS
        made = read_code(compile_bpf(PROGRAMS.replace(old, new), tmp_path), "none.c")
        return made["one"].fingerprint, made["two"].fingerprint

    one, two = code()
    assert code("int sink;", "int more; int sink;")[0] == one
    assert code("x * sink", "x - sink")[0] != one
    assert code("x * sink", "x - sink")[1] == two
    assert code("return 2;", "return 3;")[0] == one
    assert code("return 2;", "return 3;")[1] != two


@pytest.mark.kernel
def test_code_knows_its_lines_and_the_kernels_symbols(tmp_path: Path) -> None:
    output = compile_bpf(PROGRAMS, tmp_path)
    made = read_code(output, output.with_suffix(".c").name)
    assert made["two"].externs == ("bpf_rcu_read_lock",)
    assert made["one"].externs == ()
    lines = {name: {line for line, _ in code.places} for name, code in made.items()}
    assert {13, 14} <= lines["two"]
    assert {6, 9} <= lines["one"]
    assert not lines["two"] & {6, 9}
    # The call of bpf_rcu_read_lock() stands in the second column, behind a tab.
    assert (13, 2) in made["two"].places


def test_malformed_objects_are_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "x.o"
    for data in (b"", b"\x7fELF\x02\x01" + b"\xff" * 80):
        file.write_bytes(data)
        with pytest.raises(ValueError):
            read_code(file, "x.c")


@pytest.mark.kernel
def test_verdicts_are_kept_and_unchanged_programs_left_out(tmp_path: Path) -> None:
    source = tmp_path / "x.bpf.c"
    flags = own_flags(source, None)
    judge = Judge(tmp_path / "verdicts.sqlite")
    build, verdicts = judge.judge(PROGRAMS.encode(), source.name, flags)
    assert [(v.program, v.verdict) for v in verdicts] == [("one", "accepted"), ("two", "rejected")]
    assert judge.judge(PROGRAMS.encode(), source.name, flags) == (build, verdicts)
    changed = PROGRAMS.replace("return 2;", "return 1;").encode()
    _, some = judge.judge(changed, source.name, flags, ("one", "two"), dict(build.codes))
    assert [v.program for v in some] == ["two"]
    # What is kept is taken from the database: a compiler that is not there is not missed.
    broken = Judge(tmp_path / "verdicts.sqlite")
    assert broken.judge(PROGRAMS.encode(), source.name, flags) == (build, verdicts)
    error, none = judge.judge(b"int x = y;\n", source.name, flags)
    assert "undeclared identifier 'y'" in error.error
    assert none == []


def test_linting_in_memory_says_what_the_linter_says() -> None:
    (source,) = (s for s in cases(None) if s.path.name == "cgroup.bpf.c")
    specs = load_builtin()
    result = check_paths([source.path], LintOptions((specs.newest,), specs))
    wanted = {(f.rule, f.span.line) for f in result.report.findings if str(f.severity) == "error"}
    programs = {p for f in result.report.findings for p in f.programs}
    found, _ = lint_text(source.path, source.text, source.flags.args, programs, specs.newest)
    assert wanted
    assert {(e.rule, e.line) for errors in found.values() for e in errors} == wanted
    one = sorted(programs)[0]
    alone, _ = lint_text(source.path, source.text, source.flags.args, [one], specs.newest)
    assert alone == {one: found[one]}


def test_corpus_has_the_cases_and_the_good_blocks_of_pages() -> None:
    found = {s.name: s for s in (*cases(None), *pages(None))}
    assert "cases/cgroup.bpf.c" in found
    assert [n for n in found if n.startswith("pages/unreleased_reference-")]
    assert not [n for n, s in found.items() if n.startswith("pages/") and b"// error" in s.text]
    assert matches("selftests/rbtree.c", "rbtree")
    assert matches("selftests/rbtree.c", "selftests/rb*")
    assert not matches("selftests/rbtree.c", "rbtree_fail*")


@pytest.mark.parametrize(
    ("message", "group"),
    [
        ("invalid access to packet, off=14 size=4, R1(id=0,off=14,r=0)", "packet-bounds"),
        ("invalid access to map value, value_size=4 off=4 size=4", "map-bounds"),
        ("invalid bpf_context access off=76 size=4", "context-access"),
        ("R0 min value is negative, either use unsigned or 'var &= const'", "scalar-range"),
        ("R1 !read_ok", ""),
        ("BPF program is too large. Processed 1000001 insn", "verifier-limit"),
        ("same insn cannot be used with different pointers", "merged-instructions"),
        ("program of this type cannot use helper bpf_get_retval#186", "program-type"),
        ("Unreleased reference id=2 alloc_insn=1", ""),
        ("R0 invalid mem access 'scalar'", ""),
        ("Possibly NULL pointer passed to trusted arg0", ""),
        ("a message that nobody has seen yet", ""),
    ],
)
def test_refusals_are_about_contracts_unless_a_class_says_otherwise(message: str, group: str) -> None:
    assert class_of(message) == group
    assert group in (*names(), "")


def test_what_a_rule_claims_is_no_other_checkers_business() -> None:
    assert out_of_scope("R0 div by zero") == "scalar-range"
    claimed = [m.replace("%d", "1").replace("%s", "x") for r in catalogue().values() for m in r.verifier]
    assert [m for m in claimed if out_of_scope(m)] == []


def test_groups_hold_rules_of_the_catalogue() -> None:
    errors = [name for name, rule in catalogue().items() if str(rule.severity) == "error"]
    grouped = [name for name in errors if linter_group(name)]
    assert len(grouped) >= 40
    assert reference_groups("dynptr-stale-slice") == {"dynptr", "release"}
    assert reference_groups("no-such-rule") == frozenset()


def verdict(text: str, message: str = "", **more: object) -> Verdict:
    return Verdict("p", "xdp", text, message, **more)  # type: ignore[arg-type]


LEAK = Error("unreleased-reference", 9, "lost", "p", (4, 3, 4, 20))


def outcome(kind: str, *pairs: Pair, skipped: str = "") -> Outcome:
    mutant = Mutant(kind, "f", 7, "something done", ((1, 2, b"x"),))
    return Outcome("selftests/x.c", mutant, list(pairs), skipped, b"the source")


def test_tally_counts_each_pair_once(tmp_path: Path) -> None:
    tally = report.Tally(tmp_path / "kept")
    tally.add(outcome("swap-calls", skipped="not built: error: x"))
    tally.add(outcome("swap-calls", Pair(verdict("rejected", "Unreleased reference id=2 alloc_insn=1"), (LEAK,))))
    tally.add(outcome("swap-calls", Pair(verdict("accepted", places=((1, 1),)), ())))
    tally.add(outcome("drop-lock", Pair(verdict("rejected", "R0 invalid mem access 'scalar'"), ())))
    tally.add(outcome("drop-lock", Pair(verdict("accepted", places=((4, 3),)), (LEAK,))))
    tally.add(outcome("drop-lock", Pair(verdict("accepted", places=((1, 1),)), (LEAK,))))
    tally.add(outcome("drop-lock", Pair(verdict("rejected", "R0 div by zero"), ())))
    tally.add(outcome("drop-lock", Pair(verdict("rejected", "R0 div by zero"), (), "crashed")))
    assert dict(tally.counts()) == {
        "rejected, found": 1, "accepted, clean": 1, "missed": 1, "false": 1, "named limit": 1, "other reasons": 1,
        "problem": 1,
    }  # fmt: skip
    figures = tally.json()
    assert (figures["mutants"], figures["mutants_agreeing"]) == (7, 4)
    assert [d["what"] for d in figures["open"]] == ["missed", "false", "problem"]
    assert figures["limits"] == {"optimised-away": 1}
    assert figures["other_reasons"] == {"scalar-range": {"without": 1}}
    kept = {d["kept"] for d in (*figures["open"], *figures["explained"])}
    assert {p.name for p in (tmp_path / "kept").iterdir()} == kept
    text = "\n".join(tally.text())
    assert "7 labelled mutants, 7 (mutant, program) pairs" in text
    # 2 right, 3 open, 1 under a named limit
    assert "33.33 %" in text
    assert "50.00 %" in text


def test_matrix_and_figures_over_programs() -> None:
    said = [Said("unreleased-reference", 3, "lost", "f")]
    leak, null = "Unreleased reference id=2 alloc_insn=1", "R1 invalid mem access 'map_value_or_null'"
    files = [
        File(
            "a",
            [
                Program("found", "xdp", "rejected", leak, said),
                Program("other", "xdp", "rejected", null, said),
                Program("missed", "xdp", "rejected", leak),
                Program("bounds", "xdp", "rejected", "invalid access to packet, off=1 size=1, R1(id=0,off=1,r=0)"),
                Program("clean", "xdp", "accepted", ""),
                Program("false", "xdp", "accepted", "", said),
                Program("nothing", "xdp", "not-loaded", "", said),
            ],
            notes=[("f", "limit of 10 reached"), ("f", "limit of 20 reached"), ("g", "limit of 30 reached")],
        )
    ]
    rows = [
        {"file": "a", "prog": name, "verdict": wanted, "rule": rule, "in_scope": scope}
        for name, wanted, rule, scope in (
            ("found", "failure", "ref-leak", True),
            ("other", "failure", "null-deref", True),
            ("missed", "failure", "ref-leak", True),
            ("bounds", "failure", "packet-bounds", False),
            ("clean", "success", None, True),
            ("false", "success", None, True),
            ("nothing", "success", None, True),
            ("gone", "failure", "ref-leak", True),
        )
    ]
    matrix = compare(files, rows)
    assert (matrix.found, matrix.missed, matrix.clean, matrix.false) == (2, 1, 1, 1)
    assert (matrix.right, matrix.absent) == (1, 2)
    figures = summary(files)
    assert (figures["accepted"], len(figures["accepted_with_errors"])) == (2, 1)
    assert (figures["rejected_for_contracts"], figures["rejected_for_contracts_found"]) == (3, 2)
    assert figures["rejected_for_other_reasons"] == {"packet-bounds": 1}
    assert figures["functions_with_notes"] == {"limit of … reached": 2}
    text = "\n".join(report.selftests_text(figures, matrix))
    assert "missed: a: missed | kernel: Unreleased reference" in text
    assert "other group (null-deref): a: other" in text


def test_choice_of_mutants_depends_on_the_seed_alone() -> None:
    flags = Flags((), "", None)
    found = [(Source(name, Path(name), b"", flags), 50) for name in ("a", "b", "c")]
    assert sum(len(job.numbers) for job in plan(found, 0, 1)) == 150
    assert sum(len(job.numbers) for job in plan(found, 20, 1)) == 20
    assert plan(found, 20, 1) == plan(found, 20, 1)
    assert plan(found, 20, 1) != plan(found, 20, 2)


def test_what_is_missing_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise UsageError("loading BPF programs needs CAP_BPF")

    monkeypatch.setattr(command, "require_capability", refuse)
    assert command.main(["mutants", "--limit", "1"]) == 2
    assert capsys.readouterr().err == "error: loading BPF programs needs CAP_BPF\n"
    monkeypatch.setattr(command, "require_capability", lambda: None)
    monkeypatch.setattr(command, "libbpf_library", lambda tree: Path("libbpf.so.1"))
    wrong = tmp_path / "reference.json"
    wrong.write_text('[{"file": "a"}]')
    assert command.main(["selftests", "--kernel-source", str(tmp_path), "--reference", str(wrong)]) == 2
    assert "expected a list of objects with file, in_scope, prog, rule, verdict" in capsys.readouterr().err
