"""What editors show of specs that mean harm: text, with no image to fetch, no link and no HTML, as readers of
Markdown make pages of it."""

from __future__ import annotations

import random
from html import unescape
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from kfuncgen.lint import LintOptions
from kfuncgen.lsp.contracts import contract_of, hover
from kfuncgen.lsp.markdown import block, code, prose
from kfuncgen.records import replace
from kfuncgen.spec.load import load_specs
from kfuncgen.spec.model import ErrorCause, SpecSet

READERS = (MarkdownIt("commonmark"), MarkdownIt("commonmark").enable(["table", "strikethrough"]))
HARMFUL = (
    r"Look \`![a](http://evil.example/p.png)\` here",
    "inline ``` begins\n\n![b](http://evil.example/p.png)\n\n```",
    "`` ` ![a](http://e/p.png) ` ``",
    "``![a](http://e/p.png)`",
    "`a``![a](http://e/p.png)``b`",
    "`one\n\n![a](http://e/p.png)`",
    r"\\`![a](http://e/p.png)\\`",
    "`x\\` ![a](http://e/p.png) `",
    "`c | ![a](http://e/p.png)`\n---|---\n",
    "a | `b | ![a](http://e/p.png)` |\n|-|-|\n| `![c](http://e/q.png) | ` |",
    "![a][r]\n\n[r]: http://e/p.png",
    "<http://e/p> <b@e.example> <img src=http://e/p.png>",
    "<!-- `-->` <script>` <b>",
    "<a href='`'>![a](http://e/p.png)`",
    "~~~\n![a](http://e/p.png)\n~~~\n![a](http://e/p.png)",
    "- ```\n![a](http://e/p.png)\n  ```\n![b](http://e/p.png)",
    "    `indented\n![a](http://e/p.png)`",
    "&lt;img&gt; &#60;b> &#x5b;",
    "x\r\n![a](http://e/p.png)\u2028![a](http://e/p.png)\x00`\x1b`",
)
PIECES = (
    *(
        "`",
        "``",
        "```",
        "\\",
        "\\\\",
        "![a](http://e/p.png)",
        "[l](http://e)",
        "[r]",
        "[r]: http://e/p\n",
        "!",
        "|",
    ),
    *(
        "<img src=x>",
        "<http://e/p>",
        "<b",
        ">",
        "<!--",
        "-->",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "- ",
        "> ",
        "1. ",
        "~~~",
    ),
    *(
        "---|---\n",
        "\n---\n",
        "word",
        " ",
        "_",
        "*",
        "&#60;",
        "&lt;",
        "#",
        "\r",
        "\u2028",
        "`code`",
        "c\n```\n",
        "(",
    ),
)


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onerror", "style"}

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        self.text += data


STRUCTURE = {
    *("p", "h1", "h2", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "hr", "br"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
"""What text may look like: none of it fetches, leads elsewhere or hides anything."""


def shown(markdown: str) -> list[Tags]:
    """The page as each reader makes it, all of it harmless."""
    pages = [Tags(reader.render(markdown)) for reader in READERS]
    for page in pages:
        assert page.tags <= STRUCTURE, (page.tags - STRUCTURE, markdown)
    return pages


@pytest.fixture(scope="module")
def specs() -> SpecSet:
    return load_specs()


def told(specs: SpecSet, text: str) -> str:
    """A page of a function of whose spec everything is this text."""
    options = LintOptions((specs.newest,), specs)
    contract = contract_of("bpf_xdp_get_xfrm_state", options)
    assert contract is not None
    ((index, struct),) = contract.function.options
    function = replace(
        contract.function,
        summary=text,
        notes=text,
        config=(text,),
        module=text,
        release=(text,),
        errors=(ErrorCause(text, text),),
        options=((index, replace(struct, name=text, size_constant=text)),),
    )
    prototype = replace(
        contract.prototype,
        text=text,
        params=tuple(replace(param, name=text, summary=text) for param in contract.prototype.params),
    )
    return hover(replace(contract, function=function, prototype=prototype), options)


@pytest.mark.parametrize("text", HARMFUL)
def test_a_page_of_harmful_texts_does_none(text: str, specs: SpecSet) -> None:
    for page in shown(told(specs, text)):
        assert page.text.count("bytes") == READERS[0].render(told(specs, "x")).count("bytes"), "the rest is there"
    shown(prose(text))


def test_random_texts_do_no_harm(specs: SpecSet) -> None:
    chance = random.Random(11)
    for number in range(1500):
        text = "".join(chance.choices(PIECES, k=chance.randrange(1, 14)))
        shown(prose(text))
        shown(f"- {code(text)}: {prose(text)}\n{block(text)}\n{prose(text)}")
        if number % 10 == 0:
            shown(told(specs, text))


def test_honest_texts_look_as_they_are_meant(specs: SpecSet) -> None:
    page = shown(prose("Calls `bpf_f()` of __kptr, see a->b & `<x>[1]`.\n\nNot `a` or `b`; _new, x * y, 1 < 2."))[
        0
    ]
    assert page.text.split("\n") == [
        "Calls bpf_f() of __kptr, see a->b & <x>[1].",
        "Not a or b; _new, x * y, 1 < 2.",
        "",
    ]
    assert page.tags == {"p", "code"}
    assert prose("a spec_name in `code` (6.8, 100%)") == "a spec_name in `code` (6.8, 100%)"
    for name, function in specs.functions.items():
        for text in filter(None, (function.summary, function.notes)):
            lines = [" ".join(page.text.split()) for page in shown(prose(text))]
            assert lines == [" ".join(text.split())] * 2, name


def test_code_is_not_left_early() -> None:
    assert code("bpf_f") == "`bpf_f`" and block("int f(void);") == "```c\nint f(void);\n```"
    for text in ("a`b", "``", "a\nb", "a|b", "a\\"):
        assert unescape(READERS[1].render(f"{code(text)} end")) == f"<p>{text} end</p>\n"
    inside = "```\n![a](http://e)\n~~~\n`````\n<b>"
    assert unescape(READERS[0].render(block(inside))) == f'<pre><code class="language-c">{inside}\n</code></pre>\n'


def test_addresses_in_text_are_no_links() -> None:
    """GitHub's dialect, which editors speak, makes links of them without any sign."""
    for text in ("http://e.example", "https://e.example/x", "www.e.example", "WWW.e.example", "me@e.example"):
        markdown = prose(text)
        assert markdown != text and "\\" in markdown
        assert shown(markdown)[0].text.strip() == text
