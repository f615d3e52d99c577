"""What users see of findings: text, concise and JSON, from reports made by hand."""

from __future__ import annotations

import json
import unicodedata

import pytest

from kfuncgen.diagnostic import (
    Edit,
    Event,
    FileFailure,
    Finding,
    Fix,
    Note,
    Report,
    Severity,
    Span,
    UsageError,
)
from kfuncgen.render import FORMATS, Outcome, render
from kfuncgen.render.excerpt import MAX_CELLS, Sources, excerpt

SOURCE = b"""\
int drop(void)
{
\tstruct task_struct *task;

\ttask = bpf_task_from_pid(1);
\tif (!task)
\t\treturn 0;
\treturn 1;
}
"""


FINDING_KEYS = [
    *("file", "line", "column", "end_line", "end_column", "rule", "severity", "message"),
    *("function", "program", "programs", "section", "kfunc", "kernels", "type_tags"),
    *("verifier", "help", "path", "fix"),
]


def span(line: int, column: int, end: int, file: str = "src/drop.bpf.c") -> Span:
    return Span(file, line, column, line, end)


LEAK = Finding(
    rule="unreleased-reference",
    severity=Severity.ERROR,
    span=span(8, 2, 10),
    message="'task' from bpf_task_from_pid() is not released on this path",
    function="drop",
    program="drop",
    section="tc",
    kfunc="bpf_task_from_pid",
    kernels=("6.18",),
    verifier="Unreleased reference id=… alloc_insn=…",
    help="call bpf_task_release(task) before the return at line 8",
    path=(
        Event(span(5, 9, 29), "'task' acquired here, may be NULL"),
        Event(span(6, 6, 11), "assuming 'task' is not NULL"),
        Event(span(8, 2, 10), "returned here; 'task' acquired at (1) is still held"),
    ),
    fix=Fix("release it", (Edit(span(8, 2, 2), "bpf_task_release(task);\n\t"),), safe=False),
)
NOTES = (
    Note("src/drop.bpf.c", "poll", "state budget reached in a loop", line=12, column=3),
    Note("src/drop.bpf.c", "", "flags: BPF defaults", kind="info"),
)
REPORT = Report((LEAK,), NOTES, files=1, programs=3, functions=4)


def read(file: str) -> bytes | None:
    return SOURCE if file == "src/drop.bpf.c" else None


def test_text_shows_source_path_help_and_summary() -> None:
    text = render("text", Outcome(REPORT, read=read, kernels=("6.18",)))
    assert (
        text
        == """\
src/drop.bpf.c:8:2: error: 'task' from bpf_task_from_pid() is not released on this path [unreleased-reference]
    8 |         return 1;
      |         ^~~~~~~~
  (1) src/drop.bpf.c:5:9: 'task' acquired here, may be NULL
        5 | task = bpf_task_from_pid(1);
  (2) src/drop.bpf.c:6:6: assuming 'task' is not NULL
        6 | if (!task)
  (3) src/drop.bpf.c:8:2: returned here; 'task' acquired at (1) is still held
        8 | return 1;
  help: call bpf_task_release(task) before the return at line 8
  note: the kernel says "Unreleased reference id=… alloc_insn=…"; see 'kfuncgen explain unreleased-reference'

src/drop.bpf.c:12:3: note: not fully checked: in 'poll': state budget reached in a loop
src/drop.bpf.c: note: flags: BPF defaults

1 error in 1 file (3 programs); 1 note on what was not fully checked
"""
    )


def test_text_without_sources_or_findings() -> None:
    assert "|" not in render("text", Outcome(REPORT))
    assert render("text", Outcome(Report(files=2, programs=1))) == "no findings in 2 files (1 program)\n"
    failed = Outcome(Report(files=1), (FileFailure("a.bpf.c", "no such header"),))
    told = "no findings in 1 of 2 files (0 programs); 1 could not be read or parsed\n"
    assert render("text", failed) == told
    nothing = Outcome(Report(), (FileFailure("a.bpf.c", "no such header"),))
    assert render("text", nothing) == "nothing was checked: 1 file could not be read or parsed\n"
    summary = json.loads(render("json", failed))["summary"]
    assert (summary["files"], summary["failed"]) == (2, 1)


