"""The package as users get it: sdist, the wheel built from it, and that wheel installed far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import kfuncgen
from kfuncgen.spec.cached import SHIPPED

CHECKOUT = Path(kfuncgen.__file__).resolve().parent.parent
DATA = ("lint", "specs", "templates", "toolchain/data")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("package"),
    pytest.mark.skipif(not (CHECKOUT / "pyproject.toml").exists(), reason="not a checkout: nothing to build from"),
]


def run(*command: str | Path, cwd: Path) -> str:
    """The command's output; the test fails with it when the command fails."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "KFUNCGEN"))}
    done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def files_of_package() -> Iterator[str]:
    """Every file of the package in the checkout, links followed."""
    for place, folders, names in os.walk(CHECKOUT / "kfuncgen", followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if not name.endswith((".pyc", ".tmp")):
                yield Path(place, name).relative_to(CHECKOUT).as_posix()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel built from the sdist alone (`build` does it in this order)."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, CHECKOUT, cwd=out)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment that holds the wheel."""
    place = tmp_path_factory.mktemp("env") / "venv"
    venv.create(place, with_pip=True)
    run(place / "bin" / "python", "-m", "pip", "install", "--quiet", built[1], cwd=place)
    return place / "bin"


def test_sdist_and_wheel_hold_every_file(built: tuple[Path, Path]) -> None:
    expected = set(files_of_package())
    for folder in DATA:
        assert any(name.startswith(f"kfuncgen/{folder}/") for name in expected), folder
    with zipfile.ZipFile(built[1]) as wheel:
        assert expected <= set(wheel.namelist())
        assert f"kfuncgen/spec/{SHIPPED.name}" in wheel.namelist()
    with tarfile.open(built[0]) as sdist:
        members = {member.name.partition("/")[2]: member for member in sdist.getmembers()}
    assert expected <= set(members)
    assert all(members[name].isfile() for name in expected), "links would dangle where they are unpacked"
    assert {"LICENSE", "README.md", "pyproject.toml", "hatch_build.py"} <= set(members)


def test_the_installed_package_finds_its_data(installed: Path, tmp_path: Path) -> None:
    command = installed / "kfuncgen"
    assert run(command, "--version", cwd=tmp_path) == f"kfuncgen {kfuncgen.__version__}\n"
    assert "bpf_xdp_get_xfrm_state" in run(command, "spec", "list", cwd=tmp_path)
    assert "xdp-xfrm" in run(command, "new", "--list", cwd=tmp_path)
    assert "unreleased-reference" in run(command, "explain", cwd=tmp_path)
    assert "Unreleased reference" in run(command, "explain", "unreleased-reference", cwd=tmp_path)
    where = run(installed / "python", "-c", "import kfuncgen; print(kfuncgen.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_the_installed_package_writes_a_project_that_it_finds_clean(installed: Path, tmp_path: Path) -> None:
    run(installed / "kfuncgen", "new", "xdp-xfrm", tmp_path / "project", cwd=tmp_path)
    run(installed / "kfuncgen", "lint", tmp_path / "project", cwd=tmp_path)


def test_the_installed_package_reads_no_spec_files_until_they_are_edited(installed: Path, tmp_path: Path) -> None:
    code = """
import os, sys
os.environ["XDG_CACHE_HOME"] = os.getcwd()
from kfuncgen.spec.cached import load_specs
specs = load_specs()
print(len(specs.functions) > 300, specs.functions["bpf_task_release"].summary, "yaml" in sys.modules)
"""

    def loaded() -> list[str]:
        return run(installed / "python", "-c", code, cwd=tmp_path).split(maxsplit=1)

    first = loaded()
    assert first[0] == "True" and first[1].strip().endswith("False")
    (specs,) = installed.parent.glob("lib/python*/site-packages/kfuncgen/specs")
    text = (specs / "task.yaml").read_text("utf-8")
    (specs / "task.yaml").write_text(f"{text}\n# edited\n", "utf-8")
    assert loaded()[1].strip().endswith("True")
    (specs / "task.yaml").write_text(text, "utf-8")
    assert loaded() == first
