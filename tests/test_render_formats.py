"""Documents for other tools: SARIF, GitHub, GitLab, JUnit, reviewdog."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from test_render import LEAK, REPORT, SOURCE, read, span

from kfuncgen import cli
from kfuncgen.diagnostic import Event, FileFailure, Finding, Report, Severity
from kfuncgen.lint.rule import catalogue
from kfuncgen.records import replace
from kfuncgen.render import Outcome, render
from kfuncgen.render.excerpt import Sources
from kfuncgen.render.identity import characters, fingerprints, relative, uri

FAILED = FileFailure("src/bad.bpf.c", "src/bad.bpf.c:1:1: unknown type name 'x'", ("more",))
OUTCOME = Outcome(
    REPORT, (FAILED,), read=read, kernels=("6.12", "6.18"), pages=lambda rule: f"# {rule}\n\nWhat.\n"
)


def sarif(outcome: Outcome = OUTCOME) -> dict[str, Any]:
    document = json.loads(render("sarif", outcome))
    assert document["version"] == "2.1.0"
    run: dict[str, Any] = document["runs"][0]
    return run


def test_sarif_has_rules_results_paths_and_fixes() -> None:
    run = sarif()
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["shortDescription"]["text"]) == ("unreleased-reference", "What.")
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("unreleased-reference", 0, "error")
    assert result["message"]["text"].splitlines() == [
        "'task' from bpf_task_from_pid() is not released on this path",
        "help: call bpf_task_release(task) before the return at line 8",
        "on kernel 6.18; not on the other targeted kernels",
        'the kernel says "Unreleased reference id=… alloc_insn=…"',
    ]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "src/drop.bpf.c", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 8, "startColumn": 2, "endLine": 8, "endColumn": 10}
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["physicalLocation"]["region"]["startLine"] for step in steps] == [5, 6, 8]
    assert steps[1]["location"]["message"]["text"] == "assuming 'task' is not NULL"
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"]["text"] == "bpf_task_release(task);\n\t"
    assert list(result["partialFingerprints"]) == ["kfuncgen/v1"]


def test_sarif_says_what_was_not_checked() -> None:
    (invocation,) = sarif()["invocations"]
    assert invocation["executionSuccessful"] is False
    texts = [notice["message"]["text"] for notice in invocation["toolExecutionNotifications"]]
    assert texts[0] == FAILED.error
    assert "not fully checked: state budget reached in a loop" in texts
    assert sarif(replace(OUTCOME, failures=()))["invocations"][0]["executionSuccessful"] is True


def test_sarif_without_findings_is_a_clean_run() -> None:
    run = sarif(Outcome(Report(files=1)))
    assert run["results"] == [] and run["tool"]["driver"]["rules"] == []


def test_columns_are_characters_where_the_format_counts_them() -> None:
    sources = Sources(lambda file: 's = "é€😀"; x\n'.encode())
    # UTF-8 bytes 2, 3 and 4 of each: x stands in column 12 of characters, 18 of bytes.
    assert characters(sources, "a.c", 1, 18) == 12
    assert characters(sources, "a.c", 9, 18) == 18
    assert characters(sources, "a.c", 1, 0) == 1


def test_files_are_relative_to_where_the_tool_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert relative(str(tmp_path / "src/a.bpf.c")) == "src/a.bpf.c"
    assert relative("./src//a.bpf.c") == "src/a.bpf.c"
    assert relative("../a.bpf.c") == "../a.bpf.c"
    assert relative("/elsewhere/a.bpf.c") == "/elsewhere/a.bpf.c"
    assert uri("src/a b:c#.bpf.c") == "src/a%20b%3Ac%23.bpf.c"
    assert uri("/else where/a.c") == "file:///else%20where/a.c"
    assert uri("a\udcff.c") == "a%FF.c"


def test_fingerprints_survive_edits_elsewhere() -> None:
    other = replace(LEAK, rule="double-release")
    first = fingerprints([LEAK, other, LEAK], Sources(read))
    assert len(set(first)) == 3
    moved = replace(
        LEAK,
        span=replace(LEAK.span, line=9, end_line=9),
        path=tuple(Event(replace(e.span, line=e.span.line + 1), e.message) for e in LEAK.path),
    )
    assert fingerprints([moved], Sources(lambda file: b"/* new */\n" + SOURCE)) == first[:1]
    indented = Sources(lambda file: SOURCE.replace(b"\t", b"        "))
    assert fingerprints([LEAK], indented) == first[:1]
    changed = Sources(lambda file: SOURCE.replace(b"return 1", b"return 2"))
    assert fingerprints([LEAK], changed) != first[:1]


def test_github_annotates_lines() -> None:
    lines = render("github", OUTCOME).splitlines()
    assert lines[0].startswith(
        "::error title=kfuncgen (unreleased-reference),file=src/drop.bpf.c,line=8,endLine=8,col=2,endColumn=10::"
    )
    assert "%0A(1) line 5: 'task' acquired here, may be NULL" in lines[0]
    assert lines[1].startswith("::error file=src/bad.bpf.c::")
    assert not any(line.startswith("::") for line in lines[2:])


def test_github_delimiters_are_escaped() -> None:
    finding = Finding("r", Severity.HINT, span(1, 1, 2, "a,b:c%.c"), "50% done\r::error::")
    (line, *_) = render("github", Outcome(Report((finding,)))).splitlines()
    assert line.startswith("::notice title=kfuncgen (r),file=a%2Cb%3Ac%25.c,line=1,")
    assert line.split("::", 2)[2] == "50%25 done\\x0d::error::"


def test_gitlab_has_what_its_schema_wants() -> None:
    rows = json.loads(render("gitlab", OUTCOME))
    assert [set(row) for row in rows] == [
        {"description", "check_name", "fingerprint", "severity", "location"} for _ in range(2)
    ]
    assert rows[0]["location"] == {"path": "src/drop.bpf.c", "lines": {"begin": 8, "end": 8}}
    assert {row["severity"] for row in rows} <= {"info", "minor", "major", "critical", "blocker"}
    assert json.loads(render("gitlab", Outcome(Report()))) == []


def test_junit_counts_what_it_lists() -> None:
    root = ElementTree.fromstring(render("junit", OUTCOME))
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "1")
    assert [suite.get("name") for suite in root] == ["src/drop.bpf.c", "src/bad.bpf.c"]
    failure = root.find(".//failure")
    assert failure is not None and failure.get("type") == "unreleased-reference"
    assert "(2) src/drop.bpf.c:6:6: assuming 'task' is not NULL" in (failure.text or "")
    clean = ElementTree.fromstring(render("junit", Outcome(Report(files=1))))
    assert (clean.get("tests"), clean.get("failures")) == ("1", "0")


def test_rdjson_counts_bytes() -> None:
    document = json.loads(render("rdjson", OUTCOME))
    first, second = document["diagnostics"]
    assert first["location"]["range"]["end"] == {"line": 8, "column": 10}
    assert first["code"] == {"value": "unreleased-reference"}
    assert [place["location"]["range"]["start"]["line"] for place in first["related_locations"]] == [5, 6, 8]
    assert first["suggestions"][0]["text"].startswith("bpf_task_release(task);")
    assert second["location"] == {"path": "src/bad.bpf.c"}


def test_in_github_actions_annotations_are_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(__file__).parent / "readme" / "esp.bpf.c"
    (tmp_path / "esp.bpf.c").write_bytes(source.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert cli.main(["lint", "esp.bpf.c"]) == 1
    assert capsys.readouterr().out.startswith("::warning title=kfuncgen (ignored-opts-error)")
    assert cli.main(["lint", "esp.bpf.c", "-o", "out.txt"]) == 1
    assert (tmp_path / "out.txt").read_text().startswith("esp.bpf.c:24:6: warning:")
    assert cli.main(["lint", "esp.bpf.c", "--output-format", "concise"]) == 1
    assert capsys.readouterr().out.startswith("esp.bpf.c:24:6:")


def test_sarif_of_the_linter_brings_the_pages_of_its_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(__file__).parent / "readme" / "esp.bpf.c"
    (tmp_path / "esp.bpf.c").write_bytes(source.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lint", "esp.bpf.c", "--output-format", "sarif"]) == 1
    rules = json.loads(capsys.readouterr().out)["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["ignored-opts-error", "unreleased-reference"]
    assert all(rule["help"]["markdown"] == catalogue()[rule["id"]].page for rule in rules)


def test_statistics_count_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (Path(__file__).parent / "readme" / "esp.bpf.c").read_bytes()
    for name in ("a", "b"):
        (tmp_path / f"{name}.bpf.c").write_bytes(source)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lint", ".", "--statistics"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "2  error    unreleased-reference  in 2 files",
        "2  warning  ignored-opts-error    in 2 files",
        "2 errors, 2 warnings in 2 files (2 programs)",
    ]
    assert cli.main(["lint", ".", "--statistics", "--output-format", "json"]) == 2
    assert "--statistics is text" in capsys.readouterr().err


class Page(HTMLParser):
    """The elements of a page in order, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_draws_the_path_along_the_source() -> None:
    page = Page(render("html", OUTCOME))
    assert page.open == []
    assert "task = bpf_task_from_pid(1);" in page.text
    steps = [attrs for tag, attrs in page.tags if attrs.get("class") in ("row step", "row step end")]
    assert len(steps) == len(LEAK.path)
    assert sum(tag == "circle" for tag, _ in page.tags) == len(LEAK.path)
    assert sum(tag == "path" for tag, _ in page.tags) == len(LEAK.path)  # two between three steps, and the arrow
    assert "not checked: src/bad.bpf.c:1:1" in page.text and "state budget reached in a loop" in page.text
    anchors = {attrs["id"] for tag, attrs in page.tags if tag == "section" and "id" in attrs}
    assert {str(attrs["href"])[1:] for tag, attrs in page.tags if tag == "a"} == anchors