def test_the_origin_of_flags_is_shown_when_asked_for() -> None:
    notes = (
        Note("a.bpf.c", "", "bundled headers were used for vmlinux.h", "info"),
        Note("a.bpf.c", "", "flags are those of BPF defaults", "info"),
    )
    report = Report(notes=notes, files=1)
    assert "flags" not in render("text", Outcome(report))
    assert "bundled headers" in render("text", Outcome(report))
    assert "a.bpf.c: note: flags are those of BPF defaults\n" in render("text", Outcome(report, verbose=True))
    assert [note["message"] for note in json.loads(render("json", Outcome(report)))["summary"]["info"]] == [
        note.message for note in notes
    ]


def test_text_counts_by_severity() -> None:
    findings = tuple(
        Finding("r", severity, span(1, 1, 2), "m")
        for severity in (Severity.HINT, Severity.ERROR, Severity.WARNING, Severity.ERROR)
    )
    assert render("text", Outcome(Report(findings, files=1, programs=1))).endswith(
        "\n\n2 errors, 1 warning, 1 hint in 1 file (1 program)\n"
    )


def test_text_names_program_and_kernels_where_they_tell_something() -> None:
    finding = Finding(
        "r", Severity.ERROR, span(1, 1, 2), "m", function="helper", program="main", section="xdp", kernels=("6.8",)
    )
    text = render("text", Outcome(Report((finding,)), kernels=("6.8", "6.18")))
    assert """note: in 'helper', reached from program 'main' (SEC("xdp"))""" in text
    assert "note: on kernel 6.8; not on the other targeted kernels" in text
    assert "on kernel" not in render("text", Outcome(Report((finding,)), kernels=("6.8",)))


def test_text_tells_a_fact_of_several_files_once() -> None:
    notes = tuple(Note(file, "", "flags: BPF defaults", kind="info") for file in ("a.c", "b.c"))
    lines = render("text", Outcome(Report(notes=notes))).splitlines()
    assert lines[0] == "note: flags: BPF defaults (2 files)"
    assert lines[1] == ""


def test_text_colours_only_when_asked() -> None:
    assert "\x1b" not in render("text", Outcome(REPORT, read=read))
    coloured = render("text", Outcome(REPORT, read=read, colour=True))
    assert "\x1b[1;31merror:\x1b[0m" in coloured
    assert "      |         \x1b[1;31m^~~~~~~~\x1b[0m" in coloured


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u2028\r\n\udcff"


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_hostile_text_cannot_command_a_terminal(name: str) -> None:
    finding = Finding(
        "r",
        Severity.ERROR,
        Span(f"a{HOSTILE}.c", 1, 1, 1, 3),
        HOSTILE,
        function=HOSTILE,
        program="p",
        section=HOSTILE,
        kfunc=HOSTILE,
        verifier=HOSTILE,
        help=HOSTILE,
        path=(Event(Span(f"a{HOSTILE}.c", 1, 1, 1, 3), HOSTILE),),
    )
    report = Report((finding,), (Note(HOSTILE, HOSTILE, HOSTILE), Note(HOSTILE, "", HOSTILE, kind="info")), 1, 1)
    source = "int \x1b[2J\u202e\x9b\x00\xff;\n".encode()
    outcome = Outcome(report, (FileFailure(HOSTILE, HOSTILE),), read=lambda file: source)
    text = render(name, outcome)
    bad = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert not bad
    text.encode("utf-8")
    if name == "text":
        assert r"int \x1b[2J\u202e\x9b\x00ÿ;" in text
        assert r"a\x1b]0;owned\x07\x9b31m\u202e\u2028\x0d\x0a\xff.c:1:1: error:" in text


@pytest.mark.parametrize(
    ("source", "place", "text", "marker"),
    [
        (b"a = b;", (5, 6), "a = b;", "    ^"),
        (b"\tx\t= y;", (4, 5), "        x       = y;", "                ^"),
        ('s = "é€😀"; x'.encode(), (18, 19), 's = "é€😀"; x', "            ^"),
        ('s = "é€😀"; x'.encode(), (8, 15), 's = "é€😀"; x', "      ^~~"),
        ("漢 x".encode(), (5, 6), "漢 x", "   ^"),
        (b"int \x1b; y", (8, 9), r"int \x1b; y", "          ^"),
        (b"\xff\xfe z", (4, 5), r"\xff\xfe z", "         ^"),
        ("e\u0301 z".encode(), (5, 6), "e\u0301 z", "  ^"),
        (b"return 1", (9, 10), "return 1", "        ^"),
        (b"", (1, 1), "", "^"),
        (b"f(x)\r\ny", (1, 5), "f(x)", "^~~~"),
    ],
    ids=[
        "plain",
        "tab",
        "wide",
        "wide-range",
        "cjk",
        "escape",
        "bytes",
        "combining",
        "after-end",
        "empty",
        "crlf",
    ],
)
def test_columns_are_bytes_and_the_marker_stands_below(
    source: bytes, place: tuple[int, int], text: str, marker: str
) -> None:
    shown = excerpt(Sources(lambda file: source), Span("f", 1, place[0], 1, place[1]))
    assert shown is not None
    assert (shown.text, shown.marker) == (text, marker)


