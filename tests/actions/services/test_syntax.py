"""What tells whether a configuration is right, and what is read from milter-manager's."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError
from actions.host.ports import UnitState
from actions.host.system import SystemHost
from actions.mailhost.service import MailService
from actions.mailhost.shown_config import REFUSAL
from actions.services.syntax import checks, manager_check, place_told
from tests.programs import needs

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = """\
# default
manager.fallback_status = "accept"

# /etc/milter-manager/milter-manager.conf:3
define_milter("clamav-milter") do |milter|
  # default
  milter.description = "its error is its own"
  # /etc/milter-manager/milter-manager.conf:4
  milter.enabled = true
end

define_milter("greylist") do |milter|
  milter.enabled = false
  milter.applicable_conditions = [
    "On error",
  ]
end
"""


@pytest.mark.parametrize("line", SHOWN.splitlines())
def test_no_line_of_a_configuration_is_a_refusal(line: str) -> None:
    assert not re.search(REFUSAL, line)


@pytest.mark.parametrize(
    "line",
    [
        "[configuration][load][error] (SyntaxError) x.conf:3: syntax error, unexpected end",
        "/usr/lib/ruby/x.rb:3:in `load': undefined method `y' for nil (NoMethodError)",
        "ERROR: can't read the configuration",
    ],
)
def test_what_it_says_of_an_error_is_one(line: str) -> None:
    assert re.search(REFUSAL, line)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("[error] (SyntaxError) /etc/mm/local.conf:3: syntax error", "/etc/mm/local.conf, line 3"),
        ("/usr/lib/ruby/x.rb:3:in `load'; /etc/mm/a.conf:4:in `y'", "/etc/mm/a.conf, line 4"),
        (
            "postconf: fatal: file /etc/postfix/main.cf: line 40: missing '='",
            "/etc/postfix/main.cf, line 40",
        ),
        (
            "opendkim: /etc/opendkim.conf: configuration error at line 3: unrecognized parameter",
            "/etc/opendkim.conf, line 3",
        ),
        (
            "doveconf: Fatal: Error in configuration file /etc/dovecot/dovecot.conf line 7: x",
            "/etc/dovecot/dovecot.conf, line 7",
        ),
        (
            'failed to parse line, skipping, in "/etc/spamassassin/local.cf": Frobnicate',
            "/etc/spamassassin/local.cf",
        ),
        ("ERROR: Parse error at line 90: Unknown option Frobnicate", ""),
        ("/usr/sbin/milter-manager refuses its configuration: no", ""),
    ],
)
def test_the_next_step_names_the_place_that_the_program_told(said: str, place: str) -> None:
    assert place_told(said, "/usr/sbin/milter-manager") == place


@pytest.mark.parametrize(
    ("name", "enabled"), [("clamav-milter", True), ("greylist", False), ("clamav", False)]
)
def test_a_milter_is_asked_where_its_own_block_says_so(name: str, enabled: bool) -> None:
    manager = MailService("milter-manager", "milter manager", "milter-manager.service")
    check = manager_check(SystemHost(), manager, children=(name,))
    ((_, pattern),) = check.wanted
    assert bool(re.search(pattern, SHOWN)) is enabled


def state(*command: str) -> UnitState:
    return UnitState("x.service", "active", True, 1, "", "", command=command)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        (("/usr/sbin/opendkim", "-f"), ("opendkim", "-n")),
        (("/usr/sbin/opendkim", "-x", "/a.conf"), ("opendkim", "-n", "-x", "/a.conf")),
    ],
)
def test_the_configuration_that_the_unit_names_is_checked(
    command: tuple[str, ...], argv: tuple[str, ...]
) -> None:
    needs("opendkim")
    service = MailService("opendkim", "milter", "opendkim.service", "opendkim")
    (check,) = checks(SystemHost(), service, state(*command))
    assert check.argv == argv


def test_the_real_clamd_refuses_an_unknown_option(tmp_path: Path) -> None:
    needs("clamd")
    conf = tmp_path / "clamd.conf"
    conf.write_text("LocalSocket /run/x\n")
    service = MailService("clamd", "engine", "clamav-daemon.service", "clamd")
    (check,) = checks(SystemHost(), service, state("clamd", f"--config-file={conf}"))
    assert check.refused(SystemHost()) == ""
    conf.write_text("Frobnicate yes\n")
    assert "Unknown option Frobnicate" in check.refused(SystemHost())


def test_the_real_postconf_refuses_what_postfix_would(tmp_path: Path) -> None:
    """The commands of the check, on a configuration of the test's own."""
    needs("postconf")
    (tmp_path / "main.cf").write_text("foo bar\n")
    (tmp_path / "master.cf").write_text("smtp bogus n - n - - smtpd\n")
    for option, said in (("-n", "missing '='"), ("-M", "invalid type field")):
        told = subprocess.run(
            ["postconf", "-c", str(tmp_path), option], capture_output=True, text=True, check=False
        )
        assert told.returncode == 1
        assert said in told.stderr


def test_a_configuration_that_is_a_program_is_not_run_as_root() -> None:
    manager = MailService("milter-manager", "milter manager", "x.service", user="root")
    with pytest.raises(ActionError, match="not run with root's rights"):
        manager_check(SystemHost(), manager)


@pytest.mark.parametrize("user", ["", "root", "no-such-user-here"])
def test_lua_of_rspamds_own_user_is_not_run_as_root(
    user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rspamadm is made to seem to be here; nothing is run."""
    monkeypatch.setattr("actions.services.syntax.is_here", lambda _: True)
    service = MailService("rspamd", "milter", "rspamd.service", "rspamd", user=user)
    assert checks(SystemHost(), service, state("/usr/bin/rspamd")) == ()
    (check,) = checks(SystemHost(), service._replace(user="nobody"), state("/usr/bin/rspamd"))
    assert (check.argv, check.user) == (("rspamadm", "configtest"), "nobody")
