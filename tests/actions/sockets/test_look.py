"""One edge, looked at from a chroot, through lists and groups, and without the rights for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from actions.action import Context
from actions.finding import Health
from actions.host.endpoint import parse_endpoint
from actions.host.errors import NotPermitted
from actions.sockets import look
from actions.sockets.check import looked
from actions.sockets.denials import FoundDenials, read_denial
from actions.sockets.look import EdgeLook
from tests.actions.sockets.scenes import (
    CLIENT,
    GROUP,
    MASK,
    NO_ID,
    OTHER,
    OTHER_GROUP,
    OWNER,
    USER,
    Grouped,
    give_acl,
)
from tests.milters.running import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.actions.sockets.scenes import Scene
    from tests.milters.peer import Wire


def serve(wire: Wire) -> None:
    wire.negotiate()
    wire.serve()


class TestWithinAChroot:
    """smtpd sees its chroot's files only: paths, links and names of hosts."""

    def edge(self, place: Scene, path: Path) -> object:
        spec = f"unix:{path}"
        return place.edge(f"unix:{place.folder}{path}", spec=spec, chroot=str(place.folder))

    def test_a_socket_outside_of_it(self, place: Scene) -> None:
        place.listen(serve)
        state = place.look(self.edge(place, place.socket))  # type: ignore[arg-type]
        assert state.cause == "chroot"
        first = place.folder.parts[1]
        assert state.finding.why == (
            f"smtpd is confined to {place.folder}, where {place.folder}/{first} does not exist; "
            f"{place.socket} lies outside of it"
        )
        assert state.log_line == (
            f"warning: connect to Milter service unix:{place.socket}: No such file or directory"
        )
        assert state.finding.remedy is not None
        assert state.finding.remedy.arguments == (("edge", "smtpd:milter"),)

    def test_one_that_is_nowhere(self, place: Scene) -> None:
        state = place.look(self.edge(place, place.socket))  # type: ignore[arg-type]
        assert state.cause == "missing"

    def test_a_link_leads_to_another_place_there(self, place: Scene, peers: object) -> None:
        inner = place.folder / "queue"
        inner.mkdir()
        place.listen(serve)
        (inner / "milter.sock").symlink_to(place.socket)
        edge = place.edge(f"unix:{inner}/milter.sock", spec="unix:milter.sock", chroot=str(inner))
        state = place.look(edge)
        assert state.cause == "chroot"
        assert f"{place.socket} lies outside of it" in state.finding.why

    def test_one_inside_it(self, place: Scene) -> None:
        inner = place.folder / "queue"
        place.listen(serve, path=inner / "milter" / "milter.sock")
        # What is above the chroot is no matter to who is confined to it.
        place.folder.chmod(0o700)
        edge = place.edge(
            f"unix:{inner}/milter/milter.sock",
            spec="unix:milter/milter.sock",
            chroot=str(inner),
        )
        state = place.look(edge)
        assert state.finding.health is Health.OK
        assert [step.path for step in state.steps] == [
            str(inner),
            f"{inner}/milter",
            f"{inner}/milter/milter.sock",
        ]

    def test_a_hosts_name_is_not_found_there(self, place: Scene) -> None:
        edge = place.edge(f"inet:localhost:{free_port()}", chroot=str(place.folder / "run"))
        state = place.look(edge)
        assert state.cause == "name"
        assert f"smtpd sees only what is in {place.folder}/run" in state.finding.why
        assert state.log_line.endswith("Cannot assign requested address")


class TestAccessControlLists:
    def test_an_entry_that_names_the_client_lets_it_in(self, place: Scene) -> None:
        place.listen(serve)
        uid = place.host.accounts.user(CLIENT).uid
        entries = (OWNER, 6, NO_ID), (USER, 6, uid), (GROUP, 0, NO_ID), (MASK, 6, NO_ID)
        give_acl(place.socket, *entries, (OTHER, 0, NO_ID))
        state = place.look()
        assert state.finding.health is Health.OK
        assert state.steps[-1].granted
        assert state.steps[-1].decided_by == f"user:{CLIENT}"
        assert f"user:{CLIENT}:rw-" in state.steps[-1].acl

    def test_a_mask_that_takes_it_away_is_told(self, place: Scene) -> None:
        place.listen(serve)
        uid = place.host.accounts.user(CLIENT).uid
        entries = (OWNER, 6, NO_ID), (USER, 6, uid), (GROUP, 0, NO_ID), (MASK, 4, NO_ID)
        give_acl(place.socket, *entries, (OTHER, 6, NO_ID))
        state = place.look()
        assert state.cause == "denied"
        assert state.finding.why == (
            f"connecting as {CLIENT}: permission denied on {place.socket} (needs w): "
            f"the ACL's user:{CLIENT}:rw- decides, its mask leaves r--"
        )
        assert state.log_line.endswith("Permission denied")

    def test_the_entry_for_others_is_a_matter_of_groups(self, place: Scene) -> None:
        place.listen(serve)
        entries = (OWNER, 6, NO_ID), (USER, 6, 61996), (GROUP, 6, NO_ID), (MASK, 6, NO_ID)
        give_acl(place.socket, *entries, (OTHER, 0, NO_ID))
        assert place.look().cause == "group"


