"""The client's open sources: their unsaved text, and what was found in it.

Texts are kept here and not by pygls, whose lines also end at form feeds and other separators, unlike the
protocol's and the compiler's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types

from kfuncgen.lsp.positions import Text
from kfuncgen.lsp.scan import Scan
from kfuncgen.lsp.uris import file_of, unsaved_file, uri_of
from kfuncgen.lsp.wire import Answer
from kfuncgen.records import Struct, field

MARKS = ("bpf_helpers.h", "vmlinux.h")
"""What a BPF program that is not called *.bpf.c includes."""
MAX_FILE_BYTES = 16 << 20
MAX_READ = 8
"""Files on disk whose text is kept: a finding may have many places in one header."""
_SURROGATES = re.compile("[\ud800-\udfff]")


class Linted(Struct, frozen=True):
    """What was found in one version of a text. `failure`: why there is no answer."""

    version: int
    text: Text
    answer: Answer = Answer()
    failure: str = ""


class Headers(Struct):
    """What is known of names that a source's headers may declare. `directives`: of which text that was."""

    directives: str = ""
    names: dict[str, bool] = field(default_factory=dict)


class Document(Struct, eq=False):
    """An open source. `task` lints it; `newer` is set when the text changes meanwhile.

    `version` counts our own revisions, `client_version` is the client's number. `touched` grows with every sign
    that somebody looks at the document. `includes`: files that it was seen to include, None when that is
    not known.
    """

    uri: str
    path: str
    version: int
    text: Text
    client_version: int = 0
    saved: bool = False
    touched: int = 0
    linted: Linted | None = None
    includes: frozenset[str] | None = None
    headers: Headers = field(default_factory=Headers)
    task: asyncio.Task[None] | None = None
    newer: asyncio.Event = field(default_factory=asyncio.Event)
    _scanned: tuple[Text, Scan] | None = None

    @property
    def scan(self) -> Scan:
        """The text scanned, once for all questions about it."""
        if self._scanned is None or self._scanned[0] is not self.text:
            self._scanned = (self.text, Scan(self.text.text))
        return self._scanned[1]

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
        self.folders: list[str] = []
        """The client's workspace folders."""
        self._open: dict[str, Document] = {}
        self._read: dict[str, tuple[tuple[int, int], Text]] = {}
        self._revision = 0

    def open(self, item: types.TextDocumentItem) -> Document | None:
        """A document that was opened; None when it is neither a file nor to become one."""
        path = file_of(item.uri)
        if path is None and item.language_id == "c":
            path = unsaved_file(item.uri, self.folders[0] if self.folders else str(Path.cwd()))
        if path is None:
            return None
        text = Text(_clean(item.text), self.encoding)
        document = Document(item.uri, path, self._next(), text, item.version)
        with contextlib.suppress(OSError, ValueError):
            # An empty text of a file that is not there is no saved one.
            document.saved = self._on_disk(path).text == text.text and Path(path).is_file()
        self._open[item.uri] = document
        self.touch(document)
        return document

    def change(
        self, uri: str, version: int, changes: Sequence[types.TextDocumentContentChangeEvent]
    ) -> Document | None:
        """Apply the client's changes, one after the other."""
        document = self._open.get(uri)
        if document is None:
            return None
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                old = document.text
                start, end = old.offset(change.range.start), old.offset(change.range.end)
                text = old.text[:start] + _clean(change.text) + old.text[max(start, end) :]
            else:
                text = _clean(change.text)
            document.text = Text(text, self.encoding)
        document.version = self._next()
        document.client_version = version
        document.saved = False
        self.touch(document)
        return document

    def close(self, uri: str) -> Document | None:
        """Forget a document."""
        return self._open.pop(uri, None)

    def get(self, uri: str) -> Document | None:
        """The open document of a URI; whoever asks for one looks at it."""
        document = self._open.get(uri)
        if document is not None:
            self.touch(document)
        return document

    def peek(self, uri: str) -> Document | None:
        """As `get`, without anybody looking."""
        return self._open.get(uri)

    def is_open(self, document: Document) -> bool:
        """Whether the document is still the one of its URI."""
        return self._open.get(document.uri) is document

    def all(self) -> list[Document]:
        """Every open document."""
        return list(self._open.values())

    def at(self, file: str) -> Document | None:
        """The open document of a file."""
        return next((one for one in self._open.values() if one.path == file), None)

    def touch(self, document: Document) -> None:
        """Somebody looks at the document."""
        document.touched = self._next()

    def outdate(self, document: Document) -> None:
        """What was found is no longer to be relied on, though the text is the same."""
        document.version = self._next()
        document.headers = Headers()

    def unsaved(self) -> dict[str, str]:
        """The texts, by file, of open headers that differ from what is on disk."""
        return {one.path: one.text.text for one in self._open.values() if not one.saved and not one.is_program}

    def text_of(self, file: str) -> Text:
        """The text of a file: the open document's, else what is on disk ("" when it cannot be read)."""
        document = self.at(file)
        return document.text if document is not None else self._on_disk(file)

    def uri_of(self, file: str) -> str:
        """The URI of a file: the client's own when it is open."""
        document = self.at(file)
        return document.uri if document is not None else uri_of(file)

    def _on_disk(self, file: str) -> Text:
        path = Path(file)
        try:
            status = path.stat()
            state = (status.st_size, status.st_mtime_ns)
            known = self._read.get(file)
            if known is not None and known[0] == state:
                return known[1]
            data = path.read_bytes() if path.is_file() and status.st_size <= MAX_FILE_BYTES else b""
        except (OSError, ValueError):
            return Text("", self.encoding)
        text = Text(data.decode("utf-8", "surrogateescape"), self.encoding)
        while len(self._read) >= MAX_READ:
            del self._read[next(iter(self._read))]
        self._read[file] = (state, text)
        return text

    def _next(self) -> int:
        """Numbers of our own: a client's may stay the same when a file is opened again."""
        self._revision += 1
        return self._revision


def absolute(file: str) -> str:
    """The name of a file that findings have, from the root on."""
    return os.path.normpath(Path.cwd() / file)


def _clean(text: str) -> str:
    """A text without halves of characters, which are no text; as many units long."""
    return _SURROGATES.sub("\ufffd", text)
