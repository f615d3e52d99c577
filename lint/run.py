"""What one exploration of one program shares: specs, kernel, fresh ids, names, and the faults found."""

from __future__ import annotations

from collections.abc import Mapping

from kfuncgen.diagnostic import Span
from kfuncgen.lint import ir
from kfuncgen.lint.externs import Resolved, is_silent, resolve
from kfuncgen.lint.machine import UNAVAILABLE, Fault
from kfuncgen.lint.slicing import Slicing
from kfuncgen.lint.state import BEYOND, State
from kfuncgen.lint.targets import TIMERS_NEVER_SLEEP_SINCE
from kfuncgen.lint.values import ANY, Death, Fact, Pointer, Ref, Scalar, Value, plain_name
from kfuncgen.records import Struct, field, replace
from kfuncgen.spec.helperargs import helper_contract
from kfuncgen.spec.model import Contract, Kernel, SpecSet
from kfuncgen.spec.progtypes import SectionInfo, hook_at
from kfuncgen.spec.typetags import member_tag

MAX_STEPS = 240_000
"""Instructions evaluated per program; past it the rest is not explored and a note says so."""

MAX_PATHS = 200
"""Paths to one fault at one place that are kept; the shortest of them is told."""

MAX_FRAMES = 16
"""Frames of inlined functions; the verifier itself allows 8 (MAX_CALL_FRAMES)."""


class Occurrence(Struct, frozen=True):
    """One fault on one path: raw material of a finding. `words` fill the rule's message."""

    fault: Fault
    span: Span
    function: str
    subject: int
    site: int
    words: dict[str, str]
    trail: object
    kfunc: str = ""


class Exit(Struct, frozen=True):
    """What is held on one way out of a function: sites of references, and how often regions were entered."""

    sites: tuple[int, ...]
    rcu: int
    preempt: int
    others: int
    """Locks, and saved interrupt flags."""


class Site(Struct):
    """A call that acquired something, or whose options are watched."""

    name: str
    span: Span
    function: str
    option: str = ""
    struct: str = ""


class Program(Struct):
    """What is explored: a SEC() function, a global function or an asynchronous callback."""

    function: ir.Function
    section: str
    info: SectionInfo | None
    kind: str = "main"
    may_sleep: bool = False
    """Of asynchronous callbacks: those of workqueues and task work may, those of timers may not."""
    owners: tuple[str, ...] = ()
    """The SEC() functions through which a global function or callback is reached, in order."""
    map: str = ""
    """Of asynchronous callbacks: the map whose element they are given, "" when that is not known."""

    @property
    def names(self) -> tuple[str, ...]:
        """The SEC() functions that findings are about."""
        return self.owners or (self.function.name,)


