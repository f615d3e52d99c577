"""The client's settings, `kfuncgen.*`: from the initialization options, or sent or asked for later."""

from __future__ import annotations

from typing import Any

from kfuncgen.records import Struct, field_names

SECTION = "kfuncgen"


class Settings(Struct, frozen=True):
    """What a client may choose. All of them are true or false."""

    notes: bool = True
    """Tell at a function's name what of it was not fully checked."""
    workspace: bool = True
    """When the client asks for all diagnostics, check also sources that are not open."""
    hints: bool = True
    """Say behind calls what they acquire and release."""
    lenses: bool = True
    """Say above programs for which kernels they are checked."""


def settings(value: Any) -> Settings:
    """Settings from what a client sent: an object, or one that has it as `kfuncgen`; what is wrong is left out."""
    if isinstance(value, dict) and isinstance(value.get(SECTION), dict):
        value = value[SECTION]
    if not isinstance(value, dict):
        return Settings()
    known = set(field_names(Settings))
    return Settings(**{key: word for key, word in value.items() if key in known and isinstance(word, bool)})
