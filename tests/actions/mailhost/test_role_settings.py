"""What each daemon's own settings say of where it listens and what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.host.ports import UnitState
from actions.mailhost.roles import filters, mta, webmail
from actions.mailhost.roles.mailboxes import listeners, read_blocks
from actions.mailhost.roles.site import Site, option_of
from tests.actions.mailhost.layouts import lay_out
from tests.actions.mailhost.private import private_host
from tests.postfix_ports import SMTPD, TablePostfix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from actions.mailhost.roles.site import Told

DOVECOT_24 = """\
# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf
listen =
protocols {
  imap = yes
  lmtp = yes
  pop3 = no
}
ssl = yes
service imap-login {
  inet_listener imap {
    listen = ::
  }
  inet_listener imaps {
  }
}
service pop3-login {
  inet_listener pop3 {
  }
}
service lmtp {
  inet_listener lmtp {
    listen = 192.0.2.7
    port = 24
  }
  unix_listener "/var/spool/postfix/private/dovecot-lmtp" {
    mode = 0600
  }
  unix_listener lmtp {
  }
}
service auth {
  inet_listener auth {
    port = 12345
  }
  unix_listener /run/mail/auth-userdb {
  }
  unix_listener /run/mail/off {
    mode = 0
  }
}
"""


def site(
    root: Path,
    files: Mapping[str, str],
    *command: str,
    defaults: tuple[str, ...] = (),
    unit: str = "x.service",
) -> Site:
    """Return what a reader is given: these files, and a unit that runs *command*."""
    host = lay_out(root, ("", ""), files, ())
    unit_files = tuple(path for path in files if path.endswith(".service"))
    state = UnitState(unit, "active", None, 0, "", "", command=command, files=unit_files)
    return Site(host, state, defaults)


@pytest.mark.parametrize(
    ("argv", "names", "value"),
    [
        ("-p 1 -p 2", ("-p",), "2"),
        ("-p2", ("-p",), "2"),
        ("--port=7", ("-p", "--port"), "7"),
        ("--port 7", ("-p", "--port"), "7"),
        ("--pidfile=/x", ("-p", "--port"), ""),
        ("-p", ("-p",), ""),
        ("-p 1 -- -p 2", ("-p",), "1"),
        ("", ("-p",), ""),
    ],
)
def test_options(argv: str, names: tuple[str, ...], value: str) -> None:
    assert option_of(argv.split(), *names) == value


def test_shell_files(tmp_path: Path) -> None:
    text = (
        "# A=comment\nexport A=1\n B='two words' # why\nC=\"$A ${B}\"\nD=${UNKNOWN:-/d}/x\n"
        'if [ -x /y ]; then E=5; fi\nF=a\\\n  b\nG=1; H=2\nA="${A}2"\n'
    )
    given = site(tmp_path, {"/etc/default/x": text}, defaults=("/etc/default/x",)).environment
    told = {name: given[name] for name in "ABCDGH"}
    assert told == {
        "A": "12",
        "B": "two words",
        "C": "1 two words",
        "D": "/d/x",
        "G": "1",
        "H": "2",
    }


def test_a_unit_gives_its_variables_and_its_instance(tmp_path: Path) -> None:
    file = "/usr/lib/systemd/system/clamd@.service"
    files = {
        file: "[Service]\nEnvironment=A=1 'B=two words'\nEnvironmentFile=-/etc/sysconfig/clamd.%i\n"
        "EnvironmentFile=-/etc/none\n",
        "/etc/sysconfig/clamd.scan": 'OPTIONS="-c /etc/x.conf  -v"\n',
    }
    told = site(tmp_path, files, "/clamd", "$OPTIONS", "${B}-$A", "$$", unit="clamd@scan.service")
    assert told.argv == ("/clamd", "-c", "/etc/x.conf", "-v", "two words-1", "$$")
    assert told.files == ["/etc/sysconfig/clamd.scan"]


@pytest.mark.parametrize(
    ("options", "spec"),
    [
        ("-m -r 15", "inet:127.0.0.1:783"),
        ("-m -- -d spam.example.org -p 7830", "inet:spam.example.org:7830"),
        ("-p /x -- -U /run/spamd.sock", "unix:/run/spamd.sock"),
        ("-- --socket=/run/spamd.sock", "unix:/run/spamd.sock"),
        ("-D spam.example.org", "inet:spam.example.org:783"),
        ("-- -d ::1", "inet:[::1]:783"),
    ],
)
def test_where_spamass_milter_asks(tmp_path: Path, options: str, spec: str) -> None:
    files = {"/etc/default/spamass-milter": f'OPTIONS="{options}"\nSOCKET=/run/s.sock\n'}
    told = filters.spamass_milter(site(tmp_path, files, defaults=tuple(files)))
    assert [(need.service, need.spec) for need in told.needs] == [("spamd", spec)]


@pytest.mark.parametrize(
    ("options", "spec"),
    [
        ("", "inet:127.0.0.1:783"),
        ("-i", "inet:127.0.0.1:783"),
        ("-i -m 5", "inet:127.0.0.1:783"),
        ("-i 192.0.2.1 -p 7", "inet:192.0.2.1:7"),
        ("--listen=0.0.0.0 --port=7", "inet:127.0.0.1:7"),
        ("--socketpath=/run/spamd.sock --socketmode=0660", "unix:/run/spamd.sock"),
    ],
)
def test_where_spamd_listens(tmp_path: Path, options: str, spec: str) -> None:
    told = filters.spamd(site(tmp_path, {}, "/usr/bin/spamd", *options.split()))
    assert [at.spec for at in told.listeners] == [spec]


@pytest.mark.parametrize(
    ("read", "file", "text", "spec"),
    [
        (filters.opendkim, "/etc/opendkim.conf", "Socket inet:8891@localhost", "127.0.0.1:8891"),
        (filters.opendkim, "/etc/opendkim.conf", "socket\tinet:8891", "127.0.0.1:8891"),
        (filters.opendmarc, "/etc/opendmarc.conf", "Socket inet:8893@[::1]", "[::1]:8893"),
        (filters.rspamd, "/etc/rspamd/worker-proxy.inc", "", "127.0.0.1:11332"),
        (
            filters.rspamd,
            "/etc/rspamd/local.d/worker-proxy.inc",
            'bind_socket = "*:11999";',
            "127.0.0.1:11999",
        ),
        (
            filters.milter_manager,
            "/etc/sysconfig/milter-manager",
            'CONNECTION_SPEC="inet:10025@[127.0.0.1]"',
            "127.0.0.1:10025",
        ),
    ],
)
def test_milters_by_port(
    tmp_path: Path, read: Callable[[Site], Told], file: str, text: str, spec: str
) -> None:
    defaults = (file,) if "sysconfig" in file else ()
    told = read(site(tmp_path, {file: text}, defaults=defaults))
    assert [at.spec for at in told.listeners] == [f"inet:{spec}"]


def test_clamav_takes_the_first_line_without_its_comment(tmp_path: Path) -> None:
    text = "LocalSocket /run/1\nLocalSocket /run/2\nUser clamav # who\n"
    told = filters.clamd(site(tmp_path, {"/etc/clamav/clamd.conf": text}))
    assert [at.spec for at in told.listeners] == ["unix:/run/1"]
    assert told.user == "clamav"


def test_a_scanner_on_another_host(tmp_path: Path) -> None:
    text = "MilterSocket inet:7357\nClamdSocket tcp:scanner.example.org:3310\n#OnFail Accept\n"
    told = filters.clamav_milter(site(tmp_path, {"/etc/mail/clamav-milter.conf": text}))
    (need,) = told.needs
    assert need.spec == "inet:scanner.example.org:3310"
    assert need.without == "mail is deferred (451)"


def test_dovecot_2_4_leaves_out_what_is_usual() -> None:
    found = [(at.spec, at.label, at.tls) for at in listeners(read_blocks(DOVECOT_24))]
    assert found == [
        ("inet:[::1]:143", "IMAP", False),
        ("inet:127.0.0.1:993", "IMAPS", True),
        ("inet:192.0.2.7:24", "LMTP", False),
        ("unix:/var/spool/postfix/private/dovecot-lmtp", "LMTP", False),
        ("inet:127.0.0.1:12345", "auth", False),
    ]


def test_dovecot_without_tls_has_no_tls_ports() -> None:
    text = DOVECOT_24.replace("ssl = yes", "ssl = no")
    assert "IMAPS" not in {at.label for at in listeners(read_blocks(text))}


def test_a_configuration_cut_short_is_read_as_far_as_it_goes() -> None:
    assert list(listeners(read_blocks(DOVECOT_24[:230])))
    assert read_blocks("}\n}\na = b\n").settings == {"a": "b"}


@pytest.mark.parametrize(
    ("dsn", "spec"),
    [
        ("mysql://u:p@localhost/mail", "unix:/run/mysqld/mysqld.sock"),
        ("mysqli://u:p@unix(/run/db.sock)/mail", "unix:/run/db.sock"),
        ("mysql://u@db.example.org/mail", "inet:db.example.org:3306"),
        ("mysql://u:p%40@db.example.org:3307/mail", "inet:db.example.org:3307"),
        ("sqlite:////var/lib/roundcube/mail.db?mode=0646", ""),
        ("pgsql://u:p@localhost/mail", ""),
    ],
)
def test_the_database_of_roundcube(tmp_path: Path, dsn: str, spec: str) -> None:
    files = {
        "/etc/roundcube/config.inc.php": f"<?php\n$config['db_dsnw'] = '{dsn}';\n",
        "/etc/mysql/my.cnf": "",
    }
    told = webmail.web_server(site(tmp_path, files))
    assert [need.spec for need in told.needs] == ([spec] if spec else [])


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("[mysqld]\nport=3307\nbind-address=0.0.0.0\n", ["127.0.0.1:3307"]),
        ("[mariadb-11.8]\nbind_address = ::1\n", ["[::1]:3306"]),
        ("[mysqld]\nskip_networking\n", []),
        ("[mysqld]\nskip-networking=0\n", ["127.0.0.1:3306"]),
        ("[client]\nport=1\n!include /etc/mysql/my.cnf\n", ["127.0.0.1:3306"]),
    ],
)
def test_where_the_database_listens(tmp_path: Path, text: str, specs: list[str]) -> None:
    told = webmail.database(site(tmp_path, {"/etc/mysql/my.cnf": text}))
    assert [at.spec for at in told.listeners] == [
        "unix:/run/mysqld/mysqld.sock",
        *(f"inet:{spec}" for spec in specs),
    ]


@pytest.mark.parametrize(
    ("interfaces", "spec"),
    [
        ("all", "127.0.0.1"),
        ("loopback-only", "127.0.0.1"),
        ("192.0.2.9, localhost", "192.0.2.9"),
        ("[2001:db8::9]", "[2001:db8::9]"),
    ],
)
def test_where_postfix_is_asked(tmp_path: Path, interfaces: str, spec: str) -> None:
    host = private_host(tmp_path)
    settings = {"inet_interfaces": interfaces, "queue_directory": "/q"}
    services = (
        SMTPD,
        SMTPD._replace(name="[::1]:2525"),
        SMTPD._replace(name="inner", kind="unix", private=True),
        SMTPD._replace(name="smtpd", kind="pass"),
        SMTPD._replace(name="no-such-service"),
    )
    host.postfix = TablePostfix(settings, services)
    told = mta.postfix(Site(host, None))
    assert [(at.spec, at.label) for at in told.listeners] == [
        (f"inet:{spec}:25", "25"),
        ("inet:[::1]:2525", "2525"),
        ("unix:/q/private/inner", "inner"),
    ]


@pytest.mark.parametrize(
    ("transport", "chroot", "spec"),
    [
        ("lmtp:unix:private/dovecot-lmtp", True, "unix:/q/private/dovecot-lmtp"),
        ("lmtp:unix:/run/dovecot/lmtp", False, "unix:/run/dovecot/lmtp"),
        ("lmtp:unix:/run/dovecot/lmtp", True, "unix:/q/run/dovecot/lmtp"),
        ("lmtp:inet:mda.example.org:2400", False, "inet:mda.example.org:2400"),
        ("lmtp:[127.0.0.1]", False, "inet:127.0.0.1:24"),
        ("lmtp:[::1]:2400", False, "inet:[::1]:2400"),
        ("dovecot:", False, ""),
        ("virtual", False, ""),
    ],
)
def test_whom_postfix_gives_its_mail(
    tmp_path: Path, transport: str, chroot: bool, spec: str
) -> None:
    host = private_host(tmp_path)
    lmtp = SMTPD._replace(name="lmtp", kind="unix", program="lmtp", chroot=chroot)
    settings = {"virtual_transport": transport, "queue_directory": "/q"}
    for domains, expected in (("example.org", [spec] if spec else []), ("", [])):
        known = {**settings, "virtual_mailbox_domains": domains}
        host.postfix = TablePostfix(known, (lmtp,))
        assert [need.spec for need in mta.postfix(Site(host, None)).needs] == expected


def test_whom_postfix_asks_about_passwords(tmp_path: Path) -> None:
    host = private_host(tmp_path)
    asks = SMTPD._replace(chroot=True, overrides=(("smtpd_sasl_auth_enable", "yes"),))
    settings = {"queue_directory": "/q", "smtpd_sasl_type": "dovecot"}
    for path, spec in (
        ("private/auth", "unix:/q/private/auth"),
        ("/auth", "unix:/q/auth"),
        ("unix:/auth", "unix:/q/auth"),
        ("inet:localhost:12345", "inet:127.0.0.1:12345"),
    ):
        host.postfix = TablePostfix({**settings, "smtpd_sasl_path": path}, (SMTPD, asks))
        assert [need.spec for need in mta.postfix(Site(host, None)).needs] == [spec]
    cyrus = {**settings, "smtpd_sasl_type": "cyrus", "smtpd_sasl_path": "smtpd"}
    host.postfix = TablePostfix(cyrus, (asks,))
    assert mta.postfix(Site(host, None)).needs == ()
