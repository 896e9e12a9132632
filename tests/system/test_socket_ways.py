"""Every way to let a client open its socket, on real hosts of both layouts.

What is broken is mended, stays so when the daemon, Postfix and the host start again, and is given
back to the byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.system import visitors
from tests.system.visitors import visited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

SNAPSHOT = r"""
find /etc /run/systemd/system /var/spool/postfix -xdev \
  ! -path '/var/spool/postfix/pid/*' ! -path '/var/spool/postfix/p*/*' ! -path '*/maildrop/*' \
  ! -name '*-' -printf '%y %m %u:%g %p %l\n' | sort
find /run -xdev -type s ! -perm 000 \( -path '*milter*' -o -path '*clam*' -o -path '*opendkim*' \) \
  -printf '%y %m %u:%g %p\n' | sort
find /var/spool/postfix -name auth -printf '%m %u:%g %p\n'
find /etc -xdev -type f ! -name '*-' ! -name aliases.db -exec md5sum {} + | sort
"""
"""Every file's bytes, owner, mode and group, and the sockets as they are."""


class Broken(NamedTuple):
    """One edge, broken, and the way by which it is mended."""

    edge: str
    script: str
    """What breaks it; services are restarted afterwards."""
    units: tuple[str, ...]
    """Of the daemon, and of the client where its groups are changed."""
    way: str
    does: str
    """A part of what the way says that it changes."""
    cause: str


QUEUE = "/var/spool/postfix"
GREYLIST, CLAMAV = "/etc/milter-greylist/greylist.conf", "/etc/clamav/clamav-milter.conf"
SPAMASS, DOVECOT = "/etc/default/spamass-milter", "/etc/dovecot/conf.d/99-postfix.conf"

DEBIAN = (
    Broken(
        "smtpd:milter-greylist",
        f"sed -i '/^socket/s/660/600/' {GREYLIST}; gpasswd -d postfix greylist",
        ("milter-greylist", "postfix"),
        "setting",
        f"socket … 660 in {GREYLIST}",
        "folder",
    ),
    Broken(
        "smtpd:opendkim",
        "sed -i 's/^UMask.*/UMask 077/' /etc/opendkim.conf",
        ("opendkim",),
        "setting",
        "UMask 007 in /etc/opendkim.conf",
        "write",
    ),
    Broken(
        "smtpd:clamav-milter",
        f"sed -i -e 's/^MilterSocketMode .*/MilterSocketMode 600/' {CLAMAV}; "
        f"sed -i -e 's/^MilterSocketGroup .*/MilterSocketGroup clamav/' {CLAMAV}; "
        f"chmod g-s {QUEUE}/clamav",
        ("clamav-milter",),
        "setting",
        f"MilterSocketGroup postfix in {CLAMAV}",
        "write",
    ),
    Broken(
        "smtpd:spamass-milter",
        f"echo SOCKETMODE=0600 >>{SPAMASS}; "
        f"echo SOCKETOWNER=spamass-milter:spamass-milter >>{SPAMASS}",
        ("spamass-milter",),
        "setting",
        'SOCKETOWNER="spamass-milter:postfix"',
        "write",
    ),
    Broken(
        "smtpd:dovecot",
        f"sed -i -e '/private.auth/,/}}/s/mode = .*/mode = 0600/' "
        f"-e '/private.auth/,/}}/s/= postfix/= root/' {DOVECOT}",
        ("dovecot",),
        "setting",
        "mode = 0660",
        "write",
    ),
    Broken(
        "lmtp:dovecot",
        f"sed -i '/dovecot-lmtp/,/}}/s/= postfix/= dovecot/' {DOVECOT}",
        ("dovecot",),
        "setting",
        "user = postfix",
        "write",
    ),
)

SYSCONFIG, SCAN = "/etc/sysconfig/milter-manager", "/etc/clamd.d/scan.conf"

