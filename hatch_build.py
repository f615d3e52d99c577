"""What a wheel brings besides the files of the checkout: the built-in specs, ready to use.

Reading them from their files takes as long as everything else of a first run (kfuncgen.spec.cached).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SpecsHook(BuildHookInterface[Any]):
    """Writes the specs, and puts the file into the wheel. Editable installations read theirs from the checkout."""

    _written: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files are collected."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from kfuncgen.spec import cached

        folder = Path(self.directory)
        folder.mkdir(parents=True, exist_ok=True)  # what writes the file makes folders that are its user's alone
        self._written = folder / cached.SHIPPED.name
        cached.write_shipped(self._written)
        self._written.chmod(0o644)
        build_data["force_include"][str(self._written)] = f"kfuncgen/spec/{self._written.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when the wheel is written; files that others put in are theirs."""
        if self._written is not None:
            self._written.unlink(missing_ok=True)
