"""`kfuncgen completion`: scripts by which shells complete command lines; kfuncgen.cli_complete answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from kfuncgen import cli_options as options
from kfuncgen.cli_complete import SHELLS
from kfuncgen.cli_output import emit
from kfuncgen.cli_words import COMPLETION

_BASH = f"""\
# Completion of kfuncgen's command lines in bash.
_kfuncgen() {{
    local IFS=$'\\n'
    COMPREPLY=($({COMPLETION}=bash "$1" "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
    [[ ${{#COMPREPLY[@]}} -eq 1 && ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
    return 0
}}
complete -o default -F _kfuncgen kfuncgen
"""

_ZSH = f"""\
#compdef kfuncgen
# Completion of kfuncgen's command lines in zsh.
_kfuncgen() {{
    local -a found
    found=("${{(@f)$({COMPLETION}=zsh "${{words[1]}}" "${{(@Q)words[2,CURRENT]}}" 2>/dev/null)}}")
    if [[ -n "${{found[1]}}" ]]; then
        _describe -V kfuncgen found
    else
        _files
    fi
}}
if [[ "${{funcstack[1]}}" == _kfuncgen ]]; then
    _kfuncgen "$@"
else
    compdef _kfuncgen kfuncgen
fi
"""

_FISH = f"""\
# Completion of kfuncgen's command lines in fish.
function __kfuncgen_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ({COMPLETION}=fish $words[1] $words[2..-1] $current 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path $current
    end
end
complete -c kfuncgen -f -k -a '(__kfuncgen_complete)'
"""

SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("completion")(completion)


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help=f"One of {', '.join(SHELLS)}.")],
    output: options.OutputOption = None,
) -> int:
    """Print the completion script of a shell.

    It completes commands, options, rules, kfuncs, sections, templates, kernels and formats.

    bash: -o ~/.local/share/bash-completion/completions/kfuncgen. zsh: -o _kfuncgen in a folder of its fpath. fish:
    -o ~/.config/fish/completions/kfuncgen.fish. Or: eval "$(kfuncgen completion bash)".
    """
    emit(SCRIPTS[options.one_of(shell, SHELLS, "shell")], output)
    return 0
