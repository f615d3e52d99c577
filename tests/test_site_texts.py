"""Pages that include the repository's texts, and rules beside kfuncs: what they take and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_pages import lint, pages
from site_pages import pages_available

from kfuncgen.diagnostic import Finding
from kfuncgen.lint import LintOptions, check_paths
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel

if not pages_available():
    pytest.skip("needs docs/", allow_module_level=True)

from kfuncgen.lint.rule import catalogue
from kfuncgen.spec.model import Role
from kfuncgen.spec.words import SPECIAL_EFFECTS
from sitegen.history import events
from sitegen.include import IncludeError, Texts
from sitegen.relations import EVERY_HELPER, EVERY_KFUNC, ROLES, SPECIALS, rules_of
from sitegen.terminal import coloured
from sitegen.text import fence, linked, prose, prototype

SPECS = load_builtin()

README = """# thing

It does things.

<!-- generated -->

## Use

Like [this](#more), see [the licence](LICENSE) and [the guide](docs/guide.md).

    kfuncgen lint a.c
    kfuncgen lint b.c

```yaml
- a:
    - id: b
      args: [c]
# no heading
```

### More

More.

## Other

Text.
"""


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    source = tmp_path / "src"
    (source / "howto").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / "docs" / "guide.md").write_text("# Guide\n\nGo on.\n")
    (source / "howto" / "use.md").write_text("# Use it\n\n<!-- include README.md: Use -->\n")
    (source / "guide.md").write_text("# The guide\n\n<!-- include docs/guide.md -->\n")
    return Texts(tmp_path, source)


def test_a_section_is_included_with_its_links(texts: Texts) -> None:
    page = texts.expand("howto/use.md", "# Use it\n\n<!-- include README.md: Use -->\n")
    assert page.startswith("# Use it\n\n\nLike [this](#more), see the licence and [the guide](../guide.md).")
    assert "```sh\nkfuncgen lint a.c\nkfuncgen lint b.c\n```" in page
    assert "```yaml\n- a:\n    - id: b\n      args: [c]\n# no heading\n```" in page
    assert "\n## More\n" in page
    assert "Other" not in page


def test_an_introduction_and_a_section_without_those_below(texts: Texts) -> None:
    assert texts.expand("a.md", "# A\n<!-- intro README.md -->\n").split() == ["#", "A", "It", "does", "things."]
    page = texts.expand("howto/use.md", "# A\n\n<!-- top README.md: Use -->\n")
    assert "kfuncgen lint" in page and "More" not in page


def test_headings_go_below_those_of_the_page(texts: Texts) -> None:
    page = texts.expand("howto/use.md", "# A\n\n## B\n\n<!-- include README.md: Use -->\n")
    assert "\n### More\n" in page


def test_code_is_shown_with_its_name(texts: Texts) -> None:
    (texts.root / "a.toml").write_text("x = 1\n")
    assert texts.expand("a.md", "<!-- code a.toml -->\n") == '```toml title="a.toml"\nx = 1\n```\n\n'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("<!-- include README.md: Gone -->", "a.md: README.md has no section 'Gone'"),
        ("<!-- include GONE.md: Use -->", "a.md: there is no file 'GONE.md' to include"),
        ("<!-- table gone -->", "a.md: there is no table 'gone'"),
    ],
)
def test_what_is_not_there_is_an_error(texts: Texts, line: str, said: str) -> None:
    with pytest.raises(IncludeError) as caught:
        texts.expand("a.md", f"{line}\n")
    assert said in str(caught.value)


def test_a_link_to_a_section_on_no_page_is_an_error(texts: Texts) -> None:
    (texts.root / "README.md").write_text("# t\n\n## Use\n\n[x](#other)\n\n## Other\n")
    with pytest.raises(IncludeError) as caught:
        texts.expand("howto/use.md", "<!-- include README.md: Use -->\n")
    assert "'#other' of README.md is on no page" in str(caught.value)


def test_comments_for_tests_are_taken_out(texts: Texts) -> None:
    page = "<!-- exits 1 -->\n```sh\nfalse\n```\n"
    assert texts.expand("a.md", page) == "```sh\nfalse\n```\n"
    assert texts.expand("a.md", page, for_tests=True) == page
    page = "<!-- output -->\n```diff\n+a\n```\n"
    assert texts.expand("a.md", page) == "``` { .diff .output }\n+a\n```\n"


def test_prose_shows_names_as_code_and_links_them() -> None:
    told = prose("bpf_x() fails with -EINVAL when *a* < b|c and __user is [set]", lambda name: f"{name}.md")
    assert "[`bpf_x()`](bpf_x.md)" in told
    assert "\\*a\\* \\< b\\|c" in told and "\\[set\\]" in told
    assert "[`__user`](__user.md)" in told


def test_names_in_backticks_become_links_once_and_not_in_code() -> None:
    page = "# `f`\n\n`f()` and [`f`](a.md), `f x`\n\n```c\nf(); // `f`\n```\n\n`g`\n"
    told = linked(page, lambda name: f"{name}.md" if name == "f" else "")
    assert told == page.replace("\n`f()` and", "\n[`f()`](f.md) and")


def test_long_prototypes_have_a_parameter_a_line() -> None:
    assert prototype("int f(void)") == "int f(void);"
    long = prototype(f"int {'f' * 60}(u32 a, void (*cb)(int, int))")
    assert long.endswith("(\n\tu32 a,\n\tvoid (*cb)(int, int)\n);")


def test_changes_are_told_when_a_kernel_has_the_kfunc() -> None:
    history = [
        (str(event.kernel), event.kind, event.plain) for event in events(SPECS.functions["bpf_list_push_front"])
    ]
    assert history[:3] == [("6.2", "came", "came"), ("6.4", "went", "went"), ("7.1", "came", "came back")]
    (changed,) = history[3:]
    assert changed[:2] == ("7.1", "changed")
    assert changed[2].startswith("programs +XDP +SYSCALL +CGROUP; flags +KF_IMPLICIT_ARGS; prototype int bpf_list")


def test_a_flag_that_went_from_all_is_not_told_of_each() -> None:
    for function in SPECS.functions.values():
        assert not any("-KF_TRUSTED_ARGS" in e.plain and e.kernel >= Kernel(7, 0) for e in events(function))


def test_fences_outlast_what_is_in_them() -> None:
    assert fence("a\n```\nb")[0] == "````c" and fence("a\n```\nb")[-2] == "````"


def test_terminal_colours_become_spans() -> None:
    told = coloured("\x1b[1;31merror:\x1b[0m <a>")
    assert told == '<span class="bold red">error:</span> &lt;a&gt;'


def test_relations_know_every_word_and_only_rules_that_exist() -> None:
    assert set(SPECIALS) == set(SPECIAL_EFFECTS)
    assert set(ROLES) == set(Role)
    named = {name for function in SPECS.functions.values() for name in rules_of(function.at(SPECS.newest))}
    assert (named | set(EVERY_KFUNC) | set(EVERY_HELPER)) <= set(catalogue())


def findings() -> list[tuple[str, Finding]]:
    """What the linter finds in the blocks of the rules' pages and in the cases."""
    found = [(block.name, finding) for page in pages() for block in page.blocks for finding in lint(block)]
    cases = sorted((Path(__file__).parent / "cases").glob("*.bpf.c"))
    report = check_paths(cases, LintOptions((SPECS.newest,), SPECS, clang_args=())).report
    return found + [(Path(finding.span.file).name, finding) for finding in report.findings]


@pytest.mark.slow
def test_what_the_linter_finds_of_a_call_is_named_beside_the_kfunc() -> None:
    seen, wrong = 0, []
    for where, finding in findings():
        function = SPECS.functions.get(finding.kfunc or "")
        if function is None:
            continue
        seen += 1
        named = set(EVERY_KFUNC if function.kind == "kfunc" else EVERY_HELPER)
        for kernel in (Kernel(6, 1), Kernel(6, 12), SPECS.newest):
            named |= set(rules_of(function.at(kernel)))
        if finding.rule not in named:
            wrong.append(f"{where}:{finding.span.line}: {finding.rule} of {function.name}()")
    assert seen > 200
    assert wrong == []
