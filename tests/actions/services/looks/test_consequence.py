"""What of Postfix's greeting only follows from another service, and what does not."""

from __future__ import annotations

import pytest

from actions.finding import Health
from actions.mailhost.roles.mta import NO_LOGIN, QUEUED, WITHOUT
from actions.mailhost.service import Cause, Look, MailService, Need, ServiceStatus
from actions.services.looks.consequence import with_consequences
from actions.services.looks.settings import with_fatal
from actions.services.looks.verdict import verdict
from actions.services.report import next_step

RUNS = Look("process", Health.OK, "runs", 0.0)
LISTENS = Look("listener", Health.OK, "somebody listens", 0.0, "25")
HANGS = Look(
    "greeting", Health.DOWN, "accepts, but does not answer within 3 s", 0.0, "25", "", "silent"
)
LATER = Look("greeting", Health.DEGRADED, "refuses: 421 try again later", 0.0, "25", "see the log")
NO_TLS = LATER._replace(detail="offers STARTTLS, and refuses it: 454 later; greets: 220 mx")
EXPIRES = LATER._replace(detail="its certificate ends in 3 days")


def postfix(without: str) -> MailService:
    return MailService("postfix", "MTA", "postfix.service", needs=(Need("it", "x", "", without),))


def down(cause: Cause) -> Look:
    return Look("dependency", Health.DOWN, f"it down: {cause}", 0.0, "it", "mend it", cause)


FOLLOWS = [
    ("a milter that hangs", HANGS, down("silent"), WITHOUT["tempfail"]),
    ("a milter that is gone", LATER, down(""), WITHOUT["tempfail"]),
    ("one that may not be opened", NO_TLS, down("closed"), WITHOUT["tempfail"]),
    ("no SASL server", HANGS, down(""), NO_LOGIN),
]
OWN = [
    ("a milter that is gone keeps nobody waiting", HANGS, down(""), WITHOUT["tempfail"]),
    ("nor does who delivers", HANGS, down("silent"), QUEUED),
    ("a certificate", EXPIRES, down(""), WITHOUT["tempfail"]),
    ("a refusal without a milter", LATER, down(""), NO_LOGIN),
    ("all others are well", HANGS, down("")._replace(health=Health.OK), WITHOUT["tempfail"]),
]


@pytest.mark.parametrize(
    ("greeting", "needed", "without"), [one[1:] for one in FOLLOWS], ids=[one[0] for one in FOLLOWS]
)
def test_what_follows_is_told_so(greeting: Look, needed: Look, without: str) -> None:
    looks = with_consequences(postfix(without), (RUNS, LISTENS, greeting, needed))
    assert looks[2].cause == "follows"
    assert looks[2].detail == f"{greeting.detail}, as it is down"
    assert verdict(looks) == (Health.DEGRADED, needed.detail)
    status = ServiceStatus(postfix(without), *verdict(looks), looks)
    assert next_step(status) == "mend it"


@pytest.mark.parametrize(
    ("greeting", "needed", "without"), [one[1:] for one in OWN], ids=[one[0] for one in OWN]
)
def test_what_is_its_own_stays(greeting: Look, needed: Look, without: str) -> None:
    looks = (RUNS, LISTENS, greeting, needed)
    assert with_consequences(postfix(without), looks) == looks


def test_only_postfix_greets_late_for_others() -> None:
    service = postfix(WITHOUT["tempfail"])._replace(role="milter manager")
    looks = (RUNS, LISTENS, HANGS, down("silent"))
    assert with_consequences(service, looks) == looks


def test_the_next_step_is_that_of_the_reason() -> None:
    looks = (RUNS, HANGS, down("closed"))
    status = ServiceStatus(postfix(QUEUED), *verdict(looks), looks)
    assert status.reason == HANGS.detail
    assert next_step(status) == ""


def test_what_made_smtpd_give_up_is_why_postfix_does_not_answer() -> None:
    fatal = "fatal: bad numerical configuration: message_size_limit = 10M"
    told = with_fatal(HANGS, fatal)
    assert verdict((RUNS, LISTENS, told)) == (Health.DOWN, f"accepts, and gives up: {fatal}")
    assert "mend that" in told.next_step
    follows = HANGS._replace(health=Health.DEGRADED, cause="follows")
    for look, line in ((HANGS, ""), (LATER, fatal), (follows, fatal), (LISTENS, fatal)):
        assert with_fatal(look, line) == look
