"""The kernel's own BPF programs, from Debian's package linux-source-6.12: read where they are, never copied here.

`KFUNCGEN_SELFTESTS` names an unpacked kernel tree; else the one in /usr/src is used, else the parts needed are
unpacked from the package's archive into the cache folder, once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from kfuncgen.cachedir import cache_dir
from kfuncgen.toolchain.headers import DATA

VERSION = "6.12"
_FOLDER = "tools/testing/selftests/bpf"
_PARTS = (f"{_FOLDER}/", "tools/include/", "tools/lib/", "tools/build/", "tools/scripts/", "tools/arch/")
_COMPLETE = ".complete-with-libbpf"


@cache
def kernel_tree() -> Path | None:
    """The root of a kernel tree with the selftests, None where there is none."""
    configured = os.environ.get("KFUNCGEN_SELFTESTS")
    if configured:
        return Path(configured)
    name = f"linux-source-{VERSION}"
    if (Path("/usr/src") / name / _FOLDER / "progs").is_dir():
        return Path("/usr/src") / name
    archive, cache_folder = Path("/usr/src") / f"{name}.tar.xz", cache_dir()
    if not archive.is_file() or cache_folder is None:
        return None
    target = cache_folder / "selftests"
    if not (target / name / _COMPLETE).exists():
        target.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            wanted = (m for m in tar if m.name.partition("/")[2].startswith(_PARTS))
            tar.extractall(target, wanted, filter="data")
        (target / name / _COMPLETE).touch()
    return target / name


def sources(tree: Path | None = None) -> list[Path]:
    """All programs of the selftests, by name."""
    tree = tree or kernel_tree()
    return sorted((tree / _FOLDER / "progs").glob("*.c")) if tree is not None else []


def clang_args(tree: Path | None = None, headers: Path | None = None) -> tuple[str, ...]:
    """What their Makefile compiles them with, as far as a linter needs it. `headers`: a folder with
    <bpf/*.h> that fit the tests, the bundled ones by default."""
    tree = tree or kernel_tree()
    assert tree is not None
    selftests = tree / _FOLDER
    folders = (selftests, selftests / "progs", tree / "tools/include/uapi", tree / "tools/include")
    includes = [word for folder in folders for word in ("-I", str(folder))]
    return (
        "-target", "bpf", "-D__TARGET_ARCH_x86", "-DENABLE_ATOMICS_TESTS", "-DBPF_NO_KFUNC_PROTOTYPES",
        "-isystem", str(headers or _libbpf_headers()), *includes,
    )  # fmt: skip


@cache
def _libbpf_headers() -> str:
    """A folder with only the bundled <bpf/*.h>, to come before the system's, which may be older than the tests."""
    folder = tempfile.mkdtemp(prefix="kfuncgen-libbpf-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (Path(folder) / "bpf").symlink_to(DATA / "include" / "bpf")
    return folder
