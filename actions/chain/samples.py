"""Built-in test messages, made afresh at each use so that no filter knows them already."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""The test string that every spam filter takes for spam (spamassassin.apache.org/gtube)."""

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE" + b"!$H+H*"
"""The test string that every virus scanner takes for a virus; split, or it would take this
file for one."""

TRACES = "it may leave traces in greylist and Bayes databases"


class Sample(Record):
    """A kind of test message."""

    name: str
    summary: str
    body: Callable[[], bytes]
    headers: tuple[bytes, ...] = ()
    recipients: int = 1
    warning: str = ""


def _clean() -> bytes:
    return b"Hello,\n\nthis is a test of the milter chain. Nothing is wrong with it.\n"


def _gtube() -> bytes:
    return b"This message is spam by agreement.\n\n" + GTUBE + b"\n"


def _eicar() -> bytes:
    return EICAR + b"\n"


def _large() -> bytes:
    line = b"A large message, to see chunks, times and size limits at work. 0123456789\n"
    return line * (1_000_000 // len(line))


def _eight_bit() -> bytes:
    return "Grüße aus Köln, привет, 你好 — nothing here is seven bits wide.\n".encode()


def _multipart() -> bytes:
    return (
        b"--boundary\nContent-Type: text/plain\n\nThe text.\n"
        b"--boundary\nContent-Type: text/html\n\n<p>The text.</p>\n"
        b"--boundary\nContent-Type: application/octet-stream\n"
        b'Content-Disposition: attachment; filename="data.bin"\n'
        b"Content-Transfer-Encoding: base64\n\nAAECAwQFBgcICQ==\n--boundary--\n"
    )


SAMPLES = {
    sample.name: sample
    for sample in (
        Sample("clean", "a plain message that should pass", _clean),
        Sample("gtube", "spam by agreement", _gtube, warning=TRACES),
        Sample("eicar", "a virus by agreement", _eicar, warning=TRACES),
        Sample("large", "one million bytes of text", _large),
        Sample(
            "8bit",
            "text in UTF-8",
            _eight_bit,
            (b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: 8bit"),
        ),
        Sample(
            "multipart",
            "text, HTML and an attachment",
            _multipart,
            (b'Content-Type: multipart/mixed; boundary="boundary"',),
        ),
        Sample("many-recipients", "one message to 50 recipients", _clean, recipients=50),
    )
}


def compose(sample: Sample, sender: str, recipient: str, hostname: str) -> bytes:
    """Return a message of kind *sample* with fresh Date and Message-ID."""
    unique = f"{int(time.time())}.{os.urandom(6).hex()}"
    headers = (
        f"From: {sender or 'MAILER-DAEMON'}",
        f"To: {recipient}",
        f"Subject: Milter chain test: {sample.summary}",
        f"Date: {rfc5322_date()}",
        f"Message-ID: <{unique}@{hostname}>",
        "MIME-Version: 1.0",
    )
    encoded = (header.encode("utf-8", "surrogateescape") for header in headers)
    return b"\n".join((*encoded, *sample.headers)) + b"\n\n" + sample.body()


def rfc5322_date() -> str:
    """Return the present as RFC 5322 writes it; never localised."""
    now = time.localtime()
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[now.tm_wday]
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[now.tm_mon - 1]  # noqa: SIM905
    return time.strftime(f"{day}, %d {month} %Y %H:%M:%S %z", now)
