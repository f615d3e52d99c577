"""kfuncgen: code generator and static checker for callers of BPF kernel functions (kfuncs)."""

__version__ = "0.1.0"
