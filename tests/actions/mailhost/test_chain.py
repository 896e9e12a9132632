"""The host's own chain: read from Postfix's settings, and each milter given a name."""

from __future__ import annotations

import pytest

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.host.errors import HostError
from actions.host.system import SystemHost
from actions.mailhost.chain import (
    ConfiguredChain,
    configured_chain,
    connector_as,
    links,
    milter_name,
)
from actions.milter.transport import Timeouts, connect


class Table:
    """Postfix's settings as a table, for this machine may have no Postfix."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    def setting(self, name: str) -> str:
        try:
            return self._settings[name]
        except KeyError:
            raise HostError(f"Postfix has no setting {name!r}") from None

    def user(self) -> str:
        return "postfix"


def host(**settings: str) -> SystemHost:
    made = SystemHost()
    made.postfix = Table(settings)
    return made


@pytest.mark.parametrize(
    ("written", "specs"),
    [
        ("", ()),
        ("unix:/a", ("unix:/a",)),
        ("unix:/a, inet:localhost:8891", ("unix:/a", "inet:localhost:8891")),
        ("unix:/a inet:h:1,unix:/b", ("unix:/a", "inet:h:1", "unix:/b")),
    ],
)
def test_milters_are_parted_by_spaces_or_commas(written: str, specs: tuple[str, ...]) -> None:
    found = configured_chain(host(smtpd_milters=written, milter_default_action="accept"))
    assert found == ConfiguredChain(specs, "accept")


def test_settings_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(HostError):
        configured_chain(host())


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("unix:/run/opendkim/opendkim.sock", "opendkim"),
        ("unix:/var/spool/postfix/opendkim/milter.sock", "opendkim"),
        ("unix:/run/clamav/clamav-milter.ctl", "clamav-milter"),
        ("unix:/run/milter-greylist/milter-greylist.sock", "milter-greylist"),
        ("unix:/socket", "/socket"),
        ("inet:localhost:8891", "localhost:8891"),
        ("inet6:[::1]:8891", "::1:8891"),
    ],
)
def test_a_milter_is_called_after_its_socket(spec: str, name: str) -> None:
    assert milter_name(parse_endpoint(spec)) == name


def test_milters_of_one_name_are_numbered() -> None:
    made = links(("unix:/a/x.sock", "unix:/b/x.sock", "unix:/c/x.sock"), "accept", Timeouts())
    assert [link.name for link in made] == ["x", "x#2", "x#3"]


def test_links_carry_what_they_are_given() -> None:
    (link,) = links(("inet:1@h",), "reject", Timeouts(connect=1.0))
    assert (link.default_action, link.timeouts.connect) == ("reject", 1.0)
    assert link.connector is connect


@pytest.mark.parametrize("action", ["", "nonsense", "Tempfail"])
def test_an_action_that_postfix_does_not_know_is_tempfail(action: str) -> None:
    assert links(("unix:/a",), action, Timeouts())[0].default_action == "tempfail"


def test_a_specification_of_nothing_is_refused() -> None:
    with pytest.raises(BadEndpoint):
        links(("nonsense",), "accept", Timeouts())


def test_a_connector_for_nobody_is_an_error() -> None:
    with pytest.raises(HostError, match="no-such-user"):
        connector_as(SystemHost(), "no-such-user")(parse_endpoint("unix:/a"), 1.0)
