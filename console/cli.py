"""The entry point: which face of the console is wanted, and what its exit code says."""

from __future__ import annotations

import os
import sys

USAGE = """\
usage: console [--read-only] [--lab FOLDER]
       console run [ACTION [OPTION …]]
       console lab [--fault NAME …] [--serve | run ACTION [OPTION …]]
       console completion bash|zsh
       console manual
       console --version | --help

Operator console for mail hosts that run Postfix with milters.

  console        open the console on this host
  console run    do one action and exit; without ACTION, list them all
  console lab    bring up an embedded mail host, and open the console on it

  completion     completion for a shell: eval "$(console completion bash)"
  manual         the manual page: console manual | man -l -

  --read-only    refuse every change
  --lab FOLDER   work on the lab that runs in FOLDER instead of this host

`console run ACTION --help` tells an action's options. Exit codes:
  0 fine · 1 a problem was found, or a test failed · 2 wrong usage · 3 not permitted
  4 not confirmed · 5 the change failed and was rolled back · 6 could not be decided
  70 a defect of the console itself
"""


def main() -> None:
    """Run the program and exit with its code."""
    from console.output import prepare, written_out

    prepare()
    try:
        code = dispatch(sys.argv[1:])
    except BrokenPipeError:
        code = 0
    code = written_out(code)
    # A script's run ends here: taking the interpreter apart would cost a fifth of its time.
    os._exit(code)


def dispatch(argv: list[str]) -> int:
    """Run the face that *argv* asks for and return its exit code."""
    word = argv[0] if argv else ""
    if word == "run":
        from console.run import run

        return run(argv[1:])
    if word == "lab":
        from console.lab.command import lab

        return lab(argv[1:])
    if word == "manual":
        from console.manual import manual

        print(manual(), end="")
        return 0
    if word in {"completion", "complete"}:
        from console.completion import completion

        return completion(argv)
    if word in {"--help", "-h", "help"}:
        print(USAGE, end="")
        return 0
    if word == "--version":
        from console.version import version

        print(f"milter-console {version()}")
        return 0
    from console.screen import screen

    return screen(argv)
