"""The process that reads and renders a user's template: `python -m kfuncgen.generate.worker`, for usertemplate.py.

It reads one JSON object from standard input, `{"folder", "label", "values", "kernel", "reference"}`, and writes
one to standard output: `{"files": {path: [text, mode, rewrite]}}`, without "values" `{"description", "values"}`,
or `{"error", "place", "template"}`. After the specs are loaded it gives up the rights to use much time or memory
and to write any file.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kfuncgen.diagnostic import KfuncgenError
from kfuncgen.generate import resources
from kfuncgen.generate.project import render_project
from kfuncgen.generate.resources import Folder, TemplateFault
from kfuncgen.generate.template import Template, read_template
from kfuncgen.records import asdict
from kfuncgen.spec.cached import load_specs
from kfuncgen.spec.model import SpecSet

CPU_SECONDS = 10
MEMORY_BYTES = 1 << 30
"""Python, Jinja and the specs take 150 MB of address space."""
MAX_FILE_BYTES = 1 << 20
MAX_TOTAL_BYTES = 8 << 20


class UserFolder(Folder, frozen=True):
    """A folder that may hold anything: no link is followed, only regular files are read, and not without end."""

    def read_bytes(self, parts: Sequence[str]) -> bytes:
        """The bytes of a file below the folder; OSError for a link, a device, a pipe or what is not there."""
        current = os.open(str(self.root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[:-1]:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(part, flags, dir_fd=current)
                os.close(current)
                current = below
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(parts[-1], flags, dir_fd=current), "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise OSError("no regular file")
                return stream.read(resources.MAX_TEMPLATE_BYTES + 1)
        finally:
            os.close(current)


def main() -> int:
    """Answer one question; 0 also when the answer is an error of the template's."""
    question = json.loads(sys.stdin.buffer.read())
    try:
        answer = _answer(question)
    except KfuncgenError as error:
        place = error.place
        answer = {
            "error": error.message,
            "place": [place.file, place.line, place.column] if place else None,
            "template": isinstance(error, TemplateFault),
        }
    except MemoryError:
        answer = {"error": "the template takes too much memory", "place": None, "template": True}
    sys.stdout.write(json.dumps(answer))
    return 0


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    folder = UserFolder(Path(question["folder"]).name, question["label"], Path(question["folder"]))
    if "values" not in question:
        _limit()
        template = read_template(folder)
        values = [asdict(value) for value in template.values]
        return {"description": template.description, "values": values}
    specs = load_specs()
    _limit()
    return {"files": _files(read_template(folder), question, specs)}


def _files(template: Template, question: Mapping[str, Any], specs: SpecSet) -> dict[str, list[Any]]:
    """The rendered files, none of them and not all together too large."""
    from kfuncgen.spec.kernels import parse_targets

    kernel = parse_targets(question["kernel"], specs)[-1] if question["kernel"] else None
    files = render_project(template, question["values"], specs, kernel, question["reference"])
    total = 0
    for path, file in files.items():
        size = len(file.text.encode())
        total += size
        if size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
            what = f"'{path}' has {size} bytes" if size > MAX_FILE_BYTES else "the files are too large together"
            raise TemplateFault(f"{what}, expected at most {MAX_FILE_BYTES} each and {MAX_TOTAL_BYTES} in all")
    return {path: [file.text, file.mode, file.rewrite] for path, file in files.items()}


def _limit() -> None:
    """Bounds this process, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main())
