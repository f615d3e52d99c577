"""The linter: C sources in, findings out. `check_paths` is the one entry; everything else is its inside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from kfuncgen.diagnostic import FileFailure, Report
from kfuncgen.patterns import PathPattern
from kfuncgen.records import Struct, field
from kfuncgen.spec.model import Kernel, SpecSet
from kfuncgen.spec.typetags import TypeTags


class LintOptions(Struct, frozen=True):
    """What to check and how. `clang_args` are the arguments after `--` (None: look for a database).

    `loader` is one of kfuncgen.lint.externs.LOADERS: what will load the objects.
    `type_tags`: whether the BTF of the targeted kernels tells `__rcu` and `__user` fields (clang's builds do).
    `configured_args` come from kfuncgen.toml in `configured_dir`. `select` None means all rules.
    `arch` is one of kfuncgen.toolchain.arch.ARCHITECTURES, "" for what the flags say, or this machine's.
    """

    kernels: tuple[Kernel, ...]
    specs: SpecSet
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    clang_args: tuple[str, ...] | None = None
    build_dir: Path | None = None
    stdin_filename: str | None = None
    configured_args: tuple[str, ...] = ()
    configured_dir: Path | None = None
    loader: str = "libbpf"
    type_tags: TypeTags = "without"
    arch: str = ""
    per_file_ignores: tuple[tuple[PathPattern, frozenset[str]], ...] = ()
    """Rules that are ignored in some files."""
    unsaved: Mapping[str, bytes] = field(default_factory=dict)
    """Contents of sources and headers, by the names that findings use, that count instead of those on disk."""

    def ignores(self, rule: str, file: str) -> bool:
        """Whether what a rule finds in a file is left out."""
        return any(rule in rules and pattern.matches(file) for pattern, rules in self.per_file_ignores)


class LintResult(Struct, frozen=True):
    """Findings and notes of the files that could be parsed, and the files that could not."""

    report: Report = field(default_factory=Report)
    failures: tuple[FileFailure, ...] = ()


def check_paths(
    paths: Sequence[Path],
    options: LintOptions,
    stdin_text: str | None = None,
    jobs: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LintResult:
    """Lint files, in order; `-` stands for `stdin_text`.

    A file that cannot be read or parsed is a failure beside the findings of the others. `jobs`: in so many
    processes of their own, -1 for as many as are of use, 0 for none but this. `progress` is told how many are
    done, of how many.
    """
    from kfuncgen.lint import batch
    from kfuncgen.lint.kept import Reports

    effort = batch.Effort(jobs, progress) if progress is not None else batch.Effort(jobs)
    return batch.check_paths(paths, options, stdin_text, reports=Reports(), effort=effort)


class Session:
    """For sources that are linted again and again: what they include is compiled at once, and kept."""

    def __init__(self) -> None:
        from kfuncgen.lint.parse_headers import Headers

        self._headers = Headers(at_once=True)

    @property
    def includes(self) -> frozenset[str] | None:
        """The files that the last source included, None when it did not compile."""
        return frozenset(self._headers.last) if self._headers.last is not None else None

    def check(self, path: Path, options: LintOptions, text: str) -> LintResult:
        """Lint `text` as the content of `path`, saved or not."""
        from kfuncgen.lint import batch

        return batch.gathered([batch.Checker(options, self._headers).check(path, text)])

    def declared(
        self, path: Path, options: LintOptions, text: str, names: Collection[str]
    ) -> frozenset[str] | None:
        """Those of `names` that the headers of the source `text` declare, see kfuncgen.lint.declared."""
        from kfuncgen.lint.declared import declared_names

        return declared_names(path, options, text, names, self._headers)


__all__ = ["LintOptions", "LintResult", "Session", "check_paths"]
