"""The process in which sources are linted: `python -m kfuncgen.lsp.worker`, kept by kfuncgen.lsp.linter.

It answers one question after the other (kfuncgen.lsp.wire) until its input ends. A question that takes too long
ends the process, also when the server is gone: the alarm needs no help of Python's.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kfuncgen.config import Config, find_config, load_config
from kfuncgen.diagnostic import Finding, KfuncgenError, UsageError
from kfuncgen.fixing import hand_written, mend
from kfuncgen.lint import LintOptions, Session
from kfuncgen.lint.processes import MEMORY_BYTES, limit
from kfuncgen.lsp.wire import OUT_OF_MEMORY, Answer, encoded, to_wire
from kfuncgen.records import replace
from kfuncgen.render.baseline import parse, without_known
from kfuncgen.render.excerpt import Sources
from kfuncgen.settings import lint_options

SECONDS = 30
"""The server gives up earlier; this is for workers that nobody waits for any more."""
MAX_FILE_BYTES = 16 << 20


class Worker:
    """What is kept between questions: parsed headers, and the options of each configuration."""

    def __init__(self) -> None:
        self._session = Session()
        self._options: dict[Config, LintOptions] = {}

    def answered(self, question: Mapping[str, Any]) -> bytes:
        """The line that answers a question (kfuncgen.lsp.wire)."""
        path, text = Path(question["path"]), question["text"]
        unsaved = {file: _bytes(content) for file, content in question["unsaved"].items()}
        if "names" in question:
            return encoded({"names": self._declared(path, text, unsaved, question["names"])})
        if "editable" in question:
            return encoded({"sources": self._mended(path, text, unsaved, question["editable"])})
        return to_wire(self._linted(path, text, unsaved))

    def _linted(self, path: Path, text: str, unsaved: Mapping[str, bytes]) -> Answer:
        """Lint `text` as the content of `path`, under the configuration that is nearest to it."""
        try:
            config, options = self._configured(path, unsaved)
            if any(pattern.matches(path) for pattern in config.exclude):
                return Answer(includes=frozenset())
            result = self._session.check(path, options, text)
            findings = tuple(_new(result.report.findings, config.baseline, path, text))
        except KfuncgenError as error:
            return Answer(problem=str(error))
        return Answer(
            findings,
            result.report.notes,
            result.failures,
            includes=self._session.includes,
            kernels=tuple(map(str, sorted(options.kernels))),
        )

    def _declared(
        self, path: Path, text: str, unsaved: Mapping[str, bytes], names: Sequence[str]
    ) -> list[str] | None:
        try:
            _, options = self._configured(path, unsaved)
            found = self._session.declared(path, options, text, names)
        except KfuncgenError:
            return None
        return sorted(found) if found is not None else None

    def _mended(
        self, path: Path, text: str, unsaved: Mapping[str, bytes], folders: Sequence[str]
    ) -> dict[str, str]:
        """New texts by file, `path` itself or headers in `folders`; none where something is wrong."""
        name = str(path)

        def lint(contents: Mapping[str, bytes]) -> tuple[Finding, ...] | None:
            own = contents.get(name)
            others = {**unsaved, **{file: data for file, data in contents.items() if file != name}}
            shown = text if own is None else own.decode("utf-8", "replace")
            result = self._session.check(path, replace(options, unsaved=others), shown)
            return None if result.failures else tuple(_new(result.report.findings, config.baseline, path, shown))

        def read(file: str) -> bytes | None:
            if file == name:
                return _bytes(text)
            return unsaved[file] if file in unsaved else _read(file)

        def may_edit(file: str) -> bool:
            if file == name:
                return True
            real = Path(os.path.realpath(file))
            data = read(file) if any(real.is_relative_to(os.path.realpath(folder)) for folder in folders) else None
            return data is not None and hand_written(file, data)

        try:
            config, options = self._configured(path, unsaved)
            done = mend(lint, read, may_edit, False, {})
        except KfuncgenError:
            return {}
        return {file: data.decode("utf-8", "replace") for file, data in done.sources.items()}

    def _configured(self, path: Path, unsaved: Mapping[str, bytes]) -> tuple[Config, LintOptions]:
        found = find_config(path.parent)
        config = load_config(found) if found is not None else Config()
        if config not in self._options:
            self._options[config] = lint_options(config)
        return config, replace(self._options[config], unsaved=unsaved)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _new(findings: Sequence[Finding], baseline: Path | None, path: Path, text: str) -> Sequence[Finding]:
    """The findings that the baseline does not know, if there is one."""
    if baseline is None:
        return findings
    written = _read(str(baseline))
    if written is None:
        raise UsageError(f"cannot read the baseline '{baseline}'")
    data = _bytes(text)
    sources = Sources(lambda file: data if file == str(path) else _read(file))
    known = parse(baseline, written.decode("utf-8", "replace"))
    return without_known(findings, known, sources, [str(path)])[0]


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
    # A source that includes /dev/stdin reads nothing, and no question.
    questions = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    limit(MEMORY_BYTES)
    worker = Worker()
    for line in questions:
        question = json.loads(line)
        signal.alarm(SECONDS)
        try:
            answer = worker.answered(question)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        signal.alarm(0)
        answers.write(answer)
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
