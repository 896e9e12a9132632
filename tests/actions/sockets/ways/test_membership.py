"""The client in the daemon's own group, and never in one that is more than that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.sockets.ways import membership
from actions.sockets.ways.way import Declined
from tests.actions.sockets.ways.cases import USERS, case_at, changed, listening
from tests.actions.sockets.ways.conftest import AS_ROOT

if TYPE_CHECKING:
    from tests.actions.setup.filters.tree import TreeHost

pytestmark = AS_ROOT

SOCKET = "/run/filter/s.sock"


def test_postfix_joins_and_is_reloaded(host: TreeHost) -> None:
    with listening(host, SOCKET, 0o660):
        offer = membership.offer(case_at(host, "filter", SOCKET, cause="group"))
    assert changed(offer) == [
        "join postfix in group filter",
        "restart filter.service",
        "reload postfix.service",
    ]
    assert offer is not None
    assert "all that is open to group filter" in offer.way.risk


def test_a_milter_manager_that_joins_is_restarted(host: TreeHost) -> None:
    with listening(host, SOCKET, 0o660):
        case = case_at(host, "filter", SOCKET, cause="group", user="manager")
        assert case.service is not None
        host.services.table["milter-manager.service"] = ("active", True)
        asker = case.service._replace(
            name="milter-manager", unit="milter-manager.service", listeners=()
        )
        told = changed(membership.offer(case._replace(services=(*case.services, asker))))
    assert told == [
        "join manager in group filter",
        "restart filter.service",
        "restart milter-manager.service",
    ]


def test_one_group_is_enough_for_the_folder_and_the_socket(host: TreeHost) -> None:
    with listening(host, SOCKET, 0o660):
        folder = host.path(SOCKET).parent
        os.chown(folder, USERS["filter"], USERS["filter"])
        folder.chmod(0o710)
        told = changed(membership.offer(case_at(host, "filter", SOCKET, cause="folder")))
    assert told[0] == "join postfix in group filter"
    assert not told[1].startswith("join")


@pytest.mark.parametrize("mode", [0o600, 0o755])
def test_no_group_helps_where_the_mode_lets_none_in(host: TreeHost, mode: int) -> None:
    with listening(host, SOCKET, mode):
        assert membership.offer(case_at(host, "filter", SOCKET)) is None


def test_no_group_helps_who_is_in_it(host: TreeHost) -> None:
    host.accounts.add_member("filter", "postfix")
    with listening(host, SOCKET, 0o640):
        assert membership.offer(case_at(host, "filter", SOCKET)) is None


@pytest.mark.parametrize(
    ("owner", "group"),
    [("filter", "mail"), ("filter", "root"), ("stranger", "stranger"), ("stranger", "filter")],
)
def test_nobody_joins_a_group_that_is_more_than_the_daemons_own(
    host: TreeHost, owner: str, group: str
) -> None:
    with listening(host, SOCKET, 0o660, owner, group):
        case = case_at(host, "filter", SOCKET, cause="group")
        with pytest.raises(Declined, match="not a group of the daemon's own"):
            membership.offer(case)


def test_a_process_with_the_groups_of_before_is_started_again(host: TreeHost) -> None:
    host.accounts.add_member("filter", "postfix")
    with listening(host, SOCKET, 0o660):
        told = changed(membership.offer(case_at(host, "filter", SOCKET, cause="stale-groups")))
    assert told == ["restart filter.service", "reload postfix.service"]
