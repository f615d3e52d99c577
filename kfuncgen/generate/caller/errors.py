"""What errors mean: where a call reports them, and the switch that tells their causes."""

from __future__ import annotations

from kfuncgen.generate.caller.plan import Piece
from kfuncgen.generate.errnos import ERRNO
from kfuncgen.spec.model import Contract, ErrorCause


def error_sources(contract: Contract, arguments: Piece) -> list[tuple[str, tuple[ErrorCause, ...]]]:
    """Where a failed call that returns NULL says why: the options' error member, or an error parameter."""
    given = arguments.expr.split(", ")
    for index, struct in contract.function.options:
        if struct.error_field and struct.errors:
            return [(f"{given[index].removeprefix('&')}.{struct.error_field}", struct.errors)]
    for index, param in enumerate(contract.params):
        pointee = param.ctype.pointee
        if param.name.startswith("err") and pointee is not None and pointee.kind == "int":
            return [(given[index].removeprefix("&"), contract.function.errors)]
    return []


def _grouped(causes: tuple[ErrorCause, ...]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for cause in causes:
        name = cause.error.lstrip("-")
        if name in ERRNO:
            grouped.setdefault(name, []).append(cause.cause.rstrip("."))
    return grouped


def told(function: str, source: str) -> str:
    """A statement that tells the number of an error."""
    return f'bpf_printk("{function}: error %d", {source});'


def decoded(function: str, causes: tuple[ErrorCause, ...], source: str) -> list[str]:
    """A switch that tells what an error means."""
    lines = [f"switch ({source}) {{"]
    for name, texts in _grouped(causes).items():
        text = "; or ".join(texts).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
        lines += [f"case -{name}:", f'\tbpf_printk("{function}: {text}");', "\tbreak;"]
    return [*lines, "default:", f"\t{told(function, source)}", "}"]


def errno_macros(causes: tuple[ErrorCause, ...]) -> tuple[str, ...]:
    """The constants that `decoded` compares with."""
    return tuple(_grouped(causes))
