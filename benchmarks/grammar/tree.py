"""Programs as trees of statements: what the grammar makes, what mutations change, and how it is written down."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Line:
    """One simple statement, or a label."""

    text: str


@dataclass(slots=True)
class If:
    """A test; an empty `otherwise` has no `else`."""

    condition: str
    then: Block
    otherwise: Block


@dataclass(slots=True)
class Loop:
    """Whatever has a head and one body: loops, and plain braces with the head ""."""

    head: str
    body: Block
    tail: str = ""
    """What follows the closing brace: ` while (0);`."""


@dataclass(slots=True)
class Switch:
    """A switch; each case ends with `break`."""

    value: str
    cases: list[tuple[str, Block]]


Node = Line | If | Loop | Switch
Block = list[Node]


def lines(*texts: str) -> Block:
    """A block of simple statements."""
    return [Line(text) for text in texts]


@dataclass(slots=True)
class Function:
    """A function: head, declarations at its top, statements. `section` is "" for all but programs."""

    head: str
    body: Block = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    section: str = ""


@dataclass(slots=True)
class Tree:
    """A program with the functions that it calls; the program comes last."""

    name: str
    functions: list[Function] = field(default_factory=list)
    tail: str = ""

    @property
    def main(self) -> Function:
        """The program itself."""
        return self.functions[-1]

    def copy(self) -> Tree:
        """A copy that can be changed alone."""
        return copy.deepcopy(self)


def blocks(block: Block) -> Iterator[Block]:
    """A block and all blocks inside it."""
    yield block
    for node in block:
        if isinstance(node, If):
            yield from blocks(node.then)
            yield from blocks(node.otherwise)
        elif isinstance(node, Loop):
            yield from blocks(node.body)
        elif isinstance(node, Switch):
            for _, body in node.cases:
                yield from blocks(body)


def write(tree: Tree) -> str:
    """The C text of a program and its functions."""
    return "\n".join(_function(function) for function in tree.functions) + tree.tail


def _function(function: Function) -> str:
    start = f'SEC("{function.section}")\n' if function.section else ""
    head = [f"\t{text}" for text in function.variables]
    if head:
        head.append("")
    return f"{start}{function.head}\n{{\n" + "\n".join([*head, *_block(function.body, 1)]) + "\n}\n"


def _block(block: Block, depth: int) -> list[str]:
    tab = "\t" * depth
    out: list[str] = []
    for node in block:
        if isinstance(node, Line):
            out.append(node.text if node.text.endswith(":;") else tab + node.text)
        elif isinstance(node, If):
            out += [f"{tab}if ({node.condition}) {{", *_block(node.then, depth + 1)]
            if node.otherwise:
                out += [f"{tab}}} else {{", *_block(node.otherwise, depth + 1)]
            out.append(f"{tab}}}")
        elif isinstance(node, Loop):
            out += [f"{tab}{node.head}{' ' if node.head else ''}{{", *_block(node.body, depth + 1)]
            out.append(f"{tab}}}{node.tail}")
        else:
            out.append(f"{tab}switch ({node.value}) {{")
            for label, body in node.cases:
                out += [f"{tab}{label}:", *_block(body, depth + 1), f"{tab}\tbreak;"]
            out.append(f"{tab}}}")
    return out


def _stray(block: Block, loops: bool, switches: bool) -> bool:
    """Whether a `break` or `continue` stands outside of what it could leave."""
    for node in block:
        if isinstance(node, Line):
            if (node.text == "break;" and not (loops or switches)) or (node.text == "continue;" and not loops):
                return True
        elif isinstance(node, If):
            if _stray(node.then, loops, switches) or _stray(node.otherwise, loops, switches):
                return True
        elif isinstance(node, Loop):
            if _stray(node.body, loops or bool(node.head), switches):
                return True
        elif any(_stray(body, loops, True) for _, body in node.cases):
            return True
    return False


def well_formed(tree: Tree) -> bool:
    """Whether every goto has its label in the same function, once, and `break` and `continue` a loop."""
    for function in tree.functions:
        if _stray(function.body, False, False):
            return False
        text = _function(function)
        labels = re.findall(r"^(\w+):;$", text, re.MULTILINE)
        if len(set(labels)) != len(labels) or not set(re.findall(r"\bgoto (\w+);", text)) <= set(labels):
            return False
    return True