class TestGroupsOfRunningProcesses:
    """`initgroups` gives the probe the groups of the moment; a process keeps its own."""

    @pytest.fixture
    def smtpd(self, place: Scene) -> subprocess.Popen[bytes]:  # type: ignore[misc]
        place.host.accounts = Grouped(OTHER_GROUP)
        place.listen(serve, 0o660)
        os.chown(place.socket, 0, OTHER_GROUP)
        program = place.folder / "smtpd"
        shutil.copy("/bin/sleep", program)
        with subprocess.Popen(
            [program, "60"], user=CLIENT, group="nogroup", extra_groups=[]
        ) as running:
            eventually(lambda: os.readlink(f"/proc/{running.pid}/exe") == str(program))
            yield running
            running.kill()

    def test_who_is_not_in_the_group_yet(
        self, place: Scene, smtpd: subprocess.Popen[bytes]
    ) -> None:
        state = place.look()
        assert state.cause == "stale-groups"
        assert state.finding.health is Health.DOWN
        assert f"its process {smtpd.pid} is not yet" in state.finding.why
        assert state.finding.remedy is not None
        assert state.finding.remedy.action == "services.reload"
        assert state.finding.remedy.arguments == (("service", "postfix"),)
        assert state.log_line.endswith("Permission denied")

    def test_once_it_has_ended_all_is_well(
        self, place: Scene, smtpd: subprocess.Popen[bytes]
    ) -> None:
        smtpd.kill()
        smtpd.wait()
        assert place.look().finding.health is Health.OK

    def test_a_daemon_is_started_again(self, place: Scene, smtpd: subprocess.Popen[bytes]) -> None:
        state = place.look(place.edge(client_service="some-milter"))
        assert state.finding.remedy is not None
        assert state.finding.remedy.action == "services.restart"


