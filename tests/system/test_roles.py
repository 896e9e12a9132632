"""Which services a real Debian mail host is found to consist of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.system.rig.machine import OPERATOR

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

LOOK = """
import json
from actions.host.system import SystemHost
from actions.mailhost.roles import find_services

found = find_services(SystemHost())
told = [one._asdict() for one in found.services]
for one in told:
    one["listeners"] = [at._asdict() for at in one["listeners"]]
    one["needs"] = [need._asdict() for need in one["needs"]]
print(json.dumps({"services": told, "notes": found.notes}))
"""

QUEUE = "unix:/var/spool/postfix"


def look(machine: Machine, user: str = "root") -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the services by name, and the notes."""
    told = machine.python(LOOK, user=user).checked().json()
    return {one["name"]: one for one in told["services"]}, told["notes"]


def test_every_service_and_no_other(healthy: Machine) -> None:
    for user in ("root", OPERATOR):
        services, notes = look(healthy, user)
        assert notes == []
        assert [
            (one["name"], one["role"], one["unit"], one["user"], one["place"], one["expected"])
            for one in services.values()
        ] == [
            ("postfix", "MTA", "postfix.service", "postfix", 0, True),
            ("milter-greylist", "milter", "milter-greylist.service", "greylist", 1, True),
            ("opendkim", "milter", "opendkim.service", "opendkim", 2, True),
            ("clamav-milter", "milter", "clamav-milter.service", "clamav", 3, True),
            ("spamass-milter", "milter", "spamass-milter.service", "spamass-milter", 4, True),
            ("clamd", "engine", "clamav-daemon.service", "clamav", 0, True),
            ("spamd", "engine", "spamd.service", "root", 0, True),
            ("freshclam", "engine", "clamav-freshclam.service", "clamav", 0, False),
            ("dovecot", "MDA", "dovecot.service", "root", 0, True),
            ("mariadb", "database", "mariadb.service", "mysql", 0, True),
            ("rsyslog", "log", "rsyslog.service", "root", 0, True),
            ("journald", "log", "systemd-journald.service", "root", 0, True),
        ]


def test_every_socket_and_who_asks_there(healthy: Machine) -> None:
    services, _ = look(healthy)
    assert {
        name: [(at["spec"], at["label"], at["tls"], at["client"]) for at in one["listeners"]]
        for name, one in services.items()
        if one["listeners"]
    } == {
        "postfix": [
            ("inet:127.0.0.1:25", "25", False, ""),
            ("inet:127.0.0.1:587", "submission", False, ""),
        ],
        "milter-greylist": [
            (f"{QUEUE}/milter-greylist/milter-greylist.sock", "", False, "postfix")
        ],
        "opendkim": [(f"{QUEUE}/opendkim/opendkim.sock", "", False, "postfix")],
        "clamav-milter": [(f"{QUEUE}/clamav/clamav-milter.ctl", "", False, "postfix")],
        "spamass-milter": [(f"{QUEUE}/spamass/spamass.sock", "", False, "postfix")],
        "clamd": [("unix:/var/run/clamav/clamd.ctl", "", False, "clamav")],
        "spamd": [("inet:127.0.0.1:783", "", False, "spamass-milter")],
        "dovecot": [
            ("inet:127.0.0.1:143", "IMAP", False, ""),
            ("inet:127.0.0.1:993", "IMAPS", True, ""),
            ("inet:127.0.0.1:110", "POP3", False, ""),
            ("inet:127.0.0.1:995", "POP3S", True, ""),
            (f"{QUEUE}/private/dovecot-lmtp", "LMTP", False, "postfix"),
            (f"{QUEUE}/private/auth", "auth", False, "postfix"),
        ],
        "mariadb": [
            ("unix:/run/mysqld/mysqld.sock", "", False, ""),
            ("inet:127.0.0.1:3306", "3306", False, ""),
        ],
    }


