"""Dataclasses that are quick to define: as those of the standard library, with methods made when needed.

`dataclasses.dataclass` writes and compiles the source of some six methods for each class when it is defined: half
a millisecond, most of the start of a short run, for classes of which most are never used in it. Here a class gets
short stand-ins, and each writes the method in its place when it is first called. What the methods do is the same,
and type checkers see the standard library's own. `dataclasses.fields`, `replace`, `asdict` and `is_dataclass` know
these classes, too.

Not there, as nothing here needs them: ClassVar, InitVar, KW_ONLY, `hash` and `metadata` of fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
else:
    _MISSING = object()

    class Field:
        """A field of a class: what it is when it is not given, and what it counts for."""

        __slots__ = ("compare", "default", "default_factory", "init", "name", "repr")

        def __init__(self, default, default_factory, init, repr, compare):
            self.name = ""
            self.init = init
            self.default = default
            self.default_factory = default_factory
            self.repr = repr
            self.compare = compare

    def field(*, default=_MISSING, default_factory=_MISSING, init=True, repr=True, compare=True):
        """As `dataclasses.field`."""
        return Field(default, default_factory, init, repr, compare)

    def fields(record):
        """The fields of a class or of one of its objects, in order: each has a `name`."""
        return tuple(record.__record_fields__.values())

    def is_dataclass(record):
        """As `dataclasses.is_dataclass`, for classes made here."""
        return hasattr(record if isinstance(record, type) else type(record), "__record_fields__")

    def replace(record, /, **changes):
        """As `dataclasses.replace`."""
        return record.__replace__(**changes)

    def asdict(record):
        """As `dataclasses.asdict`, for values that JSON can hold: what holds no other values stays as it is."""
        return {name: _plain(getattr(record, name)) for name in record.__record_fields__}

    def _plain(value):
        kind = type(value)
        if kind is str or kind is int:
            return value
        if is_dataclass(kind):
            return asdict(value)
        if kind is tuple or kind is list:
            return kind(map(_plain, value))
        return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, order=False):
        """As `dataclasses.dataclass`."""
        if cls is None:
            return lambda cls: _record(cls, frozen, slots, eq, order)
        return _record(cls, frozen, slots, eq, order)

    def _record(cls, frozen, slots, eq, order):
        """The class, or with `slots` another of the same content, with its methods."""
        found = {}
        for base in cls.__mro__[-1:0:-1]:
            found.update(base.__dict__.get("__record_fields__", ()))
        given = cls.__dict__
        own = given.get("__annotations__", {})
        namespace = dict(given) if slots else {}
        for name in own:
            value = given.get(name, _MISSING)
            one = value if type(value) is Field else Field(value, _MISSING, True, True, True)
            one.name = name
            if type(one.default).__hash__ is None:
                raise ValueError(f"mutable default {type(one.default)} for field {name}: use default_factory")
            found[name] = one
            if slots:
                namespace.pop(name, None)
            elif type(value) is Field and value.default is _MISSING:
                delattr(cls, name)
            elif type(value) is Field:
                setattr(cls, name, value.default)
        methods = {
            "__init__": _late_init(frozen),
            "__replace__": _late("__replace__", _replace),
            "__repr__": _repr,
            "__match_args__": tuple(one.name for one in found.values() if one.init),
        }
        if eq:
            methods["__eq__"] = _late("__eq__", _eq)
            if frozen:
                methods["__hash__"] = _late("__hash__", _hash)
        for name, method in methods.items():
            if name not in given:
                namespace[name] = method
        if eq and not frozen and given.get("__hash__") is None:
            namespace["__hash__"] = None
        if frozen:
            namespace["__setattr__"], namespace["__delattr__"] = _no_setting, _no_deleting
        if order:
            for name, operator in (("__lt__", "<"), ("__le__", "<="), ("__gt__", ">"), ("__ge__", ">=")):
                namespace[name] = _late(name, _order, operator)
        namespace["__record_fields__"] = found
        namespace["__dataclass_fields__"] = _ForOthers()
        if not slots:
            for name, value in namespace.items():
                setattr(cls, name, value)
            return cls
        if frozen and "__getstate__" not in given:
            namespace["__getstate__"], namespace["__setstate__"] = _state, _set_state
        namespace.pop("__dict__", None)
        namespace.pop("__weakref__", None)
        inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__slots__", ())}
        namespace["__slots__"] = tuple(name for name in found if name not in inherited)
        made = type(cls)(cls.__name__, cls.__bases__, namespace)
        made.__qualname__ = cls.__qualname__
        return made

    FEW = 8
    """Objects of a class that are filled by hand: writing the method takes as long as some fifteen of them."""

    def _late(name, make, *how):
        """A method that writes the one that takes its place, when it is first called."""

        def method(self, *args, **kwargs):
            owner = _owner(type(self), name, method)
            if owner is not None:
                setattr(owner, name, make(owner, *how))
            return getattr(owner or type(self), name)(self, *args, **kwargs)

        return method

    def _late_init(frozen):
        """As `_late`, for `__init__`, which is called for a few objects of many classes."""
        left = FEW

        def __init__(self, *args, **kwargs):
            nonlocal left
            owner = _owner(type(self), "__init__", __init__)
            left -= 1
            if left >= 0 and owner is not None and _fill(owner, self, args, kwargs):
                return
            if owner is not None:
                owner.__init__ = _init(owner, frozen)
            (owner or type(self)).__init__(self, *args, **kwargs)

        return __init__

    def _owner(cls, name, method):
        """The class that has this method; None when another has taken its place."""
        return next((base for base in cls.__mro__ if base.__dict__.get(name) is method), None)

    def _compiled(cls, name, parameters, body, known):
        """A method of that source; `known` are the names in it that are no parameters."""
        source = f"def make({', '.join(known)}):\n def {name}({', '.join(parameters)}):\n"
        source += "".join(f"  {line}\n" for line in body) + f" return {name}\n"
        scope = {}
        exec(source, {"__builtins__": {}}, scope)
        method = scope["make"](**known)
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        return method

    def _fill(cls, self, args, kwargs):
        """Do what the method that `_init` writes does. False where that would refuse the arguments."""
        known = fields(cls)
        given = dict(zip([one.name for one in known if one.init], args, strict=False))
        if len(given) < len(args) or not given.keys().isdisjoint(kwargs):
            return False
        given.update(kwargs)
        values = []
        for one in known:
            if one.init and one.name in given:
                values.append((one.name, given.pop(one.name)))
            elif one.default_factory is not _MISSING:
                values.append((one.name, one.default_factory()))
            elif one.default is not _MISSING:
                values.append((one.name, one.default))
            elif one.init:
                return False
        if given:
            return False
        for name, value in values:
            slot = getattr(cls, name, None)
            if type(slot) is _SLOT:  # as `_init` does
                slot.__set__(self, value)
            else:
                object.__setattr__(self, name, value)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()
        return True

    def _init(cls, frozen):
        parameters, body, known = ["self"], [], {}
        if frozen:
            known["set_"] = object.__setattr__
        for number, (name, one) in enumerate(cls.__record_fields__.items()):
            value = name
            if not one.init:
                if one.default_factory is not _MISSING:
                    known[f"made{number}"], value = one.default_factory, f"made{number}()"
                elif one.default is not _MISSING:
                    known[f"default{number}"], value = one.default, f"default{number}"
                else:
                    continue
            elif one.default_factory is not _MISSING:
                known[f"made{number}"], known["missing"] = one.default_factory, _MISSING
                parameters.append(f"{name}=missing")
                value = f"made{number}() if {name} is missing else {name}"
            elif one.default is not _MISSING:
                known[f"default{number}"] = one.default
                parameters.append(f"{name}=default{number}")
            else:
                parameters.append(name)
            if not frozen:
                body.append(f"self.{name} = {value}")
                continue
            slot = getattr(cls, name, None)
            if type(slot) is _SLOT:  # past the class's own refusal; quicker than object's way to it
                known[f"set{number}"] = slot.__set__
                body.append(f"set{number}(self, {value})")
            else:
                body.append(f"set_(self, {name!r}, {value})")
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        return _compiled(cls, "__init__", parameters, body or ["pass"], known)

    def _replace(cls):
        names = [one.name for one in fields(cls) if one.init]
        body = ["cls = self.__class__", "return cls("]
        body += [f" {name}=self.{name} if {name} is missing else {name}," for name in names] + [")"]
        parameters = ["self", "/", "*", *(f"{name}=missing" for name in names)] if names else ["self"]
        return _compiled(cls, "__replace__", parameters, body, {"missing": _MISSING})

    def _compared(cls, of):
        """The tuple of what counts in comparisons, as source."""
        return "(" + "".join(f"{of}.{one.name}," for one in fields(cls) if one.compare) + ")"

    def _eq(cls):
        known = {"different": NotImplemented}
        body = [
            f"if other.__class__ is self.__class__: return {_compared(cls, 'self')} == {_compared(cls, 'other')}",
            "return different",
        ]
        return _compiled(cls, "__eq__", ["self", "other"], body, known)

    def _hash(cls):
        return _compiled(cls, "__hash__", ["self"], [f"return hash({_compared(cls, 'self')})"], {"hash": hash})

    def _order(cls, operator):
        name = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}[operator]
        body = [
            "if other.__class__ is not self.__class__: return different",
            f"return {_compared(cls, 'self')} {operator} {_compared(cls, 'other')}",
        ]
        return _compiled(cls, name, ["self", "other"], body, {"different": NotImplemented})

    _shown = set()
    """The objects whose text is being made: one that holds itself is `...` in it."""

    def _repr(self):
        if id(self) in _shown:
            return "..."
        _shown.add(id(self))
        try:
            parts = [f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr]
        finally:
            _shown.discard(id(self))
        return f"{self.__class__.__qualname__}({', '.join(parts)})"

    def _no_setting(self, name, value):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _no_deleting(self, name):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _state(self):
        return [getattr(self, one.name) for one in fields(self)]

    def _set_state(self, state):
        for one, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, one.name, value)

    class _ForOthers:
        """`__dataclass_fields__`, by which the standard library knows its classes: made when it is asked for."""

        def __get__(self, record, cls):
            import dataclasses

            made = {}
            for one in fields(cls):
                default = dataclasses.MISSING if one.default is _MISSING else one.default
                factory = dataclasses.MISSING if one.default_factory is _MISSING else one.default_factory
                made[one.name] = dataclasses.field(
                    default=default, default_factory=factory, init=one.init, repr=one.repr, compare=one.compare
                )
            namespace = {**made, "__annotations__": dict.fromkeys(made, object)}
            return dataclasses.dataclass(type(cls.__name__, (), namespace)).__dataclass_fields__

    class _Slotted:
        __slots__ = ("name",)

    _SLOT = type(_Slotted.name)


__all__ = ["asdict", "dataclass", "field", "fields", "is_dataclass", "replace"]