def test_html_runs_and_fetches_nothing() -> None:
    hostile = replace(
        LEAK,
        message="</h2><script>alert(1)</script>",
        help='"><img src=x onerror=alert(1)>',
        function="<b>",
        path=(Event(replace(LEAK.span, file="<i>.c"), "<u>"), *LEAK.path),
    )
    source = b"<script>alert(1)</script>\n" * 9
    text = render("html", replace(OUTCOME, report=Report((hostile,)), read=lambda file: source))
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.tags}.isdisjoint(("script", "img", "link", "iframe", "u", "form", "object"))
    assert not any(name.startswith("on") or name == "src" for _, attrs in page.tags for name in attrs)
    assert "<script>alert(1)</script>" in page.text


def test_html_has_the_page_of_a_rule_once() -> None:
    several = Report((LEAK, replace(LEAK, span=span(9, 1, 2)), replace(LEAK, rule="double-release")))
    text = render("html", replace(OUTCOME, report=several))
    assert text.count("What.") == 2
    assert text.count('href="#rule-unreleased-reference"') == 2
    assert text.index('id="rule-double-release"') < text.index('id="rule-unreleased-reference"')


def test_html_folds_what_lies_between_far_steps() -> None:
    far = replace(LEAK, span=span(90, 1, 2), path=(Event(span(5, 1, 2), "a"), Event(span(90, 1, 2), "b")))
    text = render("html", Outcome(Report((far,)), read=lambda file: b"line\n" * 100))
    assert text.count('class="row fold"') == 1
    assert text.count('class="row"') < 20


def test_html_without_sources_tells_the_steps() -> None:
    page = Page(render("html", Outcome(REPORT)))
    assert "(2) src/drop.bpf.c:6:6: assuming 'task' is not NULL" in page.text
    assert "no findings" in Page(render("html", Outcome(Report(files=1)))).text
