"""One SMTP session through milter-manager: a milter to the MTA, the MTA to its children."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

import Milter
import milter

from actions.milter.envelope import Client
from actions.milter.events import client_data, text_strings
from actions.milter.macros import DEFAULT_LISTS
from actions.milter.message import Content, Header
from actions.milter.protocol import RULES, Stage
from console.lab.services.libmilter import ContentReader
from console.lab.services.milter_manager.child import STATES, Child, Verdict
from console.lab.services.milter_manager.conditions import (
    networks,
    unmet_at_connect,
    unmet_at_mail,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.milter.codec import Edit, SmtpReply
    from actions.milter.envelope import Family
    from console.lab.services.milter_manager.configuration import Configuration
    from console.lab.services.milter_manager.journal import Journal, Register

MACROS = tuple(
    dict.fromkeys(
        (
            *(name for names in DEFAULT_LISTS.values() for name in names),
            *("client_addr", "client_name", "client_port", "client_ptr", "client_connections"),
            *("client_resolve", "daemon_port", "if_addr", "if_name", "auth_ssf"),
        )
    )
)
"""Every macro of MILTER_README: libmilter tells values by name, but not which names there are."""

_FAMILIES: dict[int, Family] = {
    socket.AF_INET: "inet",
    socket.AF_INET6: "inet6",
    socket.AF_UNIX: "unix",
}

_DECISIONS = {
    "reject": int(Milter.REJECT),
    "temporary-failure": int(Milter.TEMPFAIL),
    "discard": int(Milter.DISCARD),
}

_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3}) ")

_ABOVE = Header(b"Received", b" by the MTA", hidden=True)
"""Stands for the MTA's own field, from which the places of inserted ones are counted."""


