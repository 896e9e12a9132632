"""The order of the ways, and which of them is done where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.sockets.ways.offers import WAYS, in_order
from actions.sockets.ways.way import Offer, Way
from tests.actions.sockets.ways.cases import case_at, listening
from tests.actions.sockets.ways.conftest import AS_ROOT

if TYPE_CHECKING:
    from tests.actions.setup.filters.tree import TreeHost

pytestmark = AS_ROOT


@pytest.mark.parametrize(
    ("chroot", "names", "order", "recommended"),
    [
        ("", "acl chroot now", "acl chroot now", "acl"),
        ("", "chroot now", "chroot now", ""),
        (
            "/queue",
            "membership tmpfiles chroot now",
            "membership chroot tmpfiles now",
            "membership",
        ),
        ("/queue", "start tmpfiles chroot", "chroot start tmpfiles", "chroot"),
    ],
)
def test_a_socket_is_moved_unasked_only_for_a_client_in_its_chroot(
    host: TreeHost, chroot: str, names: str, order: str, recommended: str
) -> None:
    with listening(host, "/run/filter/filter.sock", 0o660):
        case = case_at(host, "filter", "/run/filter/filter.sock")
    edge = case.edge._replace(chroot=chroot)
    case = case._replace(state=case.state._replace(edge=edge))
    ways = [Way(name, "", name != "now", (), "") for name, _ in WAYS if name in names.split()]
    told = in_order(case, [Offer(way, ()) for way in ways])
    assert [one.way.name for one in told] == order.split()
    assert "".join(one.way.name for one in told if one.way.recommended) == recommended
