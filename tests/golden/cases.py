"""The cases: what the milters answer, and what the client says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.golden.scripted import Script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.milter.link import DefaultAction
    from tests.milters.peer import Packet

HOSTNAME = "mx.example.org"
MESSAGE = b"From: a@example.net\nSubject: the subject\n\nthe body\n"

Step = tuple[str, str | bytes, *tuple[str, ...]]

GREETED: tuple[Step, ...] = (("helo", "client.example.net"),)
MAIL: Step = ("mail", "a@example.net")
RCPT: Step = ("rcpt", "b@example.org")
RSET: Step = ("rset", "")
DATA: Step = ("data", MESSAGE)
WHOLE: tuple[Step, ...] = (MAIL, RCPT, DATA)
ORDINARY = (*GREETED, *WHOLE)


class Case(NamedTuple):
    """One session."""

    milters: tuple[Script, ...] = (Script(),)
    steps: tuple[Step, ...] = ORDINARY
    version: int = 6
    """What Postfix offers (milter_protocol)."""
    client: str = "localhost"
    """The client's name; empty where Postfix does not know it."""
    default_action: DefaultAction = "tempfail"
    settings: tuple[tuple[str, str], ...] = ()
    """Of Postfix, beyond those."""
    own: Mapping[str, str] = {}
    """By milter, the settings that stand with it in braces."""
    xclient: str = ""
    """As whom the client comes (XCLIENT), where it is not from the loopback."""
    submitted: bool = False
    """Whether the message is handed to sendmail, and not sent by SMTP."""

    @property
    def names(self) -> str:
        """The milters, by the letters they go by."""
        return "AB"[: len(self.milters)]

    @property
    def wrapped(self) -> bool:
        """Whether the client speaks TLS from its first byte on."""
        return ("smtpd_tls_wrappermode", "yes") in self.settings

    @property
    def wants_tls(self) -> bool:
        """Whether the client is encrypted, or goes on so at some step."""
        return self.wrapped or any(verb == "starttls" for verb, *_ in self.steps)

    @property
    def wants_login(self) -> bool:
        """Whether the client logs in."""
        return any(verb == "auth" for verb, *_ in self.steps)

    def settings_with(self, specs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Return Postfix's settings for this case.

        Args:
            specs: by milter, where it listens.
        """
        listed = (
            f"{{ {specs[name]}, {self.own[name]} }}" if name in self.own else specs[name]
            for name in self.names
        )
        return (
            ("non_smtpd_milters" if self.submitted else "smtpd_milters", ", ".join(listed)),
            ("milter_protocol", str(self.version)),
            ("milter_default_action", self.default_action),
            ("smtpd_peername_lookup", "yes" if self.client else "no"),
            *self.settings,
        )


def content(message: bytes, *milters: Script) -> Case:
    """Return the case of *message*."""
    return Case(milters or (Script(),), (*GREETED, MAIL, RCPT, ("data", message)))


def _header_message(*headers: bytes) -> bytes:
    return b"".join(header + b"\n" for header in headers) + b"\nthe body\n"


SPACES = _header_message(
    b"From: a@example.net",
    b"X-None:value",
    b"X-One: value",
    b"X-Two:  value",
    b"X-Three:   value ",
    b"X-Tab:\tvalue",
    b"X-Space-Tab: \tvalue\t",
    b"X-Fold: first\n second\n\tthird\n   fourth",
    b"X-Fold-First:\n second",
    b"X-Fold-Space: \n second",
    b"X-Empty:",
    b"X-Blank: ",
    b"x-CASE : before the colon",
    b"Subject: =?utf-8?q?caf=C3=A9?=",
)
LONG = _header_message(
    b"From: a@example.net",
    b"X-Long: " + b"x" * 900,
    b"X-Longer: " + b"\n\t".join([b"word " * 100] * 40),
    b"To: " + b",\n ".join(b"user%d@example.org" % number for number in range(200)),
)
EIGHT = "From: a@example.net\nSubject: gr\u00fc\u00dfe\n\ngr\u00fc\u00dfe \u20ac\n".encode()
LATIN = b"From: a@example.net\nSubject: gr\xfc\xdfe\n\ngr\xfc\xdfe\n"


def _big(size: int, line: bytes = b"0123456789abcdefghijklmnopqrstuvwxyz\n") -> bytes:
    """Return a message whose body is *size* bytes with CRLF."""
    whole, rest = divmod(size, len(line) + 1)
    body = line * whole
    if rest >= 2:
        body += b"x" * (rest - 2) + b"\n"
    return b"From: a@example.net\n\n" + body


MESSAGES = {
    "clean": Case(),
    "two in a row": Case(steps=(*ORDINARY, *WHOLE)),
    "spaces and folds": content(SPACES),
    "leading space kept": content(SPACES, Script(steps=0x100000)),
    "long headers": content(LONG),
    "utf-8": content(EIGHT),
    "latin-1": content(LATIN),
    "8bitmime and size": Case(
        steps=(*GREETED, ("mail", "a@example.net", "SIZE=1000", "BODY=8BITMIME"), RCPT, DATA)
    ),
    "body of one chunk": content(_big(65535)),
    "body of one chunk and a byte": content(_big(65536)),
    "body of three chunks": content(_big(150_000)),
    "empty body": content(b"From: a@example.net\n\n"),
    "no body": content(b"From: a@example.net\n"),
    "no headers": content(b"\nthe body\n"),
    "a body at once": content(b"the body\nof two lines\n"),
    "a line that starts with a dot": content(b"From: a@example.net\n\n.\n..dots\n"),
    "resent, received, return-path": content(
        _header_message(
            b"Return-Path: <x@example.net>",
            b"Received: from elsewhere",
            b"Resent-From: r@example.net",
            b"From: a@example.net",
            b"Bcc: hidden@example.org",
        )
    ),
    "broken header block": content(b"From: a@example.net\nnot a header\nTo: b@example.org\n"),
    "mime": content(
        b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
        b"--x\nContent-Type: text/plain\n\none\n--x\nContent-Type: message/rfc822\n\n"
        b"Subject: inner\n\ntwo\n--x--\n"
    ),
}

TWO: tuple[Step, ...] = (*GREETED, MAIL, RCPT, ("rcpt", "c@example.org"), DATA)
REFUSED: tuple[Step, ...] = (*GREETED, MAIL, ("rcpt", "nobody@example.org"), RCPT, DATA)

ENVELOPES = {
    "two recipients": Case(steps=TWO),
    "remote recipient": Case(steps=(*GREETED, MAIL, ("rcpt", "z@Example.COM"), DATA)),
    "null sender": Case(steps=(*GREETED, ("mail", ""), RCPT, DATA)),
    "local sender": Case(steps=(*GREETED, ("mail", "d@example.org"), RCPT, DATA)),
    "recipient arguments": Case(
        steps=(
            *GREETED,
            ("mail", "a@example.net", "RET=HDRS", "ENVID=x"),
            (*RCPT, "NOTIFY=NEVER", "ORCPT=rfc822;b@example.org"),
            DATA,
        )
    ),
    "refused recipient": Case(steps=REFUSED),
    "refused recipient told": Case((Script(steps=0x800),), REFUSED),
    "refused second recipient told": Case(
        (Script(steps=0x800), Script()),
        (*GREETED, MAIL, RCPT, ("rcpt", "nobody@example.org"), ("rcpt", "c@example.org"), DATA),
    ),
    "all recipients refused": Case(steps=(*GREETED, MAIL, ("rcpt", "nobody@example.org"))),
    "all recipients refused told": Case(
        (Script(steps=0x800),), (*GREETED, MAIL, ("rcpt", "nobody@example.org"))
    ),
    "one of two refused by the milter": Case(
        (Script(answers={"R1": ((b"r", b""),)}), Script()), TWO
    ),
    "second refused by the milter": Case((Script(answers={"R2": ((b"r", b""),)}), Script()), TWO),
    "first accepted by the milter": Case((Script(answers={"R1": ((b"a", b""),)}), Script()), TWO),
    "discarded at the second": Case((Script(answers={"R2": ((b"d", b""),)}), Script()), TWO),
}

SESSIONS = {
    "nothing but a greeting": Case(steps=GREETED),
    "nothing": Case(steps=()),
    "rset without a message": Case(steps=(*GREETED, RSET)),
    "rset after mail": Case(steps=(*GREETED, MAIL, RSET)),
    "quit after mail": Case(steps=(*GREETED, MAIL)),
    "quit after rcpt": Case(steps=(*GREETED, MAIL, RCPT)),
    "rset after rcpt, then a message": Case(steps=(*GREETED, MAIL, RCPT, RSET, *WHOLE)),
    "rset after a message": Case(steps=(*ORDINARY, RSET)),
    "two messages, rset between": Case(steps=(*ORDINARY, RSET, *WHOLE)),
    "helo after mail": Case(steps=(*GREETED, MAIL, *GREETED)),
    "helo twice": Case(steps=(*GREETED, *GREETED, *WHOLE)),
    "no helo": Case(steps=WHOLE),
    "unknown command": Case(steps=(*GREETED, ("unknown", "XYZZY now"), *WHOLE)),
    "unknown command in a message": Case(
        steps=(*GREETED, MAIL, ("unknown", "XYZZY"), RCPT, ("unknown", "abc  def "), DATA)
    ),
    "unknown client": Case(client=""),
    "unknown client, two milters": Case((Script(), Script()), client=""),
    "accepted first, two messages": Case(
        (Script(answers={"M1": ((b"a", b""),)}), Script()), (*ORDINARY, *WHOLE)
    ),
    "refused first, two messages": Case(
        (Script(answers={"M1": ((b"r", b""),)}), Script()), (*ORDINARY, *WHOLE)
    ),
    "discarded first, two messages": Case(
        (Script(answers={"M1": ((b"d", b""),)}), Script()), (*ORDINARY, *WHOLE)
    ),
    "refused content, two messages": Case(
        (Script(answers={"E1": ((b"r", b""),)}), Script()), (*ORDINARY, *WHOLE)
    ),
}

_NO = {"C": 0x1, "H": 0x2, "M": 0x4, "R": 0x8, "B": 0x10, "L": 0x20, "N": 0x40, "U": 0x100}
_NO |= {"T": 0x200}
_NR = {"L": 0x80, "C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000}
_NR |= {"U": 0x20000, "N": 0x40000, "B": 0x80000}
UNKNOWN: tuple[Step, ...] = (
    *GREETED,
    ("unknown", "XYZZY"),
    MAIL,
    RCPT,
    ("rcpt", "c@example.org"),
    DATA,
)

STEPS = {
    **{f"no {event}": Case((Script(steps=flag), Script()), UNKNOWN) for event, flag in _NO.items()},
    **{
        f"no reply to {event}": Case((Script(steps=flag), Script()), UNKNOWN)
        for event, flag in _NR.items()
    },
    "nothing wanted": Case((Script(steps=sum(_NO.values())), Script()), UNKNOWN),
    "no reply to anything": Case((Script(steps=sum(_NR.values())), Script()), UNKNOWN),
    "no envelope": Case((Script(steps=0xF),), (*UNKNOWN, *WHOLE)),
    "no content": Case((Script(steps=0x70),), (*UNKNOWN, *WHOLE)),
    "no mail, no rcpt, then rset": Case((Script(steps=0xC),), (*GREETED, MAIL, RCPT, RSET, *WHOLE)),
    "no reply, then refused": Case(
        (Script(steps=0x4000, answers={"R": ((b"r", b""),)}), Script()), ORDINARY
    ),
}

_LISTS = (
    (0, "j {client_addr} {client_name} {client_port} {client_ptr}"),
    (1, "j"),
    (2, "{mail_addr} i"),
    (3, "i {rcpt_addr}, {rcpt_mailer}"),
    (4, "i j"),
    (5, "{mail_addr} {rcpt_addr} i _"),
    (6, "{daemon_name}"),
)

EVERY_MACRO = (
    "i j v _ {daemon_name} {daemon_addr} {client_addr} {client_name} {client_port} {client_ptr} "
    "{client_connections} {tls_version} {auth_type} {mail_addr} {mail_host} {mail_mailer} "
    "{rcpt_addr} {rcpt_host} {rcpt_mailer} {daemon_port} {client_resolve} {cipher} {cipher_bits} "
    "{cert_subject} {cert_issuer} {auth_authen} {auth_author}"
)

MACROS = {
    "all lists": Case((Script(lists=_LISTS), Script()), TWO),
    "one list": Case((Script(lists=((3, "{rcpt_host}"),)),), TWO),
    "an empty list": Case((Script(lists=((3, ""), (2, "{mail_host}"))),), TWO),
    "a macro nobody knows": Case((Script(lists=((2, "{no_such} {mail_addr}"),)),), TWO),
    "macros of earlier stages": Case(
        (Script(lists=((4, "{client_addr} {mail_addr} {rcpt_addr} j v"), (5, "{rcpt_addr} i"))),),
        TWO,
    ),
    "later ones too early": Case((Script(lists=((0, "i {mail_addr} {rcpt_addr} j"),)),), TWO),
    "every macro at every stage": Case(
        (Script(lists=tuple((stage, EVERY_MACRO) for stage in range(7))),), TWO
    ),
}

VERSIONS = {
    f"version {offered}, chosen {chosen}": Case(
        (Script(version=chosen, actions=0x3F), Script(version=2, actions=0x1F)),
        UNKNOWN,
        version=offered,
    )
    for offered in (2, 3, 4, 6)
    for chosen in (2, 3, 4, 6)
    if chosen <= offered
}


def skipping(event: str, *, each: bool = False) -> Case:
    """Return the case in which the first milter skips further events of a kind."""
    answer: dict[str, tuple[Packet, ...]] = {event if each else f"{event}1": ((b"s", b""),)}
    steps: tuple[Step, ...] = (*GREETED, MAIL, RCPT, ("rcpt", "c@example.org"))
    last: tuple[Step, ...] = (("data", b"X-A: 1\nX-B: 2\n\n" + b"x" * 70 + b"\n" * 70_000), *WHOLE)
    return Case((Script(steps=0x400, answers=answer), Script()), (*steps, *last))


SKIPS = {f"skip at {event}": skipping(event) for event in "RLNB"}
SKIPS |= {f"skip at every {event}": skipping(event, each=True) for event in "RLB"}

ANSWERS: dict[str, tuple[Packet, ...]] = {
    "accept": ((b"a", b""),),
    "reject": ((b"r", b""),),
    "tempfail": ((b"t", b""),),
    "discard": ((b"d", b""),),
    "failure": ((b"f", b""),),
    "shutdown": ((b"4", b""),),
    "550": ((b"y", b"550 5.7.9 No, 100%% not\0"),),
    "450 in two lines": ((b"y", b"450-4.7.9 Not now\r\n450 4.7.9 later\0"),),
    "421": ((b"y", b"421 4.7.9 Go away\0"),),
    "progress": ((b"p", b""), (b"p", b""), (b"c", b"")),
}

STAGES = {
    "connect": "C",
    "helo": "H",
    "mail": "M",
    "rcpt": "R",
    "data": "T",
    "header": "L",
    "end-of-headers": "N",
    "body": "B",
    "end-of-message": "E",
}


def _answered(letter: str, answer: tuple[Packet, ...], action: DefaultAction = "tempfail") -> Case:
    return Case((Script(answers={letter: answer}), Script()), default_action=action)


REPLIES = {
    f"replies-{stage}": {
        f"{word} at {stage}": _answered(letter, answer)
        for word, answer in ANSWERS.items()
        if (letter, word) not in {("C", "discard"), ("H", "discard")}
    }
    for stage, letter in STAGES.items()
}
REPLIES["replies-unknown"] = {
    f"{word} at an unknown command": Case((Script(answers={"U": answer}), Script()), UNKNOWN)
    for word, answer in ANSWERS.items()
    if word != "accept"  # Postfix's smtpd goes down on it
}

_ACTIONS: tuple[DefaultAction, ...] = ("accept", "reject", "tempfail", "quarantine", "shutdown")

FAILURES = {
    f"{action} after failure at {stage}": _answered(letter, ((b"f", b""),), action)
    for action in _ACTIONS
    for stage, letter in STAGES.items()
}
