"""Checking sources in processes of their own: several at once, and none ends the run by crashing or never ending.

Workers are forked when all code is loaded, and each answers one number of a source after the other, by pipes. A
worker that dies, or takes too long, costs the source that it was asked about; another takes its place.

Not by `multiprocessing`, which takes 8 ms to import, more than two workers take to start.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kfuncgen.records import Struct

SECONDS = 120.0
"""For one source: far more than the longest of thousands of lines takes."""
MEMORY_BYTES = 2 << 30
"""Address space of a worker, where the system can limit it."""
ASLEEP_SECONDS = 10.0
"""A worker that sleeps as long waits for a file that never comes: all that it does is computing."""
_LOOK_SECONDS = 2.0

_WORD = 8
"""Bytes of a number or a length on a pipe."""

Answer = TypeVar("Answer")


class Lost(Exception):
    """There is no answer: the worker died or was stopped. The message says why."""


class _Worker(Struct, eq=False):
    """A process, where it is asked, where it answers (file descriptors), what it was asked last and when."""

    process: int
    asked: int
    answers: int
    number: int = -1
    since: float = 0.0
    ticks: int = -1
    awake: float = 0.0
    status: int | None = None
    """How it ended, once that is known."""

    def asleep(self, now: float) -> bool:
        """Whether it has slept for too long; to be asked every now and then."""
        ticks = _ticks_asleep(self.process)
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
    import pickle

    todo = list(reversed(numbers))
    workers: list[_Worker] = []
    try:
        for _ in range(max(1, min(jobs, len(todo)))):
            workers.append(_start(ask, workers))
        for worker in workers:
            _next(worker, todo)
        while busy := [worker for worker in workers if worker.number >= 0]:
            left = min(worker.since for worker in busy) + seconds - time.monotonic()
            ready = _ready(busy, min(max(0.0, left), _LOOK_SECONDS))
            now = time.monotonic()
            for worker in busy:
                answer: Answer | Lost
                if worker.answers in ready:
                    data = _received(worker)
                    answer = pickle.loads(data) if data is not None else Lost(_end_of(worker))
                elif now - worker.since >= seconds:
                    answer = Lost(f"the linter took longer than {seconds:.0f} seconds and was stopped")
                elif worker.asleep(now):
                    what = "waited in vain for a file (does the source include a pipe or a terminal?)"
                    answer = Lost(f"the linter {what} and was stopped")
                else:
                    continue
                yield worker.number, answer
                if isinstance(answer, Lost) or _is_bloated(worker.process):
                    _stop(worker)
                    workers.remove(worker)
                    if not todo:
                        continue
                    worker = _start(ask, workers)
                    workers.append(worker)
                _next(worker, todo)
    finally:
        for worker in workers:
            _stop(worker)


def _ready(workers: Sequence[_Worker], seconds: float) -> set[int]:
    """Wait so long for one of the workers. Where those answer (or have died) that are ready."""
    poll = select.poll()
    for worker in workers:
        poll.register(worker.answers, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(seconds * 1000 + 1)}


def _stop(worker: _Worker) -> None:
    os.close(worker.asked)
    os.close(worker.answers)
    if worker.status is None:
        os.kill(worker.process, signal.SIGKILL)
        os.waitpid(worker.process, 0)


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


def _start(ask: Callable[[int], Answer], others: Sequence[_Worker]) -> _Worker:
    """Another worker beside the others."""
    asked, to_ask = _pipe()
    to_read, answers = _pipe()
    process = os.fork()
    if process == 0:
        try:
            # A worker ends when nobody can ask it any more.
            for descriptor in (
                to_ask,
                to_read,
                *(one for other in others for one in (other.asked, other.answers)),
            ):
                os.close(descriptor)
            _work(ask, asked, answers)
        finally:
            os._exit(1)
    os.close(asked)
    os.close(answers)
    return _Worker(process, to_ask, to_read)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are no standard streams, some of which may be closed."""
    ends = os.pipe()
    while min(ends) <= 2:
        os.close(ends[0])
        os.close(ends[1])
        os.open(os.devnull, os.O_RDWR)
        ends = os.pipe()
    return ends


def _next(worker: _Worker, todo: list[int]) -> None:
    """Give a worker what to do next; one that is not needed any more is idle."""
    worker.number = todo.pop() if todo else -1
    worker.since = worker.awake = time.monotonic()
    if worker.number >= 0:
        with contextlib.suppress(OSError):  # it has died: reading its answer tells
            os.write(worker.asked, worker.number.to_bytes(_WORD, "little"))


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


def _received(worker: _Worker) -> bytes | None:
    """The answer of a worker; None when it has died."""
    head = _read(worker.answers, _WORD)
    return _read(worker.answers, int.from_bytes(head, "little")) if head is not None else None


def _read(descriptor: int, size: int) -> bytes | None:
    """So many bytes; None when the other side is gone."""
    parts = []
    while size > 0:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _end_of(worker: _Worker) -> str:
    """How a worker has died."""
    worker.status = os.waitstatus_to_exitcode(os.waitpid(worker.process, 0)[1])
    if worker.status == -signal.SIGABRT:  # how LLVM ends when it gets no memory
        return "the linter gave up (signal SIGABRT; out of memory, or a bug in libclang: please report the latter)"
    how = f"signal {_signal_name(-worker.status)}" if worker.status < 0 else f"status {worker.status}"
    return f"the linter crashed ({how}; a bug in kfuncgen or libclang: please report it)"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _work(ask: Callable[[int], Answer], asked: int, answers: int) -> None:
    """A worker: answer until the other side is gone."""
    import pickle

    # An interrupt reaches the whole group: it is the first process that tells of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _close_streams()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    limit(MEMORY_BYTES)
    gc.freeze()  # what the first process loaded is never looked at again, and stays shared
    while (number := _read(asked, _WORD)) is not None:
        data: Any = pickle.dumps(ask(int.from_bytes(number, "little")), pickle.HIGHEST_PROTOCOL)
        _write(answers, len(data).to_bytes(_WORD, "little") + data)


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
