"""The baseline: findings that were there when the tool came, kept in a file and left out from then on.

Entries are fingerprints (render.identity), so that they hold when lines move; the rest of an entry is for people
who read the file, and its changes in reviews. Files are named relative to the baseline's own folder.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from kfuncgen.diagnostic import Finding, Place, UsageError
from kfuncgen.records import Struct
from kfuncgen.render.excerpt import Sources
from kfuncgen.render.identity import fingerprints, relative
from kfuncgen.render.json import dump

VERSION = 1
KEYS = ("file", "rule", "function", "message", "fingerprint")
"""Of an entry, in their order."""


class Baseline(Struct, frozen=True):
    """A read baseline: where it is, the file of each fingerprint, and the entries as they were written."""

    path: Path
    files: dict[str, str]
    entries: tuple[Mapping[str, Any], ...] = ()

    @property
    def folder(self) -> Path:
        """What names of files are relative to."""
        return self.path.resolve().parent


def parse(path: Path, text: str) -> Baseline:
    """The baseline that `path` holds; UsageError when it is none."""
    place = Place(str(path))
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not a baseline: {error}", place) from None
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise UsageError('not a baseline: expected {"version": 1, "findings": [...]}', place)
    if document.get("version") != VERSION:
        raise UsageError(f"a baseline of version {VERSION} was expected; --write-baseline makes one", place)
    files: dict[str, str] = {}
    for number, entry in enumerate(document["findings"], 1):
        digest, file = (entry.get("fingerprint"), entry.get("file")) if isinstance(entry, dict) else (None, None)
        if not isinstance(digest, str) or not isinstance(file, str):
            raise UsageError(f"entry {number} of the baseline has no fingerprint and file", place)
        files[digest] = file
    return Baseline(path, files, tuple(document["findings"]))


def of_others(baseline: Baseline, checked: Collection[str]) -> list[Mapping[str, Any]]:
    """Entries about files that were not `checked` this time, and are still there."""
    names = {relative(file, baseline.folder) for file in checked}
    return [
        entry
        for entry in baseline.entries
        if entry["file"] not in names and _is_there(baseline.folder / entry["file"])
    ]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no name that a file could have
        return False


def written(
    findings: Sequence[Finding], sources: Sources, folder: Path, others: Sequence[Mapping[str, Any]] = ()
) -> str:
    """The baseline of these findings for a file in `folder`, sorted by file and rule: diffs stay small.

    `others`: entries of an older one that stay."""
    rows: list[Mapping[str, Any]] = [
        {
            "file": relative(finding.span.file, folder),
            "rule": finding.rule,
            "function": finding.function,
            "message": finding.message,
            "fingerprint": digest,
        }
        for finding, digest in zip(findings, fingerprints(findings, sources, folder), strict=True)
    ]
    rows += [{key: str(entry.get(key, "")) for key in KEYS} for entry in others]
    rows.sort(key=lambda row: tuple(row.values()))
    return dump({"version": VERSION, "findings": rows})


def without_known(
    findings: Sequence[Finding], baseline: Baseline, sources: Sources, checked: Collection[str]
) -> tuple[list[Finding], int, int]:
    """Findings that are new, how many are known, and how many entries are stale: no longer found in the `checked`
    files."""
    prints = fingerprints(findings, sources, baseline.folder)
    new = [finding for finding, digest in zip(findings, prints, strict=True) if digest not in baseline.files]
    names = {relative(file, baseline.folder) for file in checked}
    stale = [d for d, file in baseline.files.items() if file in names and d not in set(prints)]
    return new, len(findings) - len(new), len(stale)
