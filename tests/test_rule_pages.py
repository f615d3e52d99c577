"""The page is the test: every C block of every rule's page is linted, and loaded into a real verifier.

Bad blocks are reported under the page's rule at the marked lines and nowhere else, and refused by the kernel with
a message that the page quotes. Good blocks are clean under all rules, and load.
"""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest
from kernel import can_load, compile_bpf, verdicts, vmlinux_args
from rule_pages import PRELUDE, RULES, Block, Page, lint, message_pattern, pages

from kfuncgen.diagnostic import Severity, UsageError
from kfuncgen.facts.btf import read_btf
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import catalogue, rule_of
from kfuncgen.spec.kernels import live_kernel, parse_targets
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Kernel
from kfuncgen.toolchain.clang import find_clang
from kfuncgen.toolchain.flags import find_flags
from kfuncgen.toolchain.headers import DATA
from kfuncgen.toolchain.libbpf import Libbpf
from kfuncgen.verify import ProgramVerdict

VMLINUX = Path("/sys/kernel/btf/vmlinux")
BLOCKS = [block for page in pages() for block in page.blocks]

by_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
by_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    rules = sorted(file.stem for file in RULES.glob("*.py") if file.stem != "__init__")
    assert [page.stem for page in pages()] == rules


@by_page
def test_bad_and_good_have_blocks_and_only_bad_ones_have_marks(page: Page) -> None:
    assert {block.section for block in page.blocks} == {"Bad", "Good"}
    wrong = [block.name for block in page.blocks if bool(block.marks) is not (block.section == "Bad")]
    assert wrong == []


@by_block
def test_linter_says_of_a_block_what_its_page_says(block: Block) -> None:
    heard = [f for f in lint(block) if f.rule == block.rule or f.severity >= Severity.WARNING]
    said = {(f.span.line, str(f.severity), f.rule) for f in heard}
    wanted = {(line, severity, block.rule) for line, severity in block.marks}
    wrong = [f"{block.page}.md:{line}: missing {s}: {rule}" for line, s, rule in sorted(wanted - said)]
    wrong += [f"{block.page}.md:{line}: unexpected {s}: {rule}" for line, s, rule in sorted(said - wanted)]
    assert not wrong, "\n".join(["", *wrong])


@pytest.fixture(scope="session")
def prelude(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Compiler arguments that bring the prelude in precompiled: parsing vmlinux.h anew for each block would take
    most of the time. The blocks' own #include lines then find the headers' guards defined."""
    folder = tmp_path_factory.mktemp("prelude")
    header, compiled = folder / "prelude.h", folder / "prelude.pch"
    header.write_text(PRELUDE)
    # System headers may be too old to know bpf_ksym_exists() and the like.
    flags = (*find_flags(header).args, "-isystem", str(DATA / "include"), *vmlinux_args())
    command = [find_clang(), "-O2", "-g", *flags, "-x", "c-header", str(header), "-o", str(compiled)]
    subprocess.run(command, check=True, timeout=60)
    return ("-include-pch", str(compiled))


def loadable(block: Block) -> bool:
    """Whether this kernel is one that the block is about, blocks may be about older ones only; and whether libbpf
    is new enough to load it."""
    if block.libbpf and can_load() is None and Libbpf().version < block.libbpf:
        return False
    if block.type_tags and not type_tags_here():
        return False
    return not block.kernel or release(live_kernel()) in map(release, parse_targets(block.kernel, load_builtin()))


@cache
def type_tags_here() -> bool:
    """Whether the BTF of this kernel has type tags: one built by clang."""
    return VMLINUX.is_file() and "rcu" in read_btf(VMLINUX).type_tags()


def release(kernel: Kernel) -> tuple[int, int]:
    return kernel.major, kernel.minor


def _said(verdict: ProgramVerdict) -> list[str]:
    return [verdict.message, *verdict.log.splitlines()]


@pytest.mark.parametrize("block", [b for b in BLOCKS if loadable(b)], ids=lambda block: block.name)
@pytest.mark.kernel
def test_kernel_says_of_a_block_what_its_page_says(block: Block, prelude: tuple[str, ...], tmp_path: Path) -> None:
    specs, running = load_builtin(), live_kernel()
    if not block.kernel and running < specs.newest:
        pytest.skip(f"the pages are written for {specs.newest}; this kernel is {running}")
    file = tmp_path / f"{block.page}.bpf.c"
    file.write_text(block.source)
    quoted = [message_pattern(message) for message in block.messages]
    compiled = compile_bpf(file, tmp_path, prelude)
    try:
        said = verdicts(compiled)
    except UsageError as error:
        # Nor may libbpf be able to read the object at all.
        message = error.message.partition("cannot open it: ")[2]
        assert block.refused and any(pattern.match(message) for pattern in quoted), error
        return
    assert said
    wrong = []
    for name, verdict in sorted(said.items()):
        place = f"{block.page}.md:{verdict.line or block.line}: {name}"
        # A loader may refuse an object before the verifier sees any program of it.
        by_loader = verdict.verdict == "not-loaded" and any(p.match(verdict.message) for p in quoted)
        if (verdict.verdict == "rejected" or by_loader) != block.refused or (
            not block.refused and verdict.verdict != "accepted"
        ):
            wrong.append(f"{place}: {verdict.verdict}: {verdict.message}")
        elif block.refused and not any(p.match(line) for p in quoted for line in _said(verdict)):
            wrong.append(f"{place}: refused with a message that the page does not quote: {verdict.message}")
    assert not wrong, "\n".join(["", *wrong])


def test_rules_are_called_as_their_faults() -> None:
    assert [name for name, rule in catalogue().items() if rule.fault.value != name] == []
    assert [fault for fault in Fault if rule_of(fault) is None] == []
