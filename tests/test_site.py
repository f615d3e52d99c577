"""The documentation site: it builds without a warning, holds what it must, and needs nothing from elsewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from html import unescape
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from rule_pages import RULES
from site_pages import DOCS, ROOT, pages_available

from kfuncgen.lint.rule import catalogue
from kfuncgen.spec.kernels import parse_targets
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel
from kfuncgen.spec.progtypes import allowed_sections

pytestmark = [
    pytest.mark.skipif(not pages_available(), reason="needs docs/"),
    pytest.mark.skipif(find_spec("mkdocs") is None, reason="MkDocs is not installed"),
    pytest.mark.outside,
    pytest.mark.slow,
    pytest.mark.xdist_group("site"),
]

SPECS = load_builtin()
KFUNCS = {function.name: function for function in SPECS.functions.values() if function.kind == "kfunc"}
MOST_BYTES = 40 << 20
MOST_OF_A_PAGE = 400 << 10
VOID = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")


def build_site(folder: Path, **environment: str) -> Path:
    """The site; the test fails with what was said when that was anything."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"} | environment
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-f", str(DOCS / "mkdocs.yml")]
    done = subprocess.run(
        [*command, "-d", str(folder)], env=env, cwd=folder.parent, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as scripts/docs.sh builds it, in an environment where there is nothing left to install."""
    folder = tmp_path_factory.mktemp("site")
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\n[ "$2" = pip ] || exec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    env = os.environ | {"PYTHONPATH": str(ROOT), "KFUNCGEN_VENV": str(python.parents[1])}
    command = ["bash", str(ROOT / "scripts" / "docs.sh"), str(folder / "site")]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    told = f"docs.sh: the site is {folder / 'site' / 'index.html'}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", told), done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def index(site: Path) -> Mapping[str, str]:
    """What the search knows: title and text by address."""
    docs = json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    return {entry["location"]: f"{entry['title']}\n{entry['text']}" for entry in docs}


class Reader(HTMLParser):
    """The ids of a page, and every address in it, with the attribute that holds it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := found.get(name))}
        for name in ("href", "src", "srcset", "action", "data", "poster"):
            if (value := found.get(name)) is not None:
                self.addresses.append((f"{tag} {name}", value))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("table", "tbody", "thead", "tr", "div", "form") and tag in self.open:
            while self.open.pop() != tag:
                pass


@cache
def read_page(path: Path) -> Reader:
    return Reader(path.read_text("utf-8"))


def html(site: Path) -> Iterator[Path]:
    yield from sorted(site.rglob("*.html"))


