"""The daemons' sockets, found in files as their packages ship them."""

from __future__ import annotations

import pytest

from actions.host.endpoint import parse_endpoint
from actions.mailhost.socket_owners import SOCKET_OWNERS, value_of

OWNERS = {owner.unit: owner for owner in SOCKET_OWNERS}


def socket_in(text: str, unit: str) -> str:
    return parse_endpoint(value_of(text, OWNERS[unit].spec)).place


@pytest.mark.parametrize(
    ("unit", "text", "path"),
    [
        (
            "milter-greylist",
            '# socket "/old.sock" 600\nsocket "/run/g.sock" 440 # why\ngreylist 10m\n',
            "/run/g.sock",
        ),
        ("clamav-milter", "#MilterSocketMode 600\nMilterSocket /run/c.ctl\n", "/run/c.ctl"),
        ("spamass-milter", '#SOCKET="/old"\nSOCKET="/run/s.sock"\n', "/run/s.sock"),
        ("opendkim", "Socket local:/run/o.sock\nUMask 077\n", "/run/o.sock"),
    ],
)
def test_the_socket_in_force_is_found_past_comments(unit: str, text: str, path: str) -> None:
    assert socket_in(text, unit) == path


@pytest.mark.parametrize(
    ("unit", "text", "path"),
    [
        ("clamav-milter", "MilterSocket /run/1.ctl\nMilterSocket /run/2.ctl\n", "/run/1.ctl"),
        ("clamav-milter", 'MilterSocket "/run/a b" # why\n', "/run/a b"),
        ("opendkim", "Socket local:/run/1.sock # why\nsocket local:/run/2.sock\n", "/run/2.sock"),
        ("spamass-milter", "DIR=/run/s; SOCKET='/run/x'\nSOCKET=$DIR/y.sock\n", "/run/s/y.sock"),
        ("milter-manager", "CONNECTION_SPEC=${SPEC:-unix:/run/m.sock}\n", "/run/m.sock"),
    ],
)
def test_the_socket_is_read_as_its_daemon_does(unit: str, text: str, path: str) -> None:
    assert socket_in(text, unit) == path
