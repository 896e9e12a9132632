"""Who opens whose socket, on folders laid out as two distributions do it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.host import unit_state, units
from actions.host.endpoint import BadEndpoint
from actions.mailhost.edges import edge_to, find_edges
from tests.actions.mailhost.layouts import debian, lay_out, redhat
from tests.actions.mailhost.private import private_host

if TYPE_CHECKING:
    from pathlib import Path

    from actions.host.ports import Host
    from actions.mailhost.edges import Edge

QUEUE = "/var/spool/postfix"


@pytest.fixture(autouse=True)
def _with_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "_no_systemd", lambda: "")
    monkeypatch.setattr(unit_state, "starts_at_boot", lambda _script: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)  # the manager is asked as its user


def table(host: Host) -> dict[str, Edge]:
    return {edge.name: edge for edge in find_edges(host).edges}


def test_debian_12(tmp_path: Path) -> None:
    found = table(debian(tmp_path))
    assert {
        name: (edge.service, edge.user, edge.speech, edge.endpoint, bool(edge.chroot))
        for name, edge in found.items()
    } == {
        "smtpd:spamass-milter": (
            "spamass-milter",
            "postfix",
            "milter",
            f"unix:{QUEUE}/spamass/spamass.sock",
            True,
        ),
        "smtpd:clamav-milter": (
            "clamav-milter",
            "postfix",
            "milter",
            f"unix:{QUEUE}/clamav/clamav-milter.ctl",
            True,
        ),
        "smtpd:opendkim": (
            "opendkim",
            "postfix",
            "milter",
            f"unix:{QUEUE}/run/opendkim/opendkim.sock",
            True,
        ),
        "smtpd:filter.example.net:8891": (
            "",
            "postfix",
            "milter",
            "inet:filter.example.net:8891",
            True,
        ),
        "smtpd:own": ("own", "postfix", "milter", f"unix:{QUEUE}/own/own.sock", True),
        "smtpd:dovecot": (
            "dovecot",
            "postfix",
            "dovecot-auth",
            f"unix:{QUEUE}/private/auth",
            True,
        ),
        "lmtp:dovecot": (
            "dovecot",
            "postfix",
            "lmtp",
            f"unix:{QUEUE}/private/dovecot-lmtp",
            True,
        ),
        "spamass-milter:spamd": (
            "spamd",
            "spamass-milter",
            "spamd",
            "inet:127.0.0.1:7830",
            False,
        ),
        "clamav-milter:clamd": (
            "clamd",
            "clamav",
            "clamd",
            "unix:/var/run/clamav/clamd.ctl",
            False,
        ),
    }
    own = found["smtpd:own"]
    assert (own.spec, own.chroot, own.source) == (
        "unix:own/own.sock",
        QUEUE,
        "main.cf: smtpd_milters",
    )
    assert found["smtpd:dovecot"].source == "main.cf: smtpd_sasl_path"
    assert found["smtpd:dovecot"].effect == "nobody can log in to send mail"
    assert found["clamav-milter:clamd"].effect == "mail is deferred (451)"


def test_a_manager_and_the_milters_that_it_asks(tmp_path: Path) -> None:
    found = table(redhat(tmp_path))
    assert {name: (edge.client, edge.user) for name, edge in found.items()} == {
        "smtpd:milter-manager": ("smtpd", "postfix"),
        "milter-manager:milter-greylist": ("milter-manager", "milter-manager"),
        "milter-manager:clamav-milter": ("milter-manager", "milter-manager"),
        "clamav-milter:clamd": ("clamav-milter", "clamilt"),
    }
    child = found["milter-manager:clamav-milter"]
    assert child.client_service == "milter-manager"
    assert child.source.endswith("milter-manager --show-config")
    assert "spamass-milter" not in {edge.service for edge in found.values()}, "it is not asked"


MASTER = """\
smtp inet n - y - - smtpd
submission inet n - n - - smtpd
pickup unix n - y 60 1 pickup
cleanup unix n - n - 0 cleanup
"""


def edges_of(tmp_path: Path, main: str, master: str = MASTER) -> tuple[Edge, ...]:
    main = main.replace("{", "{{").replace("}", "}}")
    return find_edges(lay_out(tmp_path, (main, master), {}, ())).edges


def test_two_smtpds_of_which_one_is_chrooted_are_two_edges(tmp_path: Path) -> None:
    spec = "unix:/run/filter/filter.sock"
    first, second = edges_of(tmp_path, f"smtpd_milters = {spec}\n")
    queue = f"{tmp_path}/queue"
    assert (first.name, first.chroot) == ("smtpd:filter", queue)
    assert first.endpoint == f"unix:{queue}/run/filter/filter.sock"
    assert (second.name, second.chroot) == ("smtpd@submission:filter", "")
    assert (second.spec, second.endpoint) == (spec, spec)


def test_two_services_with_the_same_rights_are_one_edge(tmp_path: Path) -> None:
    master = "smtp inet n - n - - smtpd\nsmtps inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
    (edge,) = edges_of(tmp_path, "smtpd_milters = unix:/run/filter/filter.sock\n", master)
    assert edge.name == "smtpd:filter"


def test_a_service_of_its_own_setting_tells_where_that_is(tmp_path: Path) -> None:
    master = "smtp inet n - n - - smtpd -o smtpd_milters=unix:/run/filter/filter.sock\n"
    (edge,) = edges_of(tmp_path, "", master)
    assert edge.source == "master.cf: smtp: -o smtpd_milters"


def test_mail_that_no_smtpd_takes_in_is_asked_about_by_cleanup(tmp_path: Path) -> None:
    main = "non_smtpd_milters = unix:/run/filter/filter.sock\nmilter_default_action = accept\n"
    (edge,) = edges_of(tmp_path, main)
    assert (edge.name, edge.client) == ("cleanup:filter", "cleanup")
    assert edge.source == "main.cf: non_smtpd_milters"
    assert edge.effect == "mail passes unfiltered"


@pytest.mark.parametrize(
    ("item", "name", "spec", "refused"),
    [
        ("/run/x/x.sock", "smtpd:x", "/run/x/x.sock", "needs transport:endpoint"),
        ("inet:8891@localhost", "smtpd:localhost:8891", "inet:8891@localhost", "8891@localhost"),
        ("inet:localhost", "smtpd:inet:localhost", "inet:localhost", "localhost"),
        (f"unix:/{'x' * 120}", f"smtpd:unix:/{'x' * 120}", f"unix:/{'x' * 120}", "too long"),
        (
            "{ /run/x/x.sock, default_action=accept }",
            "smtpd:x",
            "/run/x/x.sock",
            "needs transport:endpoint",
        ),
    ],
)
def test_what_postfix_takes_for_no_endpoint(
    tmp_path: Path, item: str, name: str, spec: str, refused: str
) -> None:
    edge = edges_of(tmp_path, f"smtpd_milters = {item}\n", MASTER.splitlines()[0] + "\n")[0]
    assert (edge.name, edge.spec, edge.endpoint) == (name, spec, "")
    assert refused in edge.refused
    assert edge.effect


def test_an_edge_that_no_setting_names(tmp_path: Path) -> None:
    host = private_host(tmp_path)
    edge = edge_to(host, "inet:8891@localhost")
    assert (edge.name, edge.endpoint) == ("smtpd:localhost:8891", "inet:localhost:8891")
    assert (edge.user, edge.speech) == ("postfix", "milter")
    with pytest.raises(BadEndpoint):
        edge_to(host, "nonsense")


def test_without_postfix_there_is_none_and_it_is_noted(tmp_path: Path) -> None:
    host = lay_out(tmp_path, ("", ""), {}, ())
    (tmp_path / "postfix/main.cf").unlink()
    (tmp_path / "postfix/master.cf").unlink()
    found = find_edges(host)
    assert found.edges == ()
    assert any("the milter chains are not known" in note for note in found.notes)