class ManagedSession(ContentReader):
    """One SMTP session.

    Args:
        configuration: what holds for it to its end.
        register: what all sessions share.
    """

    def __init__(self, configuration: Configuration, register: Register) -> None:
        super().__init__()
        self._configuration = configuration
        self._journal: Journal = register.begin()
        self._started = time.monotonic()
        self._children: list[Child] = []
        self._values: dict[str, bytes] = {}
        self._in_message = False
        self._state, self._status = "connect", "pass"

    def connect(self, hostname: str, family: int, hostaddr: object) -> int:
        """Open every child that applies to this client, and announce it there."""
        super().connect(hostname, family, hostaddr)
        address, port = _address(hostaddr)
        client = Client(hostname, address, port, _FAMILIES.get(family, "unknown"))
        data, event = client_data(client), self._event(Stage.CONNECT)
        settings = self._configuration
        known = networks(settings.local, settings.remote)
        for defined in settings.children:
            if not defined.enabled:
                continue
            child = Child(defined, self._journal)
            if unmet_at_connect(defined.conditions, hostname, self.client_address, known):
                child.stop("connect")
                continue
            self._children.append(child)
            if verdict := child.open() or child.ask(Stage.CONNECT, data, *event):
                return self._refuse(Stage.CONNECT, verdict)
        return int(Milter.CONTINUE)

    def hello(self, name: str) -> int:
        """Announce HELO."""
        return self._announce(Stage.HELO, [name])

    def envfrom(self, sender: str, *arguments: str) -> int:
        """Announce the sender to those that apply to it."""
        super().envfrom(sender)
        self._end_message()
        self._in_message = True
        authenticated = self.getsymval("{auth_authen}") or ""
        for child in tuple(self._children):
            if unmet_at_mail(child.settings.conditions, authenticated):
                child.stop("envelope-from")
                self._children.remove(child)
        return self._announce(Stage.MAIL, [sender, *arguments])

    def envrcpt(self, recipient: str, *arguments: str) -> int:
        """Announce a recipient."""
        super().envrcpt(recipient)
        return self._announce(Stage.RCPT, [recipient, *arguments])

    def data(self) -> int:
        """Announce DATA."""
        return self._announce(Stage.DATA, [])

    def eom(self) -> int:
        """Show the message to each child in turn, and hand on what they made of it."""
        content = Content((_ABOVE, *map(_header, self.headers)), self.content)
        values, _ = self._event(Stage.END)
        edits: list[Edit] = []
        accepted = False
        for child in self._children:
            verdict, content, own = child.read(content, values)
            if verdict:
                code = self._refuse(Stage.END, verdict)
                self._end_message()
                return code
            accepted = accepted or child.accepted
            edits += own
            self._tell_added(own, child.name)
        self._hand_on(edits, content.body)
        self._state, self._status = STATES[Stage.END], "accept" if accepted else "pass"
        self._end_message()
        return int(Milter.ACCEPT if accepted else Milter.CONTINUE)

    def abort(self) -> int:
        """Forget the message."""
        if self._in_message and self._status == "pass":
            self._status = "abort"
        self._end_message()
        return int(Milter.CONTINUE)

    def close(self) -> int:
        """End the session at every child."""
        seconds = time.monotonic() - self._started
        if self._in_message and self._status == "pass":
            self._journal.disconnected(seconds)
            self._in_message = False
        self._end_message()
        for child in self._children:
            child.close()
        self._children = []
        self._journal.end()
        return int(Milter.CONTINUE)

    def _announce(self, stage: Stage, parts: list[str]) -> int:
        values, extra = self._event(stage)
        data = text_strings(parts)
        self._state, self._status = STATES[stage], "pass"
        for child in self._children:
            if verdict := child.ask(stage, data, values, extra):
                return self._refuse(stage, verdict)
        return int(Milter.CONTINUE)

    def _event(self, stage: Stage) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return the values of all macros, and of those that came with this event unusually."""
        usual = DEFAULT_LISTS[RULES[stage].macros]
        before, values = self._values, {}
        for name in MACROS:
            value = self.getsymval(name if len(name) == 1 else f"{{{name}}}")
            if value is not None:
                values[name] = value.encode("utf-8", "surrogateescape")
        self._values = values
        new = {name: value for name, value in values.items() if before.get(name) != value}
        return values, {name: value for name, value in new.items() if name not in usual}

    def _refuse(self, stage: Stage, verdict: Verdict) -> int:
        """Make the child's verdict this milter's own, its exact reply included."""
        self._state, self._status = STATES[stage], verdict.decision
        if verdict.reply:
            self._set_reply(verdict.reply)
        return _DECISIONS[verdict.decision]

    def _set_reply(self, reply: SmtpReply) -> None:
        status, lines = _common_status(reply.lines)
        try:
            self.setreply(str(reply.code), status, *(line.replace("%", "%%") for line in lines))
        except (milter.error, ValueError, TypeError) as error:
            self._journal.edit_refused("reply code", str(error))

    def _tell_added(self, edits: tuple[Edit, ...], child: str) -> None:
        for edit in edits:
            if edit.kind in {"add header", "insert header"}:
                self._journal.header_added(_text(edit.name), _text(edit.value), child)

    def _hand_on(self, edits: list[Edit], body: bytes) -> None:
        """Carry out the children's edits at the MTA; of several new bodies the last counts."""
        for edit in edits:
            if edit.kind != "replace body":
                self._do(edit.kind, self._edit_call(edit))
        if any(edit.kind == "replace body" for edit in edits):
            self._do("replace body", lambda: self.replacebody(body))

    def _edit_call(self, edit: Edit) -> Callable[[], object]:
        name, value = _text(edit.name), _text(edit.value)
        calls: dict[str, Callable[[], object]] = {
            "add header": lambda: self.addheader(name, value),
            "insert header": lambda: self.addheader(name, value, edit.position),
            "change header": lambda: self.chgheader(name, edit.position, value),
            "delete header": lambda: self.chgheader(name, edit.position, ""),
            "change sender": lambda: self.chgfrom(name, value or None),
            "add recipient": lambda: self.addrcpt(name, value or None),
            "delete recipient": lambda: self.delrcpt(name),
            "quarantine": lambda: self.quarantine(value),
        }
        return calls[edit.kind]

    def _do(self, kind: str, call: Callable[[], object]) -> None:
        try:
            call()
        except (milter.error, Milter.DisabledAction, ValueError, TypeError) as error:
            self._journal.edit_refused(kind, str(error) or type(error).__name__)

    def _end_message(self) -> None:
        if self._in_message or self._status != "pass":
            seconds = time.monotonic() - self._started
            self._journal.message_ended(self._state, self._status, seconds)
        self._in_message = False
        self._status = "pass"
        for child in self._children:
            child.end_message()


def _address(hostaddr: object) -> tuple[str, int]:
    match hostaddr:
        case (str() as address, int() as port, *_):
            return address, port
        case str():
            return hostaddr, 0
    return "", 0


def _common_status(lines: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """Return the enhanced status code of *lines* and the rest of each.

    Of several lines libmilter wants it apart, and gives all of them one.
    """
    found = [_STATUS.match(line) for line in lines]
    statuses = {match[1] if match else None for match in found}
    status = statuses.pop()
    if statuses or status is None:
        return None, list(lines)
    return status, [line[len(status) + 1 :] for line in lines]


def _header(field: tuple[str, bytes]) -> Header:
    name, value = field
    return Header(name.encode("utf-8", "surrogateescape"), b" " + value)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