RHEL = (
    Broken(
        "smtpd:milter-manager",
        f"sed -i 's/^SOCKET_GROUP=.*/SOCKET_GROUP=\"milter-manager\"/' {SYSCONFIG}; "
        "echo manager.unix_socket_mode = 0600 >/etc/milter-manager/milter-manager.local.conf",
        ("milter-manager",),
        "setting",
        "manager.unix_socket_mode = 0660",
        "write",
    ),
    Broken(
        "milter-manager:milter-greylist",
        "sed -i '/^socket/s/660/600/' /etc/mail/greylist.conf",
        ("milter-greylist",),
        "setting",
        "socket … 660 in /etc/mail/greylist.conf",
        "write",
    ),
    # It may not give its socket to that group: it leaves one of mode 000, and ends.
    Broken(
        "milter-manager:clamav-milter",
        "echo MilterSocketGroup postfix >>/etc/mail/clamav-milter.conf",
        ("clamav-milter",),
        "setting",
        "clamilt in group postfix",
        "write",
    ),
    Broken(
        "milter-manager:spamass-milter",
        "sed -i 's/^SOCKET_OPTIONS=.*/SOCKET_OPTIONS=\"\"/' /etc/sysconfig/spamass-milter-postfix",
        ("spamass-milter",),
        "setting",
        "-g postfix in EXTRA_FLAGS",
        "write",
    ),
    Broken(
        "clamav-milter:clamd",
        f"echo LocalSocketMode 600 >>{SCAN}",
        ("clamd@scan",),
        "setting",
        "LocalSocketMode 660",
        "write",
    ),
)


SETTINGS = {"debian": DEBIAN, "rhel": RHEL}

OTHERS = {
    "debian": (
        Broken(
            "smtpd:milter-greylist",
            "gpasswd -d postfix greylist",
            ("postfix",),
            "membership",
            "postfix in group greylist",
            "folder",
        ),
        # As Debian ships it: the socket is outside of the chroot, and named by its whole path.
        Broken(
            "smtpd:opendkim",
            f"sed -i 's|^Socket .*|Socket local:/run/opendkim/opendkim.sock|' /etc/opendkim.conf; "
            f"mv {QUEUE}/opendkim {QUEUE}/other; "
            'postconf -e "$(postconf smtpd_milters | sed s,unix:opendkim/,unix:/run/opendkim/,)"',
            ("opendkim", "postfix"),
            "chroot",
            f"folder {QUEUE}/opendkim for opendkim",
            "chroot",
        ),
        Broken(
            "smtpd:clamav-milter",
            f'postconf -e "$(postconf smtpd_milters | sed s,unix:clamav/,unix:{QUEUE}/clamav/,)"',
            ("postfix",),
            "specification",
            "unix:clamav/clamav-milter.ctl in smtpd_milters of main.cf",
            "chroot",
        ),
        Broken(
            "smtpd:spamass/spamass.sock",
            'postconf -e "$(postconf smtpd_milters | sed s,unix:spamass,spamass,)"',
            ("postfix",),
            "specification",
            "unix:spamass/spamass.sock in smtpd_milters of main.cf",
            "no-transport",
        ),
    ),
    "rhel": (
        Broken(
            "smtpd:milter-manager",
            f"sed -i 's/^SOCKET_GROUP=.*/SOCKET_GROUP=\"milter-manager\"/' {SYSCONFIG}",
            ("milter-manager",),
            "chroot",
            "unix:milter-manager/milter-manager.sock in smtpd_milters of main.cf",
            "group",
        ),
        Broken(
            "milter-manager:clamav-milter",
            "gpasswd -d milter-manager clamilt",
            ("milter-manager",),
            "membership",
            "milter-manager in group clamilt",
            "folder",
        ),
        Broken(
            "clamav-milter:clamd",
            "gpasswd -d clamilt clamscan",
            ("clamav-milter",),
            "membership",
            "clamilt in group clamscan",
            "folder",
        ),
    ),
}

