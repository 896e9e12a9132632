"""Mail hosts of two distributions, laid out in a folder: files, and what systemctl says there.

The settings are those of the packages' own files; units are told as `systemctl show` of systemd
252 (Debian 12) and 239 (RHEL 8) tells them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.ports import Completed
from tests.actions.mailhost.private import PrivateCommands, private_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.actions.mailhost.private import PrivateHost

SHOWN = """\
manager.connection_spec = "unix:/run/milter-manager/milter-manager.sock"
define_milter("milter-greylist") do |milter|
  milter.connection_spec = "unix:/run/milter-greylist/milter-greylist.sock"
  milter.enabled = true
  milter.fallback_status = "temporary-failure"
  milter.applicable_conditions = ["S25R"]
end
define_milter("clamav-milter") do |milter|
  milter.connection_spec = "unix:/var/run/clamav-milter/clamav-milter.socket"
  milter.enabled = true
end
define_milter("spamass-milter") do |milter|
  milter.connection_spec = "unix:/run/spamass-milter/postfix/sock"
  milter.enabled = false
end
"""


def unit(
    name: str, command: str, state: str = "active", file_state: str = "enabled", **more: str
) -> str:
    """Return what systemctl show says of one unit."""
    name = name if name.endswith(".service") else f"{name}.service"
    template = name.partition("@")[0] + "@.service" if "@" in name else name
    told = {
        "Id": name,
        "Names": name,
        "LoadState": "loaded",
        "ActiveState": state,
        "SubState": "running" if state == "active" else "dead",
        "Result": "success",
        "UnitFileState": file_state,
        "MainPID": "0",
        "ExecStart": f"{{ path={command.split()[0]} ; argv[]={command} ; ignore_errors=no ; }}",
        "FragmentPath": f"/usr/lib/systemd/system/{template}",
        **more,
    }
    return "".join(f"{key}={value}\n" for key, value in told.items())


def init_script(name: str, state: str = "active") -> str:
    """Return what systemctl show says of the unit made for an init script."""
    script = f"/etc/init.d/{name}"
    generated = f"/run/systemd/generator.late/{name}.service"
    own = {"SourcePath": script, "FragmentPath": generated}
    return unit(name, f"{script} start", state, "generated", **own)


class LayoutCommands(PrivateCommands):
    """Real programs, but for what a folder can't have: systemctl and doveconf, as recorded."""

    def __init__(self, folder: Path, units: Sequence[str], answers: Mapping[str, str]) -> None:
        super().__init__(folder)
        told = [dict(line.partition("=")[::2] for line in text.splitlines()) for text in units]
        self._units = {one["Id"]: text for one, text in zip(told, units, strict=True)}
        self._answers = answers

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        if argv[:2] == ["systemctl", "show"]:
            asked = argv[argv.index("--") + 1 :]
            absent = "LoadState=not-found\nActiveState=inactive\n"
            return Completed(
                tuple(argv),
                0,
                "\n".join(self._units.get(name, f"Id={name}\n{absent}") for name in asked),
                "",
            )
        if argv[0] == "systemctl":
            loaded = "".join(f"{name} loaded x x\n" for name in self._units if self._has(name))
            return Completed(tuple(argv), 0, loaded if argv[1] == "list-units" else "", "")
        if argv[0] in self._answers:
            return Completed(tuple(argv), 0, self._answers[argv[0]], "")
        return super().run(argv, user=user, timeout=timeout)

    def _has(self, name: str) -> bool:
        """Return whether systemd has *name* loaded: it has no instance that nothing starts."""
        return "@" not in name or "UnitFileState=disabled" not in self._units[name]


def lay_out(
    root: Path,
    postfix: tuple[str, str],
    files: Mapping[str, str],
    units: Sequence[str],
    answers: Mapping[str, str] | None = None,
) -> PrivateHost:
    """Return a host of these *files* and *units*, whose main.cf and master.cf are *postfix*."""
    host = private_host(root, *postfix)
    for path, text in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if text.startswith("#!"):
            file.chmod(0o755)
    host.own_commands = host.commands = LayoutCommands(root / "postfix", units, answers or {})
    return host


DOVECONF = """\
# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf
base_dir = /run/dovecot
listen = *, ::
protocols = " imap lmtp"
ssl = yes
service auth {
  inet_listener auth {
    address =
    port = 0
  }
  unix_listener /var/spool/postfix/private/auth {
    group = postfix
    mode = 0660
    user = postfix
  }
  unix_listener auth-userdb {
    mode = 0666
  }
}
service imap-login {
  inet_listener imap {
    address =
    port = 143
    ssl = no
  }
  inet_listener imaps {
    address = 192.0.2.5
    port = 993
    ssl = yes
  }
}
service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
  }
  unix_listener lmtp {
    mode = 0666
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 110
  }
}
"""

