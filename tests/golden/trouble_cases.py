"""The cases of milters that fail in every way there is, and of milter_default_action."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from actions.milter.link import DefaultAction
from tests.golden.cases import (
    ANSWERS,
    DATA,
    EVERY_MACRO,
    GREETED,
    MAIL,
    ORDINARY,
    RCPT,
    STAGES,
    TWO,
    UNKNOWN,
    WHOLE,
    Case,
    content,
)
from tests.golden.scripted import Script
from tests.milters.peer import options

if TYPE_CHECKING:
    from tests.milters.peer import Packet

ACTIONS: tuple[DefaultAction, ...] = get_args(DefaultAction)

_CLOSE: tuple[Packet, ...] = ((b"", b""),)
_NONSENSE: tuple[Packet, ...] = ((b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"), (b"", b""))

_WAYS = {
    "nobody listens": Script(absent=True),
    "it closes at once": Script(answers={"O": _CLOSE}),
    "it is no milter": Script(answers={"O": _NONSENSE}),
    "it answers no negotiation": Script(answers={"O": ((b"c", b""),)}),
    "it wants a version too high": Script(answers={"O": ((b"", options(7)),)}),
    "it wants actions not offered": Script(answers={"O": ((b"", options(actions=0x3FF)),)}),
    **{f"it closes at {stage}": Script(answers={at: _CLOSE}) for stage, at in STAGES.items()},
    **{
        f"it answers {stage} with nonsense": Script(answers={at: ((b"Z", b"what"),)})
        for stage, at in STAGES.items()
        if at in "CMRE"
    },
    "its packet has no end": Script(answers={"M": ((b"", b"\0\0\0\5c"), (b"", b""))}),
    "its packet has no length": Script(answers={"M": ((b"", b"\0\0\0\0"), (b"", b""))}),
    "its reply has no code": Script(answers={"M": ((b"y", b"no\0"),)}),
    "its reply has another code": Script(answers={"M": ((b"y", b"250 2.0.0 fine\0"),)}),
}

TROUBLE = {
    f"{action} where {way}": Case((script, Script()), default_action=action)
    for way, script in _WAYS.items()
    for action in ACTIONS
}
TROUBLE |= {
    f"{action} where the second closes at {stage}": Case(
        (Script(), Script(answers={STAGES[stage]: _CLOSE})), default_action=action
    )
    for action in ACTIONS
    for stage in ("connect", "mail", "rcpt", "end-of-message")
}
TROUBLE |= {
    f"{action} where it closes at the second message": Case(
        (Script(answers={"M2": _CLOSE}), Script()), (*ORDINARY, *WHOLE), default_action=action
    )
    for action in ACTIONS
}
TROUBLE |= {
    f"{action} where it closes at the second recipient": Case(
        (Script(answers={"R2": _CLOSE}), Script()), TWO, default_action=action
    )
    for action in ACTIONS
}
TROUBLE |= {
    f"{word} at {stage}": Case((Script(answers={STAGES[stage]: ANSWERS[word]}), Script()))
    for stage in ("connect", "helo")
    for word in ("discard",)
}
TROUBLE |= {
    f"skip at {stage}, not negotiated": Case(
        (Script(answers={STAGES[stage]: ((b"s", b""),)}), Script()), UNKNOWN
    )
    for stage in STAGES
}

SHUTDOWN = {
    f"after failure at {stage}": Case(
        (Script(answers={at: ((b"f", b""),)}), Script()), default_action="shutdown"
    )
    for stage, at in STAGES.items()
}
SHUTDOWN |= {
    f"where {way}": Case((_WAYS[way], Script()), default_action="shutdown")
    for way in ("nobody listens", "it closes at helo", "its reply has no code")
}
SHUTDOWN |= {
    "where the second closes at mail": Case(
        (Script(), Script(answers={"M": _CLOSE})), default_action="shutdown"
    ),
    "where it closes at the second message": Case(
        (Script(answers={"M2": _CLOSE}), Script()), (*ORDINARY, *WHOLE), default_action="shutdown"
    ),
    **{
        f"submitted, after failure at {stage}": Case(
            (Script(answers={STAGES[stage]: ((b"f", b""),)}), Script()),
            default_action="shutdown",
            submitted=True,
        )
        for stage in ("connect", "mail", "rcpt", "end-of-message")
    },
}
"""Recorded from a Postfix that knows this default action (3.10.13); 3.7 does not."""

COMMANDS = {
    "unknown command": Case(steps=(*GREETED, ("unknown", "XYZZY now"), *WHOLE)),
    "unknown command in a message": Case(
        steps=(*GREETED, MAIL, ("unknown", "XYZZY"), RCPT, ("unknown", "abc  def "), DATA)
    ),
}
"""Recorded from 3.10.13: since 3.8, milters are told the arguments too."""

_HEADER = (b"h", b"X-New\0value\0")
_GO_ON = (b"c", b"")
TROUBLE |= {
    f"{action} where {what}": Case(
        (Script(answers={STAGES[stage]: packets}), Script()), default_action=action
    )
    for action in ACTIONS
    for what, stage, packets in (
        (
            "its new body is interrupted",
            "end-of-message",
            ((b"b", b"one\r\n"), _HEADER, (b"b", b"two\r\n"), _GO_ON),
        ),
        ("it edits at header", "header", (_HEADER, _GO_ON)),
        ("it edits at mail", "mail", (_HEADER, _GO_ON)),
    )
}

_PROGRESS: Packet = (b"p", b"")
_PAUSE: Packet = (b"~", b"700")
_OWN: tuple[tuple[DefaultAction, DefaultAction], ...] = (
    ("accept", "reject"),
    ("quarantine", "tempfail"),
    ("reject", "accept"),
)
_ALL = " ".join(sorted(set(EVERY_MACRO.split()) - {"i"}))
_NAMES = (
    "{client_addr}, {client_name} {client_port} {client_ptr},{client_connections} {daemon_port} j"
)

SETTINGS = {
    "macros of connect": Case(settings=(("milter_connect_macros", _NAMES),)),
    "macros of connect, others asked for": Case(
        (Script(lists=((0, "j"),)), Script()), settings=(("milter_connect_macros", _NAMES),)
    ),
    "macros of every stage": Case(
        steps=TWO,
        settings=tuple(
            (f"milter_{stage}_macros", f"i {_ALL}")
            for stage in (
                *("connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data"),
                "unknown_command",
            )
        ),
    ),
    "macros of an unknown command": Case(
        steps=UNKNOWN, settings=(("milter_unknown_command_macros", "j {mail_addr} i"),)
    ),
    "no macros": Case(settings=(("milter_connect_macros", ""), ("milter_mail_macros", ""))),
    "macro defaults": Case(
        (Script(), Script(lists=tuple((stage, f"i {_ALL}") for stage in range(7)))),
        settings=(
            (
                "milter_macro_defaults",
                (
                    "auth_type=NONE, {tls_version}=none, { {cipher} = no cipher }, i=NOQUEUE, "
                    "j=never, mail_host=nowhere, client_connections=9, own=value"
                ),
            ),
        ),
    ),
    "names of our own": Case(
        settings=(("milter_macro_daemon_name", "ORIGINATING"), ("milter_macro_v", "MTA 1.0"))
    ),
    **{
        f"{action} of its own, {usual} for others": Case(
            (Script(answers={"M": _CLOSE}), Script(answers={"E": _CLOSE})),
            default_action=usual,
            own={"A": f"default_action={action}"},
        )
        for action, usual in _OWN
    },
    "protocol of its own": Case(
        (Script(version=2, actions=0x1F), Script()), own={"A": "protocol=2"}
    ),
    "too slow for its own command_timeout": Case(
        (Script(answers={"M": ()}), Script()),
        own={"A": "command_timeout=1s, default_action=accept"},
    ),
    "too slow for its own content_timeout": Case(
        (Script(answers={"E": ()}), Script()),
        own={"A": "content_timeout=1s, default_action=accept"},
    ),
    **{
        f"more time asked for at {stage}": Case(
            (
                Script(answers={STAGES[stage]: (*(_PROGRESS, _PAUSE) * 2, (b"c", b""))}),
                Script(),
            ),
            own={"A": f"{limit}=1s, default_action=reject"},
        )
        for stage, limit in (("mail", "command_timeout"), ("end-of-message", "content_timeout"))
    },
    "a mbox line": content(
        b"From a@example.net Sun Mar  1 12:00:00 2026\nSubject: x\n\nthe body\n"
    ),
    "a quoted mbox line": content(
        b">From a@example.net Sun Mar  1 12:00:00 2026\nSubject: x\n\nthe body\n"
    ),
    "a mbox line as a header": content(b"From : a@example.net\nSubject: x\n\nthe body\n"),
}
