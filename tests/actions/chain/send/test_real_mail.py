"""A real mail through a real Postfix: to its mailbox, or to whatever keeps it from there."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from actions.host.errors import NotPermitted
from console.run import run
from tests.milters.running import eventually
from tests.postfix.running import HOSTNAME, PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.actions.chain.send.conftest import Told
    from tests.milters.running import Milters
    from tests.postfix.running import Postfix

    Send = Callable[..., Told]


@contextmanager
def written_to_descriptor(text: str) -> Iterator[str]:
    """Yield the number of a descriptor that *text* can be read from."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    try:
        yield str(reading)
    finally:
        os.close(reading)


def only_with(postfix: Postfix, name: str, message_id: str) -> bytes:
    """Return the one mail of *name* that has *message_id*."""
    (mail,) = (one for one in postfix.mailbox(name) if message_id.encode() in one)
    return mail


def steps(told: Told) -> list[str]:
    return [step["name"] for step in told.report["steps"]]


def texts(told: Told) -> list[str]:
    return [entry["line"]["text"] for entry in told.report["story"]]


class TestDelivered:
    def test_to_the_maildir(self, postfix: Postfix, send: Send) -> None:
        told = send("--header", "Subject:a real mail")
        report, fate = told.report, told.fate
        assert (told.code, report["status"], fate["status"]) == (0, "delivered", "delivered")
        assert (fate["relay"], fate["words"]) == ("virtual", "delivered to maildir")
        assert fate["dsn"] == "2.0.0"
        assert fate["queue_id"] == report["queue_id"] == report["queue_ids"][0]
        mail = only_with(postfix, "alice", report["message_id"])
        head, _, body = mail.partition(b"\n\n")
        assert b"\nSubject: a real mail\n" in head
        assert f"\nX-Milter-Console-Test: chain.send {report['test_id']}\n".encode() in head
        assert b"Return-Path: <" + report["sender"].encode() + b">" in head
        assert body == b"Hello,\n\nthis is a test of the milter chain. Nothing is wrong with it.\n"

    def test_every_step_with_its_reply_and_time(self, postfix: Postfix, send: Send) -> None:
        told = send()
        assert steps(told) == ["connect", "EHLO", "MAIL", "RCPT", "DATA", "message", "QUIT"]
        replies = {step["name"]: step["reply"] for step in told.report["steps"]}
        assert replies["connect"] == f"220 {HOSTNAME} ESMTP Postfix"
        assert replies["EHLO"].startswith(f"250-{HOSTNAME}\n250-PIPELINING\n")
        assert replies["message"] == f"250 2.0.0 Ok: queued as {told.report['queue_id']}"
        assert all(step["seconds"] > 0 for step in told.report["steps"])
        assert "8BITMIME" in told.report["extensions"]
        assert told.report["port"] == postfix.ports["plain"]
        assert told.report["helo"] == HOSTNAME

    def test_the_story_is_the_logs_and_only_ours(self, postfix: Postfix, send: Send) -> None:
        stop = threading.Event()
        others = threading.Thread(target=_send_others, args=(postfix, stop))
        others.start()
        try:
            told = send()
        finally:
            stop.set()
            others.join()
        queue_id = told.report["queue_id"]
        assert all(text.startswith(f"{queue_id}: ") for text in texts(told))
        logged = re.findall(rf"\S+\[\d+\]: ({queue_id}: .*)", postfix.log.read_text())
        assert texts(told) == logged
        assert len(logged) == 5

    def test_eight_bits_as_they_are(self, postfix: Postfix, send: Send) -> None:
        told = send("--sample", "8bit")
        mail = only_with(postfix, "alice", told.report["message_id"])
        assert "Grüße aus Köln, привет, 你好".encode() in mail
        assert told.report["notes"] == []

    def test_eight_bits_quoted_for_a_server_without_8bitmime(
        self, postfix: Postfix, send: Send
    ) -> None:
        told = send("--sample", "8bit", port="narrow")
        assert told.report["notes"] == ["sent as quoted-printable: 8 bits, and no 8BITMIME"]
        import email

        mail = email.message_from_bytes(only_with(postfix, "alice", told.report["message_id"]))
        text = mail.get_payload(decode=True)
        assert isinstance(text, bytes)
        assert "Grüße aus Köln, привет, 你好".encode() in text

    def test_long_lines_and_dots_arrive(self, postfix: Postfix, send: Send, tmp_path: Path) -> None:
        file = tmp_path / "mail"
        file.write_bytes(b"Subject: long\n\n.\n..dots\n" + b"x" * 5000 + b"\nlast")
        told = send("--message", str(file))
        assert told.report["notes"] == ["sent as quoted-printable: too long lines"]
        import email

        mail = email.message_from_bytes(only_with(postfix, "alice", told.report["message_id"]))
        assert mail.get_payload(decode=True) == b".\n..dots\n" + b"x" * 5000 + b"\nlast\n"

    def test_an_alias_to_two_is_delivered_when_both_have_it(
        self, postfix: Postfix, send: Send
    ) -> None:
        told = send(to="both@example.org")
        assert told.report["status"] == "delivered"
        for name in ("alice", "bob"):
            only_with(postfix, name, told.report["message_id"])

    def test_through_a_second_hop_under_a_second_queue_id(
        self, postfix: Postfix, send: Send
    ) -> None:
        told = send(port="filtered")
        first, second = told.report["queue_ids"]
        assert first == told.report["queue_id"]
        assert (told.report["status"], told.fate["queue_id"]) == ("delivered", second)
        assert any(
            text.endswith(f"status=sent (250 2.0.0 Ok: queued as {second})") for text in texts(told)
        )
        only_with(postfix, "alice", told.report["message_id"])


