"""The services of master.cf and what each makes of the settings: asked of the real postconf."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.host.commands import SystemCommands
from actions.host.errors import HostError
from actions.host.master import read_master
from actions.host.ports import Completed
from actions.host.system import SystemPostfix
from console.lab.postfix import MainCf
from tests.actions.mailhost.private import private_host

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from actions.host.ports import Postfix, PostfixService

MAIN = """\
inet_milters = inet:127.0.0.1:8891
smtpd_milters = $inet_milters, unix:/run/a.sock
milter_macro_daemon_name = ${{daemon?{{$daemon}}:{{none}}}}
"""

MASTER = """\
# a comment
smtp inet n - - - - smtpd
127.0.0.1:10025 inet n n y - - /usr/lib/postfix/sbin/smtpd -v
  -o inet_milters= -o {{ daemon = a $myhostname }}
# a comment in the middle
  -o syslog_name=postfix/$service_name
"""


def by_name(postfix: Postfix) -> dict[str, PostfixService]:
    return {service.name: service for service in postfix.services()}


def test_columns_and_settings_are_read_as_postconf_prints_them(tmp_path: Path) -> None:
    services = by_name(private_host(tmp_path, MAIN, MASTER).postfix)
    assert list(services) == ["smtp", "127.0.0.1:10025"]
    smtp, inner = services.values()
    assert (smtp.kind, smtp.private, smtp.unprivileged, smtp.program) == (
        "inet",
        False,
        True,
        "smtpd",
    )
    assert (inner.program, inner.arguments, inner.unprivileged) == ("smtpd", ("-v",), False)
    assert inner.overrides == (
        ("inet_milters", ""),
        ("daemon", "a $myhostname"),
        ("syslog_name", "postfix/$service_name"),
    )


def test_a_service_s_settings_reach_what_main_cf_says_of_them(tmp_path: Path) -> None:
    postfix = private_host(tmp_path, MAIN, MASTER).postfix
    smtp, inner = by_name(postfix).values()
    told = {name: postfix.setting_of(inner, name) for name in ("smtpd_milters", "syslog_name")}
    assert told == {
        "smtpd_milters": ", unix:/run/a.sock",
        "syslog_name": "postfix/127.0.0.1:10025",
    }
    assert postfix.setting_of(inner, "milter_macro_daemon_name") == "a mx.example.org"
    assert postfix.setting_of(smtp, "smtpd_milters") == "inet:127.0.0.1:8891, unix:/run/a.sock"
    assert postfix.setting_of(smtp, "milter_macro_daemon_name") == "none"


def test_postconf_runs_once_for_each_answer(tmp_path: Path) -> None:
    host = private_host(tmp_path, MAIN, MASTER)
    for _ in range(2):
        smtp, inner = host.postfix.services()
        for name in ("smtpd_milters", "myhostname"):
            host.postfix.setting_of(smtp, name)
            host.postfix.setting_of(inner, name)
            host.postfix.default(name)
        host.postfix.user()
    assert [argv[1] for argv in host.own_commands.ran] == ["-M", "-x", "-x", "-d"]


@pytest.mark.parametrize(("level", "chroot"), [("0", True), ("1", False), ("3.6", False)])
def test_a_dash_for_chroot_is_what_the_compatibility_level_says(
    tmp_path: Path, level: str, chroot: bool
) -> None:
    host = private_host(tmp_path, f"compatibility_level = {level}\n", MASTER)
    smtp, inner = host.postfix.services()
    assert (smtp.chroot, inner.chroot) == (chroot, True)


def test_a_master_cf_that_postconf_refuses_is_an_error(tmp_path: Path) -> None:
    host = private_host(tmp_path, master="smtp inet n - -\n")
    with pytest.raises(HostError, match="postconf -M failed"):
        host.postfix.services()


class OldCommands(SystemCommands):
    """Postfix 2.10 as CentOS 7 has it: no compatibility_level, no -P, no braces after -o."""

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        said = {
            ("-M",): (
                "smtp       inet  n       -       n       -       -       smtpd\n"
                "submission inet  n       -       -       -       -       smtpd "
                "-o syslog_name=postfix/submission -o smtpd_tls_security_level=encrypt "
                "-o smtpd_milters=unix:/run/opendkim/opendkim.sock\n"
            ),
            ("-x",): "mail_version = 2.10.1\nsmtpd_milters = \n",
        }
        given = tuple(argv[1:])
        if given in said:
            return Completed(tuple(argv), 0, said[given], "")
        assert given[:3] == ("-x", "-o", "syslog_name=postfix/submission")
        own = "smtpd_milters = unix:/run/opendkim/opendkim.sock\n"
        assert f"smtpd_milters={own.split()[2]}" in given
        return Completed(tuple(argv), 0, own, "")


def test_postfix_2_10_is_understood() -> None:
    postfix = SystemPostfix(OldCommands())
    smtp, submission = postfix.services()
    assert (smtp.chroot, submission.chroot) == (False, True)
    assert postfix.setting_of(smtp, "smtpd_milters") == ""
    told = postfix.setting_of(submission, "smtpd_milters")
    assert told == "unix:/run/opendkim/opendkim.sock"


def test_the_lab_reads_its_master_cf_as_postconf_would(tmp_path: Path) -> None:
    main = MAIN.replace("${{daemon?{{$daemon}}:{{none}}}}", "$daemon")
    real = private_host(tmp_path, main, MASTER).postfix
    lab = MainCf(str(tmp_path / "postfix/main.cf"))
    assert lab.services() == real.services()
    for service in lab.services():
        for name in ("smtpd_milters", "milter_macro_daemon_name", "syslog_name"):
            if name != "syslog_name" or service.overrides:
                assert lab.setting_of(service, name) == real.setting_of(service, name)
    assert lab.default("milter_default_action") == real.default("milter_default_action")


@pytest.mark.parametrize(
    "line",
    [
        "smtp inet n - - - -",
        "smtp inet n - - - - smtpd -o",
        "smtp inet n - - - - smtpd -o name",
        "smtp inet n - - - - smtpd -o { a = b",
        "smtp inet n - - - - smtpd -o {a=b}c",
    ],
)
def test_a_line_that_is_no_service_is_an_error(line: str) -> None:
    with pytest.raises(HostError, match=r"master\.cf"):
        read_master(line, chroot=False)


def test_settings_are_found_however_they_are_attached() -> None:
    (service,) = read_master("a unix - - - - - x -oa=1 -o {b = 2, {c d}} -o c=\n", chroot=False)
    assert service.overrides == (("a", "1"), ("b", "2, {c d}"), ("c", ""))


def test_what_unicode_calls_a_line_s_end_is_none() -> None:
    (service,) = read_master("smtp inet n - n - - smtpd -o {smtpd_banner=a\u2028b}\n", chroot=False)
    assert service.overrides == (("smtpd_banner", "a\u2028b"),)
