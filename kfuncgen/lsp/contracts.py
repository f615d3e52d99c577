"""What the specs say of functions, as editors show it: Markdown, snippets, labels."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from kfuncgen.lint import LintOptions
from kfuncgen.lsp.markdown import block, code, prose
from kfuncgen.spec.model import Contract
from kfuncgen.spec.progtypes import allowed_sections
from kfuncgen.spec.telling import in_words, lifetime


def contract_of(name: str, options: LintOptions) -> Contract | None:
    """The contract of a kfunc or helper on the newest targeted kernel; None when the specs do not know it."""
    function = options.specs.functions.get(name)
    return function.at(max(options.kernels)) if function is not None else None


def hover(contract: Contract, options: LintOptions) -> str:
    """The contract as Markdown that fetches and hides nothing, whoever wrote the spec."""
    return "\n".join(_page(contract, options))


def _page(contract: Contract, options: LintOptions) -> Iterator[str]:
    function = contract.function
    yield block(f"{contract.prototype.text.rstrip(';')};")
    if function.summary:
        yield f"{prose(function.summary)}\n"
    lacking = [str(kernel) for kernel in sorted(options.kernels) if not function.exists_at(kernel)]
    if lacking:
        yield f"- **not in Linux {', '.join(lacking)}**, which is checked for"
    yield f"- {contract.function.kind}, Linux: {lifetime(function)} (shown as of {contract.kernel})"
    yield from (f"- {prose(sentence)}" for sentence in in_words(contract))
    if contract.is_kfunc:
        sections = ", ".join(map(code, allowed_sections(contract, contract.kernel)))
        yield f"- programs: {sections or 'none known'}"
    if function.config:
        yield f"- needs {', '.join(map(code, function.config))}"
    if function.module:
        yield f"- in module {code(function.module)}"
    for param in contract.params:
        if param.summary:
            yield f"- {code(param.name)}: {prose(param.summary)}"
    for _, struct in function.options:
        sizes = " or ".join(map(str, struct.sizes_at(contract.kernel)))
        named = f" ({code(struct.size_constant)})" if struct.size_constant else ""
        yield f"- {code(f'struct {struct.name}')}: size {sizes}{named}"
    for cause in function.errors:
        yield f"- {code(f'-{cause.error}')}: {prose(cause.cause)}"
    if function.notes:
        yield f"\n{prose(function.notes)}"


def signature(contract: Contract, argument: int) -> types.SignatureHelp:
    """Help for the argument with this 0-based number."""
    text = contract.prototype.text.rstrip(";")
    opened = text.rindex("(", 0, text.rindex(")")) if "(" in text else len(text)
    shown = [part.strip() for part in text[opened + 1 : text.rindex(")")].split(",")] if "(" in text else []
    labels = shown if len(shown) == len(contract.params) else [param.name for param in contract.params]
    parameters = [
        types.ParameterInformation(label, param.summary or None)
        for label, param in zip(labels, contract.params, strict=True)
    ]
    one = types.SignatureInformation(text, contract.function.summary or None, parameters)
    return types.SignatureHelp([one], 0, min(argument, max(len(parameters) - 1, 0)))


def hint(contract: Contract) -> str:
    """The few words shown behind a call; "" when there is nothing to be done about it."""
    effects = contract.effects
    words = []
    if effects.acquires:
        words.append("acquires")
    if effects.releases is not None:
        words.append(f"releases {contract.params[effects.releases].name}")
    if effects.may_be_null:
        words.append("may be NULL")
    return ", ".join(words)