def files(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_the_same_input_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    again = build_site(tmp_path / "again", PYTHONHASHSEED="7", TZ="Pacific/Kiritimati", LC_ALL="C")
    first, second = files(site), files(again)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_every_kfunc_and_every_rule_has_a_page(site: Path) -> None:
    rules = [path.stem.replace("_", "-") for path in RULES.glob("*.md")]
    assert len(KFUNCS) > 300 and len(rules) > 80
    wanted = [f"kfuncs/{name}.html" for name in KFUNCS] + [f"rules/{name}.html" for name in rules]
    assert [name for name in wanted if not (site / name).is_file()] == []


def test_the_search_finds_kfuncs_by_name_and_by_its_end(index: Mapping[str, str]) -> None:
    for name in KFUNCS:
        title, _, text = index[f"kfuncs/{name}.html"].partition("\n")
        assert title == name
        end = name.lstrip("_").partition("_")[2]
        assert not end or end in text, name


def test_the_search_finds_rules_by_the_messages_of_the_verifier(index: Mapping[str, str]) -> None:
    """Each message is a title of its own on the page of its rule: titles come first."""
    for rule in catalogue().values():
        titles = [
            unescape(re.sub(r"<[^>]+>", "", text.partition("\n")[0]))
            for address, text in index.items()
            if address.startswith(f"rules/{rule.name}.html#")
        ]
        for message in rule.verifier:
            assert any(message in title for title in titles), f"{rule.name}: {message}"


def test_the_search_of_pages_on_a_disk_has_the_same_index(site: Path) -> None:
    """Scripts are loaded from a disk, documents are not: assets/file-search.js."""
    script = (site / "search" / "search_index.js").read_text("utf-8")
    assert script == f"var __index = {(site / 'search' / 'search_index.json').read_text('utf-8')}\n"
    assert 'src="assets/file-search.js"' in (site / "index.html").read_text("utf-8")


def test_links_lead_somewhere(site: Path) -> None:
    """Also those in pictures and generated tables, which MkDocs does not look at."""
    wrong = []
    for path in html(site):
        if path.name == "404.html":
            continue  # served from any address; its links are absolute
        for kind, address in read_page(path).addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or kind == "form action":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                wrong.append(f"{path.relative_to(site)}: {address}")
            elif (
                parts.fragment
                and target.suffix == ".html"
                and unquote(parts.fragment) not in read_page(target).ids
            ):
                wrong.append(f"{path.relative_to(site)}: {address}: no such place")
    assert wrong[:20] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {"link href", "script src", "img src", "img srcset", "source srcset", "object data", "iframe src"}
    wrong = [
        f"{path.relative_to(site)}: {address}"
        for path in html(site)
        for kind, address in read_page(path).addresses
        if kind in loaded and (urlsplit(address).netloc or urlsplit(address).scheme not in ("", "data"))
    ]
    for path in site.rglob("*.css"):
        wrong += [
            f"{path.name}: {url}" for url in re.findall(r"url\(\s*['\"]?((?:https?:)?//[^)]*)", path.read_text())
        ]
        wrong += re.findall(r"@import[^;]*", path.read_text())
    assert wrong[:20] == []


def test_pages_have_a_reasonable_size(site: Path) -> None:
    sizes = {name: len(data) for name, data in files(site).items()}
    assert sum(sizes.values()) < MOST_BYTES
    assert {name: size for name, size in sizes.items() if name.endswith(".html") and size > MOST_OF_A_PAGE} == {}


class Cells(HTMLParser):
    """The rows of a picture: by kfunc, each cell's class once for every column it spans."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: dict[str, list[str]] = {}
        self.row = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "tr":
            self.row = found.get("data-name") or ""
        elif tag == "td" and self.row:
            self.rows.setdefault(self.row, []).extend([found.get("class") or ""] * int(found.get("colspan") or 1))


def test_the_picture_of_kernels_is_what_the_specs_say(site: Path) -> None:
    text = (site / "kfuncs" / "kernels.html").read_text("utf-8")
    kernels = [Kernel.parse(number) for number in re.findall(r"<th scope=col[^>]*>([\d.]+)</th>", text)]
    assert kernels == list(parse_targets(f"5.13..{SPECS.last()}", SPECS))
    rows = Cells(text).rows
    assert rows.keys() == KFUNCS.keys()
    for name, function in KFUNCS.items():
        drawn = [kernel for kernel, cell in zip(kernels, rows[name], strict=True) if "has" in cell.split()]
        assert drawn == [kernel for kernel in kernels if function.exists_at(kernel)], name
        came = [kernel for kernel, cell in zip(kernels, rows[name], strict=True) if "came" in cell.split()]
        assert came == [kernel for kernel, there in function.turns() if there], name


def test_the_table_of_programs_is_what_the_specs_say(site: Path) -> None:
    text = (site / "kfuncs" / "programs.html").read_text("utf-8")
    columns = [title.split(", ") for title in re.findall(r'<th scope=col title="([^"]*)"', text)]
    place = {section: number for number, names in enumerate(columns) for section in names}
    rows = Cells(text).rows
    existing = {name for name, function in KFUNCS.items() if function.exists_at(SPECS.newest)}
    assert rows.keys() == existing
    for name in existing:
        allowed = allowed_sections(KFUNCS[name].at(SPECS.newest), SPECS.newest)
        for section in allowed:
            plain = section.removesuffix(".s")
            cell = rows[name][place[plain]]
            assert cell == ("has sleepable" if section.endswith(".s") else "has"), f"{name}: {section}"
        if not allowed:
            assert set(rows[name]) == {""}, name


def test_kfunc_pages_tell_the_contract(site: Path) -> None:
    page = (site / "kfuncs" / "bpf_xdp_get_xfrm_state.html").read_text("utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    for told in (
        "Looks up an IPsec security association",
        "since 6.8",
        "Acquires a reference, which bpf_xdp_xfrm_state_release() releases.",
        "May return NULL",
        "BPF_XFRM_STATE_OPTS_SZ",
        "no network namespace has the id netns_id",
        "if (!x)",
        "unset-opts-field",
    ):
        assert told in text, told


def test_commands_have_all_their_options(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from kfuncgen import cli
    from sitegen.commands import commands

    shown = unescape(re.sub(r"<[^>]+>", "", (site / "reference" / "commands.html").read_text("utf-8")))
    paths = [path for path, _ in commands()]
    assert {"kfuncgen lint", "kfuncgen spec show", "kfuncgen gen call"} <= set(paths)
    for path in paths:
        assert cli.main([*path.split()[1:], "--help"]) == 0
        # The option's own line: two blanks, its short form perhaps, its name.
        options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)
        section = shown[shown.index(f"{path}¶") :]
        for option in options:
            assert option == "--help" or option in section[: section.find("¶", len(path) + 1)], f"{path} {option}"
