"""The services that the lab's mail host is found to consist of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.mailhost.roles import find_services
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from pathlib import Path

    from console.lab.lab import Lab


def test_every_service_of_the_lab(lab: Lab) -> None:
    found = find_services(lab.host)
    assert found.notes == ()
    assert [
        (one.name, one.role, one.unit, one.behind, one.place, one.user, one.expected)
        for one in found.services
    ] == [
        ("postfix", "MTA", "postfix.service", "", 0, "postfix", True),
        ("milter-manager", "milter manager", "milter-manager.service", *_own("", 1)),
        ("milter-greylist", "milter", "milter-greylist.service", *_behind(1, "greylist")),
        ("clamav-milter", "milter", "clamav-milter.service", *_behind(2, "clamav")),
        ("spamass-milter", "milter", "spamass-milter.service", *_behind(3, "spamass-milter")),
        ("opendkim", "milter", "opendkim.service", "", 2, "opendkim", True),
    ]
    manager = found.services[1]
    assert [need.service for need in manager.needs] == [
        "milter-greylist",
        "clamav-milter",
        "spamass-milter",
    ]
    assert {need.client for need in manager.needs} == {"milter-manager"}
    for one in found.services[1:]:
        (socket,) = one.listeners
        assert socket.spec.startswith(f"unix:{lab.root}/")
        assert socket.client == ("milter-manager" if one.behind else "postfix")
    (smtp,) = found.services[0].listeners
    assert (smtp.spec, smtp.label) == (f"inet:127.0.0.1:{lab.smtp_port}", str(lab.smtp_port))


def _own(behind: str, place: int) -> tuple[str, int, str, bool]:
    return (behind, place, "milter-manager", True)


def _behind(place: int, user: str) -> tuple[str, int, str, bool]:
    return ("milter-manager", place, user, True)


def test_stopped_services_are_found_too(lab: Lab) -> None:
    before = [one.name for one in find_services(lab.host).services]
    lab.host.units.operate("stop", "opendkim")
    try:
        assert [one.name for one in find_services(lab.host).services] == before
    finally:
        lab.host.units.operate("start", "opendkim")


def test_a_lab_that_has_ended_is_noted(place: Path) -> None:
    with running_lab() as ended:
        pass
    found = find_services(ended.host)
    assert found.services == ()
    assert any("the lab does not answer" in note for note in found.notes)
    assert any("the milter chains are not known" in note for note in found.notes)
