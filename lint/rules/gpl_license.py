"""A program without a GPL-compatible licence uses what is there for GPL-compatible programs only."""

from kfuncgen.diagnostic import Fix, Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.mending import Broken, fix
from kfuncgen.lint.rule import Rule, Words, by_how


def _message(words: Words) -> str:
    has = f'this object says "{words["licence"]}"' if words["licence"] else "this object has no license section"
    who = f"a {words['kind']} program" if words["how"] == "program" else f"{words['kfunc']}()"
    return f"{who} needs a GPL-compatible licence, {has}"


def _license(broken: Broken) -> Fix | None:
    """The licence at the end of a source that has none. To change one is up to its author."""
    if broken.words["licence"]:
        return None
    source = broken.sources.source(broken.run.module.file)
    end = len(source.data)
    gap = "\n" if source.data.endswith(b"\n") else "\n\n"
    line = f'{gap}char _license[] SEC("license") = "GPL";\n'
    return fix("license the program under the GPL", (source.edit(end, end, line),), safe=False)


_SAYS = {
    "helper": "cannot call GPL-restricted function from non-GPL compatible program",
    "program": "programs must have a GPL compatible license",
}

RULE = Rule(
    fault=Fault.LICENCE,
    severity=Severity.ERROR,
    topic="programs",
    message=_message,
    fix=_license,
    fixable="unsafe",
    help='char _license[] SEC("license") = "GPL"; or another GPL-compatible one',
    says=by_how(_SAYS),
    verifier=(
        "cannot call kernel function from non-GPL compatible program",
        "cannot call GPL-restricted function from non-GPL compatible program",
        "programs must have a GPL compatible license",
    ),
)
