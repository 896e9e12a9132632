"""Mail through the lab's milter-manager: its children's verdicts and edits, and their failures."""

from __future__ import annotations

import os
import smtplib
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import Context, Exit
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError
from actions.sockets.check import check_sockets
from console.lab.services.milter_manager.configuration import parse
from tests.console.lab.kit import (
    DIAL_UP,
    EICAR,
    GTUBE,
    INSIDE,
    Client,
    edited,
    log,
    log_size,
    send,
)
from tests.console.lab.test_lab_mail import mails
from tests.milters.fixtures import milters, peers
from tests.milters.running import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Operation
    from console.lab.lab import Lab
    from tests.milters.peer import Peers, Wire
    from tests.milters.running import Milters, Running

__all__ = ["milters", "peers"]

CONF = "/etc/milter-manager/milter-manager.conf"
ENVIRONMENT = "/etc/default/milter-manager"
PRIVATE = Client("desk.example.org", "192.168.1.20")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="without root all users are one")


def socket_of(lab: Lab) -> Path:
    return Path(parse_endpoint(lab.milters[0]).place)


def statistics(lab: Lab, since: int) -> list[str]:
    """Return what milter-manager has logged, without times."""
    told = log(lab, "[sessions][finished]", since)
    return [line.partition("]: ")[2] for line in told.splitlines() if " milter-manager[" in line]


@contextmanager
def configured(lab: Lab, text: str, operation: Operation = "restart") -> Iterator[None]:
    """Let milter-manager take up another configuration; afterwards its own again."""
    file = Path(lab.root + CONF)
    before = file.read_text()
    file.write_text(text)
    try:
        lab.host.units.operate(operation, "milter-manager")
        yield
    finally:
        file.write_text(before)
        lab.host.units.operate(operation, "milter-manager")


def child(milters: Milters, **script: object) -> Running:
    """Start a milter on loopback, where milter-manager's user can reach it as well."""
    return milters.start(spec=f"inet:{free_port()}@127.0.0.1", **script)


def defined(*specs: str, more: str = "") -> str:
    """Return the configuration of children in this order; they are called child1, child2, …."""
    return "".join(
        f'define_milter("child{number}") do |milter|\n'
        f'  milter.connection_spec = "{spec}"\n{more}end\n'
        for number, spec in enumerate(specs, 1)
    )


def test_every_child_is_at_work_for_an_outside_client(lab: Lab) -> None:
    since = log_size(lab)
    assert send(lab, recipient="heidi@example.org").code == 250
    added = [
        line.split("<")[1].rstrip(">=")
        for line in statistics(lab, since)
        if line.startswith("[statistics] [milter][header][add]")
    ]
    assert added == ["X-Greylist", "X-Virus-Scanned", "X-Virus-Status", "X-Spam-Status"]
    assert any("[session][end][end-of-message][accept][" in one for one in statistics(lab, since))


@pytest.mark.parametrize(
    ("body", "text"),
    [(GTUBE, "5.7.1 Blocked by SpamAssassin"), (EICAR, "5.7.1 Infected by Eicar-Test-Signature")],
)
def test_the_reply_of_the_child_that_refuses_is_the_managers(
    lab: Lab, body: str, text: str
) -> None:
    since = log_size(lab)
    assert send(lab, body) == (550, text)
    told = statistics(lab, since)
    assert any("[session][end][end-of-message][reject][" in line for line in told)
    assert not any(line.startswith("[statistics] [milter][end][end") for line in told)


def test_a_childs_tempfail_is_the_managers(lab: Lab) -> None:
    since = log_size(lab)
    code, text = send(lab, client=DIAL_UP, recipient="ivan@example.org")
    assert (code, text[:27]) == (451, "4.7.1 Greylisting in action")
    told = statistics(lab, since)
    assert any("[session][end][envelope-recipient][temporary-failure][" in line for line in told)


