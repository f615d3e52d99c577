"""One line per finding, in the shape of GCC's messages that editors and scripts know how to read:

`file:line:column: severity: message [rule]`. What was not fully checked follows as `note:` lines.
"""

from __future__ import annotations

from kfuncgen.diagnostic import Place
from kfuncgen.render import Outcome
from kfuncgen.render.escape import one_line
from kfuncgen.render.summary import note_line


def render(outcome: Outcome) -> str:
    """The findings of `outcome`, then its notes; "" when there is neither."""
    lines = [
        f"{one_line(str(f.span.place))}: {f.severity}: {one_line(f.message)} [{f.rule}]"
        for f in outcome.report.findings
    ]
    lines += [
        f"{one_line(str(Place(n.file, n.line, n.column)))}: note: {note_line(n)}"
        for n in outcome.report.notes
        if n.kind == "incomplete"
    ]
    return "".join(f"{line}\n" for line in lines)