def test_every_need_and_what_happens_without(healthy: Machine) -> None:
    services, _ = look(healthy)
    deferred, passes = "mail is deferred (451)", "mail passes unfiltered"
    assert {
        name: [(need["service"], need["client"], need["without"]) for need in one["needs"]]
        for name, one in services.items()
        if one["needs"]
    } == {
        "postfix": [
            ("dovecot", "postfix", "nobody can log in to send mail"),
            ("dovecot", "postfix", "mail waits in the queue"),
            ("milter-greylist", "postfix", deferred),
            ("opendkim", "postfix", deferred),
            ("clamav-milter", "postfix", deferred),
            ("spamass-milter", "postfix", deferred),
        ],
        "clamav-milter": [("clamd", "clamav", deferred)],
        "spamass-milter": [("spamd", "spamass-milter", passes)],
    }


def test_everything_named_really_listens(healthy: Machine) -> None:
    services, _ = look(healthy)
    ports = healthy.sh("ss -Hltn | awk '{print $4}'")
    paths = healthy.sh("ss -Hlx | awk '{print $5}'")
    for one in services.values():
        for listener in one["listeners"]:
            family, _, place = listener["spec"].partition(":")
            if family == "unix":
                bare = place.replace("/var/run/", "/run/")
                assert any(
                    path.endswith(bare.removeprefix("/var/spool/postfix")) for path in paths.split()
                ), listener
            else:
                port = place.rpartition(":")[2]
                assert any(told.endswith(f":{port}") for told in ports.split()), listener


def test_a_milter_of_no_known_kind_is_found_by_its_process(machine: Machine) -> None:
    machine.write(
        "/etc/systemd/system/own-filter.service",
        '[Service]\nExecStart=/usr/bin/python3 -c "import socket, time; s = socket.socket('
        "socket.AF_UNIX); s.bind('/var/spool/postfix/x.sock'); s.listen(); time.sleep(600)\"\n",
    )
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "own-filter")
    machine.wait_for(lambda: machine.exists("/var/spool/postfix/x.sock"))
    milters = machine.sh("postconf -h smtpd_milters").strip()
    machine.sh('postconf -e "smtpd_milters=$1, unix:x.sock"', milters)
    services, _ = look(machine)
    own = services["own-filter"]
    assert (own["unit"], own["role"], own["place"]) == ("own-filter.service", "milter", 5)
    assert own["program"] == "python3"
    seen_by_others, (note,) = look(machine, OPERATOR)
    assert seen_by_others["x"]["unit"] == "", "only root sees whose descriptors they are"
    assert note == f"whose socket {QUEUE}/x.sock is, is not known; run as root to see it"


def test_nothing_vanishes_that_is_broken(machine: Machine) -> None:
    before, _ = look(machine)
    for name in ("opendkim", "clamav-milter", "mariadb"):
        machine.systemctl("mask", "--now", name)
    machine.systemctl("stop", "postfix", "spamass-milter", "clamav-daemon.socket", "clamav-daemon")
    machine.sh("mv /etc/clamav/clamav-milter.conf /etc/clamav/away")
    machine.sh("mkdir -p /etc/systemd/system/spamd.service.d")
    machine.write("/etc/systemd/system/spamd.service.d/x.conf", "[Service]\nType=nonsense\n")
    machine.write("/etc/dovecot/dovecot.conf", "nonsense {\n")
    machine.systemctl("daemon-reload")
    after, notes = look(machine)
    assert [(one["name"], one["unit"], one["place"]) for one in after.values()] == [
        (one["name"], one["unit"], one["place"]) for one in before.values()
    ]
    (socket,) = after["clamav-milter"]["listeners"]
    assert socket["spec"] == f"{QUEUE}/clamav/clamav-milter.ctl"
    assert socket["source"] == "smtp: smtpd_milters"
    (note,) = notes
    assert note.startswith("Dovecot's listeners are not known, its usual ports are taken: ")


def test_the_stock_host_is_found_with_its_faults(shipped: Machine) -> None:
    services, _ = look(shipped)
    assert [at["spec"] for at in services["clamav-milter"]["listeners"]] == [
        f"{QUEUE}/run/clamav/clamav-milter.ctl",
        "unix:/var/run/clamav/clamav-milter.ctl",
    ], "Postfix asks below its chroot, the milter listens outside of it"
    assert [one["place"] for one in services.values()][:5] == [0, 1, 2, 3, 4]
