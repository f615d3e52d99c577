"""Write specs/helper_programs.tsv from what verifiers said.

python -m benchmarks.helpers --measure > 6.18.json
python -m benchmarks.helpers --measure --image VMLINUZ > 6.12.json
python scripts/helper_programs.py 6.12.json 6.18.json > specs/helper_programs.tsv
"""

import json
import sys
from pathlib import Path

from benchmarks.helpers import MARK
from kfuncgen.spec.model import Kernel


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: helper_programs.py MEASURED...", file=sys.stderr)
        return 2
    documents = [json.loads(Path(name).read_text().partition(MARK)[2]) for name in sys.argv[1:]]
    documents.sort(key=lambda document: Kernel.parse(document["kernel"]))
    print("# Helper, measured kernels, kinds of programs that may call it there (kfuncgen/spec/helperprogs.py).")
    print("# `*`: the kinds that were measured; `all` of them. Written by scripts/helper_programs.py.")
    for document in documents:
        print(f"*\t{document['kernel']}\t{' '.join(sorted(document['kinds']))}")
    rows: dict[tuple[str, str], list[str]] = {}
    for document in documents:
        for name in document["helpers"]:
            kinds = sorted(kind for kind, names in document["kinds"].items() if name in names)
            if kinds:
                words = "all" if len(kinds) == len(document["kinds"]) else " ".join(kinds)
                rows.setdefault((name, words), []).append(document["kernel"])
    for (name, words), kernels in sorted(rows.items()):
        print(f"{name}\t{' '.join(kernels)}\t{words}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
