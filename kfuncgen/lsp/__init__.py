"""The language server: what the linter and the specs know, inside editors. `serve` is the one entry.

`server` speaks the protocol; `linter` keeps the process (`worker`) in which sources are linted, so that a crash or
an endless loop of the compiler's library costs one answer and not the server.
"""

from __future__ import annotations


def serve() -> int:
    """Run the server on standard input and output until the client ends it."""
    from kfuncgen.lsp.server import create_server

    create_server().start_io()
    return 0


__all__ = ["serve"]