DEBIAN_POSTFIX = (
    """\
queue_directory = /var/spool/postfix
smtpd_milters = unix:/spamass/spamass.sock, unix:/clamav/clamav-milter.ctl,
  unix:/run/opendkim/opendkim.sock, inet:filter.example.net:8891, unix:own/own.sock
milter_default_action = accept
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
mailbox_transport = lmtp:unix:private/dovecot-lmtp
inet_interfaces = all
""",
    """\
smtp inet n - y - - smtpd
submission inet n - y - - smtpd
  -o smtpd_sasl_auth_enable=yes -o smtpd_milters=
smtps inet n - y - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes -o smtpd_milters=
pickup unix n - y 60 1 pickup
cleanup unix n - y - 0 cleanup
lmtp unix - - y - - lmtp
""",
)

DEBIAN_FILES = {
    "/usr/sbin/postfix": "",
    "/etc/default/spamass-milter": 'OPTIONS="-u spamass-milter -i 127.0.0.1"\n'
    "# Reject emails with spamassassin scores > 15.\n"
    '#OPTIONS="${OPTIONS} -r 15"\n'
    'OPTIONS="${OPTIONS} -r 15 -- -p 7830"\n',
    "/etc/default/spamd": 'OPTIONS="--create-prefs --max-children 5 --helper-home-dir -p 7830"\n'
    'PIDFILE="/run/spamd.pid"\n',
    "/usr/lib/systemd/system/spamd.service": "[Service]\nEnvironmentFile=-/etc/default/spamd\n"
    "ExecStart=/usr/sbin/spamd --pidfile=/run/spamd.pid $OPTIONS\n",
    "/etc/spamassassin/local.cf": "# rewrite_header Subject *****SPAM*****\n",
    "/etc/clamav/clamav-milter.conf": "MilterSocket /var/spool/postfix/clamav/clamav-milter.ctl\n"
    "FixStaleSocket true\nUser clamav\nClamdSocket unix:/var/run/clamav/clamd.ctl\n"
    "OnClean Accept\nOnInfected Quarantine\nOnFail Defer\n",
    "/etc/clamav/clamd.conf": "LocalSocket /var/run/clamav/clamd.ctl\nUser clamav\n"
    "#TCPSocket 3310\n",
    "/etc/clamav/freshclam.conf": "DatabaseOwner clamav\nNotifyClamd /etc/clamav/clamd.conf\n",
    "/etc/opendkim.conf": "Syslog\t\tyes\nUserID\t\topendkim\nUMask\t\t007\n"
    "Socket\t\tlocal:/var/spool/postfix/run/opendkim/opendkim.sock\n",
    "/etc/dovecot/dovecot.conf": "!include_try /usr/share/dovecot/protocols.d/*.protocol\n",
    "/etc/mysql/my.cnf": "[client-server]\n# Port or socket location\n"
    "!includedir /etc/mysql/conf.d/\n!includedir /etc/mysql/mariadb.conf.d/\n",
    "/etc/mysql/conf.d/mysql.cnf": "[mysql]\nsocket = /not/the/servers\n",
    "/etc/mysql/mariadb.conf.d/50-server.cnf": "[mysqld]\nuser = mysql\n"
    "pid-file = /run/mysqld/mysqld.pid\nbind-address            = 127.0.0.1\n",
    "/etc/roundcube/config.inc.php": "<?php\n$config = [];\ninclude_once('debian-db.php');\n",
    "/etc/roundcube/debian-db.php": "<?php\n$dbuser='roundcube';\n$dbpass='secret';\n"
    "$basepath='';\n$dbname='roundcube';\n$dbserver='localhost';\n$dbport='';\n$dbtype='mysql';\n",
}

DEBIAN_UNITS = (
    unit("apt-daily", "/usr/lib/apt/apt.systemd.daily update", "inactive", "static"),
    unit("clamav-daemon", "/usr/sbin/clamd --foreground=true"),
    unit("clamav-freshclam", "/usr/bin/freshclam -d --foreground=true"),
    unit("clamav-freshclam-once", "/usr/bin/freshclam --foreground=true", "inactive", "static"),
    init_script("clamav-milter"),
    unit("dovecot", "/usr/sbin/dovecot -F"),
    unit("mariadb", "/usr/sbin/mariadbd $MYSQLD_OPTS $_WSREP_NEW_CLUSTER"),
    unit("opendkim", "/usr/sbin/opendkim"),
    unit("own", "/usr/local/bin/own-milter", User="own"),
    unit("php8.2-fpm", "/usr/sbin/php-fpm8.2 --nodaemonize"),
    unit("postfix", "/bin/true", SubState="exited"),
    unit("postfix@-", "/usr/sbin/postmulti -i - -p start", file_state="enabled-runtime"),
    unit("rsyslog", "/usr/sbin/rsyslogd -n -iNONE"),
    init_script("spamass-milter", "failed"),
    unit("spamd", "/usr/sbin/spamd --pidfile=/run/spamd.pid $OPTIONS", "inactive", "disabled"),
    unit("systemd-journald", "/lib/systemd/systemd-journald", file_state="static"),
)


