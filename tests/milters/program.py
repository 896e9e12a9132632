"""A real milter on libmilter that does what its script says, and writes down what it saw.

Run as ``python -m tests.milters.program`` with the script as JSON on standard input; see
`Script`. Once its socket is open it prints "ready", and serves until it is killed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, TypedDict, cast

import milter

Reply = str | list[str]
"""A decision such as "reject", or the parts of a reply: code, enhanced code, lines."""


class Script(TypedDict, total=False):
    """What the milter does."""

    spec: str
    """Its socket, in libmilter's notation."""
    record: str
    """The file that takes a line of JSON for each event; nothing is recorded without one."""
    replies: dict[str, Reply | list[Reply]]
    """By event; a list of lists or of words is taken in turn, its last for all further."""
    edits: list[list[Any]]
    """Methods of libmilter with their arguments, called in order at end of message."""
    actions: int
    """The actions it asks for; all that are offered by default."""
    steps: int
    """The protocol steps it asks for; none by default."""
    delays: dict[str, float]
    """Seconds that pass before the reply to an event."""
    progress: int
    """How often it asks for more time at end of message."""
    bare: bool
    """Whether libmilter itself continues through everything, with no Python in between."""


DECISIONS = {
    "continue": milter.CONTINUE,
    "accept": milter.ACCEPT,
    "reject": milter.REJECT,
    "tempfail": milter.TEMPFAIL,
    "discard": milter.DISCARD,
    "skip": milter.SKIP,
}

MACROS = (
    *"ijv_",
    *("daemon_name", "daemon_addr", "client_addr", "client_name", "client_port"),
    *("tls_version", "cipher", "cipher_bits", "cert_subject", "cert_issuer"),
    *("auth_type", "auth_authen", "auth_author", "mail_addr", "mail_host", "mail_mailer"),
    *("rcpt_addr", "rcpt_host", "rcpt_mailer", "x-given"),
)
"""The macros that are written down at each event, where they have a value."""

UNANSWERED = {
    "connect": milter.P_NR_CONN,
    "helo": milter.P_NR_HELO,
    "mail": milter.P_NR_MAIL,
    "rcpt": milter.P_NR_RCPT,
    "data": milter.P_NR_DATA,
    "unknown": milter.P_NR_UNKN,
    "header": milter.P_NR_HDR,
    "eoh": milter.P_NR_EOH,
    "body": milter.P_NR_BODY,
}


class Session:
    """What one connection is at."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.counts: dict[str, int] = {}


class Program:
    """The milter."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._sessions = 0
        path = script.get("record")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._record = os.open(path, flags, 0o600) if path else -1

    def negotiate(self, context: Any, options: list[int]) -> int:
        self._sessions += 1
        context.setpriv(Session(self._sessions))
        self._note(context, "negotiate", (list(options[:2]),))
        options[0] &= self._script.get("actions", 0x1FF)
        options[1] &= self._script.get("steps", 0)
        options[2] = options[3] = 0
        return int(milter.CONTINUE)

    def told(self, event: str) -> Any:
        """Return the callback of *event*."""
        return lambda context, *arguments: self._event(context, event, arguments)

    def close(self, context: Any) -> int:
        if context.getpriv():
            self._note(context, "close", ())
            context.setpriv(None)
        return int(milter.CONTINUE)

    def _event(self, context: Any, event: str, arguments: tuple[object, ...]) -> int:
        self._note(context, event, arguments)
        time.sleep(self._script.get("delays", {}).get(event, 0.0))
        if event == "end":
            for _ in range(self._script.get("progress", 0)):
                context.progress()
            self._edit(context)
        if event == "abort":
            return int(milter.CONTINUE)
        return self._reply(context, event)

    def _edit(self, context: Any) -> None:
        for method, *arguments in self._script.get("edits", []):
            body = method == "replacebody"
            given = [one.encode("latin-1") for one in arguments] if body else arguments
            getattr(context, method)(*given)

    def _reply(self, context: Any, event: str) -> int:
        if self._script.get("steps", 0) & UNANSWERED.get(event, 0):
            return int(milter.NOREPLY)
        reply = self._chosen(context.getpriv(), event)
        if isinstance(reply, str):
            return int(DECISIONS[reply])
        code, extended, *lines = reply
        context.setreply(code, extended or None, *lines)
        return int(milter.TEMPFAIL if code.startswith("4") else milter.REJECT)

    def _chosen(self, session: Session, event: str) -> Reply:
        replies = self._script.get("replies", {}).get(event, "continue")
        at = session.counts[event] = session.counts.get(event, -1) + 1
        if isinstance(replies, str):
            return replies
        first = replies[0]
        if isinstance(first, str) and first.isdigit():
            return cast("Reply", replies)
        return replies[min(at, len(replies) - 1)]

    def _note(self, context: Any, event: str, arguments: tuple[object, ...]) -> None:
        if self._record < 0:
            return
        given = ((name, context.getsymval(_braced(name))) for name in MACROS)
        macros = {name: value for name, value in given if value is not None}
        line = {
            "session": context.getpriv().number,
            "event": event,
            "arguments": [_plain(argument) for argument in arguments],
            "macros": macros,
        }
        os.write(self._record, json.dumps(line).encode() + b"\n")


def _braced(name: str) -> str:
    return name if len(name) == 1 else f"{{{name}}}"


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def main() -> None:
    script: Script = json.load(sys.stdin)
    program = Program(script)
    milter.setconn(script["spec"])
    milter.set_flags(0x1FF)
    if script.get("bare"):
        milter.register("test", negotiate=program.negotiate)
    else:
        listen(program)
    milter.opensocket(False)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    milter.main()


def listen(program: Program) -> None:
    """Let *program* hear of every event."""
    for event, setter in (
        ("connect", milter.set_connect_callback),
        ("helo", milter.set_helo_callback),
        ("mail", milter.set_envfrom_callback),
        ("rcpt", milter.set_envrcpt_callback),
        ("header", milter.set_header_callback),
        ("eoh", milter.set_eoh_callback),
        ("body", milter.set_body_callback),
        ("end", milter.set_eom_callback),
        ("abort", milter.set_abort_callback),
    ):
        setter(program.told(event))
    milter.set_close_callback(program.close)
    milter.register(
        "test",
        data=program.told("data"),
        unknown=program.told("unknown"),
        negotiate=program.negotiate,
    )


if __name__ == "__main__":
    main()
