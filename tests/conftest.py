"""What all tests share: `--update` for golden files, and when kernel tests may be skipped.

Tests marked `kernel` load BPF programs. Where that is impossible they are skipped with the reason that
tests/kernel.py gives; with KFUNCGEN_REQUIRE_KERNEL=1 (CI on a machine that can) every such skip is a failure.
Tests marked `outside` run programs of others (shells, editors, build tools, pre-commit), and skip where those are
not installed; KFUNCGEN_REQUIRE_TOOLS=1 makes failures of these skips.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator
from pathlib import Path

import fake_linter
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update"):
        os.environ["KFUNCGEN_UPDATE"] = "1"
    # What CI systems set, and changes what is printed: tests that are about it set it themselves.
    for name in ("FORCE_COLOR", "NO_COLOR", "GITHUB_ACTIONS"):
        os.environ.pop(name, None)


REQUIRED_BY = {"kernel": "KFUNCGEN_REQUIRE_KERNEL", "outside": "KFUNCGEN_REQUIRE_TOOLS"}
"""By marker: the environment variable that forbids its tests to be skipped."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kernel") is None:
        return
    reason: str | None = importlib.import_module("kernel").can_load()
    if reason is not None:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for marker, variable in REQUIRED_BY.items():
        if report.skipped and item.get_closest_marker(marker) is not None and os.environ.get(variable) == "1":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            report.outcome = "failed"
            report.longrepr = f"{marker} test did not run, and {variable}=1: {reason}"
    return report


@pytest.fixture
def linter(monkeypatch: pytest.MonkeyPatch) -> fake_linter.FakeLinter:
    """The linter faked, for tests of the command line."""
    return fake_linter.install(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
