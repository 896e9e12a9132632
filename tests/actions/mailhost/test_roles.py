"""Which services make up a mail host, on folders laid out as two distributions do it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.host import unit_state, units
from actions.host.errors import HostError
from actions.mailhost.roles import find_services
from tests.actions.mailhost.layouts import (
    DEBIAN_FILES,
    DEBIAN_POSTFIX,
    DEBIAN_UNITS,
    REDHAT_FILES,
    debian,
    init_script,
    lay_out,
    redhat,
    unit,
)

if TYPE_CHECKING:
    from actions.host.ports import Host
    from actions.mailhost.service import MailService


@pytest.fixture(autouse=True)
def _with_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "_no_systemd", lambda: "")
    monkeypatch.setattr(unit_state, "starts_at_boot", lambda _script: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)  # the manager is asked as its user


def table(host: Host) -> dict[str, MailService]:
    return {one.name: one for one in find_services(host).services}


def test_debian_12(tmp_path: Path) -> None:
    found = find_services(debian(tmp_path))
    queue = "/var/spool/postfix"
    assert [(one.name, one.role, one.unit, one.place, one.expected) for one in found.services] == [
        ("postfix", "MTA", "postfix.service", 0, True),
        ("spamass-milter", "milter", "spamass-milter.service", 1, True),
        ("clamav-milter", "milter", "clamav-milter.service", 2, True),
        ("opendkim", "milter", "opendkim.service", 3, True),
        ("filter.example.net:8891", "milter", "", 4, True),
        ("own", "milter", "own.service", 5, True),
        ("clamd", "engine", "clamav-daemon.service", 0, True),
        ("spamd", "engine", "spamd.service", 0, True),
        ("freshclam", "engine", "clamav-freshclam.service", 0, True),
        ("dovecot", "MDA", "dovecot.service", 0, True),
        ("php-fpm", "web mail", "php8.2-fpm.service", 0, True),
        ("mariadb", "database", "mariadb.service", 0, True),
        ("rsyslog", "log", "rsyslog.service", 0, True),
        ("journald", "log", "systemd-journald.service", 0, True),
    ]
    listening = {
        one.name: [(at.spec, at.speech, at.label, at.client) for at in one.listeners]
        for one in found.services
    }
    assert listening == {
        "postfix": [
            ("inet:127.0.0.1:25", "smtp", "25", ""),
            ("inet:127.0.0.1:587", "smtp", "submission", ""),
            ("inet:127.0.0.1:465", "smtp", "submissions", ""),
        ],
        "spamass-milter": [(f"unix:{queue}/spamass/spamass.sock", "milter", "", "postfix")],
        "clamav-milter": [(f"unix:{queue}/clamav/clamav-milter.ctl", "milter", "", "postfix")],
        "opendkim": [(f"unix:{queue}/run/opendkim/opendkim.sock", "milter", "", "postfix")],
        "filter.example.net:8891": [("inet:filter.example.net:8891", "milter", "", "postfix")],
        "own": [(f"unix:{queue}/own/own.sock", "milter", "", "postfix")],
        "clamd": [("unix:/var/run/clamav/clamd.ctl", "clamd", "", "clamav")],
        "spamd": [("inet:127.0.0.1:7830", "spamd", "", "spamass-milter")],
        "freshclam": [],
        "dovecot": [
            (f"unix:{queue}/private/auth", "dovecot-auth", "auth", "postfix"),
            ("inet:127.0.0.1:143", "imap", "IMAP", ""),
            ("inet:192.0.2.5:993", "imap", "IMAPS", ""),
            (f"unix:{queue}/private/dovecot-lmtp", "lmtp", "LMTP", "postfix"),
        ],
        "php-fpm": [],
        "mariadb": [
            ("unix:/run/mysqld/mysqld.sock", "mysql", "", ""),
            ("inet:127.0.0.1:3306", "mysql", "3306", ""),
        ],
        "rsyslog": [],
        "journald": [],
    }
    needs = {
        one.name: [(need.service, need.spec, need.client, need.without) for need in one.needs]
        for one in found.services
        if one.needs
    }
    passes, login = "mail passes unfiltered", "nobody can log in to send mail"
    assert needs == {
        "postfix": [
            ("dovecot", f"unix:{queue}/private/auth", "postfix", login),
            ("dovecot", f"unix:{queue}/private/dovecot-lmtp", "postfix", "mail waits in the queue"),
            ("spamass-milter", f"unix:{queue}/spamass/spamass.sock", "postfix", passes),
            ("clamav-milter", f"unix:{queue}/clamav/clamav-milter.ctl", "postfix", passes),
            ("opendkim", f"unix:{queue}/run/opendkim/opendkim.sock", "postfix", passes),
            ("filter.example.net:8891", "inet:filter.example.net:8891", "postfix", passes),
            ("own", f"unix:{queue}/own/own.sock", "postfix", passes),
        ],
        "spamass-milter": [("spamd", "inet:127.0.0.1:7830", "spamass-milter", passes)],
        "clamav-milter": [
            ("clamd", "unix:/var/run/clamav/clamd.ctl", "clamav", "mail is deferred (451)")
        ],
        "php-fpm": [("mariadb", "unix:/run/mysqld/mysqld.sock", "", "nobody can read mail by web")],
    }
    assert found.notes == ()


def test_what_else_is_told_of_debians(tmp_path: Path) -> None:
    found = table(debian(tmp_path))
    assert found["postfix"].instance == found["postfix"].seen_unit == "postfix@-.service"
    assert found["clamd"].seen_unit == "clamav-daemon.service"
    assert [at.tls for at in found["postfix"].listeners] == [False, False, True]
    assert found["opendkim"].configuration == ("/etc/opendkim.conf",)
    assert found["spamd"].configuration == ("/etc/default/spamd", "/etc/spamassassin/local.cf")
    assert found["mariadb"].configuration[-1] == "/etc/mysql/mariadb.conf.d/50-server.cnf"
    assert found["own"].program == "own-milter"
    users = {name: found[name].user for name in ("clamd", "opendkim", "mariadb", "own")}
    assert users == {"clamd": "clamav", "opendkim": "opendkim", "mariadb": "mysql", "own": "own"}
    assert "secret" not in repr(found)


def test_red_hat(tmp_path: Path) -> None:
    found = find_services(redhat(tmp_path))
    assert [
        (one.name, one.unit, one.behind, one.place, one.expected, one.user)
        for one in found.services
    ] == [
        ("postfix", "postfix.service", "", 0, True, "postfix"),
        ("milter-manager", "milter-manager.service", "", 1, True, "milter-manager"),
        ("milter-greylist", "milter-greylist.service", "milter-manager", 1, True, "grmilter"),
        ("clamav-milter", "clamav-milter.service", "milter-manager", 2, True, "clamilt"),
        ("spamass-milter", "spamass-milter.service", "milter-manager", 0, False, "sa-milt"),
        ("clamd", "clamd@scan.service", "", 0, True, "clamscan"),
        ("clamd@other", "clamd@other.service", "", 0, False, "other"),
        ("spamd", "spamassassin.service", "", 0, True, ""),
        ("mariadb", "mariadb.service", "", 0, True, ""),
    ]
    by_name = {one.name: one for one in found.services}
    manager = by_name["milter-manager"]
    assert manager.role == "milter manager"
    assert [(need.service, need.client, need.without) for need in manager.needs] == [
        ("milter-greylist", "milter-manager", "mail is deferred (451)"),
        ("clamav-milter", "milter-manager", "mail passes unfiltered"),
    ]
    (socket,) = by_name["clamav-milter"].listeners
    assert socket.spec == "unix:/run/clamav-milter/clamav-milter.socket"
    assert socket.client == "milter-manager"
    (clamd,) = by_name["clamav-milter"].needs
    assert (clamd.service, clamd.client) == ("clamd", "clamilt")
    assert clamd.without == "mail passes unscanned"
    assert [at.spec for at in by_name["clamd"].listeners] == [
        "unix:/run/clamd.scan/clamd.sock",
        "inet:127.0.0.1:3310",
    ]
    spamass = by_name["spamass-milter"]
    assert [at.spec for at in spamass.listeners] == ["unix:/run/spamass-milter/postfix/sock"]
    assert [need.spec for need in spamass.needs] == ["inet:127.0.0.1:783"]
    assert [at.spec for at in by_name["postfix"].listeners] == [
        "inet:127.0.0.1:25",
        "inet:127.0.0.1:10025",
    ]
    assert [at.spec for at in by_name["mariadb"].listeners] == ["unix:/var/lib/mysql/mysql.sock"]
    assert found.notes == ()


def test_a_milter_asked_at_another_socket_than_its_own_is_one_service(tmp_path: Path) -> None:
    host = redhat(tmp_path)
    moved = REDHAT_FILES["/etc/mail/greylist.conf"].replace("/run/", "/run/moved/")
    Path(host.at("/etc/mail/greylist.conf")).write_text(moved)
    found = table(host)["milter-greylist"]
    assert [(at.spec, at.client) for at in found.listeners] == [
        ("unix:/run/milter-greylist/milter-greylist.sock", "milter-manager"),
        ("unix:/run/moved/milter-greylist/milter-greylist.sock", ""),
    ]
    assert found.place == 1


def test_without_root_the_children_are_not_known_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    found = find_services(redhat(tmp_path))
    (note,) = found.notes
    assert note.startswith("the milters behind milter-manager are not known: ")
    assert "run as root" in note
    services = {one.name: one for one in found.services}
    assert services["milter-manager"].place == 1
    assert (services["clamav-milter"].behind, services["clamav-milter"].expected) == ("", True)


def test_a_file_that_may_not_be_read_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What root may not read can't be made: the refusal is put in its place.
    host = debian(tmp_path)
    file = host.at("/etc/clamav/clamav-milter.conf")
    real = host.files.read

    def read(path: str, limit: int = 1 << 24) -> bytes:
        if path == file:
            raise HostError(f"{path}: cannot read it: Permission denied")
        return real(path, limit)

    monkeypatch.setattr(host.files, "read", read)
    found = find_services(host)
    assert [note for note in found.notes if "clamav-milter.conf" in note]
    milter = next(one for one in found.services if one.name == "clamav-milter")
    assert milter.listeners[0].source == "smtp: smtpd_milters", "told by the chain alone"


def test_no_postfix_is_noted_and_the_rest_is_found(tmp_path: Path) -> None:
    host = lay_out(tmp_path, ("", "smtp inet\n"), DEBIAN_FILES, DEBIAN_UNITS)
    found = find_services(host)
    assert "the milter chains are not known: postconf -M failed" in found.notes[0]
    services = {one.name: one for one in found.services}
    assert services["clamav-milter"].place == 0
    assert services["dovecot"].listeners, "doveconf is missing here: the usual ports are taken"
    assert any("its usual ports are taken" in note for note in found.notes)


def test_without_units_it_is_told_by_files_and_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_no_systemd", lambda: "systemd does not run here")
    files = {path: DEBIAN_FILES[path] for path in ("/etc/opendkim.conf", "/etc/clamav/clamd.conf")}
    host = lay_out(tmp_path, DEBIAN_POSTFIX, {**files, "/usr/sbin/opendkim": ""}, ())
    found = find_services(host)
    assert found.notes[0] == (
        "units can't be seen, services are told by files: systemd does not run here"
    )
    services = {one.name: one for one in found.services}
    assert (services["opendkim"].unit, services["opendkim"].place) == ("", 3)
    assert services["opendkim"].expected


def test_files_left_behind_make_no_service(tmp_path: Path) -> None:
    left = {"/etc/opendmarc.conf": "Socket local:/run/opendmarc/opendmarc.sock\n"}
    host = lay_out(tmp_path, DEBIAN_POSTFIX, {**DEBIAN_FILES, **left}, DEBIAN_UNITS)
    assert "opendmarc" not in table(host)


def test_a_failed_unit_and_its_aliases_are_one_service(tmp_path: Path) -> None:
    files = "/usr/lib/systemd/system/mariadb.service"
    alias = unit("mysql", "/usr/sbin/mariadbd", "failed", FragmentPath=files)
    own = unit("mariadb", "/usr/sbin/mariadbd", "failed", FragmentPath=files)
    found = table(lay_out(tmp_path, ("", ""), {}, (alias, own)))
    assert [name for name in found if name != "postfix"] == ["mariadb"]


@pytest.mark.parametrize(
    "told",
    [
        unit("filter", "/usr/bin/python3 -I /opt/filters/clamav-milter --socket x"),
        unit("filter", "/usr/bin/perl -T -w /usr/sbin/clamav-milter"),
        unit("filter", "/usr/sbin/clamav-milter -c /etc/clamav/clamav-milter.conf"),
    ],
)
def test_a_unit_is_known_by_what_it_runs_and_not_by_its_name(tmp_path: Path, told: str) -> None:
    found = table(lay_out(tmp_path, DEBIAN_POSTFIX, DEBIAN_FILES, (told,)))
    assert found["clamav-milter"].unit == "filter.service"
    assert found["clamav-milter"].place == 2


def test_a_masked_unit_is_known_by_the_file_below_its_mask(tmp_path: Path) -> None:
    gone = {"LoadState": "masked", "ExecStart": "", "FragmentPath": ""}
    told = (
        unit("filter", "/x", "inactive", "masked", **gone),
        unit("clamd@mail", "/x", "inactive", "masked-runtime", **gone),
        unit("spamass-milter", "/x", "inactive", "masked", **gone),
    )
    files = {
        "/usr/lib/systemd/system/filter.service": "[Service]\nExecStart=-/usr/sbin/clamav-milter\n",
        "/usr/lib/systemd/system/clamd@.service": "[Service]\nExecStart=/usr/sbin/clamd -c x\n",
        "/etc/init.d/spamass-milter": "#!/bin/sh\n",
    }
    found = table(lay_out(tmp_path, DEBIAN_POSTFIX, {**DEBIAN_FILES, **files}, told))
    names = ("clamav-milter", "clamd", "spamass-milter")
    assert [(found[name].unit, found[name].expected) for name in names] == [
        ("filter.service", True),
        ("clamd@mail.service", True),
        ("spamass-milter.service", True),
    ]


def test_an_init_script_is_known_by_its_name(tmp_path: Path) -> None:
    found = table(lay_out(tmp_path, DEBIAN_POSTFIX, DEBIAN_FILES, (init_script("clamav-milter"),)))
    assert found["clamav-milter"].unit == "clamav-milter.service"


def test_the_database_of_a_web_mail(tmp_path: Path) -> None:
    dsn = "$config['db_dsnw'] = 'mysql://roundcube:se@cret@db.example.org:3307/mail';\n"
    files = {"/etc/roundcubemail/config.inc.php": f"<?php\n//{dsn}{dsn}"}
    told = (unit("php-fpm", "/usr/sbin/php-fpm --nodaemonize"), unit("nginx", "/usr/sbin/nginx"))
    found = table(lay_out(tmp_path, ("", ""), files, told))
    assert [need.spec for need in found["php-fpm"].needs] == ["inet:db.example.org:3307"]
    assert found["nginx"].role == "web mail"
    assert "se@cret" not in repr(found)


def test_a_host_without_anything_is_empty(tmp_path: Path) -> None:
    assert find_services(lay_out(tmp_path, ("", ""), {}, ())).services == ()
