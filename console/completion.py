"""Shell completion: a few lines for the shell, and the words, made from the declarations."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actions.action import Action, Parameter

BASH = """\
_console() {
    local IFS=$'\\n' word glued= given=()
    # bash ends a word at a colon; names such as smtpd:milter-manager are put together again.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if [[ ${#given[@]} -gt 0 && ( $glued || $word == : ) ]]; then
            given[${#given[@]}-1]+=$word
        else
            given+=("$word")
        fi
        if [[ $word == : ]]; then glued=1; else glued=; fi
    done
    COMPREPLY=($(console complete "${given[@]}" 2>/dev/null))
    word=${given[${#given[@]}-1]}
    if [[ $word == *:* ]]; then COMPREPLY=("${COMPREPLY[@]#"${word%:*}:"}"); fi
    if [[ ${COMPREPLY[0]} == "<file>" ]]; then
        COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
    fi
}
complete -o filenames -o bashdefault -F _console console milter-console
"""

ZSH = """\
#compdef console milter-console
_console() {
    local -a words_found
    words_found=("${(@f)$(console complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${words_found[1]} == "<file>" ]]; then _files; else compadd -a words_found; fi
}
compdef _console console milter-console
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH}
FILES = "<file>"
"""Told to the shell where a file's name is wanted."""

_FACES = ("run", "lab", "completion", "manual", "--read-only", "--lab", "--version", "--help")


def completion(argv: list[str]) -> int:
    """Print the script for a shell (``completion bash``), or the words (``complete WORD …``)."""
    word, *rest = argv
    if word == "complete":
        print("\n".join(candidates(rest or [""])))
        return 0
    if len(rest) != 1 or rest[0] not in SCRIPTS:
        print("usage: console completion bash|zsh", file=sys.stderr)
        return 2
    print(SCRIPTS[rest[0]], end="")
    return 0


def candidates(words: list[str]) -> list[str]:
    """Return what the last of *words* may become, the ones before it being settled."""
    *before, start = words
    found = _possible(before, start)
    return [FILES] if found == [FILES] else [one for one in found if one.startswith(start)]


def _possible(before: list[str], start: str) -> list[str]:
    if not before:
        return list(_FACES)
    if before[0] == "completion":
        return list(SCRIPTS)
    if before[0] == "lab" and "run" not in before:
        return _lab_words(before)
    if "run" not in before:
        return [FILES] if before[-1] == "--lab" else []
    return _action_words(before[before.index("run") + 1 :], start)


def _lab_words(before: list[str]) -> list[str]:
    if before[-1] == "--fault":
        from console.lab.faults import FAULTS

        return [fault.name for fault in FAULTS]
    return ["run", "--fault", "--serve", "--help"]


def _action_words(words: list[str], start: str) -> list[str]:
    from actions.registry import all_actions
    from console.options import options_of

    actions = {action.name: action for action in all_actions()}
    if not words:
        return list(actions)
    action = actions.get(words[0])
    if action is None:
        return []
    placed = [one for one in action.parameters if one.option.positional]
    further = list(options_of(action))
    if placed and not start.startswith("-"):
        further = _known(placed[0])
    return _values(action, words[-1]) or further


def _values(action: Action, last: str) -> list[str]:
    """Return the values that the option *last* takes, or nothing where it is no such option."""
    if last == "--format":
        from console.options import FORMATS

        return list(FORMATS)
    for parameter in action.parameters:
        if last in parameter.words and parameter.shape != "switch":
            return _known(parameter)
    return [FILES] if last == "--lab" else []


def _known(parameter: Parameter) -> list[str]:
    """Return the values that *parameter* is known to take, or that it may be a file."""
    if not parameter.option.known:
        return list(parameter.option.choices) or [FILES]
    from importlib import import_module

    module, _, function = parameter.option.known.partition(":")
    return list(getattr(import_module(module), function)())
