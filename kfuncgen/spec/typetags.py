"""Members of kernel structs that the kernel's sources declare `__rcu`, `__user` or `__percpu`.

A kernel built by clang tells of them in its BTF (BTF_KIND_TYPE_TAG, include/linux/compiler_types.h), and its
verifier goes by that; one built by GCC before 16 does not. Only pointers to structs are listed: the verifier takes
others for numbers (btf_struct_walk() in kernel/bpf/btf.c). `scripts/type_tags.py` writes the table from a kernel's
BTF.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

BtfKind = Literal["with", "without"]
TypeTags = Literal["without", "with", "either"]
"""Whether the BTF of the targeted kernels tells of tags."""
TYPE_TAGS: tuple[TypeTags, ...] = ("without", "with", "either")
"""All of them; the first is what most distributions ship."""

TABLE = "type_tags.tsv"
TAGS = ("rcu", "user", "percpu")


@cache
def _table() -> Mapping[tuple[str, str], str]:
    text = (Path(__file__).parents[1] / "specs" / TABLE).read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {(struct, member): tag for struct, member, tag in rows}


def member_tag(struct: str, member: str) -> str:
    """The tag of `struct.member`: `rcu`, `user`, `percpu` or "" (none, or not known).

    `struct` is the innermost named struct: members of anonymous ones count as those of the struct around them."""
    return _table().get((struct, member), "")