class TestNotDelivered:
    def test_refused_by_a_restriction_at_rcpt(self, send: Send) -> None:
        told = send(to="refused@example.org")
        assert (told.code, told.report["status"]) == (1, "refused")
        assert told.fate["by"] == "restriction"
        assert told.fate["reply"] == (
            "554 5.7.1 <refused@example.org>: Recipient address rejected: no mail for this one"
        )
        assert told.fate["evidence"].startswith("NOQUEUE: reject: RCPT from localhost[127.0.0.1]")
        assert steps(told)[-2:] == ["RCPT", "QUIT"]

    def test_refused_for_now(self, send: Send) -> None:
        told = send(to="later@example.org")
        assert (told.code, told.report["status"]) == (1, "refused")
        assert told.fate["reply"].startswith("450 4.2.0 ")

    def test_one_of_two_recipients(self, postfix: Postfix, send: Send) -> None:
        told = send("--recipient", "refused@example.org")
        assert (told.code, told.report["status"]) == (1, "refused")
        ends = {one["address"]: one for one in told.report["recipients"]}
        assert ends["alice@example.org"]["status"] == "delivered"
        assert ends["refused@example.org"]["status"] == "refused"
        assert ends["refused@example.org"]["by"] == "restriction"
        only_with(postfix, "alice", told.report["message_id"])

    def test_refused_by_a_content_check(self, send: Send) -> None:
        told = send("--header", "Subject:forbidden")
        assert told.fate["by"] == "content check"
        assert told.fate["reply"] == "550 5.7.1 this subject is not wanted"
        assert ": reject: header Subject: forbidden from localhost" in told.fate["evidence"]

    def test_refused_by_a_milter_at_the_end(
        self, postfix: Postfix, send: Send, milters: Milters
    ) -> None:
        milters.start(
            spec=f"inet:{postfix.milter}@127.0.0.1",
            replies={"end": ["550", "5.7.1", "spam of the test"]},
        )
        told = send("--recipient", "bob@example.org", port="milter")
        assert (told.code, told.report["status"]) == (1, "refused")
        assert told.report["reply"] == "550 5.7.1 spam of the test"
        for fate in told.report["recipients"]:
            assert (fate["by"], fate["reply"]) == ("milter", "550 5.7.1 spam of the test")
            assert ": milter-reject: END-OF-MESSAGE from localhost" in fate["evidence"]
        assert (told.report["refused_by_milter"], told.report["milters"]) == ("", [])

    @pytest.mark.parametrize("event", ["connect", "helo", "mail", "rcpt", "data"])
    def test_refused_by_a_milter_earlier(
        self, postfix: Postfix, send: Send, milters: Milters, event: str
    ) -> None:
        milters.start(
            spec=f"inet:{postfix.milter}@127.0.0.1",
            replies={event: ["550", "5.7.1", "not at this stage"]},
        )
        told = send(port="milter")
        assert (told.code, told.report["status"]) == (1, "refused")
        assert told.fate["by"] == "milter"
        assert "milter-reject: " in told.fate["evidence"]

    def test_a_milter_that_does_not_run_is_named_by_a_warning(
        self, postfix: Postfix, send: Send
    ) -> None:
        told = send(port="milter")
        assert told.fate["reply"].startswith("451 4.7.1 ")
        assert told.fate["by"] == "milter"
        warning = (
            f"warning: connect to Milter service inet:127.0.0.1:{postfix.milter}: "
            "Connection refused"
        )
        assert warning in texts(told)
        spec = f"inet:127.0.0.1:{postfix.milter}"
        assert told.report["refused_by_milter"] == spec
        (milter,) = told.report["milters"]
        assert milter == {"spec": spec, "why": "Connection refused", "connected": False}

    def test_a_milter_that_ends_amid_the_mail_is_named_too(
        self, postfix: Postfix, send: Send, milters: Milters
    ) -> None:
        spec = f"inet:127.0.0.1:{postfix.milter}"
        milters.start(spec=f"inet:{postfix.milter}@127.0.0.1", delays={"end": 60.0})
        told = send(port="milter", to="bob@example.org")
        assert (told.report["status"], told.report["refused_by"]) == ("refused", "milter")
        assert told.report["refused_by_milter"] == spec
        assert told.report["milters"][0]["connected"] is True

    def test_held_by_a_milters_quarantine(
        self, postfix: Postfix, send: Send, milters: Milters
    ) -> None:
        milters.start(spec=f"inet:{postfix.milter}@127.0.0.1", edits=[["quarantine", "look at it"]])
        told = send(port="milter")
        assert (told.code, told.report["status"]) == (1, "held")
        assert (told.fate["by"], told.fate["words"]) == ("milter", "milter triggers HOLD action")
        assert told.report["queue_id"] in postfix.queued("hold")

    def test_held_by_a_restriction(self, postfix: Postfix, send: Send) -> None:
        told = send(to="hold@example.org")
        assert (told.code, told.report["status"]) == (1, "held")
        assert told.report["queue_id"] in postfix.queued("hold")

    def test_discarded_by_a_milter(self, postfix: Postfix, send: Send, milters: Milters) -> None:
        milters.start(spec=f"inet:{postfix.milter}@127.0.0.1", replies={"end": "discard"})
        told = send(port="milter")
        assert (told.code, told.report["status"]) == (1, "discarded")
        assert told.fate["by"] == "milter"
        assert told.report["reply"].startswith("250 2.0.0 Ok: queued as ")
        assert not any(
            told.report["message_id"].encode() in one for one in postfix.mailbox("alice")
        )

    @pytest.mark.parametrize("to", ["drop@example.org", "x@discarded.example"])
    def test_discarded_by_postfix(self, send: Send, to: str) -> None:
        told = send(to=to)
        assert (told.code, told.report["status"]) == (1, "discarded")

    def test_deferred(self, postfix: Postfix, send: Send) -> None:
        started = time.monotonic()
        told = send("--follow", "1.5", to="x@closed.example")
        assert 1.5 <= time.monotonic() - started < 10
        assert (told.code, told.report["status"]) == (1, "deferred")
        assert told.fate["dsn"] == "4.4.1"
        assert told.fate["words"].endswith(f"[127.0.0.1]:{postfix.closed}: Connection refused")

    def test_bounced_for_one_that_an_alias_leads_to(self, send: Send) -> None:
        told = send(to="half@example.org")
        assert (told.code, told.report["status"]) == (1, "bounced")
        assert told.fate["words"] == "no such address here"
        assert any("sender non-delivery notification: " in text for text in texts(told))

    def test_nobody_listens(self, postfix: Postfix, send: Send) -> None:
        told = send("--server", f"127.0.0.1:{postfix.closed}")
        assert (told.code, told.report["status"]) == (6, "undecided")
        assert told.report["because"] == "connect: Connection refused"