@pytest.mark.parametrize("client", [INSIDE, PRIVATE])
def test_an_inside_client_is_asked_about_viruses_only(lab: Lab, client: Client) -> None:
    since = log_size(lab)
    assert send(lab, GTUBE, client, "judy@example.org").code == 250
    mail = mails(lab, "judy")[-1]
    assert "X-Virus-Status" in mail
    assert "X-Spam" not in mail
    assert "X-Greylist" not in mail
    stopped = [line for line in statistics(lab, since) if "[milter][end][connect][stop][" in line]
    assert {line.rpartition(" ")[2] for line in stopped} == {"milter-greylist", "spamass-milter"}
    assert send(lab, EICAR, client).code == 550


def test_who_has_logged_in_is_not_taken_for_a_spammer(lab: Lab) -> None:
    since = log_size(lab)
    with smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp:
        smtp.ehlo("x")
        smtp.docmd("XCLIENT", "NAME=mail.example.net ADDR=203.0.113.7 LOGIN=bob")
        smtp.ehlo("y")
        smtp.sendmail("a@example.net", ["kim@example.org"], f"Subject: x\r\n\r\n{GTUBE}\r\n")
    assert "X-Spam" not in mails(lab, "kim")[-1]
    told = log(lab, "disconnect from mail", since)
    assert "[milter][end][envelope-from][stop][" in told


def test_a_dead_child_is_left_out_and_mail_passes(lab: Lab) -> None:
    lab.host.units.operate("stop", "spamass-milter")
    since = log_size(lab)
    started = time.monotonic()
    try:
        assert send(lab, GTUBE, recipient="leo@example.org").code == 250
    finally:
        lab.host.units.operate("start", "spamass-milter")
    assert time.monotonic() - started < 3
    assert "X-Virus-Status" in mails(lab, "leo")[-1], "the others are still asked"
    told = statistics(lab, since)
    failed = next(line for line in told if "[children][error][connection]" in line)
    assert failed.endswith("spamass.sock: No such file or directory: spamass-milter")
    assert any("[milter][end][start][pass][" in line for line in told)
    assert send(lab, GTUBE).code == 550


def test_the_second_child_sees_what_the_first_has_made(lab: Lab, milters: Milters) -> None:
    first = child(
        milters,
        edits=[
            ["addheader", "X-New", "one"],
            ["addheader", "X-Top", "above all", 1],
            ["chgheader", "Subject", 1, "changed"],
            ["replacebody", "new body\r\n"],
            ["addrcpt", "<mona@example.org>"],
            ["delrcpt", "<nick@example.org>"],
            ["chgfrom", "<b@example.net>"],
        ],
    )
    second = child(
        milters,
        edits=[
            ["chgheader", "X-New", 1, "two"],
            ["chgheader", "Message-ID", 1, ""],
            ["replacebody", "newer body\r\n"],
        ],
    )
    with configured(lab, defined(first.spec, second.spec)):
        assert send(lab, recipient="nick@example.org").code == 250
    assert mails(lab, "nick") == []
    head, _, body = mails(lab, "mona")[-1].partition("\n\n")
    assert body == "newer body\n"
    assert "\nX-New: two" in head
    assert "\nSubject: changed\n" in head
    assert "Return-Path: <b@example.net>" in head
    assert "Message-ID" not in head
    names = [line.partition(":")[0] for line in head.splitlines() if not line.startswith("\t")]
    order = [name for name in names if name in {"Received", "X-Top", "From", "X-New"}]
    assert order == ["Received", "X-Top", "From", "X-New"]
    told = [seen.arguments for seen in second.events() if seen.event in {"header", "body"}]
    assert ["Subject", "changed"] in told
    assert told[0] == ["X-Top", "above all"]
    assert told[-1] == ["new body\r\n"]


