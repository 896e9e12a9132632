"""The cases of clients that are not on the loopback, encrypt, or log in."""

from __future__ import annotations

from tests.golden.cases import (
    DATA,
    EVERY_MACRO,
    GREETED,
    MAIL,
    ORDINARY,
    RCPT,
    TWO,
    WHOLE,
    Case,
    Step,
)
from tests.golden.scripted import Script

_LET_IN = (("inet_protocols", "all"), ("smtpd_authorized_xclient_hosts", "127.0.0.1"))
_EVERY = Script(lists=tuple((stage, EVERY_MACRO) for stage in range(7)))


def _from(xclient: str, script: Script = _EVERY, steps: tuple[Step, ...] = ORDINARY) -> Case:
    return Case((script,), steps, xclient=xclient, settings=_LET_IN)


_NAMED = "NAME=mail.example.net REVERSE_NAME=mail.example.net ADDR=203.0.113.7 PORT=4711"

_UNNAMED = "NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE]"

CLIENTS = {
    "named": _from(_NAMED),
    "named, default macros": _from(_NAMED, Script()),
    "IPv6": _from(
        "NAME=mail.example.net REVERSE_NAME=mail.example.net ADDR=IPV6:2001:db8::7 PORT=4711"
    ),
    "IPv6, default macros": _from(
        "NAME=mail.example.net REVERSE_NAME=mail.example.net ADDR=IPV6:2001:db8::7", Script()
    ),
    "IPv6, unknown name": _from(f"{_UNNAMED} ADDR=IPV6:2001:db8::7 PORT=4711"),
    "IPv6 in long": _from(f"{_UNNAMED} ADDR=IPV6:2001:0db8:0:0:0:0:0:7 PORT=4711"),
    "unknown name": _from(f"{_UNNAMED} ADDR=203.0.113.7 PORT=4711"),
    "name for now unknown": _from(
        "NAME=[TEMPUNAVAIL] REVERSE_NAME=[TEMPUNAVAIL] ADDR=203.0.113.7 PORT=4711", Script()
    ),
    "unknown name, a reverse one": _from(
        "NAME=[UNAVAILABLE] REVERSE_NAME=ptr.example.net ADDR=203.0.113.7 PORT=4711"
    ),
    "no address": _from(f"{_UNNAMED} ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE]"),
    "no address, default macros": _from(f"{_UNNAMED} ADDR=[UNAVAILABLE]", Script()),
    "no port": _from(
        "NAME=mail.example.net REVERSE_NAME=mail.example.net ADDR=203.0.113.7 PORT=[UNAVAILABLE]"
    ),
    "logged in": _from(f"{_NAMED} LOGIN=user@example.org"),
    "logged in, default macros": _from(f"{_NAMED} LOGIN=user@example.org", Script(), TWO),
    "logged in, two messages": _from(f"{_NAMED} LOGIN=user", Script(), (*ORDINARY, *WHOLE)),
}

_TLS: Step = ("starttls", "")
_ENCRYPTED: tuple[Step, ...] = (*GREETED, _TLS, *GREETED)
_LOGIN: Step = ("auth", "user@example.org")

TLS_CASES = {
    "default macros": Case((Script(), Script()), (*_ENCRYPTED, *WHOLE)),
    "every macro": Case((_EVERY,), (*_ENCRYPTED, *WHOLE)),
    "trusted client": Case((_EVERY,), (*GREETED, ("starttls", "trusted"), *GREETED, *WHOLE)),
    "untrusted client": Case((_EVERY,), (*GREETED, ("starttls", "untrusted"), *GREETED, *WHOLE)),
    "no second greeting": Case((Script(),), (*GREETED, _TLS, *WHOLE)),
    "nothing after it": Case((Script(),), (*GREETED, _TLS)),
    "after a message": Case((Script(),), (*ORDINARY, _TLS, *GREETED, *WHOLE)),
    "in a message": Case((Script(),), (*GREETED, MAIL, _TLS, *GREETED, *WHOLE)),
    "refused greeting": Case(
        (Script(answers={"H1": ((b"r", b""),)}), Script()), (*_ENCRYPTED, *WHOLE)
    ),
    "second greeting refused": Case(
        (Script(answers={"H2": ((b"r", b""),)}), Script()), (*_ENCRYPTED, *WHOLE)
    ),
    "accepted at the first greeting": Case(
        (Script(answers={"H1": ((b"a", b""),)}), Script()), (*_ENCRYPTED, *WHOLE)
    ),
    "from the first byte on": Case((_EVERY,), settings=(("smtpd_tls_wrappermode", "yes"),)),
    "logged in": Case((Script(),), (*_ENCRYPTED, _LOGIN, *WHOLE)),
    "logged in, every macro": Case((_EVERY,), (*_ENCRYPTED, _LOGIN, *WHOLE)),
    "logged in, for another": Case(
        (Script(),),
        (*_ENCRYPTED, _LOGIN, ("mail", "a@example.net", "AUTH=other@example.net"), RCPT, DATA),
    ),
    "logged in without TLS, two messages": Case((Script(),), (*GREETED, _LOGIN, *WHOLE, *WHOLE)),
}
