"""Options structs: the run-time contracts that the verifier does not check (exact size, fields, error).

The kernel answers a breach by returning NULL for ever, at best with an error in the struct (USERS section 1.2).
"""

from __future__ import annotations

from kfuncgen.lint import ir
from kfuncgen.lint.evaluate import Evaluator
from kfuncgen.lint.machine import Fault
from kfuncgen.lint.state import State
from kfuncgen.lint.values import Pointer, Ref, Scalar, Value
from kfuncgen.spec.model import Contract, OptionField, OptionsStruct


def check_options(
    evaluator: Evaluator, state: State, contract: Contract, call: ir.Call, args: list[Value]
) -> None:
    """Check each options struct of a call, then forget the fields that the kernel writes."""
    for index, options in contract.function.options:
        if index >= len(args):
            continue
        _Check(evaluator, state, contract, call, args, index, options).run()


class _Check:
    def __init__(
        self, evaluator: Evaluator, state: State, contract: Contract, call: ir.Call, args: list[Value],
        index: int, options: OptionsStruct,
    ) -> None:  # fmt: skip
        self.evaluator = evaluator
        self.state = state
        self.contract = contract
        self.call = call
        self.args = args
        self.index = index
        self.options = options
        self.value = args[index]

    def run(self) -> None:
        size = self._size()
        fact = self.state.fact(self.value)
        if not isinstance(fact, Pointer) or not isinstance(self.value, Ref) or self.value.offset is None:
            return
        if fact.region is None:
            return
        if fact.kind == "stack" and size is not None:
            for field in self.options.fields:
                if field.since_size <= size and field.direction != "out":
                    self._field(fact.region, self.value.offset, field)
        self._returned(fact.region, self.value.offset)

    def _report(self, fault: Fault, **words: str) -> None:
        self.evaluator.run.report(
            self.state,
            fault,
            self.call.span,
            self.evaluator.function.name,
            site=self.evaluator.run.site(self.call, self.evaluator.function.name),
            words={"kfunc": self.contract.name, "struct": self.options.name, **words},
        )

    def _size(self) -> int | None:
        """The size argument when it is known; a wrong one is reported."""
        param = self.contract.params[self.index].size_param
        if param is None or param >= len(self.args):
            return self.options.size
        fact = self.state.fact(self.args[param])
        if not isinstance(fact, Scalar) or fact.known is None:
            return None
        valid = self.options.sizes_at(self.contract.kernel)
        if fact.known in valid or not valid:
            return fact.known
        error_end = next((f.offset + f.size for f in self.options.fields if f.name == self.options.error_field), 0)
        written = self.call.args[param] if param < len(self.call.args) else None
        while isinstance(written, ir.Cast):
            written = written.operand
        self._report(
            Fault.OPTS_SIZE,
            size=str(fact.known),
            argument=str(param),
            valid=" or ".join(map(str, valid)),
            constant=self.options.size_constant,
            pointer="yes" if isinstance(written, ir.Const) and written.size_of_pointer else "",
            error_field=self.options.error_field if fact.known >= error_end else "",
        )
        return None

    def _field(self, region: int, base: int, field: OptionField) -> None:
        fill, cells = self.state.regions.get(region, ("uninit", {}))
        low, high = base + field.offset, base + field.offset + field.size * field.count
        touched = [(a, c) for a, c in cells.items() if a < high and low < a + c[0]]
        if not touched:
            if fill == "unknown":
                return
            if field.required:
                self._report(
                    Fault.OPTS_UNSET, field=field.name, how="zero" if fill == "zero" else "not initialised"
                )
            elif fill == "uninit":
                self._report(Fault.OPTS_UNSET, field=field.name, how="not initialised")
            return
        if field.reserved:
            for _, (_, value) in touched:
                fact = self.state.fact(value)
                if isinstance(fact, Scalar) and (fact.low > 0 or fact.high < 0):
                    self._report(Fault.OPTS_RESERVED, field=field.name)
                    return
            return
        if len(touched) != 1 or touched[0][0] != low or touched[0][1][0] != field.size:
            return
        fact = self.state.fact(touched[0][1][1])
        if not isinstance(fact, Scalar):
            return
        self._range(field, fact)

    def _range(self, field: OptionField, fact: Scalar) -> None:
        got = str(fact.known) if fact.known is not None else f"{fact.low}..{fact.high}"
        if field.values:
            allowed = set(field.values.values())
            default = fact.known == 0 and not field.required
            if fact.known is not None and fact.known not in allowed and field.minimum is None and not default:
                wanted = " or ".join(f"{k} ({v})" for k, v in field.values.items())
                self._report(Fault.OPTS_RANGE, field=field.name, got=got, valid=wanted)
                return
        low = field.minimum
        high = field.maximum
        if (low is not None and fact.high < low) or (high is not None and fact.low > high):
            self._report(
                Fault.OPTS_RANGE,
                field=field.name,
                got=got,
                valid=f"{low} to {high}" if high is not None else f"at least {low}",
            )

    def _returned(self, region: int, base: int) -> None:
        """The kernel writes the error field: a later read of it means that the program looks at it."""
        run = self.evaluator.run
        site = run.site(self.call, self.evaluator.function.name)
        for field in self.options.fields:
            if field.direction == "in":
                continue
            made: Value
            if field.name == self.options.error_field:
                run.error_sites.add(site)
                run.sites[site].option = self.options.error_field
                run.sites[site].struct = self.options.name
                made = run.new(self.state, Scalar(-4095, 0, error_of=site))
            else:
                made = self.state.unknown_value()
            if field.name != self.options.error_field and field.direction == "inout":
                continue
            self.state.write(region, base + field.offset, field.size * field.count, made)
