"""Arguments of a contract call, left to right, in the verifier's order; the first bad one wins.

Sources: check_kfunc_args() for kfuncs, check_func_arg() for helpers (kernel/bpf/verifier.c 6.12 and 6.18);
CONTRACT 3.1, 4.B, 4.C, 5. What pointers must be is said in `kfuncargs` and `helperargs`.
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.argument import Arguments, kind_word
from kfuncgen.lint.helperargs import check_helper_argument
from kfuncgen.lint.kfuncargs import check_kfunc_pointer
from kfuncgen.lint.machine import Fault, Life, Use, judge
from kfuncgen.lint.transfer import Transfer
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value
from kfuncgen.spec.helperargs import helper_arguments
from kfuncgen.spec.model import Param, Role


class ArgumentChecker(Arguments):
    """Checks the arguments of one call on one path."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__(transfer)
        info = self.run.program.info
        program_type = info.program_type if info is not None else ""
        self.wants = None if self.contract.is_kfunc else helper_arguments(self.contract.name, program_type)

    def check(self) -> bool:
        """True when every argument is what the contract asks for; the first fault is reported."""
        for index, param in enumerate(self.contract.params):
            if index >= len(self.args):
                break
            if not self._argument(index, param):
                return False
        return self._release_has_reference()

    def _argument(self, index: int, param: Param) -> bool:
        written = self.expression(index)
        if isinstance(written, ir.Load) and isinstance(written.place, ir.Local):
            var = written.place.var
            if var.in_register and not self.evaluator.function.sets(var):
                # Compilers leave the register alone: "R1 !read_ok", or whatever was in it last.
                return self.fault(Fault.UNSET_ARGUMENT, index, self.args[index], var=var.name)
        if self.wants is not None and index < len(self.wants):
            return check_helper_argument(self, index, self.wants[index])
        if param.role in (Role.IGNORED, Role.PROG_AUX):
            return True
        value = self.args[index]
        fact = self.state.fact(value)
        if not param.ctype.is_pointer:
            return self._number(index, param, value, fact)
        if self.is_context(param):
            return self._context(index, value, fact)
        return check_kfunc_pointer(self, index, param)

    def is_context(self, param: Param) -> bool:
        """Whether a parameter is this program type's context."""
        if "cast-to-kern-ctx" in self.contract.effects.special:
            return True
        info = self.run.program.info
        return bool(
            info is not None
            and info.args == "ctx"
            and info.ctx_struct
            and param.ctype.struct_name == info.ctx_struct
        )

    def _context(self, index: int, value: Value, fact: Pointer | Scalar) -> bool:
        if isinstance(fact, Pointer) and fact.kind == "ctx":
            if isinstance(value, Ref) and value.offset == 0:
                return True
            return self.fault(
                Fault.CONTEXT_ARGUMENT, index, value, got="a pointer into the context, not to its start"
            )
        if isinstance(fact, Pointer) and fact.kind == "opaque":
            return True
        if isinstance(fact, Scalar) and fact.death is not None and fact.death.how == "stop":
            return True
        return self.fault(Fault.CONTEXT_ARGUMENT, index, value, got=kind_word(fact, value))

    def _number(self, index: int, param: Param, value: Value, fact: Pointer | Scalar) -> bool:
        fact = self._untruncated(index, fact)
        if isinstance(fact, Pointer):
            if fact.kind in ("function", "opaque"):
                return True
            return self.fault(Fault.SCALAR_ARGUMENT, index, value)
        constant = param.role in (Role.CONSTANT, Role.CONSTANT_SIZE, Role.RETURN_SIZE)
        if constant and fact.known is None and not self._known_at_load(index, value):
            return self.fault(Fault.NON_CONSTANT_ARGUMENT, index, value)
        return True

    def _known_at_load(self, index: int, value: Value) -> bool:
        """CO-RE questions (type ids, sizes), and read-only data that user space may fill in before."""
        frozen = isinstance(value, Ref) and value.id in self.run.frozen
        return frozen or isinstance(self.expression(index), ir.Unknown)

    def _untruncated(self, index: int, fact: Pointer | Scalar) -> Pointer | Scalar:
        """The argument register holds a pointer even where C narrows it: callees narrow on BPF."""
        argument = self.call.args[index] if index < len(self.call.args) else None
        if not isinstance(argument, ir.Cast) or isinstance(fact, Pointer):
            return fact
        inner = self.expression(index)
        if inner is None or not inner.ctype.is_pointer:
            return fact
        return self.state.fact(self.evaluator.value(self.state, inner))

    def _release_has_reference(self) -> bool:
        """A release must be handed a live reference (`expects refcounted PTR_TO_BTF_ID`)."""
        index = self.releases
        if index is None or index >= len(self.args):
            return True
        value = self.args[index]
        fact = self.state.fact(value)
        if not isinstance(fact, Pointer) or fact.reference or fact.kind == "opaque":
            return True
        if self.contract.params[index].role in (Role.DYNPTR, Role.ITERATOR):
            return True
        special = self.contract.effects.special
        if fact.kind in ("alloc", "percpu") and special and "kptr-xchg" not in special:
            return True
        fault = judge(Life.BORROWED, Use.RELEASE)
        return fault is None or self.fault(fault, index, value)
