"""pygls's protocol, but for requests that are not understood: they are answered, too, or clients wait for ever."""

from __future__ import annotations

from typing import Any

from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

_ANSWERED = object()


class Protocol(LanguageServerProtocol):
    """What clients send, as messages."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message, or a part of one, from JSON."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            number = data.get("id")
            if "method" not in data or not isinstance(number, int | str):
                raise
            self._send_response(number, error=error.to_response_error())
            return _ANSWERED

    def handle_message(self, message: Any) -> None:
        """Act on a message."""
        if message is not _ANSWERED:
            super().handle_message(message)
