"""What stands in the way of a socket, injected on a real host: named exactly, beside its log."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.system.orders import Orders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

QUEUE = "/var/spool/postfix"
FOLDER = f"{QUEUE}/trial"
SOCKET = f"{FOLDER}/trial.sock"
SPEC = "unix:/trial/trial.sock"
"""As a chrooted smtpd sees it, which Debian's is."""

OUTSIDE = "/run/trial/trial.sock"

LISTENER = """
import os, socket, sys
path, kind, behaviour = sys.argv[1:]
os.makedirs(os.path.dirname(path), exist_ok=True)
one = socket.socket(socket.AF_UNIX, getattr(socket, kind))
one.bind(path)
os.chmod(path, 0o666)
if kind == "SOCK_STREAM" and behaviour != "stale":
    one.listen()
print("ready", flush=True)
if behaviour == "stale":
    sys.exit()
while True:
    if kind != "SOCK_STREAM":
        sys.stdin.read()
        sys.exit()
    link, _ = one.accept()
    if behaviour == "close":
        link.recv(1, socket.MSG_PEEK)
        link.close()
    elif behaviour == "read":
        link.recv(4096)
        link.close()
    elif behaviour == "babble":
        link.sendall(b"hello, this is no milter\\r\\n")
    elif behaviour == "greet":
        link.sendall(b"220 mx.example.org ESMTP\\r\\n")
    elif behaviour == "milter":
        link.recv(4096)
        link.sendall(bytes.fromhex("0000000d4f00000006000001ff001fffff"))
    kept = link
"""
"""Listens at a path and behaves badly, or negotiates as a milter that wants no event."""

CLIENT = """
import smtplib, ssl, sys
settings = ssl.create_default_context()
settings.check_hostname, settings.verify_mode = False, ssl.CERT_NONE
try:
    with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), "there.example", timeout=10) as link:
        link.ehlo()
        if sys.argv[1] == "587":
            link.starttls(context=settings)
            link.ehlo()
except (OSError, smtplib.SMTPException):
    pass  # smtpd has ended
"""

SETTINGS = (
    "milter_default_action=tempfail",
    "milter_connect_timeout=2s",
    "milter_command_timeout=2s",
    "service_throttle_time=1s",
)


class Host:
    """A healthy host whose smtpd asks one milter: the one of these tests."""

    def __init__(self, machine: Machine, orders: Orders) -> None:
        self.machine = machine
        self._orders = orders
        self.set(*SETTINGS, f"smtpd_milters={SPEC}")
        machine.sh(f"mkdir -p {FOLDER} /run/trial; groupadd -f trial")

    def set(self, *settings: str) -> None:
        """Change Postfix's settings and have them taken up."""
        self.machine.sh(
            'postconf -e "$@"; touch -d "-1 min" /etc/postfix/main.cf; postfix reload', *settings
        )

    @contextmanager
    def listening(
        self, behaviour: str = "milter", path: str = SOCKET, kind: str = "SOCK_STREAM"
    ) -> Iterator[None]:
        """Have somebody at *path*."""
        process = self.machine.popen(["python3", "-c", LISTENER, path, kind, behaviour])
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()
            process.communicate()
            self.machine.sh(f"rm -rf {path}; chmod 755 {FOLDER}")

    def checked(self, *edges: str) -> list[dict[str, Any]]:
        """Return what sockets.check says of *edges*."""
        return list(self._orders.console("sockets.check", *edges, "--json").json()["edges"])

    def trial(self) -> dict[str, Any]:
        """Return what it says of smtpd's own milter."""
        every = self.checked()
        source = "main.cf: smtpd_milters"
        return next(one for one in every if one["edge"]["source"] == source)

    def logged(self, until: Callable[[str], bool], port: int = 25) -> str:
        """Be a client of smtpd; return what is logged of it, once *until* is content with it."""
        mark = f"trial {time.monotonic()}"
        self.machine.sh('logger -t trial "$1"', mark)
        self.machine.run(["python3", "-c", CLIENT, str(port)]).checked()
        return self.log_since(mark, until)

    def log_since(self, mark: str, until: Callable[[str], bool]) -> str:
        """Return what Postfix has logged behind *mark*, once *until* is content with it."""
        said = ""

        def is_there() -> bool:
            nonlocal said
            log = self.machine.log("-n", "400")
            said = log.rpartition(mark)[2]
            return until(said)

        try:
            self.machine.wait_for(is_there, timeout=20)
        except AssertionError:
            raise AssertionError(f"not in the log:\n{said}") from None
        return said


