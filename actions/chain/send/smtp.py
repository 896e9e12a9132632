"""One mail by SMTP, step by step: every reply is kept with the time it took."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from actions.chain.send.mail import needs_of, quoted, stuffed
from actions.chain.send.place import is_loopback
from actions.chain.send.report import Step
from actions.chain.send.secret import CLEAR, ENCRYPTED
from actions.chain.send.sent import Answer, Sent
from actions.chain.send.tls import client_settings, described, why
from actions.chain.send.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

    from actions.chain.send.secret import Credentials
    from actions.chain.send.sent import Letter, Server

GOODBYE = 5.0
"""Seconds for the reply to QUIT; nothing depends on it."""

ROUNDS = 3
"""Answers to AUTH after which a server that goes on asking is left alone."""

NEXT_STEPS = {
    "connect": "see whether a mail server listens there, on this port, and whether it is up",
    "TLS": "trust its certificate with --ca FILE, or see whether this port wants another --tls",
}
"""What to do where one of these steps met with no reply."""

OVER = "the time allowed for the session is over"

T = TypeVar("T")


class _NoReply(Exception):
    """The session can't go on; the text says why."""


class _Refused(Exception):
    """The server refuses the mail as a whole."""


class Session:
    """One SMTP session.

    Args:
        server: where to.
        letter: what.
        credentials: as whom; None for nobody.
        timeout: seconds for each step.
        deadline: on `time.monotonic`; the reply to the content may take until then.
        tell: takes each `Step` when it is done.

    Raises:
        ActionError: the file of trusted certificates can't be read.
    """

    def __init__(
        self,
        server: Server,
        letter: Letter,
        credentials: Credentials | None,
        timeout: float,
        deadline: float,
        tell: Callable[[Step], None],
    ) -> None:
        self._server = server
        self._letter = letter
        self._credentials = credentials
        self._timeout = timeout
        self._deadline = deadline
        self._tell = tell
        self._smtp = Wire(letter.helo)
        self._stopped = Event()
        self._socket: socket.socket | None = None
        self._settings: ssl.SSLContext | None = None
        if server.tls_mode != "none":
            self._settings = client_settings(verify=server.verify, ca=server.ca)
        self._sent = Sent()

    def run(self) -> Sent:
        """Send the mail; what went wrong is in the result."""
        try:
            self._open()
            self._log_in()
            self._give()
        except _NoReply as end:
            self._note(trouble=str(end))
        except _Refused:
            pass  # the result has the reply
        self._quit()
        return self._sent

    def so_far(self) -> Sent:
        """Return how far the session came, where its time is over."""
        return self._sent._replace(trouble=OVER)

    def hang_up(self) -> None:
        """End the session from another thread, in the middle of whatever it waits for."""
        self._stopped.set()
        held = self._socket
        if held is not None:
            with suppress(OSError):  # it was over already
                held.shutdown(socket.SHUT_RDWR)

    def _open(self) -> None:
        mode = self._server.tls_mode
        place = f"{self._server.host}:{self._server.port}"
        if mode == "implicit":
            self._step("connect", place, self._connect)
            self._step("TLS", self._server.host, self._encrypt)
            self._ask("greeting", "", self._reply)
        else:
            self._ask("connect", place, self._greeted)
        self._note(greeted=True)
        self._hello()
        if mode == "starttls":
            self._start_tls()
        self._note(extensions=tuple(self._extensions()))

    def _connect(self) -> None:
        address = (self._server.host, self._server.port)
        self._socket = made = socket.create_connection(address, self._timeout)
        self._go_on()
        here, there = made.getsockname()[0], made.getpeername()[0]
        loopback = is_loopback(here) and is_loopback(there)
        self._note(same_host=here == there or loopback, client=here, peer=there)
        self._smtp.speak_on(made)

    def _greeted(self) -> Answer:
        self._connect()
        return self._reply()

    def _encrypt(self) -> None:
        assert self._settings
        assert self._socket
        self._smtp.fall_silent()
        # The handshake comes after, so that it can be hung up on like every other step.
        self._socket = wrapped = self._settings.wrap_socket(
            self._socket, server_hostname=self._server.host, do_handshake_on_connect=False
        )
        wrapped.do_handshake()
        self._smtp.speak_on(wrapped)
        self._note(tls=described(wrapped, verified=self._server.verify))

    def _hello(self) -> None:
        """Say EHLO, or HELO to a server that knows no other."""
        answer = self._step("EHLO", self._letter.helo, lambda: self._answer(*self._smtp.ehlo()))
        if answer.code != 250:
            self._ask("HELO", self._letter.helo, lambda: self._answer(*self._smtp.helo()))

    def _start_tls(self) -> None:
        if not self._smtp.has_extn("starttls"):
            self._note(next_step="ask without TLS with --tls none, if that is meant")
            raise _NoReply("the server offers no STARTTLS")
        self._ask("STARTTLS", "", lambda: self._command("STARTTLS"))
        self._step("TLS", self._server.host, self._encrypt)
        self._smtp.esmtp_features = {}
        self._hello()

    def _log_in(self) -> None:
        if not self._credentials:
            return
        if self._server.tls_mode == "none" and not is_loopback(self._sent.peer):
            self._note(next_step="use --tls starttls or --tls implicit")
            raise _NoReply(f"{self._sent.peer} is not this host: no password goes in the clear")
        offered = self._smtp.esmtp_features.get("auth", "").upper().split()
        order = CLEAR if self._server.tls_mode == "none" else ENCRYPTED
        mechanism = next((one for one in order if one in offered), "")
        if not mechanism:
            self._note(next_step="see which mechanisms it offers, and whether it wants TLS first")
            told = f"it offers {' '.join(offered)}" if offered else "it offers no AUTH"
            raise _NoReply(f"no way to log in: {told}")
        self._note(mechanism=mechanism)
        credentials = self._credentials
        argument = f"{mechanism} as {credentials.user}"
        self._ask("AUTH", argument, lambda: self._authenticate(credentials, mechanism))

    def _authenticate(self, credentials: Credentials, mechanism: str) -> Answer:
        answer, number = self._command(credentials.first_line(mechanism)), 0
        while answer.code == 334 and number < ROUNDS:
            answer = self._command(credentials.answer(mechanism, answer.text[4:], number))
            number += 1
        return answer

    def _give(self) -> None:
        letter = self._letter
        message, parameters = self._fitted()
        sender = " ".join((f"MAIL FROM:<{letter.sender}>", *parameters))
        self._ask("MAIL", f"<{letter.sender}>", lambda: self._command(sender))
        for recipient in letter.recipients:
            self._offer(recipient)
        if not self._sent.accepted:
            raise _Refused
        answer = self._step("DATA", "", lambda: self._command("DATA"))
        if answer.code != 354:
            self._refuse(answer)
        self._note(content_sent=True)
        size = f"{len(message)} bytes"
        self._ask("message", size, lambda: self._content(message))

    def _offer(self, recipient: str) -> None:
        line = f"RCPT TO:<{recipient}>"
        answer = self._step("RCPT", f"<{recipient}>", lambda: self._command(line))
        if answer.code // 100 == 2:
            self._note(accepted=(*self._sent.accepted, recipient))
            return
        self._note(refused=(*self._sent.refused, (recipient, answer.text)))
        if answer.code == 421:
            self._refuse(answer)

    def _fitted(self) -> tuple[bytes, list[str]]:
        """Return the message as this server can take it, and the parameters of MAIL."""
        message, needs = self._letter.message, needs_of(self._letter.message)
        offers, parameters = self._smtp.has_extn, []
        if needs.unfit_lines or (needs.eight_bit and not offers("8bitmime")):
            cause = "too long lines" if needs.unfit_lines else "8 bits, and no 8BITMIME"
            self._note(notes=(*self._sent.notes, f"sent as quoted-printable: {cause}"))
            message = quoted(message)
        if offers("size"):
            parameters.append(f"SIZE={len(message)}")
        if not message.isascii() and offers("8bitmime"):
            parameters.append("BODY=8BITMIME")
        wide = [one for one in (self._letter.sender, *self._letter.recipients) if not one.isascii()]
        if wide and not offers("smtputf8"):
            raise _NoReply(f"the server offers no SMTPUTF8, which <{wide[0]}> needs")
        if offers("smtputf8") and (wide or needs.eight_bit_headers):
            parameters.append("SMTPUTF8")
        return message, parameters

    def _content(self, message: bytes) -> Answer:
        held = self._socket
        assert held
        held.sendall(stuffed(message))
        return self._reply()

    def _quit(self) -> None:
        if self._smtp.sock is not None:
            with suppress(_NoReply):
                self._step("QUIT", "", lambda: self._command("QUIT"), min(GOODBYE, self._timeout))
        self._smtp.close()
        if self._socket:
            self._socket.close()

    def _ask(self, name: str, argument: str, do: Callable[[], Answer]) -> None:
        """Do a step that must be answered with yes for the session to go on."""
        answer = self._step(name, argument, do)
        if answer.code // 100 != 2:
            self._refuse(answer)
        if name == "message":
            self._note(answer=answer)

    def _refuse(self, answer: Answer) -> NoReturn:
        self._note(answer=answer)
        raise _Refused

    def _step(
        self, name: str, argument: str, do: Callable[[], T], allowed: float | None = None
    ) -> T:
        """Do one step within its time and tell of it."""
        self._go_on()
        limit = self._left() if name == "message" else min(allowed or self._timeout, self._left())
        self._smtp.until = time.monotonic() + limit
        if self._socket:
            self._socket.settimeout(limit)
        started = time.perf_counter()
        try:
            done = do()
        except OSError as error:  # smtplib's errors are such too
            trouble = self._clean(_trouble(error, time.perf_counter() - started))
            self._tell(Step(name, argument, 0, "", time.perf_counter() - started, trouble))
            if name != "QUIT":
                self._note(next_step=NEXT_STEPS.get(name, ""))
            raise _NoReply(f"{name}: {trouble}") from None
        seconds = time.perf_counter() - started
        if isinstance(done, Answer):
            done = done._replace(text=self._clean(done.text))
        code, text = (done.code, done.text) if isinstance(done, Answer) else (0, "")
        self._tell(Step(name, argument, code, text, seconds))
        return done

    def _command(self, line: str) -> Answer:
        return self._answer(*self._smtp.docmd(line))

    def _reply(self) -> Answer:
        return self._answer(*self._smtp.getreply())

    def _answer(self, code: int, told: bytes) -> Answer:
        lines = told.decode("utf-8", "backslashreplace").split("\n")
        if not 200 <= code < 600:
            raise OSError("what answers there is no SMTP server")
        *before, last = lines
        return Answer(code, "".join(f"{code}-{line}\n" for line in before) + f"{code} {last}")

    def _go_on(self) -> None:
        """End here where the operator hung up, or the time is over: nothing more is said."""
        if self._stopped.is_set():
            raise _NoReply("cancelled")
        if time.monotonic() >= self._deadline:
            raise _NoReply(OVER)

    def _left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())

    def _clean(self, text: str) -> str:
        """Return what the server said without the secret, wherever it quotes it."""
        return self._credentials.scrubbed(text) if self._credentials else text

    def _extensions(self) -> Iterator[str]:
        for name, value in self._smtp.esmtp_features.items():
            yield self._clean(f"{name.upper()} {value.strip()}".strip())

    def _note(self, **facts: Any) -> None:
        self._sent = self._sent._replace(**facts)


def _trouble(error: OSError, seconds: float) -> str:
    if isinstance(error, ssl.SSLError):
        return why(error)
    if isinstance(error, TimeoutError) or str(error).endswith("timed out"):
        return f"no reply within {seconds:.0f} s"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the server closed the connection"
    return error.strerror or str(error)
