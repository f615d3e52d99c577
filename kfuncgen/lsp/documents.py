"""The client's open sources: their unsaved text, and what was found in it.

Texts are kept here and not by pygls, whose lines also end at form feeds and other separators, unlike the
protocol's and the compiler's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types
from pygls import uris

from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.wire import Answer

MARKS = ("bpf_helpers.h", "vmlinux.h")
"""What a BPF program that is not called *.bpf.c includes."""
MAX_FILE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found in one version of a text. `failure`: why there is no answer."""

    version: int
    text: Text
    answer: Answer = Answer()
    failure: str = ""


@dataclass(slots=True, eq=False)
class Document:
    """An open source. `task` lints it; `newer` is set when the text changes meanwhile."""

    uri: str
    path: str
    version: int
    text: Text
    linted: Linted | None = None
    task: asyncio.Task[None] | None = None
    newer: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_program(self) -> bool:
        """Whether it is linted: sources of BPF programs are, headers are with the sources that include them."""
        if self.path.endswith(".bpf.c"):
            return True
        return self.path.endswith(".c") and any(mark in self.text.text for mark in MARKS)

    @property
    def current(self) -> Linted | None:
        """What was found in the text as it is now."""
        return self.linted if self.linted is not None and self.linted.version == self.version else None


class Documents:
    """All open documents by URI, and the texts of files."""

    def __init__(self) -> None:
        self.encoding = "utf-16"
        self._open: dict[str, Document] = {}
        self._revision = 0

    def open(self, item: types.TextDocumentItem) -> Document | None:
        """A document that was opened; None when it is no file."""
        path = uris.to_fs_path(item.uri) if item.uri.startswith("file:") else None
        if not path:
            return None
        document = Document(item.uri, path, self._next(), Text(item.text, self.encoding))
        self._open[item.uri] = document
        return document

    def change(self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent]) -> Document | None:
        """Apply the client's changes, one after the other."""
        document = self._open.get(uri)
        if document is None:
            return None
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                old = document.text
                start, end = old.offset(change.range.start), old.offset(change.range.end)
                text = old.text[:start] + change.text + old.text[max(start, end) :]
            else:
                text = change.text
            document.text = Text(text, self.encoding)
        document.version = self._next()
        return document

    def close(self, uri: str) -> Document | None:
        """Forget a document."""
        return self._open.pop(uri, None)

    def get(self, uri: str) -> Document | None:
        """The open document of a URI."""
        return self._open.get(uri)

    def all(self) -> list[Document]:
        """Every open document."""
        return list(self._open.values())

    def outdate(self, document: Document) -> None:
        """What was found is no longer to be relied on, though the text is the same."""
        document.version = self._next()

    def text_of(self, file: str) -> Text:
        """The text of a file: the open document's, else what is on disk ("" when it cannot be read)."""
        for document in self._open.values():
            if document.path == file:
                return document.text
        data = b""
        path = Path(file)
        try:
            if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
                data = path.read_bytes()
        except OSError:
            pass
        return Text(data.decode("utf-8", "surrogateescape"), self.encoding)

    def _next(self) -> int:
        """Numbers of our own: a client's may stay the same when a file is opened again."""
        self._revision += 1
        return self._revision
