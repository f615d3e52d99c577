"""The judge: what the running kernel's verifier says of programs. Blind to lint; rules come in as a function."""

from kfuncgen.toolchain.libbpf import require_capability
from kfuncgen.verify.run import ProgramVerdict, verify_files, verify_object

__all__ = ["ProgramVerdict", "require_capability", "verify_files", "verify_object"]