class TestFollowing:
    def test_switched_off(self, send: Send) -> None:
        told = send("--follow", "0")
        assert (told.code, told.report["status"]) == (0, "accepted")
        assert told.report["story"] == []

    def test_a_log_that_says_nothing(self, postfix: Postfix, send: Send, tmp_path: Path) -> None:
        elsewhere = tmp_path / "log"
        elsewhere.touch()
        config = postfix.config / "main.cf"
        before = config.read_text()
        config.write_text(
            before.replace(f"maillog_file = {postfix.root}/log", f"maillog_file = {elsewhere}")
        )
        try:  # the running daemons know nothing of it
            told = send("--follow", "1")
        finally:
            config.write_text(before)
        assert (told.code, told.report["status"]) == (6, "accepted")
        assert told.report["because"] == (
            f"the delivery was not seen: {elsewhere} said nothing for 1 s"
        )

    def test_a_closed_log_leaves_the_session_as_it_was(
        self, send: Send, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        why = "/var/log/mail.log may not be read: run it as root, or join group adm"

        def closed(_host: object) -> None:
            raise NotPermitted(why)

        monkeypatch.setattr("actions.chain.send.ask.open_log", closed)
        told = send()
        assert (told.code, told.report["status"]) == (6, "accepted")
        assert told.report["because"] == f"the delivery was not seen: {why}"
        assert told.report["queue_id"]

    def test_a_last_reply_that_did_not_come(
        self, postfix: Postfix, send: Send, milters: Milters
    ) -> None:
        milters.start(spec=f"inet:{postfix.milter}@127.0.0.1", delays={"end": 2.0})
        told = send("--deadline", "1", port="milter")
        assert (told.code, told.report["status"]) == (0, "delivered")
        assert told.report["queue_id"] == ""
        (note,) = told.report["notes"]
        assert note.startswith("the server's last reply did not come (message: no reply within")
        only_with(postfix, "alice", told.report["message_id"])

    def test_a_refusal_is_found_without_waiting(self, send: Send) -> None:
        started = time.monotonic()
        told = send("--recipient", "later@example.org", to="refused@example.org")
        assert [one["by"] for one in told.report["recipients"]] == ["restriction"] * 2
        assert time.monotonic() - started < 10


class TestTls:
    def test_starttls_with_a_login(self, postfix: Postfix, send: Send) -> None:
        with written_to_descriptor(f"{PASSWORD}\n") as number:
            told = send("--user", USER, "--password-fd", number, port="submission")
        assert (told.code, told.report["status"]) == (0, "delivered")
        assert steps(told)[1:6] == ["EHLO", "STARTTLS", "TLS", "EHLO", "AUTH"]
        assert told.report["mechanism"] == "PLAIN"
        assert told.report["sender"] == USER
        tls = told.report["tls"]
        assert (tls["version"], tls["verified"]) == ("TLSv1.3", None)
        assert tls["subject"] == tls["issuer"] == "CN=localhost, O=Test house"
        assert tls["expires"].endswith(" GMT")
        assert "sasl_method=PLAIN, sasl_username=alice@example.org" in "".join(texts(told))
        _nowhere(PASSWORD, told)

    def test_a_wrong_password(self, send: Send) -> None:
        with written_to_descriptor("wrong secret") as number:
            told = send("--user", USER, "--password-fd", number, port="submission")
        assert (told.code, told.report["status"]) == (1, "refused")
        assert told.fate["reply"].startswith("535 5.7.8 ")
        _nowhere("wrong secret", told)

    def test_implicit_and_verified(self, postfix: Postfix, send: Send) -> None:
        place = f"localhost:{postfix.ports['wrapped']}"
        told = send("--server", place, "--tls", "implicit", "--ca", str(postfix.certificate))
        assert (told.code, told.report["status"]) == (0, "delivered")
        assert steps(told)[:4] == ["connect", "TLS", "greeting", "EHLO"]
        assert told.report["tls"]["verified"] is True

    def test_a_certificate_that_nobody_vouches_for(self, postfix: Postfix, send: Send) -> None:
        told = send("--tls", "implicit", "--verify", "yes", port="wrapped")
        assert (told.code, told.report["status"]) == (6, "undecided")
        assert told.report["because"] == (
            "TLS: the server's certificate is not good: self-signed certificate"
        )

    def test_a_name_that_is_not_in_the_certificate(self, postfix: Postfix, send: Send) -> None:
        ca = ("--ca", str(postfix.certificate))
        told = send("--tls", "implicit", *ca, port="wrapped")
        assert told.code == 6
        assert "IP address mismatch" in told.report["because"]

    def test_no_starttls_there(self, send: Send) -> None:
        told = send("--tls", "starttls", port="plain")
        assert (told.code, told.report["because"]) == (6, "the server offers no STARTTLS")


def test_as_text(postfix: Postfix, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chain.send", "--recipient", "alice@example.org"], postfix.host()) == 0
    text = capsys.readouterr().out
    assert "\n   MAIL <" in text
    assert "\n ✓ delivered to alice@example.org: maildir\n" in text
    assert text.count("maildir") == 2  # the log's line, and the verdict
    assert re.search(r"\n   by virtual, [\d.]+ s\n", text)
    assert re.search(r"\n   \d\d:\d\d:\d\d qmgr       [0-9A-F]+: removed\n", text)


def test_cancelled_while_it_follows(postfix: Postfix) -> None:
    from actions.action import Cancelled, Context
    from actions.chain.send.report import StoryLine
    from actions.registry import find

    cancel = threading.Event()
    told: list[Any] = []

    def tell(event: object) -> None:
        told.append(event)
        if isinstance(event, StoryLine) and "status=deferred" in event.line.text:
            cancel.set()

    started = time.monotonic()
    with pytest.raises(Cancelled):
        find("chain.send").function(
            Context(postfix.host(), tell, cancel), recipient=("x@closed.example",)
        )
    assert cancel.is_set()
    assert time.monotonic() - started < 10


def _send_others(postfix: Postfix, stop: threading.Event) -> None:
    import smtplib

    with smtplib.SMTP("127.0.0.1", postfix.ports["plain"], timeout=10) as client:
        while not stop.is_set():
            client.sendmail("other@example.net", ["bob@example.org"], b"Subject: other\r\n\r\nx")
    eventually(lambda: not postfix.queued("active") and not postfix.queued("incoming"))


def _nowhere(secret: str, told: Told) -> None:
    """Fail where *secret* is in what was printed, in any form."""
    import base64

    raw = secret.encode()
    plain = base64.b64encode(f"\0{USER}\0{secret}".encode()).decode()
    for form in (secret, base64.b64encode(raw).decode(), plain, repr(secret)[1:-1]):
        assert form not in told.text
    import json

    assert json.dumps(secret)[1:-1] not in told.text
