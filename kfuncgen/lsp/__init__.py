"""The language server: what the linter and the specs know, inside editors. `serve` is the one entry.

`server` speaks the protocol; `linter` keeps the process (`worker`) in which sources are linted, so that a crash or
an endless loop of the compiler's library costs one answer and not the server.
"""

from __future__ import annotations

from pathlib import Path


def serve(log: Path | None = None) -> int:
    """Run the server on standard input and output until the client ends it.

    `log`: a file to which it writes what it does.
    """
    import logging

    from kfuncgen.lsp.journal import write_to
    from kfuncgen.lsp.server import create_server

    # What goes wrong is told to the client. Without a handler Python would write it to standard error as well, and
    # wait there for ever when nobody reads it.
    for name in ("pygls", "kfuncgen.lsp"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    if log is not None:
        write_to(log)
    create_server().start_io()
    return 0


__all__ = ["serve"]
