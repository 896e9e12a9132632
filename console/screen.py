"""The console on a terminal: what must be so before it opens, and how it ends.

Textual is imported only once the terminal is known to be one.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit

if TYPE_CHECKING:
    from actions.host.ports import Host

_INSTEAD = "use `console run ACTION` in scripts and pipes; `console run` lists the actions"


def screen(argv: list[str]) -> int:
    """Open the console with the options in *argv* and return the exit code."""
    try:
        read_only, lab = _asked(argv)
        require_terminal()
        return open_on(_host(lab), read_only=read_only)
    except ActionError as error:
        print(f"console: {error}", file=sys.stderr)
        if error.next_step:
            print(f"  {error.next_step}", file=sys.stderr)
        return error.exit_code


def open_on(host: Host, *, read_only: bool) -> int:
    """Open the console on *host* and return the exit code when the operator leaves."""
    _start_opener(host)
    from console.app import ConsoleApp

    app = ConsoleApp(host, read_only=read_only)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, app.end_by)
    with open(os.devnull) as nothing:
        # Keys are the screen's; an action that reads standard input finds its end.
        before, sys.stdin = sys.stdin, nothing
        try:
            app.run()
        finally:
            sys.stdin = before
    return app.return_code or Exit.FINE


def require_terminal() -> None:
    """Raise `ActionError` where there is no terminal to draw on and to read keys from.

    Without one, Textual would wait for keys at full speed for ever.
    """
    streams = (("input", sys.stdin), ("output", sys.stdout), ("error", sys.stderr))
    for name, stream in streams:
        if stream is None or not stream.isatty():
            raise ActionError(f"standard {name} is no terminal", Exit.USAGE, _INSTEAD)
    if os.environ.get("TERM", "dumb") == "dumb":
        raise ActionError("this terminal can't be drawn on (TERM=dumb)", Exit.USAGE, _INSTEAD)


def _asked(argv: list[str]) -> tuple[bool, str]:
    read_only, lab = False, ""
    words = list(argv)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word == "--read-only":
            read_only = True
        elif name == "--lab" and (equals or words):
            lab = value if equals else words.pop(0)
        else:
            raise ActionError(f"{word!r} is not known", Exit.USAGE, "see console --help")
    return read_only, lab


def _host(lab: str) -> Host:
    folder = lab or os.environ.get("MILTER_CONSOLE_LAB", "")
    if folder:
        from console.lab.lab import attach

        return attach(folder)
    from actions.host.system import SystemHost

    return SystemHost()


def _start_opener(host: Host) -> None:
    """Start the process that connects as other users, while this one has a single thread."""
    opener = getattr(host, "opener", None)
    if opener is not None and os.geteuid() == 0:
        opener.start()
