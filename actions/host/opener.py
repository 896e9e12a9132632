"""Connections made with the rights of another user, by a small process that may become it.

A threaded program must not fork: a lock that another thread holds would stay locked in the
child. So root starts this file as a fresh interpreter with a single thread, which forks one
child for each connection; the child becomes the user, connects, and hands the socket back.
Nothing is executed as the user, who may not be able to run the interpreter.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import sys
import time

TYPE_CHECKING = False  # typing itself costs more than the rest of this process
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from typing import Any

    from actions.host.endpoint import Endpoint
    from actions.host.ports import Account

REQUEST_LIMIT = 65536
"""Bytes of a request; the groups of a user are its longest part."""

GRACE = 2.0
"""Seconds beyond the timeout after which the opener itself is taken for dead."""


def connect(family: str, place: str, port: int, timeout: float) -> socket.socket:
    """Connect to a unix socket or a TCP port as this process, within *timeout* seconds.

    Raises:
        OSError: what the connection met; `TimeoutError` where nobody accepted in time.
    """
    if family == "unix":
        return _connect_unix(place, timeout)
    wanted = socket.AF_INET6 if family == "inet6" else socket.AF_INET
    found = socket.getaddrinfo(place.encode(), port, wanted, socket.SOCK_STREAM)
    link = socket.socket(wanted)
    try:
        link.settimeout(timeout)
        link.connect(found[0][4])
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        link.close()
        raise
    return link


def _connect_unix(place: str, timeout: float) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    try:
        # A non-blocking connect is refused at once where the listener's queue is full; a
        # blocking one waits for its turn as an MTA does, as long as SO_SNDTIMEO says.
        _limit_sending(link, timeout)
        link.connect(os.fsencode(place))
        _limit_sending(link, 0)
        link.settimeout(timeout)
    except BlockingIOError as error:
        link.close()
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from error
    except BaseException:
        link.close()
        raise
    return link


def _limit_sending(link: socket.socket, seconds: float) -> None:
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


class Opener:
    """The caller's side: starts the process when it is first needed, and asks it.

    Several threads may ask at the same time. The process ends with this object or with the
    program, whichever ends first.
    """

    def __init__(self) -> None:
        import threading

        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._starting = threading.Lock()

    def connect_as(
        self, account: Account, endpoint: Endpoint, timeout: float, chroot: str = ""
    ) -> socket.socket:
        """Connect to *endpoint* with the rights of *account*.

        Args:
            account: the user to become; this process itself where it already is that user.
            endpoint: where to connect to.
            timeout: seconds.
            chroot: the folder that the user is confined to, as a chrooted smtpd is.

        Raises:
            OSError: what the connection met, exactly as the user meets it.
            NotPermitted: this process may not become the user.
            HostError: the opener died.
        """
        from actions.host.errors import NotPermitted

        own = os.geteuid()
        if account.uid == own and not chroot:
            return connect(endpoint.family, endpoint.place, endpoint.port, timeout)
        if own != 0:
            raise NotPermitted(f"only root may connect as {account.name}")
        request = {
            "uid": account.uid,
            "gid": account.gid,
            "groups": account.groups,
            "chroot": chroot,
            "family": endpoint.family,
            "place": endpoint.place,
            "port": endpoint.port,
            "timeout": timeout,
        }
        return self._ask(request, account.name, timeout)

    def start(self) -> None:
        """Start the process, or start it again where it died; else do nothing."""
        with self._starting:
            if self._process is not None and self._process.poll() is not None:
                self._end()
            if self._channel is None:
                self._start()

    def _start(self) -> None:
        import subprocess

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, "-I", "-S", __file__, str(number)],
                pass_fds=[number],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._channel = ours

    def close(self) -> None:
        """End the process."""
        # A look that is still under way may start one anew: that one would be waited for.
        with self._starting:
            self._end()

    def _end(self) -> None:
        if self._channel is None or self._process is None:
            return
        self._channel.close()
        self._process.wait()
        self._channel = self._process = None

    def __del__(self) -> None:
        self.close()

    def _ask(self, request: Mapping[str, object], user: str, timeout: float) -> socket.socket:
        from actions.host.errors import HostError

        self.start()
        assert self._channel is not None
        started = time.monotonic()
        mine, given = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with mine:
            with given:
                message = json.dumps(request).encode()
                try:
                    socket.send_fds(self._channel, [message], [given.fileno()])
                except OSError as error:
                    raise HostError(f"the process that connects as {user} is gone") from error
            mine.settimeout(timeout + GRACE)
            answer, links, _, _ = socket.recv_fds(mine, REQUEST_LIMIT, 1)
        if links:
            link = socket.socket(fileno=links[0])
            link.settimeout(timeout)
            return link
        late = time.monotonic() - started >= timeout
        ended = {"kind": "late" if late else "died"}
        raise _trouble(json.loads(answer) if answer else ended, user)


def _trouble(told: Mapping[str, object], user: str) -> Exception:
    from actions.host.errors import HostError, NotPermitted

    number, text = told.get("number"), told.get("text")
    match told["kind"]:
        case "connection":
            return OSError(number, text)
        case "name":
            return socket.gaierror(number, text)
        case "late":
            return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        case "become":
            return NotPermitted(f"this process may not become {user}: {text}")
    return HostError(f"the process that connects as {user} died")


def serve(channel: socket.socket) -> None:
    """Answer requests until the other side of *channel* is closed; the process's own side."""
    import signal

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, given, _, _ = socket.recv_fds(channel, REQUEST_LIMIT, 1)
        if not message:
            return
        if os.fork() == 0:
            request = json.loads(message)
            # A name server that does not answer is not bound by the socket's own timeout.
            signal.setitimer(signal.ITIMER_REAL, request["timeout"] + GRACE / 2)
            _answer(request, socket.socket(fileno=given[0]))
            os._exit(0)
        os.close(given[0])


def _answer(request: Mapping[str, Any], reply: socket.socket) -> None:
    try:
        _become(request["uid"], request["gid"], request["groups"], request["chroot"])
    except OSError as error:
        _tell(reply, "become", error)
        return
    try:
        link = connect(request["family"], request["place"], request["port"], request["timeout"])
    except socket.gaierror as error:
        _tell(reply, "name", error)
    except TimeoutError as error:
        _tell(reply, "late", error)
    except OSError as error:
        _tell(reply, "connection", error)
    else:
        socket.send_fds(reply, [b"{}"], [link.fileno()])


def _tell(reply: socket.socket, kind: str, error: OSError) -> None:
    trouble = {"kind": kind, "number": error.errno, "text": error.strerror}
    reply.send(json.dumps(trouble).encode())


def _become(uid: int, gid: int, groups: list[int], chroot: str) -> None:
    if chroot:
        os.chroot(chroot)
        os.chdir("/")
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid, uid, uid):  # -1 means "as it was" to the kernel
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
