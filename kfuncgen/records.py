"""Records: msgspec's Struct, which is as quick to define as it is to make.

The standard library's dataclasses write and compile the source of some six methods for each class when it is
defined: half a millisecond, most of the start of a short run. Structs are made in C: 0.01 ms for the definition, a
third of the time for an object, a tenth for `replace`.

Comparing and printing them tells of too deep a nesting with RecursionError; hashing frozen ones does not, and some
hundred thousand levels end the process. So what nests as deeply as a program likes is compared by identity
(`eq=False`): its places, expressions, statements and blocks (kfuncgen.lint.ir), its types (kfuncgen.lint.types).
What is hashed by its fields has its depth from its class or from a limit: facts name values by number, and a type
of a prototype has a few pointers (kfuncgen.spec.prototype).
"""

from __future__ import annotations

import sys
from typing import Any

# msgspec takes two functions from typing_extensions where that is installed and from typing where it is not; the
# former brings `inspect` and costs a third of the time until a short run begins.
_extensions = sys.modules.pop("typing_extensions", None)
sys.modules["typing_extensions"] = None  # type: ignore[assignment]
try:
    from msgspec import Struct, field, to_builtins
    from msgspec.structs import replace
finally:
    del sys.modules["typing_extensions"]
    if _extensions is not None:
        sys.modules["typing_extensions"] = _extensions


def field_names(record: Struct | type[Struct]) -> tuple[str, ...]:
    """The names of a record's fields, in order."""
    return record.__struct_fields__


def asdict(record: Struct) -> dict[str, Any]:
    """A record as a dict, and so the records in its fields, as JSON takes them: enums are their values."""
    found: dict[str, Any] = to_builtins(record)
    return found


__all__ = ["Struct", "asdict", "field", "field_names", "replace"]
