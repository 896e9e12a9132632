"""Findings of several looks put together: the worst first, and the same trouble told once."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

import pytest

from actions.action import Context
from actions.finding import Finding, Health, Remedy
from actions.host.commands import SystemCommands
from actions.host.errors import HostError
from actions.host.ports import Completed
from actions.host.system import SystemPostfix
from actions.mailhost.edges import Edge
from actions.mailhost.service import Listener, Need
from actions.overview.fold import named, told_once
from actions.setup.filters.groups import of_postfix
from actions.setup.report import finding_of
from actions.sockets.causes import cause_of, sentence
from actions.sockets.path import walk
from actions.sockets.proof import Proof
from console.lab.postfix import DEFAULTS
from tests.actions.overview.hosts import look, service, unix
from tests.actions.sandbox import needs_root
from tests.actions.setup.filters.conftest import fresh_folder
from tests.actions.setup.filters.tree import furnish
from tests.postfix_ports import SMTPD, TablePostfix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.actions.setup.filters.tree import TreeHost

FIX = Remedy("sockets.fix", (("milter", "unix:/run/filter/filter.sock"),), "open it")
SPEC = "unix:/run/filter/filter.sock"


def finding(
    name: str, health: Health = Health.DOWN, where: str = "", remedy: Remedy | None = None
) -> Finding:
    return Finding(health, f"what {name} says", where, "", remedy, name)


def test_the_worst_is_told_first_and_what_is_fine_is_not() -> None:
    found = (
        finding("setup.a", Health.DEGRADED),
        finding("sockets.b", Health.OK),
        finding("services.c", Health.UNKNOWN),
        finding("services.d", Health.DOWN),
    )
    told = told_once(found, ()).findings
    assert [one.name for one in told] == ["services.d", "setup.a", "services.c"]


def test_one_cause_seen_at_the_service_and_at_its_socket_is_told_once_with_its_remedy() -> None:
    services = (service("filter", "milter", unix("filter")),)
    found = (finding("services.filter"), finding("sockets.smtpd:filter", where=SPEC, remedy=FIX))
    for order in (found, found[::-1]):
        told = told_once(order, services)
        assert [one.name for one in told.findings] == ["sockets.smtpd:filter"]
        assert [(one.under, one.finding.name) for one in told.folded] == [
            ("sockets.smtpd:filter", "services.filter")
        ]


def test_a_specification_that_postfix_refuses_is_told_once() -> None:
    spec = "inet:8891@localhost"
    fix = Remedy("sockets.fix", (("edge", "smtpd:localhost:8891"),), "write it so")
    found = (
        finding(f"chain.refused.{spec}")._replace(what=f"Postfix refuses {spec}"),
        finding("sockets.smtpd:localhost:8891", where=spec, remedy=fix),
        finding(f"setup.postfix.milter_syntax:{spec}"),
        finding("setup.postfix.milter_syntax:/run/x.sock"),
    )
    for order in (found, found[::-1]):
        told = {one.name for one in told_once(order, ()).findings}
        assert told == {found[1].name, found[3].name}


def test_sockets_that_the_chroot_hides_are_told_under_it_with_what_comes_of_them() -> None:
    queue = "unix:/var/spool/postfix"
    fix = Remedy("sockets.fix", (("edge", "smtpd:a"),), "move it")
    what = (
        "postfix.milter_chroot: unix:/run/a.sock, unix:/run/b.sock, wanted chroot n for smtp/inet"
    )
    chroot = Remedy("setup.fix", (("name", "postfix.milter_chroot"),), "chroot n")
    hidden = finding("setup.postfix.milter_chroot", remedy=chroot)._replace(what=what)
    found = (
        finding("services.other"),
        hidden,
        finding("services.a"),
        finding("sockets.smtpd:a", where=f"{queue}/run/a.sock", remedy=fix),
        finding("sockets.smtpd:b", where=f"{queue}/run/b.sock", remedy=FIX),
        finding("setup.a.socket_mode", remedy=Remedy("setup.fix", (), "set it")),
    )
    services = (service("a", "milter", Listener(f"{queue}/run/a.sock", "milter")),)
    for order in (found, found[::-1]):
        told = told_once(order, services)
        assert told.findings[0].name == hidden.name
        others = {one.name for one in told.findings[1:]}
        assert others == {"services.other", "setup.a.socket_mode"}, "no chroot is to blame for that"
        assert {(one.under, one.finding.name) for one in told.folded} == {
            (hidden.name, "services.a"),
            (hidden.name, "sockets.smtpd:a"),
            (hidden.name, "sockets.smtpd:b"),
        }
    outside = finding("sockets.smtpd:a", where="unix:/run/a.sock", remedy=fix)
    assert len(told_once((hidden, outside), ()).findings) == 2, "that one is not confined"


@pytest.fixture
def asked() -> Iterator[tuple[TreeHost, Path]]:
    """A host whose Postfix asks milter-greylist, and where that listens, open to its group."""
    with fresh_folder() as root, socket.socket(socket.AF_UNIX) as listener:
        host = furnish(root, "debian")
        place = host.path("/run/greylist/greylist.sock")
        place.parent.mkdir(parents=True)
        listener.bind(str(place))
        owner = host.accounts.user("greylist")
        for path, mode in ((place.parent, 0o755), (place, 0o660)):
            os.chown(path, owner.uid, owner.gid)
            path.chmod(mode)
        usual = '\nsocket "/var/run/milter-greylist/milter-greylist.sock"\n'
        host.edit("/etc/milter-greylist/greylist.conf", usual, f'\nsocket "{place}" 660\n')
        settings = {**DEFAULTS, "smtpd_milters": f"unix:{place}"}
        host.postfix = TablePostfix(settings, (SMTPD,))
        yield host, place


@needs_root
@pytest.mark.parametrize(
    ("folder", "mode", "cause", "remedied"),
    [
        (0o755, 0o660, "group", True),
        (0o750, 0o660, "folder", True),
        (0o755, 0o600, "write", False),
        (0o700, 0o660, "folder", False),
    ],
)
def test_who_may_not_open_a_socket_is_told_by_its_edge(
    asked: tuple[TreeHost, Path], folder: int, mode: int, cause: str, remedied: bool
) -> None:
    """In the words of both looks: that at the socket, and the check of groups."""
    host, place = asked
    place.parent.chmod(folder)
    place.chmod(mode)
    spec = f"unix:{place}"
    way = Edge("smtpd:filter", "smtpd", "postfix", "filter", "postfix", "milter", spec, spec)
    steps = walk(host.accounts, str(place), host.accounts.user("postfix"))
    proof = Proof("refused", "Permission denied", errno.EACCES)
    assert cause_of(way, steps, proof) == cause
    edge = finding("sockets.smtpd:filter", where=spec, remedy=FIX)
    edge = edge._replace(why=sentence(way, cause_of(way, steps, proof), steps, proof))
    (found,) = of_postfix(Context(host), "postfix.groups")
    group = finding_of(found.result)
    assert bool(group.remedy) == remedied
    for order in ((edge, group), (group, edge)):
        told = told_once(order, ())
        assert [one.name for one in told.findings] == [edge.name]
        assert [one.finding.name for one in told.folded] == [group.name]
    other = group._replace(why=group.why.replace("postfix can't", "another can't"))
    assert other != group
    assert len(told_once((edge, other), ()).findings) == 2


def test_a_port_that_each_writes_in_its_way_is_told_once() -> None:
    services = (service("filter", "milter", Listener("inet:127.0.0.1:8891", "milter")),)
    found = (
        finding("services.filter"),
        finding("sockets.smtpd:localhost:8891", where="inet:localhost:8891"),
    )
    assert len(told_once(found, services).findings) == 1


def test_of_two_that_can_be_mended_the_look_at_the_socket_knows_more() -> None:
    services = (service("filter", "milter", unix("filter")),)
    found = (
        finding("services.filter", remedy=FIX),
        finding("setup.filter.socket_mode", remedy=Remedy("setup.fix", (), "set it")),
        finding("sockets.smtpd:filter", where=SPEC, remedy=FIX),
    )
    told = told_once(found, services)
    assert [one.name for one in told.findings] == ["sockets.smtpd:filter"]
    assert {one.under for one in told.folded} == {"sockets.smtpd:filter"}
    assert len(told.folded) == 2


def test_what_has_nothing_to_do_with_each_other_stays_apart() -> None:
    services = (service("filter", "milter", unix("filter")), service("other", "milter"))
    found = (
        finding("services.filter"),
        finding("services.other"),
        finding("setup.filter.log", remedy=Remedy("setup.fix", (), "set it")),
        finding("sockets.smtpd:stranger", where="unix:/elsewhere"),
    )
    assert len(told_once(found, services).findings) == 4


def test_what_fails_only_for_want_of_another_is_told_with_that() -> None:
    needs = (Need("engine", "unix:/run/engine/engine.sock"),)
    broken = look("dependency", Health.DOWN, "engine down", "engine")
    services = (
        service("filter", "milter", unix("filter"), needs=needs, looks=(broken,)),
        service("engine", "engine", looks=(look("process", Health.DOWN, "not running"),)),
    )
    found = (finding("services.filter", Health.DEGRADED), finding("services.engine"))
    told = told_once(found, services)
    assert [one.name for one in told.findings] == ["services.engine"]
    assert [one.finding.name for one in told.folded] == ["services.filter"]


def test_what_comes_of_that_does_not_keep_it_apart() -> None:
    needs = (Need("filter", "unix:/run/filter/filter.sock"),)
    late = look("greeting", Health.DEGRADED, "no answer, as filter is down", "25")
    looks = (late._replace(cause="follows"), look("dependency", Health.DOWN, "", "filter"))
    services = (service("postfix", "MTA", needs=needs, looks=looks), service("filter", "milter"))
    found = (finding("services.postfix", Health.DEGRADED), finding("services.filter"))
    told = told_once(found, services)
    assert [one.name for one in told.findings] == ["services.filter"]


class Mute(SystemCommands):
    """A postconf that can't read Postfix's settings; not every machine has one."""

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        why = "postconf: fatal: /etc/postfix/main.cf, line 3: missing '=' after attribute name\n"
        return Completed(tuple(argv), 1, "", why)


def test_settings_that_postfix_cannot_read_are_told_once() -> None:
    services = (service("postfix", "MTA", health=Health.DOWN),)
    unseen = finding("overview.chain", Health.UNKNOWN)
    with pytest.raises(HostError) as fatal:
        SystemPostfix(Mute()).setting("myhostname")
    mute = unseen._replace(why=str(fatal.value))
    denied = finding("setup.a", Health.UNKNOWN)._replace(why="postconf -M failed: no such user")
    told = told_once((finding("services.postfix"), mute, denied), services)
    assert [one.name for one in told.findings] == ["services.postfix", "setup.a"]


def test_what_fails_by_itself_too_is_told_by_itself() -> None:
    needs = (Need("engine", "unix:/run/engine/engine.sock"),)
    looks = (
        look("process", Health.DEGRADED, "restarted often"),
        look("dependency", Health.DOWN, "engine down", "engine"),
    )
    services = (service("filter", "milter", needs=needs, looks=looks), service("engine", "engine"))
    found = (finding("services.filter", Health.DEGRADED), finding("services.engine"))
    assert len(told_once(found, services).findings) == 2


def test_two_that_need_each_other_are_not_both_left_out() -> None:
    def waiting(name: str, other: str) -> object:
        return service(
            name,
            "milter",
            needs=(Need(other, f"unix:/run/{other}/{other}.sock"),),
            looks=(look("dependency", Health.DOWN, f"{other} down", other),),
        )

    services = (waiting("a", "b"), waiting("b", "a"))
    told = told_once((finding("services.a"), finding("services.b")), services)  # type: ignore[arg-type]
    assert len(told.findings) == 2


def test_a_name_is_made_of_what_is_said_where_there_is_none() -> None:
    assert named("chain", Finding(Health.DOWN, "Postfix refuses x!", "")).name == (
        "chain.postfix-refuses-x"
    )


def test_what_this_user_may_not_see_is_told_as_one() -> None:
    closed = Finding(Health.UNKNOWN, "x is unknown", "", name="services.x", needs_root=True)
    found = (
        closed,
        closed._replace(name="setup.y", why="y: Permission denied"),
        Finding(Health.UNKNOWN, "z hangs", "", "seen as root too", name="services.z"),
        finding("services.d"),
    )
    told = told_once(found, ())
    assert [one.name for one in told.findings] == ["services.d", "services.z", "overview.rights"]
    assert "services.x, setup.y; run it as root" in told.findings[2].why
    assert [one.finding.name for one in told.folded] == ["services.x", "setup.y"]
    assert [one.name for one in told_once((closed,), ()).findings] == ["services.x"]
