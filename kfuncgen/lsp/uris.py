"""The client's names for documents (URIs), and the files that they stand for."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

MAX_URI = 16_384
_NAMES = re.compile(r"[^\w.+-]+")


def file_of(uri: str) -> str | None:
    """The absolute, plain name of the file that a `file:` URI names; None for others and other machines' files."""
    if len(uri) > MAX_URI or not uri.lower().startswith("file:"):
        return None
    try:
        parts = urlsplit(uri)
        path = unquote(parts.path, errors="surrogateescape")
    except ValueError:
        return None
    if parts.netloc.lower() not in ("", "localhost") or not path.startswith("/") or "\0" in path:
        return None
    if re.match(r"/[A-Za-z]:", path) and os.name == "nt":
        path = path[1:]
    return os.path.normpath(path)


def unsaved_file(uri: str, folder: str) -> str | None:
    """A name in `folder` for a document that was never saved (`untitled:`); None for what is no such document."""
    if len(uri) > MAX_URI or not uri.lower().startswith("untitled:"):
        return None
    path = unquote(uri.partition(":")[2], errors="replace").partition("?")[0].partition("#")[0]
    if path.startswith("/") and "\0" not in path:  # it has been told already where it is to be saved
        return os.path.normpath(path)
    name = _NAMES.sub("-", path.rpartition("/")[2])[:80].strip(".") or "untitled"
    return str(Path(folder, name if name.endswith((".c", ".h")) else f"{name}.c"))


def uri_of(file: str) -> str:
    """The `file:` URI of a file's absolute name."""
    return Path(file).as_uri()
