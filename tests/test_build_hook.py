"""What a build leaves behind."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import kfuncgen
from kfuncgen.spec.cached import SHIPPED

CHECKOUT = Path(kfuncgen.__file__).resolve().parent.parent
SCRIPT = CHECKOUT / "hatch_build.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="not a checkout: nothing to build from")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script of the build, as hatchling loads it, with the usual mask for new files."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("kfuncgen_hatch_build", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = os.umask(0o022)
    yield module
    os.umask(before)


def test_a_build_makes_a_folder_for_everybody_and_removes_its_own_file_only(
    script: ModuleType, tmp_path: Path
) -> None:
    folder, other = tmp_path / "a" / "dist", tmp_path / "other.txt"
    other.write_text("another hook's\n")
    hook: Any = script.SpecsHook(str(CHECKOUT), {}, None, None, str(folder), "wheel")
    data = {"force_include": {str(other): "other.txt"}}
    hook.initialize("standard", data)
    assert [path.stat().st_mode & 0o777 for path in (folder.parent, folder)] == [0o755, 0o755]
    written = folder / SHIPPED.name
    assert data["force_include"].pop(str(written)) == f"kfuncgen/spec/{SHIPPED.name}"
    assert written.stat().st_mode & 0o777 == 0o644
    hook.finalize("standard", data, "")
    assert other.exists() and list(folder.iterdir()) == []


def test_an_editable_installation_has_nothing_written(script: ModuleType, tmp_path: Path) -> None:
    hook: Any = script.SpecsHook(str(CHECKOUT), {}, None, None, str(tmp_path / "dist"), "wheel")
    data: dict[str, dict[str, str]] = {"force_include": {}}
    hook.initialize("editable", data)
    hook.finalize("editable", data, "")
    assert data == {"force_include": {}} and not (tmp_path / "dist").exists()
