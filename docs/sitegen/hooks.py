"""Hooks of MkDocs: generated pages join those of docs/src, and those get what they include."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from sitegen.site import build, navigation, texts
from sitegen.text import linked

os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # no file may tell when it was built

NEEDLESS = ("sitemap.xml*", "assets/**/*.map", "assets/javascripts/lunr")
"""Lists of addresses, empty as long as the site has none; what debuggers and other languages need."""
PREFORMATTED = re.compile(r"(<pre\b.*?</pre>|<textarea\b.*?</textarea>|<script\b.*?</script>)", re.DOTALL)
INDEX = "search/search_index.json"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages into the navigation."""
    config.nav = navigation(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and files."""
    built = build()
    for page in built.pages:
        files.append(File.generated(config, page.path, content=page.text))
    for path, content in built.files.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put into a page of docs/src what it includes, and links from the names of kfuncs and rules."""
    if page.file.generated_by is not None:
        return markdown
    path = page.file.src_uri
    return linked(texts().expand(path, markdown), build().known.linker(path))


def on_post_page(output: str, **_: object) -> str:
    """Take out the indentation of the theme's templates: two fifths of a page."""
    parts = PREFORMATTED.split(output)
    return "".join(part if number % 2 else re.sub(r"\n\s+", "\n", part) for number, part in enumerate(parts))


def on_post_build(config: MkDocsConfig) -> None:
    """Remove what is of no use, and let kfuncs be found by the ends of their names."""
    site = Path(config.site_dir)
    for path in sorted(path for pattern in NEEDLESS for path in site.glob(pattern)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    index = json.loads((site / INDEX).read_text("utf-8"))
    for entry in index["docs"]:
        name = entry["title"] if entry["location"] == f"kfuncs/{entry['title']}.html" else ""
        if ends := ends_of(name):
            entry["text"] += f"<p>{' '.join(ends)}</p>"
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    (site / INDEX).write_text(text, "utf-8")
    # A page that was opened from a disk may fetch nothing, but it may run a script.
    (site / INDEX).with_suffix(".js").write_text(f"var __index = {text}\n", "utf-8")


def ends_of(name: str) -> list[str]:
    """`task_from_pid`, `from_pid` and `pid` of `bpf_task_from_pid`: the search takes names as they begin."""
    words = [word for word in name.split("_") if word]
    return ["_".join(words[start:]) for start in range(1, len(words))]
