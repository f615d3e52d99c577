"""The process in which sources are linted: `python -m kfuncgen.lsp.worker`, kept by kfuncgen.lsp.linter.

It answers one question after the other (kfuncgen.lsp.wire) until its input ends. A question that takes too long
ends the process, also when the server is gone: the alarm needs no help of Python's.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from pathlib import Path

from kfuncgen.config import Config, find_config, load_config
from kfuncgen.diagnostic import Finding, KfuncgenError, UsageError
from kfuncgen.lint import LintOptions, Session
from kfuncgen.lsp.wire import Answer, to_wire
from kfuncgen.render.baseline import parse, without_known
from kfuncgen.render.excerpt import Sources
from kfuncgen.settings import lint_options

SECONDS = 30
"""The server gives up earlier; this is for workers that nobody waits for any more."""
MEMORY_BYTES = 4 << 30
MAX_FILE_BYTES = 16 << 20


class Worker:
    """What is kept between questions: parsed headers, and the options of each configuration."""

    def __init__(self) -> None:
        self._session = Session()
        self._options: dict[Config, LintOptions] = {}

    def answer(self, path: Path, text: str) -> Answer:
        """Lint `text` as the content of `path`, under the configuration that is nearest to it."""
        try:
            found = find_config(path.parent)
            config = load_config(found) if found is not None else Config()
            if config not in self._options:
                self._options[config] = lint_options(config)
            if any(pattern.matches(path) for pattern in config.exclude):
                return Answer()
            result = self._session.check(path, self._options[config], text)
            findings = result.report.findings
            if config.baseline is not None:
                findings = tuple(_new(findings, config.baseline, path, text))
        except KfuncgenError as error:
            return Answer(problem=str(error))
        return Answer(findings, result.report.notes, result.failures)


def _new(findings: tuple[Finding, ...], baseline: Path, path: Path, text: str) -> list[Finding]:
    """The findings that the baseline does not know."""
    written = _read(str(baseline))
    if written is None:
        raise UsageError(f"cannot read the baseline '{baseline}'")
    data = text.encode("utf-8", "replace")
    sources = Sources(lambda file: data if file == str(path) else _read(file))
    known = parse(baseline, written.decode("utf-8", "replace"))
    return list(without_known(findings, known, sources, [str(path)])[0])


def _read(file: str) -> bytes | None:
    """The bytes of a regular file of bounded size, else None."""
    with contextlib.suppress(OSError, ValueError):
        if Path(file).is_file() and Path(file).stat().st_size <= MAX_FILE_BYTES:
            return Path(file).read_bytes()
    return None


def main() -> int:
    """Answer until the input ends."""
    # The libraries may write what they like: to the server only answers go.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    worker = Worker()
    for line in sys.stdin.buffer:
        question = json.loads(line)
        signal.alarm(SECONDS)
        answer = worker.answer(Path(question["path"]), question["text"])
        signal.alarm(0)
        answers.write(to_wire(answer))
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
