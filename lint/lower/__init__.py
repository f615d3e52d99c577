"""From clang's cursors to the IR: the only place, with parse.py, that knows libclang."""

from kfuncgen.lint.lower.module import lower

__all__ = ["lower"]
