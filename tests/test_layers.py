"""The shape of the package: imports go one way, side effects have their places, files stay readable."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import kfuncgen

ROOT = Path(kfuncgen.__file__).parent
MAX_LINES = 500

LAYERS = {
    "diagnostic": 1,
    "cnames": 1,
    "records": 0,
    "cachedir": 1,
    "patterns": 1,
    "toml_places": 1,
    "fixing": 2,
    "plain": 2,
    "spec": 2,
    "toolchain": 2,
    "generate": 3,
    "lint": 3,
    "verify": 3,
    "facts": 3,
    "render": 4,
    "config": 4,
    "config_schema": 5,
    "settings": 5,
    "lsp": 6,
    "cli": 7,
    "__main__": 8,
}
"""A part may import itself and parts of lower layers; parts of one layer are blind to each other."""

ONLY_IN = {
    "clang": ("lint/parse", "lint/positions", "lint/lower", "lint/kept"),
    "pygls": ("lsp/",),
    "lsprotocol": ("lsp/",),
    "typer": ("cli",),
    "rich": ("cli",),
    "jinja2": ("generate/",),
    "pycparser": ("spec/prototype",),
    "elftools": ("facts/btf",),
}
"""Libraries that few modules may know."""

HERE = {**os.environ, "KFUNCGEN_DEBUG": "1"}
"""An environment in which sources are linted by the process itself, and not by another."""

SPEAKERS = ("cli", "__main__", "verify/worker", "facts/worker", "generate/worker", "lsp/worker", "lint/processes")
"""Who may print and exit: the command line, and the programs that run as processes of their own."""


def python_files() -> list[str]:
    """The package's modules relative to it, links followed."""
    found = []
    for place, _, names in os.walk(ROOT, followlinks=True):
        found += [Path(place, name).relative_to(ROOT).as_posix() for name in names if name.endswith(".py")]
    return sorted(found)


FILES = python_files()


@cache
def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text("utf-8"))


def imports(file: str) -> Iterator[tuple[str, int]]:
    """Every module that `file` imports, anywhere in it, with the line. `from a import b` counts as a and a.b."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            yield node.module or "", node.lineno
            if node.module == "kfuncgen":
                for alias in node.names:
                    yield f"kfuncgen.{alias.name}", node.lineno


def part_of(module: str) -> str:
    """The part that `kfuncgen.x.y` belongs to: the first name below the package, cli_x being cli."""
    name = module.split(".")[1] if "." in module else ""
    return "cli" if name.startswith("cli_") else name


def part_of_file(file: str) -> str:
    return part_of("kfuncgen." + file.removesuffix(".py").replace("/", "."))


def test_the_walk_sees_the_linked_folders() -> None:
    assert "cli.py" in FILES
    assert any(file.startswith("lint/") for file in FILES)


@pytest.mark.parametrize("file", FILES)
def test_imports_go_one_way(file: str) -> None:
    part = part_of_file(file)
    if part == "__init__":
        assert not [module for module, _ in imports(file) if module.startswith("kfuncgen")]
        return
    assert part in LAYERS, f"{file}: a new part of the package needs its layer here"
    for module, line in imports(file):
        target = part_of(module) if module.split(".")[0] == "kfuncgen" else ""
        if target in ("", part, "__version__"):
            continue
        assert target in LAYERS, f"{file}:{line}: imports unknown part '{module}'"
        assert LAYERS[target] < LAYERS[part], f"{file}:{line}: '{part}' must not import '{module}'"


@pytest.mark.parametrize("file", FILES)
def test_libraries_stay_in_their_places(file: str) -> None:
    for module, line in imports(file):
        allowed = ONLY_IN.get(module.split(".")[0])
        assert allowed is None or file.startswith(allowed), f"{file}:{line}: '{module}' belongs into {allowed}"


@pytest.mark.parametrize("file", FILES)
def test_the_link_gives_one_identity(file: str) -> None:
    for module, line in imports(file):
        top = module.split(".")[0]
        assert top not in ("lint", "specs", "templates"), f"{file}:{line}: import kfuncgen.{module}, not {module}"


def test_tests_import_the_package_only() -> None:
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "lint"], f"{path.name}: imports lint"
    assert "lint" not in sys.modules


@pytest.mark.parametrize("file", FILES)
def test_only_the_command_line_prints_and_exits(file: str) -> None:
    if file.startswith(SPEAKERS):
        return
    for node in ast.walk(tree(file)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in ("print", "exit", "quit", "input", "sys.exit", "os._exit"), f"{file}:{node.lineno}"
        assert not called.startswith(("sys.stdout.", "sys.stderr.")), f"{file}:{node.lineno}: {called}"


@pytest.mark.parametrize("file", FILES)
def test_no_code_from_strings_and_no_shell(file: str) -> None:
    for node in ast.walk(tree(file)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in ("eval", "exec", "os.system", "os.popen", "pickle.load", "yaml.load"), (
            f"{file}:{node.lineno}: {called}"
        )
        for keyword in node.keywords:
            shell = keyword.arg == "shell" and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            )
            assert not shell, f"{file}:{node.lineno}: shell=True"


@pytest.mark.parametrize("file", FILES)
def test_files_stay_readable(file: str) -> None:
    lines = len((ROOT / file).read_text("utf-8").splitlines())
    assert lines < MAX_LINES, f"{file} has {lines} lines"


@pytest.mark.parametrize("file", FILES)
def test_public_functions_say_what_they_do(file: str) -> None:
    if not tree(file).body:
        return
    assert ast.get_docstring(tree(file)), f"{file}: no module docstring"
    for node in tree(file).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{file}:{node.lineno}: '{node.name}' has no docstring"


def test_starting_the_command_line_loads_no_heavy_library() -> None:
    heavy = {"rich", "jinja2", "pygls", "lsprotocol", "clang", "yaml", "pycparser", "elftools"}
    code = (
        "import sys, kfuncgen.cli; kfuncgen.cli.application(); "
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(run.stdout.split())


def test_linting_loads_neither_templates_nor_servers(tmp_path: Path) -> None:
    (tmp_path / "a.bpf.c").write_text("int x;\n")
    code = (
        "import sys; from kfuncgen.cli import main; status = main(['lint', 'a.bpf.c']); "
        "print(*sorted({name.split('.')[0] for name in sys.modules})); sys.exit(status)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=HERE)
    assert (run.returncode, run.stderr) == (0, "")
    loaded = set(run.stdout.splitlines()[-1].split())
    assert "clang" in loaded
    assert not {"rich", "jinja2", "pygls", "lsprotocol", "asyncio", "elftools"} & loaded


def test_an_unchanged_source_needs_no_linter(tmp_path: Path) -> None:
    source = tmp_path / "a.bpf.c"
    source.write_text('#include "own.h"\nint x;\n')
    (tmp_path / "own.h").write_text("int y;\n")
    os.utime(tmp_path / "own.h", (1e9, 1e9))
    code = (
        "import sys; from kfuncgen.cli import main; status = main(['lint', 'a.bpf.c']); "
        "print(*sorted(name for name in sys.modules)); sys.exit(status)"
    )

    def loaded() -> set[str]:
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=HERE)
        assert (run.returncode, run.stderr) == (0, "")
        return set(run.stdout.splitlines()[-1].split())

    for _ in range(2):
        assert {"clang.cindex", "kfuncgen.lint.check"} <= loaded()
    assert not {"clang.cindex", "kfuncgen.lint.check", "kfuncgen.lint.rule", "kfuncgen.fixing"} & loaded()