@pytest.fixture(scope="module")
def host(
    booted: Callable[[str], AbstractContextManager[Machine]],
) -> Iterator[Host]:
    """The host that all rows share; each leaves it as it was."""
    with booted("debian/healthy") as machine:
        orders = Orders(machine)
        try:
            yield Host(machine, orders)
        finally:
            orders.end()


class Row(NamedTuple):
    """One row of the table: what is done, what it is called, and what smtpd logs."""

    cause: str
    log: str
    why: str
    do: str = ""
    behaviour: str = ""
    """Of who listens; empty for nobody."""
    kind: str = "SOCK_STREAM"


DENIED = f"warning: connect to Milter service {SPEC}: Permission denied"
ABSENT = f"warning: connect to Milter service {SPEC}: No such file or directory"
REFUSED = f"warning: connect to Milter service {SPEC}: Connection refused"
NO_REPLY = f"warning: milter {SPEC}: can't read SMFIC_OPTNEG reply packet header: "

ROWS = (
    Row(
        "group",
        DENIED,
        "not in its group; root:trial 0660",
        f"chown root:trial {SOCKET}; chmod 660 {SOCKET}",
        "milter",
    ),
    Row("write", DENIED, "others have r-x", f"chmod 755 {SOCKET}", "milter"),
    Row(
        "write",
        DENIED,
        "group has r--",
        f"chown root:postfix {SOCKET}; chmod 640 {SOCKET}",
        "milter",
    ),
    Row("folder", DENIED, f"permission denied on {FOLDER} ", f"chmod 750 {FOLDER}", "milter"),
    Row(
        "denied",
        DENIED,
        "the ACL's user:postfix:r-- decides",
        f"setfacl -m u:postfix:r {SOCKET}",
        "milter",
    ),
    Row("missing", ABSENT, f"{SOCKET} does not exist"),
    Row(
        "dangling",
        ABSENT,
        f"is a link to gone.sock, and {FOLDER}/gone.sock does not exist",
        f"ln -s gone.sock {SOCKET}",
    ),
    Row("stale", REFUSED, "nobody listens on", "", "stale"),
    Row("not-a-socket", REFUSED, "is no socket", f"touch {SOCKET}; chmod 666 {SOCKET}"),
    Row(
        "datagram",
        f"warning: connect to Milter service {SPEC}: Protocol wrong type for socket",
        "is a datagram socket",
        "",
        "datagram",
        "SOCK_DGRAM",
    ),
    Row(
        "closes", NO_REPLY + "Connection reset by peer", "before it has read anything", "", "close"
    ),
    Row("closes-on-read", NO_REPLY + "Application error", "reads what it is asked", "", "read"),
    Row("hangs", NO_REPLY + "Connection timed out", "does not answer within 5 s", "", "hang"),
    Row(
        "not-a-milter",
        f"warning: milter {SPEC}: unreasonable packet length: 1751477356 > 1073741823",
        "the peer is no milter",
        "",
        "babble",
    ),
    Row(
        "not-a-milter",
        f'warning: milter {SPEC}: unexpected reply "m" in initial handshake',
        'it says "220 mx.example.org ESMTP"',
        "",
        "greet",
    ),
)


def expect(host: Host, cause: str, why: str, log: str) -> None:
    """Have the trial's edge named *cause*, and see smtpd log the very line that is told."""
    state = host.trial()
    assert (state["cause"], state["finding"]["health"]) == (cause, "down"), state
    assert why in state["finding"]["why"]
    assert state["log_line"] == log
    host.logged(lambda said: log in said)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.cause}-{row.behaviour}{row.do[:9]}")
