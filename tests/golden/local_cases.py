"""The cases of mail that a program on the host hands in (non_smtpd_milters)."""

from __future__ import annotations

from tests.golden.cases import (
    ANSWERS,
    DATA,
    EVERY_MACRO,
    MESSAGE,
    RCPT,
    STAGES,
    TWO,
    Case,
    content,
)
from tests.golden.edits import EDITS
from tests.golden.scripted import Script

WHOLE_HEADERS = (
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\nFrom: a@example.net\nTo: b@example.org\n"
    b"Message-Id: <1@example.net>\nSubject: the subject\n\nthe body\n"
)
LOCAL_MAIL = ("mail", "d@example.org")

SUBMITTED = {
    "clean": Case(),
    "all headers there": content(WHOLE_HEADERS),
    "over IPv6 too": Case(settings=(("inet_protocols", "all"),)),
    "two milters, two recipients": Case((Script(), Script()), TWO),
    "null sender": Case(steps=(("mail", ""), RCPT, DATA)),
    "local sender, remote recipient": Case(
        steps=(LOCAL_MAIL, ("rcpt", "z@Example.COM"), DATA),
    ),
    "names without a domain": Case(steps=(("mail", "d"), ("rcpt", "b"), DATA)),
    "every macro at every stage": Case(
        (Script(lists=tuple((stage, EVERY_MACRO) for stage in range(7))),), TWO
    ),
    "version 2": Case((Script(version=2, actions=0x1F),), version=2),
    "first recipient refused": Case((Script(answers={"R1": ((b"r", b""),)}), Script()), TWO),
    "second recipient refused": Case((Script(answers={"R2": ((b"r", b""),)}), Script()), TWO),
    "second recipient put off": Case((Script(answers={"R2": ((b"t", b""),)}), Script()), TWO),
    "discarded at the second": Case((Script(answers={"R2": ((b"d", b""),)}), Script()), TWO),
    "a mbox line": content(b"From a@example.net Sun Mar  1 12:00:00 2026\n" + MESSAGE),
    "a quoted mbox line": content(b">From a@example.net Sun Mar  1 12:00:00 2026\n" + MESSAGE),
    "a mbox line as a header": content(b"From : a@example.net\nSubject: x\n\nthe body\n"),
    "no headers, null sender": Case(steps=(("mail", ""), RCPT, ("data", b"\nthe body\n"))),
    "resent": content(b"Resent-To: b@example.org\n" + WHOLE_HEADERS),
    "no headers": content(b"\nthe body\n"),
    **{
        f"{action} where nobody listens": Case(
            (Script(absent=True), Script()), default_action=action
        )
        for action in ("accept", "tempfail", "reject", "quarantine", "shutdown")
    },
    **{
        f"{action} after failure at {stage}": Case(
            (Script(answers={STAGES[stage]: ((b"f", b""),)}), Script()), default_action=action
        )
        for action in ("accept", "tempfail", "reject", "quarantine", "shutdown")
        for stage in ("connect", "mail", "rcpt", "end-of-message")
    },
    **{
        f"{action} after the second's failure at {stage}": Case(
            (Script(), Script(answers={STAGES[stage]: ((b"f", b""),)})), default_action=action
        )
        for action in ("accept", "tempfail", "quarantine")
        for stage in ("connect", "mail", "end-of-message")
    },
    **{
        f"{word} at {stage}, two recipients": Case(
            (Script(), Script(answers={letter: ANSWERS[word]})), TWO
        )
        for stage, letter in (("helo", "H"), ("rcpt", "R1"))
        for word in ("discard", "accept", "failure")
    },
    **{
        f"{word} at {stage}": Case((Script(answers={letter: answer}), Script()))
        for stage, letter in STAGES.items()
        for word, answer in ANSWERS.items()
        if word not in ("failure", "progress")
        and (letter, word) not in {("C", "discard"), ("H", "discard")}
    },
    **{
        f"edit: {name}": EDITS[name]
        for name in ("insert at 0", "insert at 1", "change Received", "quarantine", "everything")
    },
}
SUBMITTED = {name: case._replace(submitted=True) for name, case in SUBMITTED.items()}