SOCKETS = (
    *visitors.SOCKETS,
    f"{QUEUE}/spamass/spamass.sock",
    "/run/spamass-milter/postfix/sock",
    f"{QUEUE}/clamav-milter/clamav-milter.sock",
    "/run/opendkim/opendkim.sock",
    "/run/milter-manager/milter-manager.sock",
    f"{QUEUE}/milter-manager/milter-manager.sock",
    "/run/milter-greylist/milter-greylist.sock",
    "/run/clamav-milter/clamav-milter.socket",
)
"""Where clients come, so that a milter that is asked to end does not wait for the next."""


def edges_of(machine: Machine, *names: str) -> dict[str, str]:
    """Return the state of each edge, by its name."""
    report = machine.console("sockets.check", *names, "--json").json()
    return {one["edge"]["name"]: one["finding"]["health"] for one in report["edges"]}


def restarted(machine: Machine, units: Iterable[str]) -> None:
    """Restart *units*; systemd alone does not wait for the daemon behind an init script."""
    for unit in units:
        if f"/init.d/{unit}" in machine.systemctl("show", "--property=SourcePath", unit):
            machine.systemctl("stop", unit)
            machine.wait_for(lambda unit=unit: machine.run(["pidof", unit]).returncode, unit)  # type: ignore[misc]
        machine.systemctl("restart", unit)


def all_open(machine: Machine) -> bool:
    return set(edges_of(machine).values()) == {"ok"}


def fixed(machine: Machine, broken: Broken) -> str:
    """Mend *broken*, and return the entry of the journal."""
    ways = machine.console("sockets.ways", broken.edge, "--json").json()
    assert ways["edge"]["cause"] == broken.cause, ways
    offered = {one["name"]: one for one in ways["ways"]}
    assert broken.way in offered, ways
    assert any(broken.does in line for line in offered[broken.way]["does"]), ways
    assert offered[broken.way]["lasting"]
    done = machine.console("sockets.fix", broken.edge, "--way", broken.way, "--yes", "--json")
    assert done.returncode == 0, done
    report = done.json()
    assert report["proof"]["status"] == "proved"
    return str(report["entry"])


def survives(host: Machine, every: tuple[Broken, ...]) -> None:
    """Break all of *every*, mend each, start everything again, and take all of it back."""
    names = [one.edge for one in every]
    units = tuple(dict.fromkeys(unit for one in every for unit in one.units))
    with visited(host, SOCKETS):
        assert all_open(host)
        for one in every:
            host.sh(one.script)
        restarted(host, units)
        host.wait_for(lambda: set(edges_of(host, *names).values()) == {"down"}, "all closed")
        before = host.sh(SNAPSHOT)
        entries = [fixed(host, one) for one in every]
        assert all_open(host)
        # Each daemon was restarted by its plan, before that was proved.
        host.systemctl("restart", "postfix")
        assert all_open(host)
    host.reboot()
    host.wait_for(lambda: all_open(host), "all open after the reboot")
    with visited(host, SOCKETS):
        for entry in reversed(entries):
            undone = host.console("journal.undo", "--entry", entry, "--yes")
            assert undone.returncode == 0, undone
    assert host.sh(SNAPSHOT) == before
    assert set(edges_of(host, *names).values()) == {"down"}


@pytest.mark.parametrize("layout", SETTINGS)
def test_the_daemons_own_settings_last(
    layout: str, booted: Callable[[str], AbstractContextManager[Machine]]
) -> None:
    with booted(f"{layout}/healthy") as host:
        survives(host, SETTINGS[layout])


@pytest.mark.parametrize("layout", OTHERS)
def test_the_other_ways_last(
    layout: str, booted: Callable[[str], AbstractContextManager[Machine]]
) -> None:
    with booted(f"{layout}/healthy") as host:
        survives(host, OTHERS[layout])
