"""The message as SMTP can carry it."""

from __future__ import annotations

import email

import pytest

from actions.chain.send.mail import MARK, marked, needs_of, quoted, stuffed

PLAIN = b"Subject: x\r\nMessage-ID: <old@example.org>\r\n\r\nbody\r\n"


class TestMarked:
    def test_a_message_id_of_ours(self) -> None:
        made = marked(PLAIN, "mx.example", ())
        assert b"<old@example.org>" not in made.message
        assert f"Message-ID: {made.message_id}\r\n".encode() in made.message
        assert f"{MARK}: chain.send {made.test_id}\r\n".encode() in made.message
        assert made.message_id == f"<{made.test_id}@mx.example>"
        assert made.message.endswith(b"Subject: x\r\n\r\nbody\r\n")

    def test_no_two_are_equal(self) -> None:
        assert marked(PLAIN, "mx", ()).message_id != marked(PLAIN, "mx", ()).message_id

    def test_the_operators_own_goes_over_it(self) -> None:
        made = marked(PLAIN, "mx.example", ("message-id:<own@example.org>",))
        assert made.message_id == "<own@example.org>"
        assert made.message.lower().count(b"message-id:") == 1


class TestNeeds:
    @pytest.mark.parametrize(
        ("message", "needs"),
        [
            (b"A: b\r\n\r\nc\r\n", (False, False, False)),
            (b"A: b\r\n\r\n\xc3\xbc\r\n", (True, False, False)),
            (b"A: \xc3\xbc\r\n\r\nc\r\n", (False, True, False)),
            (b"A: b\r\n\r\n" + b"c" * 998 + b"\r\n", (False, False, False)),
            (b"A: b\r\n\r\n" + b"c" * 999 + b"\r\n", (False, False, True)),
            (b"A: b\r\n\r\nc\rd\r\n", (False, False, True)),
        ],
    )
    def test_of(self, message: bytes, needs: tuple[bool, bool, bool]) -> None:
        assert needs_of(message) == needs


class TestQuoted:
    @pytest.mark.parametrize("body", ["ü\r\n", "x" * 2000 + "\r\n", "a\rb\r\n", "= ü \r\n.\r\n"])
    def test_the_text_comes_back(self, body: str) -> None:
        made = quoted(b"Subject: x\r\n\r\n" + body.encode())
        assert needs_of(made) == (False, False, False)
        payload = email.message_from_bytes(made).get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert payload.replace(b"\r\n", b"\n") == body.replace("\r\n", "\n").encode()

    def test_only_the_parts_that_need_it(self) -> None:
        made = quoted(
            b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xbc\r\n"
            b"--b\r\nContent-Type: text/plain\r\n\r\nplain = here\r\n"
            b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n"
        )
        parts = email.message_from_bytes(made).get_payload()
        encodings = [part["Content-Transfer-Encoding"] for part in parts]  # type: ignore[index]
        assert encodings == ["quoted-printable", None, "base64"]
        assert b"plain = here\r\n" in made
        assert made.count(b"MIME-Version") == 1


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"A: b\r\n\r\n.\r\n..x\r\n", b"A: b\r\n\r\n..\r\n...x\r\n.\r\n"),
        (b"A: b\r\n\r\nno end", b"A: b\r\n\r\nno end\r\n.\r\n"),
        (b"A: b\r\n\r\n", b"A: b\r\n\r\n.\r\n"),
    ],
)
def test_dots_are_doubled_and_the_end_is_marked(message: bytes, wire: bytes) -> None:
    assert stuffed(message) == wire
