"""The server's end of the process that lints: started when needed, replaced when it dies or takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kfuncgen.lsp.wire import Answer, encoded, from_wire

TIME_LIMIT = 10.0
"""Seconds for one text. Programs of a thousand lines take a fifth of a second."""
PATIENCE = 1.0
"""Seconds that a run may still take when its text is no longer the newest: a new process would need as much."""
MAX_ANSWER_BYTES = 64 << 20
COMMAND = (sys.executable, "-P", "-m", "kfuncgen.lsp.worker")
"""Without -P, Python would take modules from the current folder, which is the project that was opened."""


class LinterFailed(Exception):
    """One text could not be linted: the message says why. The next one finds a new process."""


class Superseded(Exception):
    """The run was given up for a newer text."""


class Linter:
    """Lints one text at a time. `command` starts the process."""

    def __init__(
        self, command: Sequence[str] = COMMAND, time_limit: float = TIME_LIMIT, patience: float = PATIENCE
    ) -> None:
        self._command = command
        self._time_limit = time_limit
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._folder = ""

    async def lint(self, path: str, text: str, superseded: asyncio.Event | None = None) -> Answer:
        """The answer for `text`; LinterFailed without one, Superseded when the event came and the run went on."""
        async with self._lock:
            if superseded is not None and superseded.is_set():
                raise Superseded
            process = await self._started()
            asked = asyncio.ensure_future(self._ask(process, encoded({"path": path, "text": text})))
            try:
                await self._wait(asked, superseded)
                if not asked.done():
                    raise Superseded
                return from_wire(asked.result())
            except TimeoutError:
                what = f"the linter took more than {self._time_limit:g} seconds and was stopped"
                raise LinterFailed(what) from None
            except (EOFError, OSError, ValueError, KeyError, TypeError):
                await self._stopped(process)
                raise LinterFailed(f"the linter ended unexpectedly ({_ending(process)})") from None
            finally:
                if not asked.done() or asked.cancelled() or asked.exception() is not None:
                    asked.cancel()
                    await self._stopped(process)

    async def forget(self) -> None:
        """End the process, with everything that it has kept."""
        async with self._lock:
            if self._process is not None:
                await self._stopped(self._process)

    def close(self) -> None:
        """End the process at once: the server itself ends."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _wait(self, asked: asyncio.Future[bytes], superseded: asyncio.Event | None) -> None:
        """Until the answer is there, or nobody wants it any more; TimeoutError when it does not come."""
        newer = asyncio.ensure_future((superseded or asyncio.Event()).wait())
        try:
            done, _ = await asyncio.wait(
                (asked, newer), timeout=self._time_limit, return_when=asyncio.FIRST_COMPLETED
            )
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
    return f"status {status}"
