"""The names of all rules, for those who only need to know whether there is such a rule: none is imported."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def rule_names() -> tuple[str, ...]:
    """All names, sorted. A rule is a file in rules/, and its name the file's, with hyphens."""
    names = (entry.name for entry in Path(__file__).with_name("rules").iterdir())
    return tuple(sorted(n[:-3].replace("_", "-") for n in names if n.endswith(".py") and n != "__init__.py"))
