"""The server's end of the process that lints: started when needed, replaced when it dies or takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from kfuncgen.lsp.turns import Rank, Turns
from kfuncgen.lsp.wire import OUT_OF_MEMORY, Answer, encoded, from_wire, names_from_wire, sources_from_wire

TIME_LIMIT = 10.0
"""Seconds for one text. Programs of a thousand lines take a fifth of a second."""
PATIENCE = 1.0
"""Seconds that a run may still take when its text is no longer the newest: a new process would need as much."""
MEND_LIMIT = 25.0
"""Seconds for all fixes of one text: it is linted after each of them."""
MAX_CHARACTERS = 8 << 20
"""As for sources on disk: no program of a person is larger."""
MAX_ANSWER_BYTES = 64 << 20
COMMAND = (sys.executable, "-P", "-m", "kfuncgen.lsp.worker")
"""Without -P, Python would take modules from the current folder, which is the project that was opened."""


class LinterFailed(Exception):
    """One text could not be linted: the message says why. The next one finds a new process."""


class Superseded(Exception):
    """The run was given up for a newer text."""


Found = TypeVar("Found")


def _first() -> float:
    """The rank of what somebody waits for."""
    return float("inf")


class Linter:
    """Answers one question at a time. `command` starts the process.

    Each method raises LinterFailed without an answer. `unsaved`: texts by file that count instead of what
    is on disk.
    """

    def __init__(
        self, command: Sequence[str] = COMMAND, time_limit: float = TIME_LIMIT, patience: float = PATIENCE
    ) -> None:
        self._command = command
        self._time_limit = time_limit
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._turns = Turns()
        self._folder = ""

    async def lint(
        self,
        path: str,
        text: str,
        superseded: asyncio.Event | None = None,
        unsaved: Mapping[str, str] | None = None,
        rank: Rank = _first,
    ) -> Answer:
        """What is found in `text`; Superseded when the event came and the run went on."""
        if len(text) > MAX_CHARACTERS:
            raise LinterFailed(f"the source is larger than {MAX_CHARACTERS >> 20} MiB")
        question = {"path": path, "text": text, "unsaved": dict(unsaved or {})}
        return await self._asked(question, from_wire, superseded, rank, self._time_limit)

    async def declared(
        self, path: str, text: str, names: Sequence[str], unsaved: Mapping[str, str] | None = None
    ) -> frozenset[str] | None:
        """Those of `names` that the headers of `text` declare; None when that cannot be told."""
        question = {"path": path, "text": text, "unsaved": dict(unsaved or {}), "names": list(names)}
        return await self._asked(question, names_from_wire, None, _first, self._time_limit)

    async def mended(
        self, path: str, text: str, unsaved: Mapping[str, str], editable: Sequence[str]
    ) -> dict[str, str]:
        """The files that change when all safe fixes of `text` are applied, with their new texts.

        `editable`: folders whose headers may be changed, too.
        """
        question = {"path": path, "text": text, "unsaved": dict(unsaved), "editable": list(editable)}
        return await self._asked(question, sources_from_wire, None, _first, max(self._time_limit, MEND_LIMIT))

    async def _asked(
        self,
        question: Mapping[str, object],
        read: Callable[[bytes], Found],
        superseded: asyncio.Event | None,
        rank: Rank,
        limit: float,
    ) -> Found:
        async with self._turns.turn(rank):
            if superseded is not None and superseded.is_set():
                raise Superseded
            process = await self._started()
            asked = asyncio.ensure_future(self._ask(process, encoded(question)))
            try:
                await self._wait(asked, superseded, limit)
                if not asked.done():
                    raise Superseded
                return read(asked.result())
            except TimeoutError:
                what = f"the linter took more than {limit:g} seconds and was stopped"
                raise LinterFailed(what) from None
            except (EOFError, OSError, ValueError, KeyError, TypeError, AttributeError):
                await self._stopped(process)
                raise LinterFailed(f"the linter ended unexpectedly ({_ending(process)})") from None
            finally:
                if not asked.done() or asked.cancelled() or asked.exception() is not None:
                    asked.cancel()
                    await self._stopped(process)

    async def forget(self) -> None:
        """End the process, with everything that it has kept."""
        async with self._turns.turn(_first):
            if self._process is not None:
                await self._stopped(self._process)

    def close(self) -> None:
        """End the process at once: the server itself ends."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _wait(self, asked: asyncio.Future[bytes], superseded: asyncio.Event | None, limit: float) -> None:
        """Until the answer is there, or nobody wants it any more; TimeoutError when it does not come."""
        newer = asyncio.ensure_future((superseded or asyncio.Event()).wait())
        try:
            done, _ = await asyncio.wait((asked, newer), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if newer in done and not asked.done():
                await asyncio.wait((asked,), timeout=self._patience)
            elif not done:
                raise TimeoutError
        finally:
            newer.cancel()

    async def _ask(self, process: asyncio.subprocess.Process, line: bytes) -> bytes:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(line)
        await process.stdin.drain()
        answer = await process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise EOFError
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            # Preambles lie in files for temporary ones, and stay there when the process is killed.
            if not self._folder:
                self._folder = tempfile.mkdtemp(prefix="kfuncgen-lsp-")
            package = str(Path(__file__).parents[2])
            paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
            environment = {**os.environ, "TMPDIR": self._folder, "PYTHONPATH": os.pathsep.join(paths)}
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                limit=MAX_ANSWER_BYTES,
            )
        return self._process

    async def _stopped(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            # One that is about to end by itself tells more.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.1)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._process = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""


def _ending(process: asyncio.subprocess.Process) -> str:
    status = process.returncode
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return "it needed too much memory" if status == OUT_OF_MEMORY else f"status {status}"
