"""See special_field_prog_type.md."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.SPECIAL_FIELD_PROGRAM,
    severity=Severity.ERROR,
    topic="objects",
    message='SEC("{section}") may not use {it}, which holds a {what}',
    help="use another program type (tp_btf, syscall, tc, xdp), or another map",
    verifier=(
        "socket filter progs cannot use bpf_spin_lock yet",
        "tracing progs cannot use bpf_{list_head,rb_root} yet",
        "tracing progs cannot use bpf_spin_lock yet",
        "tracing progs cannot use bpf_timer yet",
        "tracing progs cannot use bpf_wq yet",
    ),
)
