"""Documents are valid by the schemas of their formats, and no format changes what the exit status says."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema
from test_render import LEAK, NOTES, REPORT, read, span
from test_render_formats import OUTCOME

from kfuncgen import cli
from kfuncgen.diagnostic import Edit, FileFailure, Finding, Fix, Report, Severity
from kfuncgen.records import replace
from kfuncgen.render import FORMATS, Outcome, render

SCHEMAS = Path(__file__).parent / "schemas"
ESP = Path(__file__).parent / "readme" / "esp.bpf.c"


@cache
def json_schema(name: str) -> Any:
    document = json.loads((SCHEMAS / name).read_text())
    jsonschema.validators.validator_for(document).check_schema(document)
    return jsonschema.validators.validator_for(document)(document)


@cache
def junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMAS / "junit.xsd"))


def of_json(name: str) -> Callable[[str], None]:
    return lambda text: json_schema(name).validate(json.loads(text))


VALID: dict[str, Callable[[str], None]] = {
    "sarif": of_json("sarif-2.1.0.json"),
    "gitlab": of_json("gitlab-code-quality.json"),
    "rdjson": of_json("rdjson.json"),
    "junit": lambda text: junit_schema().validate(text),
}
"""By format: raises when a document is not as the format's schema wants it."""

HOSTILE = replace(
    LEAK,
    span=replace(LEAK.span, file="-/\x1b[31m \udcff&<>\"'.bpf.c", line=0, column=0, end_line=0, end_column=0),
    message="</testcase>\x00\x1b\n::error::]]>\ud800",
    function='"&<',
    help="\x0b\u202e",
    path=(),
)


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize(
    "outcome",
    [
        OUTCOME,
        Outcome(Report()),
        Outcome(Report((LEAK,), NOTES), read=lambda file: None),
        Outcome(Report((HOSTILE,)), (FileFailure("\udcff\x00", "\x1b", ("]]>",)),)),
    ],
    ids=["all", "empty", "no source", "hostile"],
)
def test_documents_are_valid(name: str, outcome: Outcome) -> None:
    VALID[name](render(name, outcome))


@pytest.mark.parametrize("name", VALID)
def test_documents_of_a_real_run_are_valid(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a b").mkdir()
    Path("a b/é.bpf.c").write_bytes(ESP.read_bytes())
    Path("bad.bpf.c").write_text("nonsense\n")
    assert cli.main(["lint", ".", "--output-format", name]) == 3
    text = capsys.readouterr().out
    VALID[name](text)
    if name == "sarif":
        results = json.loads(text)["runs"][0]["results"]
        places = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results}
        assert places == {"a%20b/%C3%A9.bpf.c"}
    else:
        assert "bad.bpf.c" in text


def without(document: Any, *path: str | int) -> str:
    """A JSON document that lacks something."""
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return json.dumps(document)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sarif", ("runs", 0, "tool")),
        ("sarif", ("runs", 0, "results", 0, "message")),
        ("gitlab", (0, "fingerprint")),
        ("gitlab", (0, "location", "lines")),
        ("rdjson", ("diagnostics", 0, "location", "path")),
        ("rdjson", ("diagnostics", 0, "suggestions", 0, "range", "start", "line")),
    ],
)
def test_the_schemas_notice_what_is_missing(name: str, path: tuple[str | int, ...]) -> None:
    text = without(json.loads(render(name, OUTCOME)), *path)
    with pytest.raises(jsonschema.ValidationError):
        VALID[name](text)


def test_the_schema_of_junit_notices_mistakes() -> None:
    text = render("junit", OUTCOME)
    for wrong in (text.replace('tests="2"', 'tests="two"'), text.replace("<testcase ", '<testcase line="1" ')):
        assert wrong != text
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            VALID["junit"](wrong)


