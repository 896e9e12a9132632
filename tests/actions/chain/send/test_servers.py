"""Servers that Postfix is not: silent, closing, quoting secrets, refusing anywhere."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import threading
import time
import urllib.parse
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions.action import ActionError, Cancelled, Context, Exit
from actions.chain.send.ask import Wish
from actions.chain.send.report import Step
from actions.chain.send.secret import Credentials
from actions.host.system import SystemHost
from actions.registry import find
from console.render.hint import Hints
from console.render.plain import document
from console.render.send import headline, render
from tests.actions.chain.send.server import CLOSE, SILENCE, Scripted
from tests.milters.running import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.chain.send.report import SendReport

SECRET = "tiger, <b> 'and' ü"


@contextmanager
def scripted(**changed: str) -> Iterator[Scripted]:
    names = {"greeting": "", "end": ".", "more": "AUTH more"}
    server = Scripted({names.get(name, name): reply for name, reply in changed.items()})
    try:
        yield server
    finally:
        server.end()


def send(server: Scripted, ctx: Context | None = None, **given: Any) -> SendReport:
    """Return the report of one mail to *server*, without following."""
    wanted = {"recipient": ("to@example.org",), "sender": "from@example.org", "follow": 0.0}
    place = {"server": f"127.0.0.1:{server.port}", "helo": "client.example"}
    report = find("chain.send").function(
        ctx or Context(SystemHost()), **{**wanted, **place, **given}
    )
    assert report.schema == "chain.send/1"  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


class TestReplies:
    def test_what_is_said_and_sent(self) -> None:
        with scripted() as server:
            report = send(server, header=("Subject:x",))
        assert server.heard == [
            b"ehlo client.example",
            b"MAIL FROM:<from@example.org>",
            b"RCPT TO:<to@example.org>",
            b"DATA",
            b"QUIT",
        ]
        assert f"Message-ID: {report.message_id}\r\n".encode() in server.content
        assert (report.status, report.queue_id, report.exit_code) == ("accepted", "ABCDEF12", 0)

    @pytest.mark.parametrize(
        ("where", "step"),
        [
            ("greeting", "connect"),
            ("MAIL", "MAIL"),
            ("RCPT", "RCPT"),
            ("DATA", "DATA"),
            ("end", "message"),
        ],
    )
    def test_a_refusal_anywhere(self, where: str, step: str) -> None:
        with scripted(**{where: "554 5.7.0 go\n554 away"[:13]}) as server:
            report = send(server)
        assert (report.status, report.exit_code) == ("refused", Exit.PROBLEM)
        assert report.reply == "554 5.7.0 go"
        assert [one.name for one in report.steps][-2:] == [step, "QUIT"]
        assert report.refused_by == "server"

    @pytest.mark.parametrize("where", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"])
    @pytest.mark.parametrize("how", [SILENCE, CLOSE])
    def test_no_reply_anywhere(self, where: str, how: str) -> None:
        started = time.monotonic()
        with scripted(**{where: how}) as server:
            report = send(server, timeout=0.3, deadline=1.0)
        assert time.monotonic() - started < 10
        assert (report.status, report.exit_code) == ("undecided", Exit.UNDECIDED)
        assert ("the content was sent" in report.because) == (where == "end")
        trouble = next(one.trouble for one in report.steps if one.trouble)
        assert trouble.startswith("the server closed" if how == CLOSE else "no reply within")

    def test_no_smtp_server(self) -> None:
        with scripted(greeting="SSH-2.0-OpenSSH_9.2") as server:
            report = send(server)
        assert report.because == "connect: what answers there is no SMTP server"

    def test_tls_from_the_start_where_it_is_not_spoken(self) -> None:
        with scripted() as server:
            report = send(server, tls="implicit")
        assert report.because == "TLS: no handshake: WRONG_VERSION_NUMBER"
        assert "another --tls" in report.next_step

    def test_helo_where_ehlo_is_not_known(self) -> None:
        with scripted(EHLO="502 5.5.1 not known") as server:
            assert send(server).status == "accepted"
        assert server.heard[:2] == [b"ehlo client.example", b"helo client.example"]

    def test_an_address_that_needs_smtputf8(self) -> None:
        with scripted() as server:
            report = send(server, recipient=("ü@example.org",))
        assert report.because == "the server offers no SMTPUTF8, which <ü@example.org> needs"
        with scripted(EHLO="250-scripted\n250 SMTPUTF8") as server:
            send(server, recipient=("ü@example.org",))
        assert "RCPT TO:<ü@example.org>".encode() in server.heard
        assert b"MAIL FROM:<from@example.org> SMTPUTF8" in server.heard

    def test_every_step_is_told_as_it_happens(self) -> None:
        told: list[object] = []
        with scripted() as server:
            report = send(server, Context(SystemHost(), told.append))
        assert tuple(one for one in told if isinstance(one, Step)) == report.steps

    def test_escape_sequences_of_a_server_are_shown_not_obeyed(self) -> None:
        with scripted(RCPT="550 \x1b]0;owned\x07 no") as server:
            report = send(server)
        assert "\x1b" not in render(report, Hints())
        assert r"\x1b]0;owned\x07" in render(report, Hints())


class TestHostile:
    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            ("250-x\n" * 5000 + "250 x", "a reply of more than 100 lines"),
            ("250 " + "x" * 200_000, "a reply of more than 64 KiB"),
        ],
    )
    def test_a_reply_without_end(self, reply: str, told: str) -> None:
        with scripted(MAIL=reply) as server:
            report = send(server)
        assert report.because == f"MAIL: {told}"
        assert report.status == "undecided"

    def test_a_reply_that_trickles_takes_no_longer_than_its_step(self) -> None:
        with trickling() as port:
            started = time.monotonic()
            report = find("chain.send").function(
                Context(SystemHost()),
                recipient=("a@b",),
                server=f"127.0.0.1:{port}",
                timeout=0.5,
                follow=0.0,
            )
        assert time.monotonic() - started < 10
        assert "no reply within" in report.because  # type: ignore[attr-defined]

    def test_what_comes_before_a_handshake_is_not_heard_after_it(self) -> None:
        injected = "220 go on\n250 2.1.0 injected"
        with scripted(EHLO="250-x\n250 STARTTLS", STARTTLS=injected) as server:
            report = send(server, tls="starttls")
        assert report.because == "TLS: the server said more before TLS than it was asked"


@contextmanager
def trickling() -> Iterator[int]:
    """Yield the port of a server that says a letter every tenth of a second."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            client, _ = listener.accept()
            with client:
                while not over.wait(0.1):
                    client.sendall(b"2")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    over.set()
    listener.close()
    thread.join()


