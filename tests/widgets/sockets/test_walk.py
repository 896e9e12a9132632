"""The path of an edge as it is drawn."""

from __future__ import annotations

import pytest

from actions.finding import Health
from actions.sockets.path import Step
from tests.widgets.sockets.states import SOCKET, WALK, WAYS, closed, works
from widgets.sockets.remedies import way_rows
from widgets.sockets.walk import edge_rows, walk_rows


def drawn(rows: object, width: int) -> str:
    return "\n".join(line.plain.rstrip() for row in rows for line in row.folded(width))  # type: ignore[attr-defined]


def test_the_walk_is_the_sketch() -> None:
    assert drawn(walk_rows(WALK, 118), 118) == (
        "   /                                        root:root                      0755  x ●\n"
        "   /run                                     root:root                      0755  x ●\n"
        "   /run/milter-manager                      milter-manager:milter-manager  0755  x ●\n"
        "   /run/milter-manager/milter-manager.sock  milter-manager:milter-manager  0660  w ✗"
        "  others have ---"
    )


def test_where_whole_paths_are_too_wide_each_stands_under_its_folder() -> None:
    assert drawn(walk_rows(WALK, 79), 79) == (
        "   /                        root:root                      0755  x ●\n"
        "    /run                    root:root                      0755  x ●\n"
        "     /milter-manager        milter-manager:milter-manager  0755  x ●\n"
        "      /milter-manager.sock  milter-manager:milter-manager  0660  w ✗\n"
        "       others have ---"
    )


def test_a_walk_that_begins_in_a_chroot_is_indented_from_there() -> None:
    root = WALK[0]._replace(path="/var/spool/postfix")
    folder = WALK[2]._replace(path="/var/spool/postfix/milter-manager")
    socket = WALK[3]._replace(path="/var/spool/postfix/milter-manager/milter-manager.sock")
    told = drawn(walk_rows((root, folder, socket), 79), 79).splitlines()
    assert told[0].startswith("   /var/spool/postfix  ")
    assert told[1].startswith("    /milter-manager  ")
    assert told[2].startswith("     /milter-manager.sock  ")


@pytest.mark.parametrize("width", [40, 79, 119])
def test_nothing_of_an_edge_is_wider_than_the_screen(width: int) -> None:
    rows = edge_rows(closed(chroot="/var/spool/postfix"), "postfix (89:89)", width)
    lines = [line for row in rows for line in row.folded(width)]
    assert all(line.cell_length <= width for line in lines)
    joined = "".join(line.plain.replace(" ", "") for line in lines)
    for told in ("chroot", "89:89", "Permissiondenied", "othershave---", "smtpd_milters"):
        assert told in joined


def test_what_is_missing_and_where_a_link_leads_is_told() -> None:
    steps = (
        Step("/", "folder", "root", "root", 0o755, "x", granted=True),
        Step("/var/run", "link", "root", "root", 0o777, "", granted=True, note="→ /run"),
        Step("/run/x.sock", "missing", "", "", 0, "", granted=False, note="does not exist"),
    )
    told = drawn(walk_rows(steps, 79), 79).splitlines()
    assert told[1].split() == ["/var/run", "root:root", "link", "●", "→", "/run"]
    assert told[2].split() == ["/run/x.sock", "✗", "does", "not", "exist"]


def test_an_access_control_list_and_a_label_stand_below_their_component() -> None:
    last = WALK[-1]._replace(
        note="the ACL's user:postfix:rw- decides, its mask leaves r--",
        acl=("user::rw-", "user:postfix:rw-", "mask::r--"),
        label="system_u:object_r:var_run_t:s0",
    )
    told = drawn(walk_rows((*WALK[:-1], last), 79), 79)
    assert "ACL user::rw-, user:postfix:rw-, mask::r--" in told
    assert "label system_u:object_r:var_run_t:s0" in told
    assert "its mask leaves r--" in told


def test_an_edge_says_its_proof_its_time_and_what_its_client_logs() -> None:
    told = drawn(edge_rows(closed(), "postfix (89:89)", 119), 119)
    assert "smtpd → milter-manager   ✗ permission denied" in told
    assert "as postfix (89:89), not chrooted" in told
    assert "why       why it is so" in told
    assert "so        mail is deferred (451)" in told
    assert "connecting as postfix: Permission denied" in told
    assert "1 ms" in told
    assert f"logged    warning: connect to Milter service unix:{SOCKET}: Permission denied" in told
    told = drawn(edge_rows(works("cleanup:rspamd"), "postfix (89:89)", 119), 119)
    assert "connected as postfix, and negotiated" in told
    assert "cleanup → rspamd   ● ok" in told


def test_what_was_not_proved_is_not_called_a_failure() -> None:
    state = closed(cause="unseen", health=Health.UNKNOWN)
    told = drawn(edge_rows(state, "postfix", 119), 119)
    assert "? permission denied" in told
    assert "not done: Permission denied" in told
    assert "connecting" not in told


@pytest.mark.parametrize("width", [60, 79, 118])
def test_each_way_tells_how_long_it_lasts_what_it_changes_and_what_it_risks(width: int) -> None:
    rows = way_rows(WAYS, width)
    assert all(line.cell_length <= width for row in rows for line in row.folded(width))
    for row, way in zip(rows, WAYS, strict=True):
        told = " ".join(row.plain.split())
        for text in (way.title, "lasting" if way.lasting else "temporary", way.name):
            assert text in told
    assert "recommended" in rows[0].plain
    assert "recommended" not in rows[1].plain
    wide = drawn(way_rows(WAYS, 118), 118).splitlines()
    assert "lasting" in wide[0]
    assert "SOCKET_GROUP=postfix" in wide[0], "side by side"
    assert "mail is not filtered" in wide[0]
