"""Each daemon's own setting: what is edited in its files, and what is left alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import pytest

from actions.sockets.ways import setting
from actions.sockets.ways.way import Declined
from tests.actions.sockets.scenes import GROUP, MASK, NO_ID, OTHER, OWNER, USER, give_acl
from tests.actions.sockets.ways.cases import USERS, case_at, changed, listening, write
from tests.actions.sockets.ways.conftest import AS_ROOT

if TYPE_CHECKING:
    from actions.mailhost.service import Speech
    from tests.actions.setup.filters.tree import TreeHost

pytestmark = AS_ROOT

SOCKET = "/run/filter/s.sock"


class Row(NamedTuple):
    """One daemon whose socket is closed, and the edit that opens it."""

    service: str
    file: str
    text: str
    edit: tuple[str, ...]
    """The lines that go and come, and who joins what."""
    mode: int = 0o600
    group: str = "filter"
    speech: Speech = "milter"


ROWS = {
    "greylist: its mode, and its group is joined": Row(
        "milter-greylist",
        "/etc/mail/greylist.conf",
        '# socket "/old.sock" 600\nsocket "@ROOT@/run/filter/s.sock" 440 # why\ngreylist 10m\n',
        (
            '-socket "@ROOT@/run/filter/s.sock" 440 # why',
            '+socket "@ROOT@/run/filter/s.sock" 660 # why',
            "join postfix in group filter",
        ),
    ),
    "greylist: a mode that none is written of": Row(
        "milter-greylist",
        "/etc/milter-greylist/greylist.conf",
        'socket "@ROOT@/run/filter/s.sock"\n',
        (
            '-socket "@ROOT@/run/filter/s.sock"',
            '+socket "@ROOT@/run/filter/s.sock" 660',
            "join postfix in group filter",
        ),
        mode=0o755,
    ),
    "clamav-milter: mode and group": Row(
        "clamav-milter",
        "/etc/mail/clamav-milter.conf",
        "#MilterSocketMode 600\nMilterSocket @ROOT@/run/filter/s.sock\nMilterSocketMode 0400\n",
        ("-MilterSocketMode 0400", "+MilterSocketMode 660", "+MilterSocketGroup postfix"),
    ),
    "clamav-milter: the group alone": Row(
        "clamav-milter",
        "/etc/clamav/clamav-milter.conf",
        "MilterSocket @ROOT@/run/filter/s.sock\nMilterSocketMode 660\nMilterSocketGroup filter\n",
        ("-MilterSocketGroup filter", "+MilterSocketGroup postfix"),
        mode=0o660,
    ),
    "clamav-milter: a setting without its value": Row(
        "clamav-milter",
        "/etc/clamav/clamav-milter.conf",
        "MilterSocketMode\nMilterSocket @ROOT@/run/filter/s.sock\nMilterSocketGroup postfix\n",
        ("-MilterSocketMode", "+MilterSocketMode 660"),
        group="postfix",
    ),
    "spamass-milter on Debian: the owner stays": Row(
        "spamass-milter",
        "/etc/default/spamass-milter",
        '#SOCKET="/old"\nSOCKET="@ROOT@/run/filter/s.sock"\nSOCKETOWNER="filter:filter"\n',
        (
            '-SOCKETOWNER="filter:filter"',
            '+SOCKETOWNER="filter:postfix"',
            '+SOCKETMODE="0660"',
        ),
    ),
    "spamass-milter on RHEL: -g where its options are": Row(
        "spamass-milter",
        "/etc/sysconfig/spamass-milter",
        'SOCKET=@ROOT@/run/filter/s.sock\nEXTRA_FLAGS="-m -r 15"\n',
        (
            '-EXTRA_FLAGS="-m -r 15"',
            '+EXTRA_FLAGS="-m -r 15 -g postfix"',
            "join filter in group postfix",
        ),
    ),
    "spamass-milter on RHEL: -g with another group": Row(
        "spamass-milter",
        "/etc/sysconfig/spamass-milter",
        'EXTRA_FLAGS="-m -g filter -r 15"\n',
        (
            '-EXTRA_FLAGS="-m -g filter -r 15"',
            '+EXTRA_FLAGS="-m -g postfix -r 15"',
            "join filter in group postfix",
        ),
        mode=0o660,
    ),
    "opendkim: its mask, and its group is joined": Row(
        "opendkim",
        "/etc/opendkim.conf",
        "Socket local:@ROOT@/run/filter/s.sock\nUMask 077\n",
        ("-UMask 077", "+UMask 007", "join postfix in group filter"),
    ),
    "opendmarc: a mask that is not there": Row(
        "opendmarc",
        "/etc/opendmarc.conf",
        "Socket local:@ROOT@/run/filter/s.sock\n",
        ("+UMask 007", "join postfix in group filter"),
        mode=0o755,
    ),
    "rspamd: its own file, the package's stays": Row(
        "rspamd",
        "/etc/rspamd/worker-proxy.inc",
        'bind_socket = "@ROOT@/run/filter/s.sock mode=0600 owner=filter";\n',
        ('+bind_socket = "@ROOT@/run/filter/s.sock mode=0660 owner=filter group=postfix";',),
    ),
    "rspamd: where the operator has it": Row(
        "rspamd",
        "/etc/rspamd/local.d/worker-proxy.inc",
        'milter = yes;\nbind_socket = "@ROOT@/run/filter/s.sock mode=0600"\n',
        (
            '-bind_socket = "@ROOT@/run/filter/s.sock mode=0600"',
            '+bind_socket = "@ROOT@/run/filter/s.sock mode=0660 group=postfix";',
        ),
    ),
    "clamd: who gives it away must be in the group": Row(
        "clamd",
        "/etc/clamd.d/scan.conf",
        "LocalSocket @ROOT@/run/filter/s.sock\nUser filter\n",
        ("+LocalSocketMode 660", "+LocalSocketGroup postfix", "join filter in group postfix"),
        speech="clamd",
    ),
    "spamd: the options of its command line": Row(
        "spamd",
        "/etc/sysconfig/spamassassin",
        'O="--socketpath=@ROOT@/run/filter/s.sock --socketmode=0600"\n',
        (
            '-O="--socketpath=@ROOT@/run/filter/s.sock --socketmode=0600"',
            '+O="--socketpath=@ROOT@/run/filter/s.sock --socketmode=0660 --socketgroup=postfix"',
        ),
        speech="spamd",
    ),
    "Dovecot: in the block that it stands in": Row(
        "dovecot",
        "/etc/dovecot/conf.d/10-master.conf",
        "service auth {\n  unix_listener auth-userdb {\n    mode = 0600\n  }\n"
        "  unix_listener @ROOT@/run/filter/s.sock {\n    mode = 0600 # why\n  }\n}\n",
        (
            "-    mode = 0600 # why",
            "+    mode = 0660 # why",
            "+    user = postfix",
            "+    group = postfix",
            "check doveconf -a",
        ),
        speech="dovecot-auth",
    ),
    "Dovecot: in a file of its own": Row(
        "dovecot",
        "/etc/dovecot/conf.d/10-master.conf",
        "service auth {\n  #unix_listener @ROOT@/run/filter/s.sock {\n  #}\n}\n",
        (
            "+service auth {",
            "+  unix_listener @ROOT@/run/filter/s.sock {",
            "+    mode = 0660",
            "+    user = postfix",
            "+    group = postfix",
            "+  }",
            "+}",
            "check doveconf -a",
        ),
        speech="dovecot-auth",
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_the_setting_is_edited_and_nothing_else(row: Row, host: TreeHost) -> None:
    write(host, row.file, row.text)
    if row.service == "dovecot":
        write(host, "/etc/dovecot/dovecot.conf", "!include conf.d/*.conf\n")
    with listening(host, SOCKET, row.mode, group=row.group):
        files = (row.file,)
        case = case_at(host, row.service, SOCKET, speech=row.speech, configuration=files)
        told = changed(setting.offer(case))
    restart = f"restart {row.service}.service"
    expected = [line.replace("@ROOT@", host.root) for line in row.edit]
    assert told == [*expected, restart, "reload postfix.service"]


def test_what_is_open_to_the_client_already_needs_no_edit(host: TreeHost) -> None:
    write(host, "/etc/mail/greylist.conf", f'socket "{host.at(SOCKET)}" 660\n')
    with listening(host, SOCKET, 0o660):
        assert setting.offer(case_at(host, "milter-greylist", SOCKET)) is None
    with listening(host, SOCKET.replace("s.sock", "t.sock"), 0o666):
        assert setting.offer(case_at(host, "milter-greylist", "/run/filter/t.sock")) is None


def test_a_socket_that_was_shut_by_hand_needs_its_daemon_started_anew(host: TreeHost) -> None:
    text = f"MilterSocket {host.at(SOCKET)}\nMilterSocketMode 660\nMilterSocketGroup postfix\n"
    write(host, "/etc/mail/clamav-milter.conf", text)
    restarted = ["restart clamav-milter.service", "reload postfix.service"]
    with listening(host, SOCKET, 0o600, group="postfix"):
        offer = setting.offer(case_at(host, "clamav-milter", SOCKET))
        assert changed(offer) == restarted, "by chmod"
    with listening(host, SOCKET.replace("s.sock", "t.sock"), 0o660):
        text = text.replace("s.sock", "t.sock")
        write(host, "/etc/mail/clamav-milter.conf", text)
        offer = setting.offer(case_at(host, "clamav-milter", "/run/filter/t.sock"))
        assert changed(offer) == restarted, "by chgrp"
    assert offer is not None
    assert "its settings say so already" in offer.way.risk
    listed = SOCKET.replace("s.sock", "u.sock")
    with listening(host, listed, 0o660, group="postfix"):
        write(host, "/etc/mail/clamav-milter.conf", text.replace("t.sock", "u.sock"))
        give_acl(
            host.path(listed),
            (OWNER, 6, NO_ID),
            (USER, 0, USERS["postfix"]),
            (GROUP, 6, NO_ID),
            (MASK, 6, NO_ID),
            (OTHER, 0, NO_ID),
        )
        offer = setting.offer(case_at(host, "clamav-milter", listed))
        assert changed(offer) == restarted, "by setfacl"


def test_a_daemon_that_is_started_as_its_user_must_be_in_the_group(host: TreeHost) -> None:
    write(host, "/etc/mail/clamav-milter.conf", f"MilterSocket {host.at(SOCKET)}\nUser filter\n")
    with listening(host, SOCKET, 0o600):
        case = case_at(host, "clamav-milter", SOCKET)
        assert case.unit is not None
        by_root = changed(setting.offer(case))
        by_itself = changed(setting.offer(case._replace(unit=case.unit._replace(user="filter"))))
        host.path(SOCKET).parent.chmod(0o2755)
        os.chown(host.path(SOCKET).parent, -1, host.accounts.group_id("postfix"))
        by_folder = changed(setting.offer(case._replace(unit=case.unit._replace(user="filter"))))
    assert "join filter in group postfix" not in by_root
    assert "join filter in group postfix" in by_itself
    assert "join filter in group postfix" not in by_folder, "its folder gives the group"


def test_who_joins_the_clients_group_for_it_is_a_risk(host: TreeHost) -> None:
    write(host, "/etc/sysconfig/spamass-milter", f"SOCKET={host.at(SOCKET)}\n")
    with listening(host, SOCKET, 0o600):
        offer = setting.offer(case_at(host, "spamass-milter", SOCKET))
    assert offer is not None
    assert offer.way.risk == "filter may open all that is open to group postfix"


def test_nobody_is_shut_out_who_can_open_it_now(host: TreeHost) -> None:
    write(host, "/etc/mail/clamav-milter.conf", f"MilterSocket {host.at(SOCKET)}\n")
    host.accounts.add_member("filter", "manager")
    with listening(host, SOCKET, 0o660):
        case = case_at(host, "clamav-milter", SOCKET, beside=("manager",))
        with pytest.raises(Declined, match=r"postfix and manager .* in no group together"):
            setting.offer(case)
        host.accounts.add_member("postfix", "manager")
        assert "+MilterSocketGroup postfix" in changed(setting.offer(case))


def test_a_closed_folder_is_opened_by_its_own_group(host: TreeHost) -> None:
    write(host, "/etc/mail/clamav-milter.conf", f"MilterSocket {host.at(SOCKET)}\n")
    with listening(host, SOCKET, 0o600):
        folder = host.path(SOCKET).parent
        folder.chmod(0o710)
        os.chown(folder, 13002, 13002)
        told = changed(setting.offer(case_at(host, "clamav-milter", SOCKET, cause="folder")))
    assert told[:2] == ["+MilterSocketMode 660", "join postfix in group filter"]


def test_a_socket_that_no_settings_name_is_not_guessed_at(host: TreeHost) -> None:
    write(host, "/etc/mail/clamav-milter.conf", "MilterSocket /run/another.sock\n")
    with listening(host, SOCKET, 0o600):
        with pytest.raises(Declined, match="no known daemon's settings name the socket"):
            setting.offer(case_at(host, "clamav-milter", SOCKET))
        with pytest.raises(Declined, match="no known daemon's settings name the socket"):
            setting.offer(case_at(host, "", SOCKET))
        with pytest.raises(Declined, match="how strange-milter is told"):
            setting.offer(case_at(host, "strange-milter", SOCKET))


def test_a_link_in_the_sockets_place_is_not_taken_for_the_socket(host: TreeHost) -> None:
    link = host.path("/run/filter/link.sock")
    write(host, "/etc/mail/clamav-milter.conf", f"MilterSocket {link}\n")
    with listening(host, SOCKET, 0o600):
        link.symlink_to(host.path(SOCKET))
        os.chown(link, 13002, 13002, follow_symlinks=False)
        os.chown(link.parent, 13002, 13002)
        with pytest.raises(Declined, match="is a link to"):
            setting.offer(case_at(host, "clamav-milter", "/run/filter/link.sock"))


def test_nobody_joins_a_group_for_what_a_service_can_write(host: TreeHost) -> None:
    write(host, "/etc/mail/greylist.conf", f'socket "{host.at(SOCKET)}" 600\n')
    conf = host.path("/etc/mail/greylist.conf")
    os.chown(conf, 13002, 13002)
    with (
        listening(host, SOCKET, 0o600),
        pytest.raises(Declined, match="others than root can write it"),
    ):
        setting.offer(case_at(host, "milter-greylist", SOCKET))


def test_what_nothing_here_can_restart_is_left_alone(host: TreeHost) -> None:
    write(host, "/etc/mail/greylist.conf", f'socket "{host.at(SOCKET)}" 600\n')
    with listening(host, SOCKET, 0o600), pytest.raises(Declined, match="can't be restarted"):
        setting.offer(case_at(host, "milter-greylist", SOCKET)._replace(unit=None))
