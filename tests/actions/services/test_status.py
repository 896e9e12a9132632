"""All looks at a lab: each fault with its cause, what follows from it, and nothing else."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Cancelled, Context, Exit
from actions.finding import Health
from actions.host.endpoint import socket_of
from actions.mailhost.roles import find_services
from actions.mailhost.service import Listener, MailService
from actions.services.compare import compare
from actions.services.report import LookDone, ServicesReport
from actions.services.status import check_services, chosen, look_at
from console.lab.lab import running_lab
from tests.actions.services.labbed import services_of
from tests.actions.services.looks.saying import silent
from tests.milters.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab
    from tests.milters.peer import Peers

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="without root all users are one")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A healthy lab."""
    with running_lab() as running:
        yield running


def looked(lab: Lab, timeout: float = 3.0, **given: object) -> ServicesReport:
    every = services_of(lab)
    ctx = Context(lab.host)._replace(**given)  # type: ignore[arg-type]
    return look_at(ctx, every, every, timeout)


def bad(report: ServicesReport) -> dict[str, tuple[str, str]]:
    return {
        status.service.name: (status.health.value, status.reason)
        for status in report.services
        if status.health is not Health.OK
    }


def test_a_healthy_lab_is_well(lab: Lab) -> None:
    told: list[object] = []
    report = looked(lab, tell=told.append)
    assert not bad(report)
    assert report.exit_code == Exit.FINE
    assert not report.findings
    assert report.schema == "services.status/1"
    for status in report.services:
        assert status.since
        assert status.memory
        assert {"process", "listener", "greeting"} <= {look.kind for look in status.looks}
    last = told[-1]
    assert isinstance(last, LookDone)
    assert " looks · " in last.standing


MANAGER_SKIPS = "clamav-milter down, it is skipped: "


def test_a_dead_milter_is_told_with_its_cause() -> None:
    with running_lab(("milter-dead",)) as lab:
        eventually(lambda: lab.host.units.state("clamav-milter").activity == "failed")
        report = looked(lab)
        assert bad(report) == {
            "clamav-milter": ("down", "failed: main process killed by SIGKILL"),
            "milter-manager": ("degraded", f"{MANAGER_SKIPS}nobody listens there"),
        }
        assert report.exit_code == Exit.PROBLEM
        first, second = report.findings
        assert first.name == "services.clamav-milter"
        assert first.health is Health.DOWN
        assert second.name == "services.milter-manager"


def test_what_hangs_or_is_another_is_told_and_delays_nobody() -> None:
    with running_lab(("milter-hangs", "not-a-milter")) as lab:
        report = looked(lab)
        found = bad(report)
        assert found["clamav-milter"] == ("down", "accepts, but does not answer within 3 s")
        assert found["opendkim"][0] == "down"
        assert "no milter" in found["opendkim"][1]
        assert found["milter-manager"][0] == found["postfix"][0] == "degraded"
        assert set(found) == {"clamav-milter", "opendkim", "milter-manager", "postfix"}
        slowest = max(look.seconds for status in report.services for look in status.looks)
        assert report.seconds < 1.5 * slowest


@AS_ROOT
def test_a_closed_socket_is_told_with_the_action_that_opens_it() -> None:
    with running_lab(("socket-unwritable",)) as lab:
        report = looked(lab)
        assert bad(report) == {
            "milter-manager": ("down", "postfix may not open its socket"),
            "postfix": (
                "degraded",
                "milter-manager down, mail is deferred: postfix may not open its socket",
            ),
        }
        (remedy,) = (finding.remedy for finding in report.findings if finding.remedy)
        assert remedy.action == "sockets.fix"
        assert remedy.arguments[0][1].endswith("milter-manager.sock")


def test_a_service_with_what_it_needs_is_chosen(lab: Lab) -> None:
    every = services_of(lab)
    names = [service.name for service in chosen(every, ("milter-manager",))]
    assert names == ["milter-manager", "milter-greylist", "clamav-milter", "spamass-milter"]
    assert chosen(every, ()) == every
    with pytest.raises(ActionError, match="no service 'nonsense'") as caught:
        chosen(every, ("nonsense",))
    assert "milter-manager" in caught.value.next_step
    assert caught.value.exit_code == Exit.USAGE


def test_cancelling_ends_all_looks(lab: Lab, peers: Peers) -> None:
    peer = peers.start(silent)
    service = MailService("slow", "milter", "", listeners=(Listener(peer.spec, "milter"),))
    cancel = threading.Event()

    def tell(_: object) -> None:
        cancel.set()

    ctx = Context(lab.host, tell=tell, cancel=cancel)
    with pytest.raises(Cancelled):
        look_at(ctx, (service,), (service,), 60.0)


def test_a_defect_of_one_look_is_its_own(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    # A defect of ours can't be made for real.
    from actions.mailhost.greeting import mail

    def broken(talk: object) -> object:
        raise RuntimeError("boom")

    monkeypatch.setattr(mail, "smtp", broken)
    assert bad(looked(lab)) == {"postfix": ("unknown", "25: boom")}


def test_no_services_is_nothing_decided(lab: Lab) -> None:
    report = look_at(Context(lab.host), (), (), 3.0)
    assert report.exit_code == Exit.UNDECIDED


def test_what_changed_is_told() -> None:
    with running_lab() as lab:
        before = looked(lab)
        assert {status.changed for status in compare(before, looked(lab)).services} == {""}
        pid = lab.host.units.state("opendkim").main_pid
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: lab.host.units.state("opendkim").activity == "failed")
        now = compare(before, looked(lab))
        changed = {status.service.name: status.changed for status in now.services}
        assert changed["opendkim"] == "was ok"
        assert changed["postfix"] == "was ok"
        assert changed["milter-manager"] == ""
        lab.host.units.operate("start", "opendkim")
        healed = compare(now, looked(lab))
        assert {s.service.name: s.changed for s in healed.services}["opendkim"] == "was down"
        only = now._replace(services=now.services[:1])
        assert {status.changed for status in compare(only, now).services[1:]} == {"new"}
        assert "opendkim is not there any more; it was down" in compare(now, only).notes


def test_a_restart_is_told() -> None:
    with running_lab() as lab:
        before = looked(lab)
        # The start must be another second than the one before.
        early = tuple(
            status._replace(since=(status.since or 0) - 60) for status in before.services[:1]
        )
        now = compare(before._replace(services=early + before.services[1:]), looked(lab))
        assert [status.changed for status in now.services][:2] == ["restarted", ""]


def test_sockets_are_known_before_all_services_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_lab() as lab:
        early = threading.Event()
        told: list[Listener] = []
        names = lab.host.units.names

        def late() -> tuple[str, ...]:
            assert early.wait(10), "nothing was told before the units"
            return names()

        def known(listener: Listener) -> None:
            told.append(listener)
            early.set()

        monkeypatch.setattr(lab.host.units, "names", late)
        found = find_services(lab.host, known)
    keys = {
        (socket_of(one.spec), one.speech, one.client)
        for service in found.services
        for one in service.listeners
    }
    assert {(socket_of(one.spec), one.speech, one.client) for one in told} <= keys
    assert {one.speech for one in told} == {"smtp", "milter"}
    assert {service.unit for service in found.services} <= found.states.keys()


def test_finding_them_is_told_as_a_part_of_the_whole() -> None:
    with running_lab() as lab:
        report = check_services(Context(lab.host), (), 3.0)
    assert 0 < report.finding_seconds < report.seconds
