"""`console lab`: an embedded mail host, with the console, an action, or a shell beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.record import Record

if TYPE_CHECKING:
    from console.lab.lab import Lab

HELP = """\
usage: console lab [--fault NAME …] [--serve]
       console lab [--fault NAME …] run ACTION [OPTION …]

Bring up an embedded mail host in a temporary folder: an SMTP front, a milter-manager with
three milters behind it, a signer, mailboxes, a log. It needs no root, listens on loopback and
unix sockets only, and leaves nothing behind.

  console lab            open the console on it
  console lab run …      do one action there, and exit as `console run` would
  --serve                keep it up for other terminals until Ctrl+C
  --fault NAME           break something on purpose (may be given more than once):
"""


class _Asked(Record):
    faults: tuple[str, ...] = ()
    serve: bool = False
    run: tuple[str, ...] | None = None

    @property
    def again(self) -> tuple[str, ...]:
        """The command that brings up such a lab."""
        faults = (word for fault in self.faults for word in ("--fault", fault))
        return ("console", "lab", *faults)


def lab(argv: list[str]) -> int:
    """Run ``console lab`` with *argv* and return the exit code."""
    if any(word in {"--help", "-h"} for word in argv[: _run_at(argv)]):
        _print_help()
        return Exit.FINE
    try:
        return _with_lab(_asked(argv))
    except ActionError as error:
        print(f"console: {error}", file=sys.stderr)
        if error.next_step:
            print(f"  {error.next_step}", file=sys.stderr)
        return error.exit_code


def _with_lab(asked: _Asked) -> int:
    from console.lab.faults import faults_named
    from console.lab.lab import running_lab

    faults_named(asked.faults)
    if asked.run is None and not asked.serve:
        from console.screen import require_terminal

        require_terminal()
    with running_lab(asked.faults) as running:
        if asked.run is not None:
            from console.run import run

            running.host.again = asked.again
            return run(list(asked.run), running.host)
        if asked.serve:
            return _serve(running)
        from console.screen import open_on

        return open_on(running.host, read_only=False)


def _serve(running: Lab) -> int:
    print(f"The lab runs in {running.root}")
    print(f"  SMTP      127.0.0.1:{running.smtp_port}")
    for spec in running.milters:
        print(f"  milter    {spec}")
    for fault in running.faults:
        print(f"  broken    {fault.breaks}")
    print(f"  console   console --lab {running.root}")
    print(f"  actions   console run chain.test --lab {running.root}")
    print("Ctrl+C ends it.", flush=True)
    _await_end()
    return Exit.FINE


def _await_end() -> None:
    import signal

    ending = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    signal.sigwait(ending)


def _run_at(argv: list[str]) -> int:
    return argv.index("run") if "run" in argv else len(argv)


def _asked(argv: list[str]) -> _Asked:
    asked = _Asked()
    words = argv[: _run_at(argv)]
    if len(words) < len(argv):
        asked = asked._replace(run=tuple(argv[len(words) + 1 :]))
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name == "--fault" and (equals or words):
            fault = value if equals else words.pop(0)
            asked = asked._replace(faults=(*asked.faults, fault))
        elif word == "--serve":
            asked = asked._replace(serve=True)
        else:
            raise ActionError(f"lab: {word!r} is not known", Exit.USAGE, "see console lab --help")
    return asked


def _print_help() -> None:
    from console.lab.faults import FAULTS

    print(HELP, end="")
    for fault in FAULTS:
        print(f"    {fault.name:20} {fault.breaks}")