def test_each_row_beside_what_smtpd_logs(host: Host, row: Row) -> None:
    if not row.behaviour:
        host.machine.sh(row.do)
        try:
            expect(host, row.cause, row.why, row.log)
        finally:
            host.machine.sh(f"rm -f {SOCKET}")
        return
    with host.listening(row.behaviour, kind=row.kind):
        host.machine.sh(row.do)
        expect(host, row.cause, row.why, row.log)


def test_what_answers_is_well(host: Host) -> None:
    with host.listening():
        state = host.trial()
        assert (state["cause"], state["finding"]["health"]) == ("", "ok"), state


@contextmanager
def asking(host: Host, spec: str) -> Iterator[None]:
    """Have smtpd ask the milter at *spec*."""
    host.set(f"smtpd_milters={spec}")
    try:
        yield
    finally:
        host.set(f"smtpd_milters={SPEC}")


def test_an_absolute_path_outside_of_the_chroot(host: Host) -> None:
    spec = f"unix:{OUTSIDE}"
    with host.listening(path=OUTSIDE), asking(host, spec):
        log = f"warning: connect to Milter service {spec}: No such file or directory"
        expect(host, "chroot", f"{OUTSIDE} lies outside of it", log)


def test_a_closed_port(host: Host) -> None:
    spec = "inet:127.0.0.1:8899"
    with asking(host, spec):
        log = f"warning: connect to Milter service {spec}: Connection refused"
        expect(host, "closed-port", "nobody takes connections", log)


@pytest.mark.parametrize("name", ["localhost", "no-such-host.invalid"])
def test_a_name_that_is_not_found_in_the_chroot(host: Host, name: str) -> None:
    spec = f"inet:{name}:8899"
    host.machine.sh(f"mv {QUEUE}/etc/hosts {QUEUE}/etc/hosts.kept")
    try:
        with asking(host, spec):
            log = f"warning: connect to Milter service {spec}: Cannot assign requested address"
            expect(host, "name", f"smtpd sees only what is in {QUEUE}", log)
    finally:
        host.machine.sh(f"mv {QUEUE}/etc/hosts.kept {QUEUE}/etc/hosts")


@pytest.mark.parametrize(
    ("spec", "cause", "log"),
    [
        (
            "/trial/trial.sock",
            "no-transport",
            "warning: Milter service needs transport:endpoint instead of ",
        ),
        ("inet:8891@localhost", "syntax", "fatal: 8891@localhost"),
        ("inet:localhost", "name", "inet:localhost: Cannot assign requested address"),
        (f"unix:/{'x' * 120}", "syntax", "fatal: unix-domain name too long: "),
    ],
)
def test_what_names_no_endpoint(host: Host, spec: str, cause: str, log: str) -> None:
    with asking(host, spec):
        state = host.trial()
        assert (state["cause"], state["finding"]["health"]) == (cause, "down"), state
        assert state["edge"]["endpoint"] == ""
        assert log in state["log_line"]
        line = state["log_line"].partition(": ")[2]
        host.logged(lambda said: line in said)


def test_a_group_that_running_smtpds_do_not_have_yet(host: Host) -> None:
    host.set("smtpd_milters=")  # a reload, and no smtpd of before
    host.set(f"smtpd_milters={SPEC}")
    with host.listening():
        host.logged(lambda said: "disconnect from" in said)
        host.machine.sh(f"chown root:trial {SOCKET}; chmod 660 {SOCKET}; usermod -aG trial postfix")
        try:
            expect(host, "stale-groups", "postfix is in the group trial", DENIED)
            assert host.trial()["finding"]["remedy"]["action"] == "services.reload"
            host.machine.sh("postfix reload")
            host.logged(lambda said: "disconnect from" in said)
            assert host.trial()["cause"] == ""
        finally:
            host.machine.sh("gpasswd -d postfix trial; postfix reload")


