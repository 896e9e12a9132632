"""A process of the lab around libmilter: its socket, its loop, and how it ends."""

from __future__ import annotations

import os
import signal
import stat
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import Milter
import milter

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.host.errors import UnknownAccount
from actions.record import Record
from console.lab.conf import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.lab.services import Serve, Site


class Listener(Record):
    """The socket of a milter, as its configuration describes it."""

    spec: str
    user: str
    group: str
    mode: int = 0o755
    """As the usual umask leaves it, where nothing is configured."""


class Conversation(Milter.Base):  # type: ignore[misc] # pymilter has no types
    """One SMTP session as libmilter tells it; keeps the client and the envelope."""

    def __init__(self) -> None:
        self.client_name = ""
        self.client_address = ""
        self.sender = ""
        self.recipients: list[str] = []

    def connect(self, hostname: str, _family: int, hostaddr: object) -> int:
        """Keep who the client is."""
        self.client_name = hostname
        self.client_address = str(hostaddr[0]) if isinstance(hostaddr, tuple) else ""
        return int(Milter.CONTINUE)

    def envfrom(self, sender: str, *_: str) -> int:
        """Begin a message."""
        self.sender, self.recipients = sender, []
        return int(Milter.CONTINUE)

    def envrcpt(self, recipient: str, *_: str) -> int:
        """Keep a recipient."""
        self.recipients.append(recipient)
        return int(Milter.CONTINUE)

    @property
    def queue_id(self) -> str:
        """The message's queue id, as the MTA gives it."""
        return self.getsymval("i") or "(unknown id)"

    @property
    def mta(self) -> str:
        """The name of the MTA."""
        return self.getsymval("j") or "localhost"

    def refuse(self, code: int, status: str, text: str) -> int:
        """Set the reply with which the MTA refuses, and return the verdict for it."""
        self.setreply(str(code), status, text.replace("%", "%%"))
        return int(Milter.TEMPFAIL if code < 500 else Milter.REJECT)


class ContentReader(Conversation):
    """A session of a milter that asks for the message too."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[tuple[str, bytes]] = []
        self._body: list[bytes] = []

    def envfrom(self, sender: str, *_: str) -> int:
        """Begin a message."""
        self.headers, self._body = [], []
        return super().envfrom(sender)

    @Milter.decode("bytes")  # type: ignore[untyped-decorator]
    def header(self, name: str, value: bytes) -> int:
        """Keep a header field."""
        self.headers.append((name, value))
        return int(Milter.CONTINUE)

    def body(self, chunk: bytes) -> int:
        """Keep a piece of the body."""
        self._body.append(chunk)
        return int(Milter.CONTINUE)

    @property
    def content(self) -> bytes:
        """The body as it was sent."""
        return b"".join(self._body)

    def values(self, name: str) -> list[bytes]:
        """Return the values of every header field called *name*."""
        return [value for found, value in self.headers if found.lower() == name.lower()]


def open_milter(
    name: str,
    factory: Callable[[], Conversation],
    listener: Listener,
    site: Site,
    step: Callable[[str], None] | None = None,
) -> Serve:
    """Open the socket of a milter and return its loop.

    Args:
        name: what libmilter calls it in its own messages.
        factory: makes the object that follows one session.
        listener: the socket, as configured.
        site: the lab.
        step: is told each event of each session, and its verdict, where that is wanted.

    Raises:
        BadSetting: the socket can't be opened as it is configured.
    """
    path = _path(listener.spec)
    Milter.factory = factory
    _set_callbacks(step)
    milter.setconn(f"unix:{path}")
    milter.register(
        name,
        data=lambda context: context.getpriv().data(),
        unknown=lambda context, command: context.getpriv().unknown(command),
        negotiate=Milter.negotiate_callback,
    )
    _open_socket(path, listener, site)
    return lambda: _serve(path)


def _path(spec: str) -> str:
    try:
        endpoint = parse_endpoint(spec)
    except BadEndpoint as error:
        raise BadSetting(str(error)) from error
    if endpoint.family != "unix":
        raise BadSetting(f"{spec!r}: the lab's milters listen on unix sockets only")
    return endpoint.place


_VERDICTS = {
    int(getattr(Milter, name)): name.lower()
    for name in ("ACCEPT", "REJECT", "DISCARD", "TEMPFAIL", "CONTINUE", "NOREPLY", "SKIP")
}


def _set_callbacks(step: Callable[[str], None] | None) -> None:
    # Milter.runmilter() does the same, but opens the socket and serves in one call.
    def told(method: str) -> Callable[..., Any]:
        return aloud(
            method.removesuffix("_bytes"),
            lambda context, *arguments: getattr(context.getpriv(), method)(*arguments),
        )

    def aloud(event: str, call: Callable[..., Any]) -> Callable[..., Any]:
        if step is None:
            return call

        def calling(context: object, *arguments: object) -> object:
            verdict = call(context, *arguments)
            shown = " ".join(map(_shown, arguments))
            step(f"{event} {shown} -> {_VERDICTS.get(verdict, verdict)}".replace("  ", " "))
            return verdict

        return calling

    milter.set_connect_callback(aloud("connect", Milter.connect_callback))
    milter.set_helo_callback(told("hello"))
    milter.set_envfrom_callback(told("envfrom_bytes"))
    milter.set_envrcpt_callback(told("envrcpt_bytes"))
    milter.set_header_callback(told("header_bytes"))
    milter.set_eoh_callback(told("eoh"))
    milter.set_body_callback(told("body"))
    milter.set_eom_callback(told("eom"))
    milter.set_abort_callback(told("abort"))
    milter.set_close_callback(Milter.close_callback)


def _shown(argument: object) -> str:
    """Return an argument of an event in words; of a piece of the body, its size."""
    if isinstance(argument, bytes):
        long = len(argument) > 200
        return f"{len(argument)} bytes" if long else repr(argument.decode("utf-8", "replace"))
    return repr(argument)


def _open_socket(path: str, listener: Listener, site: Site) -> None:
    with made_as(path, listener, site):
        try:
            milter.opensocket(False)  # noqa: FBT003 - pymilter's own signature
        except milter.error as error:
            raise BadSetting(f"{path}: the socket can't be opened") from error


@contextmanager
def made_as(path: str, listener: Listener, site: Site) -> Iterator[None]:
    """Let the block make the socket at *path*; it gets the owner and mode of *listener*.

    The folder belongs to the service's user, so nothing is changed by a name that could have
    become a link: the mode comes from the umask, and the owner is set without following.

    Raises:
        BadSetting: the socket can't be given to its owner.
    """
    _remove_stale(path)
    old = os.umask(0o777 & ~listener.mode)
    try:
        yield
    finally:
        os.umask(old)
    try:
        user, group = site.accounts.user(listener.user), site.accounts.group_id(listener.group)
        os.lchown(path, user.uid, group)
    except (UnknownAccount, OSError) as error:
        raise BadSetting(f"{path}: can't be given to {listener.user}: {error}") from error


def _remove_stale(path: str) -> None:
    try:
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
    except FileNotFoundError:
        return


def _serve(path: str) -> None:
    """Serve until SIGTERM.

    libmilter looks only every five seconds whether it was told to end. So its loop runs in a
    thread, and the main thread takes the signal and ends the process at once.
    """

    def end(*_: object) -> None:
        _remove_stale(path)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    loop = threading.Thread(target=milter.main)
    loop.start()
    loop.join()
    os._exit(1)
