"""Where a mail is given in: what the operator says, else what master.cf says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Exit
from actions.chain.send.place import Place, chosen_mode, chosen_place
from actions.host.errors import HostError
from actions.host.system import SystemHost, SystemPostfix
from tests.postfix.running import PrivateCommands
from tests.programs import needs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    needs("postconf")
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    (tmp_path / "master.cf").write_text("")
    return tmp_path


def host_of(config: Path, master: str, main: str = "") -> SystemHost:
    """Return a host with these services, as the real postconf reads them."""
    with (config / "main.cf").open("a") as file:
        file.write(main)
    (config / "master.cf").write_text(master)
    host = SystemHost()
    host.commands = PrivateCommands(config)
    host.postfix = SystemPostfix(host.commands)
    return host


USUAL = """\
smtp inet n - y - - smtpd
submission inet n - y - - smtpd -o smtpd_tls_security_level=encrypt
127.0.0.1:10025 inet n - y - - smtpd
smtp unix - - y - - smtp
"""


@pytest.mark.parametrize(
    ("master", "main", "place"),
    [
        (USUAL, "", ("127.0.0.1", 25)),
        ("smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n", "", ("127.0.0.1", 25)),
        ("2525 inet n - y - - smtpd\n", "", ("127.0.0.1", 2525)),
        ("192.0.2.1:smtp inet n - y - - smtpd\n", "", ("192.0.2.1", 25)),
        ("[::1]:25 inet n - y - - smtpd\n", "", ("::1", 25)),
        (USUAL, "inet_interfaces = loopback-only\n", ("127.0.0.1", 25)),
    ],
)
def test_this_hosts_own(config: Path, master: str, main: str, place: tuple[str, int]) -> None:
    assert chosen_place(host_of(config, master, main), "", None, "", "") == place


def test_an_address_that_is_not_the_loopbacks(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = host_of(config, USUAL)
    # postconf takes only addresses that this machine has.
    monkeypatch.setattr(host.postfix, "setting", lambda name: "192.0.2.9, 192.0.2.8")
    assert chosen_place(host, "", None, "", "") == ("192.0.2.9", 25)


@pytest.mark.parametrize(
    ("server", "port", "mode", "user", "place"),
    [
        ("mx.example.org", None, "", "", ("mx.example.org", 25)),
        ("mx.example.org:2525", None, "", "", ("mx.example.org", 2525)),
        ("mx.example.org", 26, "", "", ("mx.example.org", 26)),
        ("mx.example.org", None, "", "me", ("mx.example.org", 587)),
        ("mx.example.org", None, "implicit", "me", ("mx.example.org", 465)),
        ("[2001:db8::1]:26", None, "", "", ("2001:db8::1", 26)),
        ("2001:db8::1", None, "", "", ("2001:db8::1", 25)),
        ("", None, "", "me", ("127.0.0.1", 587)),
        ("", 10025, "", "", ("127.0.0.1", 10025)),
    ],
)
def test_what_is_given_and_what_is_usual(
    config: Path, server: str, port: int | None, mode: str, user: str, place: tuple[str, int]
) -> None:
    assert chosen_place(host_of(config, USUAL), server, port, mode, user) == Place(*place)


WRAPPED = "smtp inet n - y - - smtpd\nsmtps inet n - y - - smtpd -o smtpd_tls_wrappermode=yes\n"


@pytest.mark.parametrize(("mode", "user"), [("implicit", ""), ("implicit", "me"), ("", "me")])
def test_a_login_or_tls_goes_to_smtps(config: Path, mode: str, user: str) -> None:
    assert chosen_place(host_of(config, WRAPPED), "", None, mode, user) == ("127.0.0.1", 465)


@pytest.mark.parametrize(
    ("master", "port", "mode", "user", "missing"),
    [
        ("smtp inet n - y - - smtpd\n", None, "", "me", "no submission service"),
        (WRAPPED, None, "starttls", "me", "no submission service"),
        (USUAL, None, "implicit", "", "no smtps service"),
        (USUAL, 2525, "", "", "no smtpd on port 2525"),
        ("smtp unix - - y - - smtp\n", None, "", "", "no smtpd"),
        ("", None, "", "", "no smtpd"),
    ],
)
def test_what_master_cf_does_not_have_is_not_dialled(
    config: Path, master: str, port: int | None, mode: str, user: str, missing: str
) -> None:
    with pytest.raises(ActionError, match=f"^master.cf has {missing}") as refused:
        chosen_place(host_of(config, master), "", port, mode, user)
    assert refused.value.next_step == "name a server with --server HOST:PORT"


def test_a_postfix_that_cannot_be_asked_is_not_guessed(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = host_of(config, USUAL)

    def unseen() -> None:
        raise HostError("postconf: not found")

    monkeypatch.setattr(host.postfix, "services", unseen)
    with pytest.raises(ActionError, match="postconf: not found") as refused:
        chosen_place(host, "", None, "", "")
    assert refused.value.exit_code is Exit.UNDECIDED
    assert chosen_place(host, "mx.example.org", None, "", "") == ("mx.example.org", 25)


@pytest.mark.parametrize(
    ("wish", "port", "user", "mode"),
    [
        ("", 25, "", "none"),
        ("", 587, "me", "starttls"),
        ("", 465, "me", "implicit"),
        ("", 465, "", "implicit"),
        ("starttls", 25, "", "starttls"),
        ("none", 587, "me", "none"),
        ("none", 465, "", "none"),
        ("implicit", 2465, "", "implicit"),
    ],
)
def test_how_tls_begins(wish: str, port: int, user: str, mode: str) -> None:
    assert chosen_mode(wish, port, user) == mode