def test_a_span_of_several_lines_is_marked_to_the_end_of_the_first() -> None:
    shown = excerpt(Sources(lambda file: b"f(a,  \n  b);\n"), Span("f", 1, 1, 2, 5))
    assert shown is not None
    assert shown.marker == "^~~~"


@pytest.mark.parametrize("column", [1, 5_000, 250_001, 999_990])
def test_a_long_line_is_cut_around_the_mark(column: int) -> None:
    line = b"abcd " * 200_000
    shown = excerpt(Sources(lambda file: line), Span("f", 1, column, 1, column + 4))
    assert shown is not None
    assert len(shown.text) <= MAX_CELLS + 6
    at = shown.marker.index("^")
    assert shown.text[at : at + 4].encode() == line[column - 1 : column + 3].rstrip()


@pytest.mark.parametrize("line", [0, -1, 99])
def test_a_line_that_is_not_there_gives_no_excerpt(line: int) -> None:
    assert excerpt(Sources(lambda file: b"x\n"), Span("f", line, 1, line, 2)) is None


def test_lines_are_counted_as_clang_does() -> None:
    sources = Sources(lambda file: b"a\x0c\x0b\rb\r\n\xe2\x80\xa8c\nd")
    assert [sources.line("f", n) for n in range(1, 6)] == [b"a\x0c\x0b", b"b", b"\xe2\x80\xa8c", b"d", None]


def test_json_has_the_documented_keys() -> None:
    document = json.loads(render("json", Outcome(REPORT, kernels=("6.18",))))
    assert list(document) == ["version", "findings", "notes", "summary"]
    assert document["version"] == 1
    (finding,) = document["findings"]
    assert list(finding) == FINDING_KEYS
    assert (finding["line"], finding["column"], finding["end_column"]) == (8, 2, 10)
    assert finding["severity"] == "error"
    assert finding["path"][0] == {
        "file": "src/drop.bpf.c",
        "line": 5,
        "column": 9,
        "message": "'task' acquired here, may be NULL",
    }
    assert finding["fix"]["edits"][0]["text"] == "bpf_task_release(task);\n\t"
    assert document["notes"] == [
        {"file": "src/drop.bpf.c", "function": "poll", "message": "state budget reached in a loop"}
    ]
    summary = document["summary"]
    assert [summary[key] for key in ("files", "programs", "errors", "warnings", "hints")] == [1, 3, 1, 0, 0]


def test_json_tells_of_files_that_failed() -> None:
    failures = (FileFailure("b\udcff.c", "'x.h' not found"),)
    document = json.loads(render("json", Outcome(Report(files=2), failures)))
    assert document["notes"] == [{"file": "b\ufffd.c", "function": "", "message": "not checked: 'x.h' not found"}]
    assert document["summary"]["failed"] == 1


def test_concise_is_one_line_per_finding() -> None:
    assert render("concise", Outcome(REPORT)).splitlines() == [
        "src/drop.bpf.c:8:2: error: 'task' from bpf_task_from_pid() is not released on this path "
        "[unreleased-reference]",
        "src/drop.bpf.c:12:3: note: not fully checked: in 'poll': state budget reached in a loop",
    ]
    assert render("concise", Outcome(Report())) == ""


def test_unknown_format_lists_the_known() -> None:
    with pytest.raises(UsageError, match="unknown output format 'xml', expected text, concise, json"):
        render("xml", Outcome(Report()))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_same_report_same_bytes(name: str) -> None:
    assert render(name, Outcome(REPORT, read=read)) == render(name, Outcome(REPORT, read=read))
