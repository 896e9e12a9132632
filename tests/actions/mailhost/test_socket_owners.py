"""The daemons' own settings, found and rewritten in files as their packages ship them."""

from __future__ import annotations

import pytest

from actions.mailhost.socket_owners import (
    SOCKET_OWNERS,
    SocketOwner,
    socket_path,
    with_setting,
)

OWNERS = {owner.unit: owner for owner in SOCKET_OWNERS}

FILES = {
    "milter-greylist": '# socket "/old.sock" 600\nsocket "/run/g.sock" 440 # why\ngreylist 10m\n',
    "clamav-milter": "#MilterSocketMode 600\nMilterSocket /run/c.ctl\nMilterSocketMode 0400\n",
    "spamass-milter": 'OPTIONS="-u x"\n#SOCKET="/old"\nSOCKET="/run/s.sock"\nSOCKETMODE="0400"\n',
    "opendkim": "Socket local:/run/o.sock\nUMask 077\n",
}

PATHS = {
    "milter-greylist": "/run/g.sock",
    "clamav-milter": "/run/c.ctl",
    "spamass-milter": "/run/s.sock",
    "opendkim": "/run/o.sock",
}

MENDED = {
    "milter-greylist": ('socket "/run/g.sock" 440 # why', 'socket "/run/g.sock" 660 # why'),
    "clamav-milter": ("MilterSocketMode 0400", "MilterSocketMode 660"),
    "spamass-milter": ('SOCKETMODE="0400"', 'SOCKETMODE="0660"'),
    "opendkim": ("UMask 077", "UMask 007"),
}


@pytest.mark.parametrize("unit", FILES)
def test_the_socket_in_force_is_found_past_comments(unit: str) -> None:
    assert socket_path(FILES[unit], OWNERS[unit]) == PATHS[unit]


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
    assert socket_path(text, OWNERS[unit]) == path


@pytest.mark.parametrize("unit", FILES)
def test_only_the_settings_own_words_change(unit: str) -> None:
    owner = OWNERS[unit]
    assert owner.mode is not None
    after = with_setting(FILES[unit], owner.mode, owner.open_to_group)
    assert after == FILES[unit].replace(*MENDED[unit])
    again = with_setting(after, owner.mode, owner.open_to_group)
    assert again == after


def test_a_greylist_socket_without_a_mode_gets_one() -> None:
    owner = OWNERS["milter-greylist"]
    assert owner.mode is not None
    after = with_setting('socket "/run/g.sock"\ndelay 1\n', owner.mode, "660")
    assert after == 'socket "/run/g.sock" 660\ndelay 1\n'


@pytest.mark.parametrize("before", ["MilterSocket /run/c.ctl\n", "MilterSocket /run/c.ctl"])
def test_a_setting_that_is_nowhere_is_added_at_the_end(before: str) -> None:
    owner: SocketOwner = OWNERS["clamav-milter"]
    assert owner.mode is not None
    after = with_setting(before, owner.mode, "660")
    assert after == "MilterSocket /run/c.ctl\nMilterSocketMode 660\n"


def test_a_sockets_owner_stays_who_it_is() -> None:
    owner = OWNERS["spamass-milter"]
    assert owner.group is not None
    before = 'SOCKETOWNER="spamd:spamd"\n'
    assert with_setting(before, owner.group, "postfix") == 'SOCKETOWNER="spamd:postfix"\n'


def test_a_setting_without_its_value_does_not_reach_into_the_next_line() -> None:
    owner = OWNERS["clamav-milter"]
    assert owner.mode is not None
    before = "MilterSocketMode\nLogVerbose no\n"
    after = with_setting(before, owner.mode, "660")
    assert after == "MilterSocketMode 660\nLogVerbose no\n"


def test_the_group_of_milter_managers_socket_is_set_in_its_commented_line() -> None:
    owner = OWNERS["milter-manager"]
    assert owner.group is not None
    before = '#SOCKET_GROUP="milter-manager"\nCONNECTION_SPEC=unix:/run/m.sock\n'
    after = with_setting(before, owner.group, "postfix")
    assert after == 'SOCKET_GROUP="postfix"\nCONNECTION_SPEC=unix:/run/m.sock\n'