def test_replies_are_handed_on_to_the_letter(lab: Lab, milters: Milters) -> None:
    refusing = child(
        milters,
        replies={
            "mail": [["550", "5.7.0", "not", "you, 100%% sure"], "continue"],
            "rcpt": [["452", "4.2.2", "full"], "continue"],
            "end": ["reject", "tempfail", "discard", "continue"],
        },
    )
    replies = []
    with (
        configured(lab, defined(refusing.spec, child(milters).spec)),
        smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp,
    ):
        smtp.ehlo("x")
        for _ in range(6):
            smtp.rset()
            reply = smtp.mail("a@example.net")
            if reply[0] == 250:
                reply = smtp.rcpt("olga@example.org")
            if reply[0] == 250:
                reply = smtp.data("Subject: x\r\n\r\nx")
            replies.append((reply[0], reply[1].decode()))
    assert replies[:5] == [
        (550, "5.7.0 not\n5.7.0 you, 100% sure"),
        (452, "4.2.2 full"),
        (550, "5.7.1 Command rejected"),
        (451, "4.7.1 Service unavailable - try again later"),
        (250, replies[4][1]),
    ]
    assert replies[5][0] == 250
    assert len(mails(lab, "olga")) == 1, "the fifth was discarded"


def test_an_accept_takes_a_child_out_for_one_message(lab: Lab, milters: Milters) -> None:
    easy, strict = child(milters, replies={"mail": ["accept", "continue"]}), child(milters)
    with (
        configured(lab, defined(easy.spec, strict.spec)),
        smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp,
    ):
        for _ in range(2):
            smtp.sendmail("a@example.net", ["pat@example.org"], "Subject: x\r\n\r\nx\r\n")
    message = ["mail", "rcpt", "data", "header", "eoh", "body", "end"]
    assert easy.told() == ["connect", "helo", "mail", *message]
    assert strict.told() == ["connect", "helo", *message, *message]


def test_macros_go_to_the_children_under_their_names(lab: Lab, milters: Milters) -> None:
    curious = child(milters)
    main_cf = "/etc/postfix/main.cf"
    more = (
        "milter_protocol = 6\n"
        "milter_connect_macros = j {client_addr}\n"
        "milter_mail_macros = {mail_addr}\n"
    )
    with (
        configured(lab, defined(curious.spec)),
        edited(lab, main_cf, "milter_protocol = 6\n", more, "postfix"),
    ):
        send(lab, recipient="quinn@example.org")
    seen = {event.event: event.macros for event in curious.events() if event.session == 2}
    assert seen["connect"] == {"j": "mx1.example.org", "client_addr": "203.0.113.7"}
    assert seen["mail"] == {**seen["connect"], "mail_addr": "a@example.net"}
    assert seen["rcpt"]["rcpt_addr"] == "quinn@example.org"
    assert len(seen["end"]["i"]) > 5


def test_a_child_that_asks_for_more_time_for_ever_is_given_up(lab: Lab, peers: Peers) -> None:
    def stall(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"E")
        with suppress(OSError):
            while True:
                wire.send(b"p")
                time.sleep(0.2)

    more = "  milter.end_of_message_timeout = 1\n  milter.writing_timeout = 1\n"
    started = time.monotonic()
    since = log_size(lab)
    with configured(lab, defined(peers.start_tcp(stall).spec, more=more)):
        assert send(lab, recipient="ruth@example.org").code == 250
    assert 1 < time.monotonic() - started < 6
    assert "[children][timeout][end-of-message][end-of-message][accept]" in log(lab, "disc", since)


def test_a_fallback_status_can_be_a_refusal(lab: Lab) -> None:
    more = '  milter.fallback_status = "temporary-failure"\n'
    with configured(lab, defined("unix:/nowhere/at/all", more=more)):
        assert send(lab).code == 451
    assert send(lab).code == 250


