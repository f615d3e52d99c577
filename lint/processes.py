"""Checking sources in processes of their own: several at once, and none ends the run by crashing or never ending.

Workers are forked when all code is loaded, and each answers one number of a source after the other. A worker that
dies, or takes too long, costs the source that it was asked about; another takes its place.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from kfuncgen.records import dataclass

SECONDS = 120.0
"""For one source: far more than the longest of thousands of lines takes."""
MEMORY_BYTES = 2 << 30
"""Address space of a worker, where the system can limit it."""
ASLEEP_SECONDS = 10.0
"""A worker that sleeps as long waits for a file that never comes: all that it does is computing."""
_LOOK_SECONDS = 2.0

Answer = TypeVar("Answer")


class Lost(Exception):
    """There is no answer: the worker died or was stopped. The message says why."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    link: Connection
    number: int = -1
    since: float = 0.0
    ticks: int = -1
    awake: float = 0.0

    def asleep(self, now: float) -> bool:
        """Whether it has slept for too long; to be asked every now and then."""
        ticks = _ticks_asleep(self.process.pid or 0)
        if ticks < 0 or ticks != self.ticks:
            self.ticks, self.awake = ticks, now
        return now - self.awake >= ASLEEP_SECONDS


def possible() -> bool:
    """Whether this system can fork."""
    return hasattr(os, "fork") and sys.platform != "win32"


def cpus() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on every system
        return os.cpu_count() or 1


def answers(
    numbers: Sequence[int], ask: Callable[[int], Answer], jobs: int, seconds: float = SECONDS
) -> Iterator[tuple[int, Answer | Lost]]:
    """`ask(number)` for each number, by up to `jobs` processes at once, in the order in which they end."""
    todo = list(reversed(numbers))
    workers: list[_Worker] = []
    try:
        workers += [_start(ask) for _ in range(max(1, min(jobs, len(todo))))]
        for worker in workers:
            _next(worker, todo)
        while busy := [worker for worker in workers if worker.number >= 0]:
            left = min(worker.since for worker in busy) + seconds - time.monotonic()
            ready = wait([worker.link for worker in busy], min(max(0.0, left), _LOOK_SECONDS))
            now = time.monotonic()
            for worker in busy:
                answer: Answer | Lost
                if worker.link in ready:
                    answer = _received(worker)
                elif now - worker.since >= seconds:
                    answer = Lost(f"the linter took longer than {seconds:.0f} seconds and was stopped")
                elif worker.asleep(now):
                    what = "waited in vain for a file (does the source include a pipe or a terminal?)"
                    answer = Lost(f"the linter {what} and was stopped")
                else:
                    continue
                yield worker.number, answer
                if isinstance(answer, Lost) or _is_bloated(worker.process.pid or 0):
                    _stop(worker)
                    workers.remove(worker)
                    if not todo:
                        continue
                    worker = _start(ask)
                    workers.append(worker)
                _next(worker, todo)
    finally:
        for worker in workers:
            _stop(worker)


def _stop(worker: _Worker) -> None:
    worker.link.close()
    worker.process.kill()
    worker.process.join()


def done_alone(action: Callable[[], None]) -> bool:
    """Run `action` in a process of its own, where there are such. Whether it ended well; its output is lost."""
    if not possible():
        action()
        return True
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _close_streams()
            limit(MEMORY_BYTES)
            action()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def _start(ask: Callable[[int], Answer]) -> _Worker:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(ask, there, here), daemon=True)
    process.start()
    there.close()
    return _Worker(process, here)


def _next(worker: _Worker, todo: list[int]) -> None:
    """Give a worker what to do next; one that is not needed any more is idle."""
    worker.number = todo.pop() if todo else -1
    worker.since = worker.awake = time.monotonic()
    if worker.number >= 0:
        with contextlib.suppress(OSError):  # it has died: reading its answer tells
            worker.link.send(worker.number)


def _ticks_asleep(process: int) -> int:
    """How much processor time a process has used that sleeps and has no child to wait for; -1 for others, and
    where the system does not tell."""
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        alone = not Path(f"/proc/{process}/task/{process}/children").read_bytes()
        return int(fields[10]) + int(fields[11]) if state == b"S" and alone else -1  # proc(5): utime, stime
    except (OSError, ValueError, IndexError):
        return -1


def _is_bloated(process: int) -> bool:
    """Whether a process has so much memory left over from one source that another one may not fit: libclang frees
    nothing of a source at which it gave up."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_bytes().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE") > MEMORY_BYTES // 2
    except (OSError, ValueError, IndexError):
        return False


def _received(worker: _Worker) -> Any:
    """The answer of a worker; Lost when it has died."""
    try:
        return worker.link.recv()
    except (EOFError, OSError):
        worker.process.join(5)
        code = worker.process.exitcode
        if code == -signal.SIGABRT:  # how LLVM ends when it gets no memory
            what = "out of memory, or a bug in libclang: please report the latter"
            return Lost(f"the linter gave up (signal SIGABRT; {what})")
        how = f"signal {_signal_name(-code)}" if code is not None and code < 0 else f"status {code}"
        return Lost(f"the linter crashed ({how}; a bug in kfuncgen or libclang: please report it)")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _work(ask: Callable[[int], Answer], link: Connection, other: Connection) -> None:
    """A worker: answer until the other side is gone."""
    other.close()
    # An interrupt reaches the whole group: it is the first process that tells of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _close_streams()
    limit(MEMORY_BYTES)
    gc.freeze()  # what the first process loaded is never looked at again, and stays shared
    with contextlib.suppress(EOFError, OSError):
        while True:
            link.send(ask(link.recv()))


def _close_streams() -> None:
    """Point the standard streams at nothing: a source may include /dev/stdin, and clang writes what sources ask
    for (`#pragma clang __debug dump`), and names of files when it crashes, to a terminal as they are."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)


def limit(memory: int) -> None:
    """Bound this process: `memory` bytes of address space, and no core when it crashes; where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
