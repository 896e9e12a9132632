"""The body of ``chain.send``: what is sent where, sent, followed, and told."""

from __future__ import annotations

import os
import pwd
import time
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from actions.action import Cancelled
from actions.chain.request import (
    Mail,
    check_seconds,
    chosen_message,
    chosen_recipients,
    chosen_sender,
    usage,
)
from actions.chain.send.follow import Seen, close_quietly, follow
from actions.chain.send.mail import marked
from actions.chain.send.place import chosen_mode, chosen_place, is_loopback
from actions.chain.send.report import Step
from actions.chain.send.secret import Credentials
from actions.chain.send.sent import Letter, Sent, Server
from actions.chain.send.smtp import Session
from actions.chain.send.summary import summed_up
from actions.chain.send.tls import client_settings
from actions.chain.send.trace import Ours, Trace
from actions.host.errors import HostError
from actions.mailhost.maillog import open_log
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Context
    from actions.chain.send.mail import Marked
    from actions.chain.send.report import SendReport, TlsMode
    from actions.mailhost.logline import LogLine
    from actions.mailhost.maillog import MailLog

STEP = 0.1
"""Seconds between two looks at whether the operator cancelled."""

GRACE = 0.5
"""Seconds past the deadline in which the session ends by its own limits, and says where."""


class Wish(Record):
    """What the operator asked for, as given."""

    recipients: tuple[str, ...]
    sender: str
    mail: Mail
    server: str
    port: int | None
    tls: str
    verify: str
    ca: str
    user: str
    password: str
    helo: str
    timeout: float
    deadline: float
    follow: float

    def __repr__(self) -> str:
        return f"Wish(to {self.recipients!r})"


class Asked(Record):
    """What is going to be done, spelled out."""

    server: Server
    letter: Letter
    marked: Marked
    sample: str
    user: str
    timeout: float
    follow: float


def send(ctx: Context, wish: Wish) -> SendReport:
    """Send the mail that was asked for, follow it, and return the report.

    Every `Step` of the session and every `StoryLine` of the log is told as it comes.

    Raises:
        ActionError: an option makes no sense; nothing was sent.
        Cancelled: the operator cancelled; a mail whose content was sent may be on its way.
    """
    started = time.monotonic()
    asked = spelled_out(ctx, wish)
    credentials = _credentials(ctx, wish)
    limit = ctx._replace(deadline=min(ctx.deadline, time.monotonic() + wish.deadline))
    log, closed = _open(ctx) if wish.follow else (None, "")
    try:
        sent, steps = _converse(limit, asked, credentials)
        trace = Trace(_ours(ctx, asked, sent), sent.queue_id)
        clean = credentials.scrubbed if credentials else None
        seen = _follow(ctx, log, trace, asked, sent, clean)
    finally:
        close_quietly(log)
    name = log.name if log else ""
    seconds = time.monotonic() - started
    return summed_up(asked, sent, steps, trace, seen, name, closed, seconds)


def spelled_out(ctx: Context, wish: Wish) -> Asked:
    """Return what *wish* comes to on this host; raises `ActionError` where it makes no sense."""
    _check_seconds(wish)
    if wish.ca and wish.verify == "no":
        raise usage("--ca says whom to trust, --verify no to trust anybody: give one of them")
    if wish.ca:
        # Also where it will not be needed: nothing is sent with a wish that can't be met.
        client_settings(verify=True, ca=wish.ca)
    place = chosen_place(ctx.host, wish.server, wish.port, wish.tls, wish.user)
    mode = chosen_mode(wish.tls, place.port, wish.user)
    near = is_loopback(place.host)
    if wish.user and mode == "none" and not near:
        raise usage(
            "--user with --tls none: the password would go over the network in the clear",
            "use --tls starttls or --tls implicit",
        )
    verify = _verifying(wish, mode, near=near)
    hostname = _hostname(ctx)
    sender = _sender(wish, hostname)
    recipients = chosen_recipients(wish.recipients, wish.mail, "outside")
    plain = chosen_message(
        wish.mail._replace(headers=()),
        chosen_sender(sender or "<>", "outside"),
        recipients,
        hostname,
    )
    made = marked(plain, hostname, wish.mail.headers)
    letter = Letter(
        _word("--helo", wish.helo) or hostname,
        chosen_sender(sender or "<>", "outside").address,
        tuple(one.address for one in recipients),
        made.message,
    )
    _check_text(letter)
    return Asked(
        Server(place.host, place.port, mode, verify, wish.ca),
        letter,
        made,
        wish.mail.file or wish.mail.sample,
        wish.user,
        wish.timeout,
        wish.follow,
    )


def _check_seconds(wish: Wish) -> None:
    check_seconds("--timeout", wish.timeout)
    check_seconds("--deadline", wish.deadline)
    if wish.follow != 0:
        check_seconds("--follow, where it is not 0,", wish.follow)


def _verifying(wish: Wish, mode: TlsMode, *, near: bool) -> bool:
    """Return whether the certificate must be good; raises `ActionError` where there is none."""
    wanted = "--ca" if wish.ca else "--verify yes" if wish.verify == "yes" else ""
    if wanted and mode == "none":
        told = "with --tls none" if wish.tls else "without --tls"
        raise usage(
            f"{wanted} {told}: the mail would go in the clear, and no certificate be checked",
            "use --tls starttls or --tls implicit",
        )
    return bool(wanted) or (wish.verify == "auto" and not near)


