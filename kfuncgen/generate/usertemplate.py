"""Templates of the user's: `kfuncgen new ./my-template DIR`.

Such a folder may come from anywhere and is not trusted. It is read and rendered by a process of its own
(worker.py) with bounds on time, memory and size, in Jinja's sandbox, and reads no file outside the folder; what it
makes is written by `write_project` as all else is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfuncgen.diagnostic import Place, UsageError
from kfuncgen.generate.project import GeneratedFile
from kfuncgen.generate.resources import TemplateFault
from kfuncgen.generate.template import Value

SECONDS = 20
"""Wall-clock time for reading and rendering; our largest template takes half a second."""


def is_reference(text: str) -> bool:
    """Whether `text` names a folder, not a built-in template: it has a slash, or is `.` or `..`."""
    return "/" in text or os.sep in text or text in (".", "..")


def describe_user_template(folder: Path) -> tuple[str, tuple[Value, ...]]:
    """Description and values of the template in `folder`. TemplateFault for what is wrong in it."""
    answer = _ask({"folder": _checked(folder), "label": str(folder)})
    values = tuple(Value(**{**value, "forbidden": tuple(value["forbidden"])}) for value in answer["values"])
    return answer["description"], values


def render_user_project(
    folder: Path,
    values: Mapping[str, str],
    kernel: str | None = None,
    reference: str = "",
) -> dict[str, GeneratedFile]:
    """The files that the template in `folder` makes, as `render_project` gives those of a built-in one.

    `kernel` is the word of the command line. UsageError for a bad value, TemplateFault for what is
    wrong in the template or takes too much time, memory or space.
    """
    question = {
        "folder": _checked(folder),
        "label": str(folder),
        "values": dict(values),
        "kernel": kernel,
        "reference": reference,
    }
    return {path: GeneratedFile(*file) for path, file in _ask(question)["files"].items()}


def _checked(folder: Path) -> str:
    if not (folder / "template.yaml").is_file():
        raise UsageError(f"'{folder}' is no template: it has no file template.yaml")
    return str(folder.resolve())


def _ask(question: Mapping[str, Any]) -> dict[str, Any]:
    """What the worker answers; its errors become ours."""
    command = [sys.executable, "-P", "-m", "kfuncgen.generate.worker"]
    try:
        done = subprocess.run(
            command, input=json.dumps(question).encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise TemplateFault(f"the template takes more than {SECONDS} seconds") from None
    except OSError as error:
        raise UsageError(f"cannot start a process for the template: {error.strerror}") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise TemplateFault(_ended(done.returncode, done.stderr)) from None
    if "error" in answer:
        place = Place(*answer["place"]) if answer["place"] else None
        kind = TemplateFault if answer["template"] else UsageError
        raise kind(answer["error"], place)
    return answer


def _ended(status: int, told: bytes) -> str:
    """Why a worker gave no answer."""
    if status < 0:
        return f"the template takes too much time or memory (its process ended by signal {-status})"
    words = re.sub(r"[^\x20-\x7e]", "?", told.decode("ascii", "replace").strip().rpartition("\n")[2])[:200]
    return f"the template takes too much time or memory, or kfuncgen failed: {words or 'no answer'}"