class TestTime:
    def test_cancelled_while_it_connects_nothing_is_said_when_it_is_connected(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect, cancel = socket.create_connection, threading.Event()
        connected = threading.Event()

        def slow(*arguments: Any) -> socket.socket:
            cancel.set()
            time.sleep(0.6)
            made: socket.socket = connect(*arguments)
            connected.set()
            return made

        monkeypatch.setattr(socket, "create_connection", slow)
        with scripted() as server:
            with pytest.raises(Cancelled):
                send(server, Context(SystemHost(), cancel=cancel))
            assert connected.wait(5)
            time.sleep(0.5)
            assert server.heard == []

    def test_past_the_deadline_no_step_begins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connect, connected = socket.create_connection, threading.Event()

        def slow(*arguments: Any) -> socket.socket:
            time.sleep(1.2)
            made: socket.socket = connect(*arguments)
            connected.set()
            return made

        monkeypatch.setattr(socket, "create_connection", slow)
        with scripted() as server:
            report = send(server, deadline=0.3)
            assert report.because == "the time allowed for the session is over"
            assert connected.wait(5)
            time.sleep(0.3)
            assert server.heard == []

    def test_a_mail_that_may_be_on_its_way_is_told_when_it_is_cancelled(self) -> None:
        cancel = threading.Event()
        with scripted(end=SILENCE) as server:
            threading.Timer(2.0, cancel.set).start()
            with pytest.raises(Cancelled, match="the mail may be on its way: Message-ID <"):
                send(server, Context(SystemHost(), cancel=cancel))

    @pytest.mark.parametrize("where", ["greeting", "MAIL", "end"])
    def test_cancelling_does_not_wait_for_the_server(self, where: str) -> None:
        cancel, cancelled_at = threading.Event(), []

        def give_up() -> None:
            cancelled_at.append(time.monotonic())
            cancel.set()

        with scripted(**{where: SILENCE}) as server:
            threading.Timer(0.3, give_up).start()
            with pytest.raises(Cancelled):
                send(server, Context(SystemHost(), cancel=cancel))
            assert time.monotonic() - cancelled_at[0] < 2

    def test_a_server_that_trickles_ends_with_the_deadline(self) -> None:
        endless = "250-" + "\n250-".join(["x"] * 100_000) + "\n250-x"
        with scripted(EHLO=endless) as server:
            started = time.monotonic()
            report = send(server, deadline=1.0)
            assert time.monotonic() - started < 10
        assert report.status == "undecided"

    def test_nobody_listens(self) -> None:
        report = find("chain.send").function(
            Context(SystemHost()), recipient=("a@b",), server=f"127.0.0.1:{free_port()}"
        )
        assert report.because == "connect: Connection refused"  # type: ignore[attr-defined]


class TestLogin:
    def login(self, server: Scripted, **given: Any) -> SendReport:
        return send(server, user="me", password=SECRET, tls="none", **given)

    @staticmethod
    def forms() -> list[str]:
        whole = f"\0me\0{SECRET}".encode()
        both = [base64.b64encode(one).decode() for one in (whole, SECRET.encode())]
        return [SECRET, SECRET[:8], *both]

    def test_plain(self) -> None:
        with scripted(EHLO="250-x\n250 AUTH PLAIN", AUTH="235 ok") as server:
            report = self.login(server)
        whole = base64.b64encode(f"\0me\0{SECRET}".encode())
        assert b"AUTH PLAIN " + whole in server.heard
        assert (report.status, report.mechanism) == ("accepted", "PLAIN")

    def test_cram_md5_goes_first_without_tls(self) -> None:
        challenge = base64.b64encode(b"<1@scripted>").decode()
        with scripted(AUTH=f"334 {challenge}", more="235 ok") as server:
            assert self.login(server).mechanism == "CRAM-MD5"
        digest = hmac.new(SECRET.encode(), b"<1@scripted>", "md5").hexdigest()
        assert base64.b64encode(f"me {digest}".encode()) in server.heard

    def test_login(self) -> None:
        with scripted(
            EHLO="250-x\n250 AUTH LOGIN", AUTH="334 VXNlcm5hbWU6", more="334 UGFzc3dvcmQ6|235 ok"
        ) as server:
            assert self.login(server).status == "accepted"
        at = server.heard.index(b"AUTH LOGIN")
        assert server.heard[at + 1] == base64.b64encode(b"me")
        assert server.heard[at + 2] == base64.b64encode(SECRET.encode())

    def test_what_holds_the_secret_does_not_show_it(self) -> None:
        credentials = Credentials("me", SECRET)
        wish = Wish(**{**dict.fromkeys(Wish._fields, ""), "password": SECRET})  # type: ignore[arg-type]
        for shown in (repr(credentials), f"{credentials}", repr(wish), f"{wish}"):
            assert not any(form in shown for form in self.forms())

    def test_a_server_that_quotes_the_secret_is_not_quoted(self) -> None:
        whole, secret = self.forms()[2:]
        quoting = f"535 5.7.8 {SECRET} {whole}\n535 {secret}".replace("535 5", "535-5", 1)
        with scripted(EHLO="250-x\n250 AUTH PLAIN", AUTH=quoting) as server:
            report = self.login(server)
        shown = [document(report), repr(report), render(report, Hints()), headline(report)]
        for form in self.forms():
            assert not any(form in text for text in shown)
            assert not any(json.dumps(form)[1:-1] in text for text in shown)
        assert report.status == "refused"
        assert report.reply == "535-5.7.8 … …\n535 …"

    @pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA", "end", "QUIT"])
    def test_nor_anywhere_later(self, where: str) -> None:
        whole = [form for form in self.forms() if form != SECRET[:8]]
        for form in (*whole, SECRET.encode().hex(), urllib.parse.quote(SECRET)):
            with scripted(AUTH="235 ok", more="235 ok", **{where: f"550 no {form}"}) as server:
                report = self.login(server)
            for text in (document(report), repr(report), render(report, Hints())):
                assert form not in text
                assert json.dumps(form)[1:-1] not in text

    def test_nor_a_digest_of_it(self) -> None:
        challenge = base64.b64encode(b"<1@scripted>").decode()
        digest = hmac.new(SECRET.encode(), b"<1@scripted>", "md5").hexdigest()
        with scripted(AUTH=f"334 {challenge}", more="235 ok", MAIL=f"550 {digest}") as server:
            assert digest not in document(self.login(server))

    def test_a_name_that_only_begins_like_the_loopback_gets_no_password(self) -> None:
        for name in ("127.attacker.example", "127.1.example.org", "localhost.example.org"):
            with pytest.raises(ActionError, match="in the clear"):
                find("chain.send").function(
                    Context(SystemHost()),
                    recipient=("a@b",),
                    server=name,
                    user="me",
                    password=SECRET,
                    tls="none",
                )

    def test_a_localhost_that_is_elsewhere_gets_no_password(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("actions.chain.send.smtp.is_loopback", lambda _host: False)
        with scripted(EHLO="250-x\n250 AUTH PLAIN") as server:
            report = self.login(server)
        assert "no password goes in the clear" in report.because
        assert not any(line.startswith(b"AUTH") for line in server.heard)

    def test_a_server_that_asks_for_ever(self) -> None:
        with scripted(AUTH="334 eA==", more="334 eA==") as server:
            report = self.login(server)
        assert report.status == "refused"
        assert server.heard.count(b"*") == 2

    def test_a_challenge_that_is_none(self) -> None:
        with scripted(AUTH="334 x", more="501 5.7.0 given up") as server:
            assert self.login(server).reply == "501 5.7.0 given up"
        assert b"*" in server.heard

    def test_no_mechanism_that_is_known(self) -> None:
        with scripted(EHLO="250-x\n250 AUTH GSSAPI") as server:
            report = self.login(server)
        assert report.because == "no way to log in: it offers GSSAPI"

    def test_the_secret_is_asked_for_where_it_is_not_given(self) -> None:
        asked: list[tuple[str, str]] = []

        def ask(prompt: str, flag: str) -> str:
            asked.append((prompt, flag))
            return SECRET

        with scripted(EHLO="250-x\n250 AUTH PLAIN", AUTH="235 ok") as server:
            report = send(server, Context(SystemHost(), ask_secret=ask), user="me", tls="none")
        assert report.status == "accepted"
        assert asked == [("Password of me: ", "--password-fd")]

    def test_where_nobody_can_be_asked_the_option_is_named(self) -> None:
        with scripted() as server, pytest.raises(ActionError) as refused:
            send(server, user="me", tls="none")
        assert "--password-fd 3 3< FILE" in refused.value.next_step
        assert server.heard == []

    def test_nothing_goes_in_the_clear_to_another_host(self) -> None:
        with pytest.raises(ActionError, match="in the clear") as refused:
            find("chain.send").function(
                Context(SystemHost()),
                recipient=("a@b",),
                server="192.0.2.1",
                user="me",
                password=SECRET,
                tls="none",
            )
        assert refused.value.exit_code is Exit.USAGE


class TestUsage:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"recipient": ("",)}, "an empty address"),
            ({"recipient": ("a b",)}, "a space"),
            ({"recipient": ("a\r\nDATA",)}, "a space or a control"),
            ({"recipient": ("a>b",)}, "an angle bracket"),
            ({"sender": "a\nb"}, "a space"),
            ({"helo": "a b"}, "a space"),
            ({"server": "127.0.0.1:x"}, "HOST or HOST:PORT"),
            ({"server": "127.0.0.1:70000"}, "is no port"),
            ({"server": "a..b"}, "is no name of a host"),
            ({"server": ".example.com"}, "is no name of a host"),
            ({"server": f"{'x' * 64}.example"}, "is no name of a host"),
            ({"server": "127.0.0.1:25", "port": 26}, "give the port once"),
            ({"timeout": 0.0}, "--timeout"),
            ({"deadline": float("nan")}, "--deadline"),
            ({"follow": -1.0}, "--follow"),
            ({"ca": "/nowhere"}, "--ca /nowhere: No such file"),
            ({"ca": "/dev/null", "verify": "no"}, "give one of them"),
            ({"ca": "/nowhere", "tls": "none"}, "--ca /nowhere: No such file"),
            ({"password": SECRET}, "without a user"),
        ],
    )
    def test_what_makes_no_sense_is_said(self, given: dict[str, Any], told: str) -> None:
        wanted: dict[str, Any] = {"recipient": ("a@b",), "server": "127.0.0.1:1"}
        wanted["tls"] = "starttls" if "ca" in given else ""
        with pytest.raises(ActionError, match=told) as refused:
            find("chain.send").function(Context(SystemHost()), **{**wanted, **given})
        assert refused.value.exit_code is Exit.USAGE
        assert SECRET not in str(refused.value)

    @pytest.mark.parametrize("tls", ["none", ""])
    @pytest.mark.parametrize("wanted", [{"verify": "yes"}, {"ca": True}])
    def test_what_was_to_be_verified_is_not_sent_in_the_clear(
        self, tls: str, wanted: dict[str, Any], tmp_path: Path
    ) -> None:
        if "ca" in wanted:
            wanted = {"ca": str(tmp_path / "ca")}
            Path(wanted["ca"]).write_text(_any_certificate())
        with scripted() as server, pytest.raises(ActionError, match="in the clear") as refused:
            send(server, tls=tls, **wanted)
        assert refused.value.exit_code is Exit.USAGE
        assert "--tls starttls" in refused.value.next_step
        assert server.heard == []

    def test_certificates_that_cannot_be_read_are_said_before_anything_is_sent(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "ca").write_text("no certificate")
        for tls in ("none", "starttls", ""):
            with scripted() as server, pytest.raises(ActionError, match="--ca ") as refused:
                send(server, tls=tls, ca=str(tmp_path / "ca"))
            assert refused.value.exit_code is Exit.USAGE
            assert server.heard == []


def _any_certificate() -> str:
    """Return a certificate that is in the system's own store."""
    import ssl

    paths = ssl.get_default_verify_paths()
    store = Path(paths.cafile or "/etc/ssl/certs/ca-certificates.crt")
    if not store.exists():
        pytest.skip("no store of certificates")
    head, _, _ = store.read_text().partition("-----END CERTIFICATE-----")
    return head + "-----END CERTIFICATE-----\n"