def _check_text(letter: Letter) -> None:
    for word in (letter.helo, letter.sender, *letter.recipients):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise usage(f"{word!r} is not UTF-8: SMTP has no way to say it") from None
        if set(word) & set("<>"):
            raise usage(f"{word!r} has an angle bracket in it")


def _word(option: str, text: str) -> str:
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        raise usage(f"{option} {text!r} has a space or a control character in it")
    return text


def _hostname(ctx: Context) -> str:
    try:
        return ctx.host.postfix.setting("myhostname")
    except HostError:
        return ctx.host.name


def _sender(wish: Wish, hostname: str) -> str:
    """Return the sender asked for; else who logs in, or who runs this, at this host."""
    if wish.sender:
        return wish.sender
    if "@" in wish.user:
        return wish.user
    return f"{os.environ.get('SUDO_USER') or _own_name()}@{hostname}"


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "postmaster"


def _credentials(ctx: Context, wish: Wish) -> Credentials | None:
    if not wish.user:
        if wish.password:
            raise usage("a password without a user: give --user NAME")
        return None
    password = wish.password or ctx.ask_secret(f"Password of {wish.user}: ", "--password-fd")
    if not password:
        raise usage("the password is empty")
    return Credentials(wish.user, password)


def _open(ctx: Context) -> tuple[MailLog | None, str]:
    """Return the log of this host, or why it can't be read."""
    try:
        return open_log(ctx.host), ""
    except HostError as error:
        return None, str(error)


def _converse(
    ctx: Context, asked: Asked, credentials: Credentials | None
) -> tuple[Sent, tuple[Step, ...]]:
    """Run the SMTP session beside, so that cancelling and the deadline never wait for it."""
    told: SimpleQueue[Step | Sent | Exception] = SimpleQueue()
    session = Session(
        asked.server, asked.letter, credentials, asked.timeout, ctx.deadline, told.put
    )
    Thread(target=_run, args=(session, told.put), daemon=True).start()
    try:
        return _heard(ctx, session, told)
    except (Cancelled, KeyboardInterrupt):
        session.hang_up()
        raise Cancelled(_on_its_way(asked) if session.so_far().content_sent else "") from None


def _heard(
    ctx: Context, session: Session, told: SimpleQueue[Step | Sent | Exception]
) -> tuple[Sent, tuple[Step, ...]]:
    """Return how the session ended, and its steps; each is told."""
    steps: list[Step] = []
    while True:
        try:
            event = told.get(timeout=STEP)
        except Empty:
            event = None
        if isinstance(event, Step):
            steps.append(event)
            ctx.tell(event)
        elif isinstance(event, Sent):
            return event, tuple(steps)
        elif isinstance(event, Exception):
            raise event
        if ctx.cancel.is_set():
            raise Cancelled
        if time.monotonic() > ctx.deadline + GRACE:
            session.hang_up()
            return session.so_far(), tuple(steps)


def _run(session: Session, put: Callable[[Sent | Exception], None]) -> None:
    try:
        put(session.run())
    except Exception as error:  # noqa: BLE001  (a defect is raised where it is seen)
        put(error)


def _ours(ctx: Context, asked: Asked, sent: Sent) -> Ours:
    letter = asked.letter
    return Ours(
        asked.marked.message_id,
        letter.sender,
        letter.helo,
        letter.recipients,
        sent.client,
        sent.refusals,
        _logged_as(ctx),
    )


def _logged_as(ctx: Context) -> str:
    """Return the syslog_name; its default is an expression, for "postfix" or what begins so."""
    try:
        name = ctx.host.postfix.setting("syslog_name")
    except HostError:
        return "postfix"
    return "postfix" if not name or "$" in name else name


def _follow(
    ctx: Context,
    log: MailLog | None,
    trace: Trace,
    asked: Asked,
    sent: Sent,
    clean: Callable[[str], str] | None,
) -> Seen:
    """Follow the mail; after a session that came to nothing there is nothing to look for."""
    taken = sent.queued or (sent.content_sent and sent.answer is None)
    if log is None or not (taken or sent.refusals):
        return Seen(0.0)
    if taken:
        ctx.tell(f"sent; following it in {log.name} for at most {asked.follow:g} s")
    read = _without_secret(log, clean) if clean else log.read
    try:
        refusals = len(sent.refusals)
        return follow(ctx, log, read, trace, asked.follow, taken=taken, refusals=refusals)
    except (Cancelled, KeyboardInterrupt):
        raise Cancelled(_on_its_way(asked) if taken else "") from None


def _without_secret(log: MailLog, clean: Callable[[str], str]) -> Callable[[], list[LogLine]]:
    """Return what reads *log*, in which a server may have written what it was sent."""
    return lambda: [line._replace(text=clean(line.text)) for line in log.read()]


def _on_its_way(asked: Asked) -> str:
    return f"cancelled; the mail may be on its way: Message-ID {asked.marked.message_id}"