def test_dovecots_sockets(host: Host) -> None:
    auth, lmtp = f"{QUEUE}/private/auth", f"{QUEUE}/private/dovecot-lmtp"
    kept = host.machine.sh(f"stat -c '%U:%G %a %n' {auth} {lmtp}").splitlines()
    with host.listening():
        host.machine.sh(f"chown root:root {auth} {lmtp}; chmod 600 {auth} {lmtp}")
        try:
            states = {one["edge"]["name"]: one for one in host.checked()}
            asked, handed = states["smtpd:dovecot"], states["lmtp:dovecot"]
            assert (asked["cause"], handed["cause"]) == ("write", "write")
            assert "others have ---" in asked["finding"]["why"]
            host.logged(lambda said: asked["log_line"] in said, 587)
            mark = "trial lmtp"
            host.machine.sh(
                'logger -t trial "$1"; echo hello | sendmail alice@$(postconf -h mydomain)', mark
            )
            host.log_since(mark, lambda said: handed["log_line"] in said)
        finally:
            for line in kept:
                owner, mode, path = line.split()
                host.machine.sh(f"chown {owner} {path}; chmod {mode} {path}; postqueue -f")


def test_an_engines_socket(host: Host) -> None:
    path = "/run/clamav/clamd.ctl"
    mode = host.machine.sh(f"stat -c %a {path}").strip()
    host.machine.sh(f"chmod 066 {path}")
    try:
        (state,) = host.checked("clamav-milter:clamd")
        assert (state["cause"], state["edge"]["user"]) == ("write", "clamav")
        assert "owner has ---" in state["finding"]["why"]
    finally:
        host.machine.sh(f"chmod {mode} {path}")


def test_a_child_of_milter_manager(rhel: Machine) -> None:
    path = "/run/milter-greylist/milter-greylist.sock"
    owner, mode = rhel.sh(f"stat -c '%U:%G %a' {path}").split()
    rhel.sh(f"chown root:root {path}; chmod 660 {path}")
    try:
        told = rhel.console("sockets.check", "milter-manager:milter-greylist", "--json")
        (state,) = told.json()["edges"]
        assert told.returncode == 1
        assert (state["cause"], state["edge"]["user"]) == ("group", "milter-manager")
        assert state["finding"]["remedy"]["action"] == "sockets.fix"
    finally:
        rhel.sh(f"chown {owner} {path}; chmod {mode} {path}")


def test_every_edge_of_a_host_of_rhels_layout(rhel: Machine) -> None:
    told = rhel.console("sockets.check", "--json").checked().json()
    assert [(one["edge"]["name"], one["edge"]["user"]) for one in told["edges"]] == [
        ("smtpd:milter-manager", "postfix"),
        ("milter-manager:milter-greylist", "milter-manager"),
        ("milter-manager:clamav-milter", "milter-manager"),
        ("milter-manager:spamass-milter", "milter-manager"),
        ("clamav-milter:clamd", "clamilt"),
        ("spamass-milter:spamd", "sa-milt"),
    ]


def test_every_edge_of_a_debian_host(healthy: Machine) -> None:
    told = healthy.console("sockets.check", "--json").checked().json()
    assert [
        (one["edge"]["name"], one["edge"]["user"], bool(one["edge"]["chroot"]))
        for one in told["edges"]
    ] == [
        ("smtpd:milter-greylist", "postfix", True),
        ("smtpd:opendkim", "postfix", True),
        ("smtpd:clamav-milter", "postfix", True),
        ("smtpd:spamass-milter", "postfix", True),
        ("smtpd:dovecot", "postfix", True),
        ("lmtp:dovecot", "postfix", True),
        ("clamav-milter:clamd", "clamav", False),
        ("spamass-milter:spamd", "spamass-milter", False),
    ]
    assert told["notes"] == []


def test_an_operator_without_rights_is_told_so(healthy: Machine) -> None:
    ended = healthy.console("sockets.check", "--json", user="operator1")
    told = ended.json()
    assert ended.returncode == 6
    by_name = {one["edge"]["name"]: one for one in told["edges"]}
    edge = by_name["smtpd:milter-greylist"]
    assert (edge["cause"], edge["finding"]["health"]) == ("unseen", "unknown")
    assert edge["finding"]["needs_root"]
    assert by_name["spamass-milter:spamd"]["finding"]["health"] == "ok"