def test_a_mistake_drops_every_child_and_the_reload_reports_success(lab: Lab) -> None:
    since = log_size(lab)
    broken = Path(lab.root + CONF).read_text().replace("do |milter|", "do milter|", 1)
    process = lab.host.units.state("milter-manager").main_pid
    with configured(lab, broken, "reload"):
        told = log(lab, "[configuration][load][error]", since)
        state = lab.host.units.state("milter-manager")
        assert (state.activity, state.main_pid) == ("active", process)
        assert send(lab, EICAR, recipient="sam@example.org").code == 250
        shown = show_config(lab)
        assert "define_milter" not in shown.partition("\n")[2]
    assert f"{CONF}:14: syntax error" in told
    eventually(lambda: send(lab, EICAR).code == 550)


def test_the_configuration_is_shown_as_it_holds(lab: Lab) -> None:
    shown = show_config(lab)
    file = Path(lab.root + CONF)
    assert parse(shown, str(file)).children
    (line,) = (
        number
        for number, text in enumerate(file.read_text().splitlines(), 1)
        if "clamav-milter.ctl" in text
    )
    assert (
        f"  # {file}:{line}\n"
        f'  milter.connection_spec = "unix:{lab.root}/run/clamav/clamav-milter.ctl"\n'
    ) in shown
    assert '# default\nmanager.fallback_status = "accept"\n' in shown
    assert "manager.unix_socket_mode = 0660\n" in shown


def test_the_command_knows_its_other_options(lab: Lab) -> None:
    program = lab.host.at("/usr/sbin/milter-manager")
    told = lab.host.commands.run([program, "--version"])
    assert told.stdout.startswith("milter-manager 2.")
    told = lab.host.commands.run([program, "--help"])
    assert "--show-config" in told.stdout
    for wrong in ("--verbose --no-daemon", "stray"):
        told = lab.host.commands.run([program, wrong])
        assert told.exit_code == 1
        assert "Unknown option" in told.stderr


def test_options_in_one_word_fail_the_unit(lab: Lab) -> None:
    options = 'OPTION_ARGS="--verbose --no-daemon"'
    with (
        pytest.raises(HostError, match="Unknown option --verbose --no-daemon"),
        edited(lab, ENVIRONMENT, 'OPTION_ARGS=""', options, "milter-manager"),
    ):
        pass
    lab.host.units.operate("restart", "milter-manager")
    assert send(lab).code == 250


@AS_ROOT
def test_the_sockets_group_is_the_environments(lab: Lab) -> None:
    accounts, path = lab.host.accounts, socket_of(lab)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert accounts.group_name(path.stat().st_gid) == "postfix"
    for group, complaint in (
        ("staff", "failed to find group: <staff>"),
        ("opendkim", "failed to change group: <opendkim>: Operation not permitted"),
        ("milter-manager", ""),
    ):
        since = log_size(lab)
        given = f'SOCKET_GROUP="{group}"'
        with edited(lab, ENVIRONMENT, 'SOCKET_GROUP="postfix"', given, "milter-manager"):
            assert accounts.group_name(path.stat().st_gid) == "milter-manager"
            assert lab.host.units.state("milter-manager").activity == "active"
            assert send(lab).code == 451
        assert complaint in log(lab, "disconnect", since)
    assert send(lab).code == 250


def test_a_negotiation_alone_asks_no_child(lab: Lab) -> None:
    since = log_size(lab)
    report = check_sockets(Context(lab.host), milters=(lab.milters[0],))
    assert report.exit_code == Exit.FINE
    told = log(lab, "[sessions][finished]", since)
    assert "[milter]" not in told


def test_many_sessions_at_once_all_end(lab: Lab) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: send(lab, GTUBE).code, range(60)))
    assert answers == [550] * 60
    eventually(lambda: " 0\n" in last_line(lab, "[sessions][finished]"))


def show_config(lab: Lab) -> str:
    program = lab.host.at("/usr/sbin/milter-manager")
    words = [program, "-u", "milter-manager", "-g", "milter-manager", "--show-config"]
    told = lab.host.commands.run(words)
    assert (told.exit_code, told.stderr) == (0, "")
    return told.stdout


def last_line(lab: Lab, part: str) -> str:
    return [line for line in log(lab, part).splitlines(keepends=True) if part in line][-1]
