"""What the server tells of its own work, for people whose editor shows nothing: into the client's log and, when
asked for, into a file (`kfuncgen lsp --log FILE`)."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from lsprotocol import types

from kfuncgen import __version__
from kfuncgen.config import find_config
from kfuncgen.diagnostic import UsageError
from kfuncgen.lsp.documents import MARKS, Document, Linted
from kfuncgen.render.summary import plural

LOGGER = logging.getLogger("kfuncgen.lsp")
LEVELS = {
    types.MessageType.Error: logging.ERROR,
    types.MessageType.Warning: logging.WARNING,
    types.MessageType.Info: logging.INFO,
    types.MessageType.Log: logging.INFO,
}
LEFT_ALONE = "left alone"
LINTED = "linted in"


def write_to(file: Path) -> None:
    """Append everything that is logged to a file, those of the libraries from warnings on."""
    try:
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"cannot write the log '{file}': {error.strerror}") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logging.getLogger("pygls").addHandler(handler)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.propagate = False


def introduced(params: types.InitializeParams, encoding: str, pulls: bool) -> str:
    """The server, and who started it."""
    client = params.client_info
    name = f"{client.name} {client.version or ''}".strip() if client is not None else "an unnamed editor"
    folders = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri or "no folder"]
    how = "asked for" if pulls else "sent"
    return (
        f"kfuncgen {__version__} with Python {'.'.join(map(str, sys.version_info[:3]))} ({sys.executable}), "
        f"process {os.getpid()}, for {name} in {', '.join(folders)}; columns in {encoding}, diagnostics are {how}"
    )


def left_alone(document: Document) -> str:
    """Why there is nothing to be said of a C file; "" for what is no C file, headers among them."""
    if document.is_program or not document.path.endswith(".c"):
        return ""
    return f"{document.path}: {LEFT_ALONE}: not called *.bpf.c, and no {' or '.join(MARKS)} in it"


def outcome(document: Document, linted: Linted, seconds: float, first: bool) -> str:
    """What a run of the linter gave; the first one of a document also tells what it went by."""
    answer = linted.answer
    if answer.problem or answer.failures:
        result = f"not checked: {answer.problem or answer.failures[0].error}"
    else:
        result = f"{LINTED} {seconds:.2f} s, {plural(len(answer.findings), 'finding')}"
    if not first:
        return f"{document.path}: {result}"
    config = find_config(Path(document.path).parent)
    infos = [note.message for note in answer.notes if note.kind == "info"]
    by = f"configuration {config}" if config is not None else "no kfuncgen.toml"
    return "; ".join([f"{document.path}: {result}", by, *dict.fromkeys(infos)])