class Run(Struct):
    """One exploration. `in_rcu` and friends are questions about program and state together."""

    module: ir.Module
    specs: SpecSet
    kernel: Kernel
    program: Program
    occurrences: list[Occurrence] = field(default_factory=list)
    paths: dict[tuple[object, ...], int] = field(default_factory=dict)
    """On how many paths a fault was met at a place."""
    notes: dict[tuple[str, str], Span] = field(default_factory=dict)
    loader: str = "libbpf"
    """What loads the object, a word of externs.LOADERS."""
    type_tags: bool = False
    """The kernel's BTF has type tags."""
    tagged: bool = False
    """A field was read that the kernel declares with a tag, whether its BTF tells or not."""
    callback_depth: int = 0
    """How many callbacks deep the code is in that is being walked."""
    compiled: bool = False
    """Walk what compilers keep: which weak externs the kernel has is not known yet then."""
    names: dict[int, str] = field(default_factory=dict)
    fields: dict[int, str] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=lambda: [Site("", Span("", 0, 0, 0, 0), "")])
    exits: dict[tuple[Span, str], set[Exit]] = field(default_factory=dict)
    """What is held where a function ends, by the place and its name: the program, and those walked inline."""
    steps: int = 0
    error_reads: set[int] = field(default_factory=set)
    error_sites: set[int] = field(default_factory=set)
    frozen: set[int] = field(default_factory=set)
    """Values that were read from read-only data: numbers that the verifier knows although no source tells them."""
    refused: set[str] = field(default_factory=set)
    """Maps whose mere mention was reported: once per program is enough."""
    reached: set[str] = field(default_factory=set)
    """Global functions that explored code calls."""
    later: set[tuple[str, bool, str]] = field(default_factory=set)
    """Callbacks that explored code hands over for later: their names, whether they may sleep then, their map."""
    shadow_tests: dict[int, Span] = field(default_factory=dict)
    """Site of a call that never returns NULL -> where its result is tested all the same."""
    felt: dict[str, Span] = field(default_factory=dict)
    """Declarations that the kernel does not take, and where the program first feels it."""
    vague: set[int] = field(default_factory=set)
    """Pointers that were moved by a number that only joined paths made unknown."""
    stored: set[str] = field(default_factory=set)
    """Globals in which words were stored that may be pointers, "" for all maps (kfuncgen.lint.stored)."""
    arena: bool | None = None
    """Whether the module has an arena, None while nobody asked."""
    summaries: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    """Of functions of this module: whether they may sleep, and whether they may move the packet."""
    callbacks: set[str] = field(default_factory=set)
    """Callbacks that were looked at for what they may not do on any path."""
    slicing: Slicing | None = None
    """What matters in the module's functions; None: everything is walked."""
    _ids: int = 0
    _sites: dict[int, int] = field(default_factory=dict)
    _globals: dict[int, int] = field(default_factory=dict)
    _releasing: dict[str, str] = field(default_factory=dict)
    _variables: dict[int, ir.GlobalVariable] = field(default_factory=dict)
    _matters: dict[str, bool] = field(default_factory=dict)
    _returned: dict[str, tuple[ir.Variable, ...]] = field(default_factory=dict)
    _contracts: dict[str, Contract | None] = field(default_factory=dict)
    _resolved: dict[str, Resolved] = field(default_factory=dict)

    def fresh(self) -> int:
        """A new id for a value, reference or dynptr."""
        self._ids += 1
        return self._ids

    def type_tag(self, struct: str, member: str) -> str:
        """The tag of a pointer member of a kernel struct, "" when the kernel's BTF tells of none."""
        tag = member_tag(struct, member) if self.type_tags else ""
        self.tagged |= bool(tag)
        return tag

    def new(self, state: State, fact: Fact, name: str = "") -> Value:
        """A value with that fact; known scalars are plain ints."""
        if isinstance(fact, Scalar) and fact.low == fact.high and fact.death is None:
            return fact.low
        identifier = self.fresh()
        state.facts[identifier] = fact
        if name:
            self.names[identifier] = name
        return Ref(identifier, 0)

    def site(self, instruction: ir.Call, function: str) -> int:
        """The number of a call site; the same instruction has the same number on every path."""
        key = id(instruction)
        number = self._sites.get(key)
        if number is None:
            number = self._sites[key] = len(self.sites)
            name = instruction.callee if isinstance(instruction.callee, str) else ""
            self.sites.append(Site(name, instruction.span, function))
        return number

    def place(self, span: Span, function: str) -> int:
        """The number of a site that is no call: where something came from."""
        self.sites.append(Site("", span, function))
        return len(self.sites) - 1

    def global_region(self, var: ir.GlobalVariable) -> int:
        """The region id of a global: negative."""
        key = id(var)
        number = self._globals.get(key)
        if number is None:
            number = self._globals[key] = -1 - len(self._globals)
            self._variables[number] = var
        return number

    def variable_of(self, region: int) -> ir.GlobalVariable | None:
        """The global of a region; None for locals."""
        return self._variables.get(region)

    def contract(self, name: str) -> Contract | None:
        """The contract of a kfunc or helper on this run's kernel, None when the specs do not know it."""
        if name not in self._contracts:
            function = self.specs.get(plain_name(name)) or self.specs.get(name)
            info = self.program.info
            program_type = info.program_type if info is not None else ""
            self._contracts[name] = (
                function.at(self.kernel, hook_at(info, self.kernel) if info is not None else "")
                if function is not None
                else helper_contract(name, program_type, self.kernel)
            )
        return self._contracts[name]

    def resolved(self, name: str) -> Resolved:
        """What the loader finds for a function that the program declares `__ksym`."""
        if name not in self._resolved:
            declaration = self.module.declarations.get(name)
            known = declaration is not None and declaration.ksym and name not in self.module.functions
            self._resolved[name] = (
                resolve(declaration, self.specs, self.kernel, self.loader)
                if known and declaration is not None
                else Resolved.UNKNOWN
            )
        return self._resolved[name]

    def exists(self, name: str) -> bool | None:
        """Whether a function's address is not 0: the kernel decides of weak externs. None when it is not known."""
        declaration = self.module.declarations.get(name)
        if declaration is None or not declaration.weak or name in self.module.functions:
            return True
        found = self.resolved(name)
        if self.compiled or found is Resolved.UNKNOWN:
            return None
        return found is Resolved.FOUND or (found is Resolved.MISMATCH and not is_silent(declaration, self.loader))

    def releasing(self, pointer: Pointer) -> str:
        """The kfunc that releases an object of this type, "" when none or several do."""
        if pointer.kind == "alloc":
            return "bpf_obj_drop"
        if pointer.struct not in self._releasing:
            self._releasing[pointer.struct] = self._find_release(pointer.struct)
        return self._releasing[pointer.struct]

    def _find_release(self, struct: str) -> str:
        found: set[str] = set()
        for name, function in self.specs.functions.items():
            if function.exists_at(self.kernel):
                contract = function.at(self.kernel)
                index = contract.effects.releases
                if index is not None and contract.params[index].ctype.struct_name == struct != "":
                    found.add(name)
        return found.pop() if len(found) == 1 else ""

    def matters(self, name: str) -> bool:
        """Whether a contract call can be reached from a function of this module; calls through pointers count."""
        known = self._matters.get(name)
        if known is None:
            self._matters[name] = False  # recursion: decided by the outer round
            body = self.module.functions.get(name)
            if body is None:
                # Helpers without a spec (not declared: they are numbers in the helper header) change nothing.
                spec = self.specs.get(plain_name(name)) or self.specs.get(name)
                known = spec is not None or name in self.module.declarations
            else:
                known = body.indirect or any(self.matters(callee) for callee in sorted(body.calls))
            self._matters[name] = known
        return known

    def returned_by(self, function: ir.Function) -> tuple[ir.Variable, ...]:
        """The locals whose number a function returns."""
        known = self._returned.get(function.name)
        if known is None:
            found: dict[ir.Variable, None] = {}
            for block in function.blocks:
                value = block.terminator.value if isinstance(block.terminator, ir.Return) else None
                while isinstance(value, ir.Cast):
                    value = value.operand
                if isinstance(value, ir.Load) and isinstance(value.place, ir.Local) and value.ctype.is_integer:
                    found[value.place.var] = None
            known = self._returned[function.name] = tuple(found)
        return known

    @property
    def sleepable(self) -> bool:
        info = self.program.info
        sleeps = info is not None and info.sleepable
        if self.program.kind == "async":
            return self.program.may_sleep or (sleeps and self.kernel < TIMERS_NEVER_SLEEP_SINCE)
        return sleeps

    def in_rcu(self, state: State) -> bool:
        """in_rcu_cs() of the verifier: explicit lock, spin lock held, or a program that cannot sleep."""
        return bool(state.rcu or state.locks) or not self.sleepable

    def report(
        self,
        state: State,
        fault: Fault,
        span: Span,
        function: str,
        subject: int = 0,
        site: int = 0,
        words: Mapping[str, str] | None = None,
    ) -> None:
        """Record a fault; on paths the verifier never takes only what dead-null-test asks for is kept."""
        words = dict(words or {})
        if state.shadow == BEYOND and fault not in UNAVAILABLE:
            return
        if fault is Fault.SPECIAL_FIELD_DECLARATION:
            # One declaration is one mistake, however often it is felt.
            why = words.setdefault("why", words.get("by", ""))
            if self.felt.setdefault(why, span) != span:
                return
        if state.shadow and state.shadow != BEYOND:
            if fault is not Fault.LEAK:
                return
            origin = self.sites[state.shadow]
            span = self.shadow_tests.get(state.shadow, span)
            words = {**words, "test": origin.name, "lost": words.get("var", "")}
            fault, site = Fault.DEAD_NULL_TEST, state.shadow
        if state.blurred is not None:
            where, name = state.blurred
            text = "paths are joined here, and numbers no longer tell them apart"
            self.note(name, f"{text}: findings behind it may be on paths that cannot be taken", where)
        key = (fault, span, function, site, words.get("var"), words.get("field"))
        self.paths[key] = number = self.paths.get(key, 0) + 1
        if number <= MAX_PATHS:
            self.occurrences.append(
                Occurrence(fault, span, function, subject, site, words, state.trail, words.get("kfunc", ""))
            )

    def leave(self, state: State, span: Span, function: str) -> None:
        """Remember what is held on a way out; ways that the verifier never takes do not count."""
        if not state.shadow:
            sites = tuple(sorted(reference.site for reference in state.references.values()))
            held = Exit(sites, state.rcu, state.preempt, len(state.locks) + len(state.irq))
            self.exits.setdefault((span, function), set()).add(held)

    def note(self, function: str, message: str, span: Span) -> None:
        """Remember that something was not fully checked."""
        self.notes.setdefault((function, message), span)

    def name_of(self, value: Value, default: str = "pointer") -> str:
        """What the user calls a value."""
        return self.called(value.id) or default if isinstance(value, Ref) else default

    def called(self, identifier: int) -> str:
        """The variable that a value was first put into, else the field it was read from, else ""."""
        return self.names.get(identifier, "") or self.fields.get(identifier, "")


def stop(state: State, value: Value) -> None:
    """After a fault was reported for a value, nothing more is said about it: one mistake, one report."""
    if isinstance(value, Ref):
        state.facts[value.id] = replace(ANY, death=Death("stop"))
