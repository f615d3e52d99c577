"""What pages are made from: the specs, the rules, and where each has its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kfuncgen.lint.rule import Rule, catalogue
from kfuncgen.spec.kernels import FIRST, parse_targets
from kfuncgen.spec.load import load_builtin
from kfuncgen.spec.model import Contract, Family, Function, Kernel, SpecSet
from sitegen.text import Linker, relative

HELPERS = "reference/helpers.md"


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Specs and rules."""

    specs: SpecSet
    rules: Mapping[str, Rule]

    @classmethod
    def of_the_package(cls) -> Knowledge:
        """The specs and rules that travel with kfuncgen."""
        return cls(load_builtin(), catalogue())

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """The families that have kfuncs, by name."""
        found = (family for family in self.specs.families if any(f.kind == "kfunc" for f in family.functions))
        return tuple(sorted(found, key=lambda family: family.name))

    @cached_property
    def kfuncs(self) -> tuple[Function, ...]:
        """All kfuncs, by name."""
        return tuple(sorted((f for f in self.specs.functions.values() if f.kind == "kfunc"), key=lambda f: f.name))

    @cached_property
    def helpers(self) -> tuple[Function, ...]:
        """The helpers of which contracts are known, by name."""
        return tuple(
            sorted((f for f in self.specs.functions.values() if f.kind == "helper"), key=lambda f: f.name)
        )

    @cached_property
    def releases(self) -> tuple[Kernel, ...]:
        """Every kernel release from the first with kfuncs to the last of which anything is said."""
        return parse_targets(f"{FIRST}..{self.specs.last()}", self.specs)

    def kfuncs_of(self, family: Family) -> tuple[Function, ...]:
        """The kfuncs of a family, by name."""
        return tuple(function for function in self.kfuncs if function.family == family.name)

    def shown(self, function: Function) -> Contract:
        """The contract that its page shows: the newest compared kernel's, or that of the newest which has it."""
        newest = self.specs.newest
        having = [kernel for kernel in self.releases if function.exists_at(kernel)]
        return function.at(newest if newest in having else having[-1])

    def linker(self, page: str) -> Linker:
        """Addresses of the pages of kfuncs, helpers and rules, as seen from `page`."""

        def address(name: str) -> str:
            target = self.page_of(name)
            if target is None or target == page:
                return ""
            return relative(target, page)

        return address

    def page_of(self, name: str) -> str | None:
        """The source path of the page of a kfunc, helper (with its fragment) or rule."""
        function = self.specs.functions.get(name)
        if function is not None:
            return kfunc_page(name) if function.kind == "kfunc" else f"{HELPERS}#{name}"
        return rule_page(name) if name in self.rules else None


def kfunc_page(name: str) -> str:
    """Where the page of a kfunc is."""
    return f"kfuncs/{name}.md"


def family_page(name: str) -> str:
    """Where the page of a family is. No kfunc's name has a hyphen."""
    return f"kfuncs/family-{name}.md"


def rule_page(name: str) -> str:
    """Where the page of a rule is."""
    return f"rules/{name}.md"