class TestWhatIsDeniedByOthersThanTheModes:
    """Neither SELinux nor AppArmor is enforced here: what a host logged of it is given."""

    def logged(self, monkeypatch: pytest.MonkeyPatch, place: Scene, *, permissive: int = 0) -> None:
        line = (
            "type=AVC msg=audit(4000000000.123:45): avc:  denied  { write } for  pid=9 "
            f'comm="smtpd" name="{place.socket.name}" dev="tmpfs" ino=1 '
            "scontext=system_u:system_r:postfix_smtpd_t:s0 "
            "tcontext=system_u:object_r:var_run_t:s0 tclass=sock_file "
            f"permissive={permissive}"
        )
        denial = read_denial(line)
        assert denial is not None
        monkeypatch.setattr(look, "denials", lambda _host: FoundDenials((denial,), ("a note",)))

    def test_it_is_told_though_our_own_connection_comes_about(
        self, place: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.listen(serve)
        self.logged(monkeypatch, place)
        state = place.look()
        assert (state.cause, state.finding.health) == ("denied", Health.DOWN)
        assert "though owner, group and mode let it through" in state.finding.why
        assert (
            "SELinux denied smtpd (postfix_smtpd_t) write on milter.sock (var_run_t)"
            in state.finding.why
        )
        assert state.finding.remedy is not None
        assert state.log_line.endswith("Permission denied")

    @pytest.mark.parametrize(("stamp", "told"), [("4000000000.123", True), ("", False)])
    def test_a_denied_port_that_takes_connections_was_denied(
        self, place: Scene, monkeypatch: pytest.MonkeyPatch, stamp: str, told: bool
    ) -> None:
        edge = place.edge(place.listen_on_port(serve).spec)
        closed = place.edge(f"inet:127.0.0.1:{free_port()}")
        for one in (edge, closed):
            denial = read_denial(
                f"type=AVC msg=audit({stamp}:45): avc:  denied  {{ name_connect }} for  pid=9 "
                f'comm="smtpd" dest={parse_endpoint(one.endpoint).port} '
                "scontext=system_u:system_r:postfix_smtpd_t:s0 "
                "tcontext=system_u:object_r:unreserved_port_t:s0 tclass=tcp_socket permissive=0"
            )
            assert denial is not None
            found = FoundDenials((denial,))
            monkeypatch.setattr(look, "denials", lambda _host, found=found: found)
            state = place.look(one)
            if one is closed:
                assert (state.cause, state.finding.health) == ("closed-port", Health.DOWN)
                continue
            assert (state.cause, state.finding.health) == ("denied", Health.DEGRADED)
            when = time.strftime(" at %Y-%m-%d %H:%M:%S", time.localtime(4e9)) if told else ""
            assert state.finding.what == f"smtpd → milter: was denied{when}"
            assert state.finding.why.startswith("SELinux denied smtpd (postfix_smtpd_t) name_con")
            assert "whether smtpd may by now is seen when it connects next" in state.finding.why
            assert state.finding.remedy is not None

    def test_what_was_only_told_of_is_no_trouble(
        self, place: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.listen(serve)
        self.logged(monkeypatch, place, permissive=1)
        assert place.look().cause == ""

    def test_where_the_modes_forbid_it_they_are_the_cause(
        self, place: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.listen(serve, 0o755)
        self.logged(monkeypatch, place)
        assert place.look().cause == "write"


class TestOtherSpeeches:
    """Engines and Dovecot are asked in their own words."""

    def answering(self, words: bytes) -> Callable[[Wire], None]:
        def answer(wire: Wire) -> None:
            wire.link.recv(4096)
            wire.raw(words)
            wire.wait_for_close()

        return answer

    @pytest.mark.parametrize(
        ("speech", "words"),
        [
            ("clamd", b"1: PONG\0002: ClamAV 1.4.3\0"),
            ("spamd", b"SPAMD/1.5 0 PONG\r\n"),
            ("dovecot-auth", b"VERSION\t1\t2\nMECH\tPLAIN\nDONE\n"),
        ],
    )
    def test_who_speaks_it_is_well(self, place: Scene, speech: str, words: bytes) -> None:
        place.listen(self.answering(words))
        assert place.look(place.edge(speech=speech)).finding.health is Health.OK

    @pytest.mark.parametrize("speech", ["clamd", "spamd", "dovecot-auth"])
    def test_who_does_not_is_told(self, place: Scene, speech: str) -> None:
        place.listen(self.answering(b"220 mx.example.org ESMTP\r\n\0"))
        state = place.look(place.edge(speech=speech, client_service="filter"))
        assert state.cause == "not-a-milter"
        assert state.finding.what == f"smtpd → milter: it does not speak {speech}"
        assert state.log_line == ""

    def test_what_opens_and_is_not_well_is_told_beside(self, place: Scene) -> None:
        place.listen(self.answering(b"VERSION\t1\t2\nDONE\n"))
        state = place.look(place.edge(speech="dovecot-auth"))
        assert (state.cause, state.finding.health) == ("", Health.DEGRADED)
        assert "offers no mechanism" in state.finding.what


def test_who_may_not_become_the_client_says_what_the_modes_tell(
    place: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An ordinary user can't run this tree's interpreter; what he is told is told here.
    def refuse(user: str, *_: object) -> object:
        raise NotPermitted(f"only root may connect as {user}")

    monkeypatch.setattr(place.host, "connect_as", refuse)
    place.listen(serve, 0o600)
    state = place.look()
    assert state.cause == "unseen"
    assert state.finding.health is Health.UNKNOWN
    assert state.finding.needs_root
    assert state.finding.remedy is None
    assert state.finding.why == (
        f"only root may connect as {CLIENT}; "
        f"by its modes {place.socket} would stop it (others have ---)"
    )
    place.socket.chmod(0o666)
    why = place.look().finding.why
    assert why.endswith(f"; by the modes on the way {CLIENT} is let through")


def test_a_port_can_be_asked_by_anybody(place: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(user: str, *_: object) -> object:
        raise NotPermitted(f"only root may connect as {user}")

    monkeypatch.setattr(place.host, "connect_as", refuse)
    peer = place.listen_on_port(serve)
    assert place.look(place.edge(peer.spec)).finding.health is Health.OK
    named = place.edge(peer.spec.replace("127.0.0.1", "localhost"), chroot=str(place.folder))
    assert place.look(named).cause == "unseen"


def test_an_edge_of_nobody_knows_whom_is_not_seen(place: Scene) -> None:
    place.listen(serve)
    state = place.look(place.edge(user=""))
    assert state.cause == "unseen"
    assert state.finding.health is Health.UNKNOWN
    assert "as whom smtpd connects is not known" in state.finding.why


def test_twelve_edges_take_less_than_they_would_one_by_one(place: Scene) -> None:
    """Beside each other: a dozen that answer after 0.2 s each end in well under their sum."""

    def late(wire: Wire) -> None:
        time.sleep(0.2)
        serve(wire)

    place.listen(late)
    edges = tuple(place.edge()._replace(name=f"smtpd:{number}") for number in range(12))
    started = time.monotonic()
    states = tuple(looked(Context(place.host), edges, EdgeLook(place.host, ())))
    assert [state.edge.name for state in states] == [edge.name for edge in edges]
    assert time.monotonic() - started < 12 * 0.2


def test_nothing_behind_a_link_of_another_user_is_to_be_opened(place: Scene) -> None:
    """A service's user may let its socket's name lead to any socket of the host."""
    behind = place.folder / "private.sock"
    place.listen(serve, 0o600, behind)
    place.socket.symlink_to(behind)
    assert place.look().finding.remedy is not None
    os.chown(place.socket.parent, OTHER_GROUP, OTHER_GROUP)
    state = place.look()
    assert state.cause == "write"
    assert state.finding.remedy is None
    assert f"{place.socket} is a link that a user other than root" in state.finding.why
