"""`kfuncgen lint --fix` and `--diff`: which files may be changed, and how they are written. What is applied is
decided in fixing.py, what a fix is by the rules."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kfuncgen.cli_output import read_source, replace_file, say
from kfuncgen.diagnostic import Finding, Report, UsageError
from kfuncgen.fixing import hand_written, mend
from kfuncgen.records import Struct, field, replace
from kfuncgen.render.summary import plural

if TYPE_CHECKING:
    from kfuncgen.lint import LintOptions, LintResult

Check = Callable[[Sequence[Path], "LintOptions", str | None], "LintResult"]


class Fixes(Struct):
    """The fixes of one command. `sources`: new contents by file, `original` what they replace."""

    unsafe: bool
    stdin_name: str | None = None
    stdin_text: str | None = None
    sources: dict[str, bytes] = field(default_factory=dict)
    original: dict[str, bytes] = field(default_factory=dict)
    fixed: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        if self.stdin_text is not None and "\ufffd" in self.stdin_text:
            raise UsageError("standard input is not UTF-8: it cannot be fixed without loss")

    def mend(
        self, group: Sequence[Path], chosen: LintOptions, check: Check, progress: Callable[[int], None]
    ) -> LintOptions:
        """Fix the sources of one configuration, in memory; the options with which they are linted anew.

        `progress` is told how many sources are done."""
        named = {os.path.realpath(path) for path in group}
        for number, path in enumerate(group, 1):

            def lint(contents: Mapping[str, bytes], path: Path = path) -> tuple[Finding, ...] | None:
                result = check([path], replace(chosen, unsaved=dict(contents)), self.text(contents))
                return None if result.failures else result.report.findings

            def may_edit(file: str) -> bool:
                return file == self.stdin_name or self._may_edit(file, named)

            done = mend(lint, self._read, may_edit, self.unsafe, self.sources)
            self.fixed += done.fixed
            self.refused += done.refused
            for file, data in done.sources.items():
                self.original.setdefault(file, self._read(file) or b"")
                self.sources[file] = data
            progress(number)
        return replace(chosen, unsaved=dict(self.sources))

    def text(self, contents: Mapping[str, bytes] | None = None) -> str | None:
        """Standard input as it is in `contents` (default: after all fixes), None when there is none."""
        if self.stdin_name is None:
            return None
        data = (self.sources if contents is None else contents).get(self.stdin_name)
        return self.stdin_text if data is None else data.decode("utf-8")

    def _read(self, file: str) -> bytes | None:
        if file == self.stdin_name:
            return (self.stdin_text or "").encode("utf-8")
        return read_source(file)

    def _may_edit(self, file: str, named: set[str]) -> bool:
        """Sources that the user named, and headers of the project: below the current folder, hand-written."""
        real = os.path.realpath(file)
        if real in named:
            return True
        header = Path(real)
        if not header.is_relative_to(os.path.realpath(".")):
            return False
        data = read_source(real)
        return data is not None and hand_written(real, data)

    def write(self) -> None:
        """Put every changed file in its place, unless somebody else changed it meanwhile."""
        for file, data in sorted(self.sources.items()):
            if file == self.stdin_name:
                continue
            if read_source(file) != self.original[file]:
                raise UsageError(f"'{file}' changed while it was checked: it is left alone")
            replace_file(Path(file), data)

    def diff(self) -> str:
        """All changes as one unified diff."""
        return "".join(unified(file, self.original[file], data) for file, data in sorted(self.sources.items()))

    def tell(self, report: Report, wrote: bool) -> None:
        """How many findings were fixed, and how many more could be; to standard error."""
        word = "fixed" if wrote else "would fix"
        text = f"{word} {plural(self.fixed, 'finding')}"
        if self.sources:
            text += f" in {plural(len(self.sources), 'file')}"
        fixes = [finding.fix for finding in report.findings if finding.fix is not None]
        unsafe = sum(not fix.safe for fix in fixes)
        if unsafe and not self.unsafe:
            text += f"; {unsafe} more can be fixed with --unsafe-fixes, which may change what the program does"
        if self.refused:
            text += f"; left out as something else would break: {self.refused}"
        say(f"kfuncgen: {text}")


def unified(file: str, old: bytes, new: bytes) -> str:
    """One file's changes as `diff -u` prints them. Bytes that are no UTF-8 become U+FFFD."""
    lines = [data.decode("utf-8", "replace").split("\n") for data in (old, new)]
    # split() and not splitlines(): only a line feed ends a line of a diff.
    ended = [[f"{line}\n" for line in some[:-1]] + ([some[-1]] if some[-1] else []) for some in lines]
    told = []
    for line in difflib.unified_diff(ended[0], ended[1], fromfile=file, tofile=file):
        told.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(told)