def test_fingerprints_of_gitlab_are_unique() -> None:
    rows = json.loads(
        render("gitlab", Outcome(Report((LEAK, LEAK, replace(LEAK, rule="double-release"))), read=read))
    )
    assert len({row["fingerprint"] for row in rows}) == 3


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("concise", "json")])
def test_every_format_tells_all_that_is_to_be_known(name: str) -> None:
    """How a finding is reached and where it holds, in the words of the text."""
    finding = replace(
        LEAK, function="inner", program="drop", type_tags="with", kernels=("6.1", "6.2", "6.3", "6.18")
    )
    outcome = Outcome(Report((finding,)), kernels=("6.1", "6.2", "6.3", "6.12", "6.18"), read=read)
    text = render(name, outcome)
    if name in ("sarif", "gitlab", "rdjson"):
        text = json.dumps(json.loads(text), ensure_ascii=False).replace('\\"', '"')
    elif name in ("junit", "html"):
        text = text.replace("&quot;", '"').replace("&#x27;", "'")
    for fact in (
        "in 'inner', reached from program 'drop' (SEC(\"tc\"))",
        "on kernels 6.1 to 6.3 and 6.18; not on the other targeted kernels",
        "only where the kernel's BTF is with type tags (kernels built by clang)",
        'the kernel says "Unreleased reference id=… alloc_insn=…"',
    ):
        assert fact in text, fact


def suggestion(*edits: Edit) -> list[dict[str, Any]]:
    finding = replace(LEAK, fix=Fix("mend", edits, safe=True))
    (row,) = json.loads(render("rdjson", Outcome(Report((finding,)), read=read)))["diagnostics"]
    found: list[dict[str, Any]] = row["suggestions"]
    return found


def test_a_fix_of_several_edits_is_one_suggestion() -> None:
    (one,) = suggestion(Edit(span(7, 3, 3), "{ "), Edit(span(6, 6, 11), "task == NULL"))
    assert one["range"] == {"start": {"line": 6, "column": 6}, "end": {"line": 7, "column": 3}}
    assert one["text"] == "task == NULL)\n\t\t{ "
    (same,) = suggestion(Edit(span(6, 6, 7), ""), Edit(span(6, 11, 11), " == NULL"))
    assert same["range"]["end"] == {"line": 6, "column": 11} and same["text"] == "task == NULL"


def test_half_a_fix_is_not_suggested() -> None:
    assert suggestion(Edit(span(6, 6, 7), ""), Edit(span(1, 1, 1, "other.h"), "x")) == []


@pytest.mark.parametrize("name", FORMATS)
def test_exit_status_is_the_same_for_every_format(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("esp.bpf.c").write_bytes(ESP.read_bytes())
    Path("bad.bpf.c").write_text("nonsense\n")
    Path("clean.bpf.c").write_text("int x;\n")
    for args, status in (
        (["clean.bpf.c"], 0),
        (["esp.bpf.c", "--fail-on", "never"], 0),
        (["esp.bpf.c"], 1),
        (["esp.bpf.c", "--select", "ignored-opts-error", "--fail-on", "error"], 0),
        (["esp.bpf.c", "bad.bpf.c"], 3),
        (["esp.bpf.c", "--kernel", "six"], 2),
        (["none.bpf.c"], 2),
    ):
        for output in ([], ["-o", "out"]):
            assert cli.main(["lint", *args, "--output-format", name, *output]) == status, args
            out, err = capsys.readouterr()
            silent = name == "concise" and args == ["clean.bpf.c"]
            assert (out == "") == bool(output or status == 2 or silent)
            assert (err == "") == (status < 2)


@pytest.mark.parametrize("name", FORMATS)
def test_a_severity_has_a_word_in_every_format(name: str) -> None:
    findings = tuple(Finding("r", severity, span(1, 1, 2), "m") for severity in Severity)
    texts = {render(name, Outcome(Report((finding,)), read=read)) for finding in findings}
    assert len(texts) == len(Severity)
    assert REPORT.findings
