"""Kernels before 6.4 do not let programs take the address of a kfunc: kfunc-address."""

from kfuncgen.diagnostic import Severity
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.rule import Rule

RULE = Rule(
    fault=Fault.KFUNC_ADDRESS,
    severity=Severity.ERROR,
    topic="kernels",
    message="kernels before 6.4 that have {kfunc}() do not let programs ask for it",
    help="test a type or field that came with it (bpf_core_type_exists), or load another program there",
    verifier=("pseudo btf_id %d in ldimm64 isn't KIND_VAR.",),
)