def debian(root: Path) -> PrivateHost:
    """Return a host as Debian 12 lays it out, with Postfix asking its milters itself."""
    return lay_out(root, DEBIAN_POSTFIX, DEBIAN_FILES, DEBIAN_UNITS, {"doveconf": DOVECONF})


REDHAT_FILES = {
    "/etc/sysconfig/milter-manager": 'USER=milter-manager\nSOCKET_GROUP="postfix"\n',
    "/etc/milter-manager/milter-manager.conf": "",
    "/usr/sbin/milter-manager": f"#!/bin/sh\ncat <<'END'\n{SHOWN}END\n",
    "/etc/mail/greylist.conf": 'socket "/run/milter-greylist/milter-greylist.sock" 660\n'
    'user "grmilter:grmilter"\n',
    "/etc/mail/clamav-milter.conf": "User clamilt\n"
    "MilterSocket /run/clamav-milter/clamav-milter.socket\n"
    "ClamdSocket unix:/run/clamd.scan/clamd.sock\nOnFail Accept\n",
    "/usr/lib/systemd/system/clamd@.service": "ExecStart=/usr/sbin/clamd -c /etc/clamd.d/%i.conf\n",
    "/etc/clamd.d/scan.conf": "LocalSocket /run/clamd.scan/clamd.sock\nUser clamscan\n"
    "TCPSocket 3310\nTCPAddr 0.0.0.0\n",
    "/etc/clamd.d/other.conf": "LocalSocket /run/clamd.other/clamd.sock\nUser other\n",
    "/etc/sysconfig/spamass-milter": '#EXTRA_FLAGS="-m -r 15"\nEXTRA_FLAGS="-m -r 15"\n',
    "/etc/sysconfig/spamass-milter-postfix": "SOCKET=/run/spamass-milter/postfix/sock\n"
    'SOCKET_OPTIONS="-g postfix"\n',
    "/usr/lib/systemd/system/spamass-milter.service": "[Service]\nUser=sa-milt\n"
    "Environment=SOCKET=/run/spamass-milter/spamass-milter.sock\n"
    "EnvironmentFile=-/etc/sysconfig/spamass-milter\n"
    "EnvironmentFile=-/etc/sysconfig/spamass-milter-postfix\n"
    "ExecStart=/usr/sbin/spamass-milter -p $SOCKET $SOCKET_OPTIONS $EXTRA_FLAGS\n",
    "/etc/sysconfig/spamassassin": "SPAMDOPTIONS=\"-c -m5 -H --razor-home-dir='x'\"\n",
    "/usr/lib/systemd/system/spamassassin.service": "[Service]\n"
    "EnvironmentFile=-/etc/sysconfig/spamassassin\nExecStart=/usr/bin/spamd $SPAMDOPTIONS\n",
    "/etc/my.cnf": "[client-server]\n!includedir /etc/my.cnf.d\n",
    "/etc/my.cnf.d/mariadb-server.cnf": "[mysqld]\nsocket=/var/lib/mysql/mysql.sock\n"
    "skip-networking\n",
}

REDHAT_UNITS = (
    unit("clamav-milter", "/usr/sbin/clamav-milter", User="clamilt"),
    unit("clamd@other", "/usr/sbin/clamd -c /etc/clamd.d/other.conf", "inactive", "disabled"),
    unit("clamd@scan", "/usr/sbin/clamd -c /etc/clamd.d/scan.conf", "inactive", "disabled"),
    unit("mariadb", "/usr/libexec/mariadbd --basedir=/usr $MYSQLD_OPTS"),
    unit("milter-greylist", "/usr/sbin/milter-greylist -D"),
    unit("milter-manager", "/usr/sbin/milter-manager --daemon", "failed"),
    unit("nginx", "/usr/sbin/nginx"),
    unit("postfix", "/usr/sbin/postfix start"),
    unit(
        "spamass-milter",
        "/usr/sbin/spamass-milter -p $SOCKET $SOCKET_OPTIONS $EXTRA_FLAGS",
        "active",
        "disabled",
        User="sa-milt",
    ),
    unit("spamassassin", "/usr/bin/spamd $SPAMDOPTIONS"),
)

REDHAT_POSTFIX = (
    """\
smtpd_milters = unix:/run/milter-manager/milter-manager.sock
inet_interfaces = localhost
""",
    "smtp inet n - n - - smtpd\n127.0.0.1:10025 inet n - n - - smtpd -o smtpd_milters=\n",
)


def redhat(root: Path) -> PrivateHost:
    """Return a host as RHEL and EPEL lay it out, with the milters behind milter-manager."""
    return lay_out(root, REDHAT_POSTFIX, REDHAT_FILES, REDHAT_UNITS)
