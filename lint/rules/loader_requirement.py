"""A kfunc needs something of whoever loads the program."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule, by_how

RULE = Rule(
    fault=Fault.LOADER_NEEDS,
    severity=Severity.HINT,
    topic="kernels",
    message=by_how(
        {
            "device": "{kfunc}() may be called by programs that are bound to a device only",
            "reboot": "{kfunc}() is destructive: who loads the program needs CAP_SYS_BOOT",
        }
    ),
    help=by_how(
        {
            "device": "before loading: bpf_program__set_ifindex() and "
            "bpf_program__set_flags(prog, BPF_F_XDP_DEV_BOUND_ONLY)",
            "reboot": "CAP_BPF is not enough",
        }
    ),
)
