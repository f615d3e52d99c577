"""Write specs/type_tags.tsv from the BTF of a kernel that was built by clang (or any whose BTF has type tags).

    python scripts/type_tags.py VMLINUX > specs/type_tags.tsv

Names and tags only: which members the kernel declares __rcu, __user and __percpu is a fact of its sources.
"""

import sys
from pathlib import Path

from kfuncgen.facts.btf import read_btf
from kfuncgen.spec.typetags import TAGS


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: type_tags.py VMLINUX", file=sys.stderr)
        return 2
    rows = sorted(row for row in read_btf(Path(sys.argv[1])).tagged_members() if row[2] in TAGS)
    if not rows:
        print(f"error: {sys.argv[1]}: its BTF has no type tags", file=sys.stderr)
        return 1
    print("# Struct, member, tag: pointers to structs that the kernel declares so (kfuncgen/spec/typetags.py).")
    print("# Written by scripts/type_tags.py.")
    for row in rows:
        print("\t".join(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
