"""Programs of this machine, run to their end without a shell or a terminal."""

from __future__ import annotations

import os
import pwd
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from actions.host.errors import HostError, NotPermitted, UnknownAccount
from actions.host.ports import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    import sh

SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for: a user's own PATH must not choose what root runs."""

OUTPUT_LIMIT = 4 << 20
"""Bytes of output, and as many of errors, that are kept of one program."""

LINE_LIMIT = 16 * OUTPUT_LIMIT
"""Bytes of one line that a program's reader is handed; an endless one is ended."""

_PIECE = 1 << 16
"""Bytes read at once; by lines, one without an end would be kept whole."""

_ASKED_EVERY = 0.1
"""Seconds between two questions whether a program is to be ended."""

_TIDY_TIME = 2.0
"""Seconds that a program has to clear up when it is ended amid its work."""

_ENDS = list(range(-64, 256))
"""Every exit code, and minus the number of the signal that ended a program."""

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


class SystemCommands:
    """Programs run through the sh package, each in a session of its own.

    None of them outlives this process, even one that is killed.
    """

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        """Run *argv* to its end, as *user* where given, for at most *timeout* seconds.

        It runs in /, with an empty standard input and in the C locale. Output that is not
        UTF-8 is shown with replacement characters.

        Raises:
            NotPermitted: *user* is another one, and this is not root; or it may not be run.
            HostError: the program is missing or took too long (it and what it started in
                its session are ended then), or wrote more than `OUTPUT_LIMIT` bytes (they
                are ended too), or the user does not exist.
        """
        too_much = _Once()
        output = _Kept(too_much)
        kept = {"_out": output, "_out_bufsize": _PIECE}
        running, errors = self._started(argv, kept, too_much, user)
        return _completed(argv, running, errors, too_much, timeout)._replace(stdout=output.text)

    def stream(
        self,
        argv: Sequence[str],
        take: Callable[[str], None],
        *,
        user: str | None = None,
        timeout: float = 30.0,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> Completed:
        """Run *argv* as `run` does, and hand each line of its output to *take* as it comes.

        A line comes without its newline; what ends by a carriage return comes with it, as
        soon as it does. Where *take* raises, the program is ended. *is_cancelled* is asked
        again and again from another thread.

        Raises:
            NotPermitted, HostError: as `run`; the output as a whole may be of any length, a
                line has at most `LINE_LIMIT` bytes. Or it was cancelled.
        """
        too_much = _Once()
        until = time.monotonic() + timeout
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as pipe:
            with open(writing, "wb", buffering=0) as given:
                running, errors = self._started(argv, {"_out": given}, too_much, user)
            with _asking(is_cancelled, running.pid) as cancelled:
                ended = _completed(
                    argv, running, errors, too_much, timeout, lambda: _hand_on(pipe, take, until)
                )
        if cancelled.is_set():
            raise HostError(f"{' '.join(argv)}: was cancelled")
        return ended

    def _started(
        self, argv: Sequence[str], output: dict[str, Any], too_much: _Once, user: str | None
    ) -> tuple[sh.RunningCommand, _Kept]:
        """Start *argv* with *output* as it is; return it with what keeps its errors."""
        import sh

        errors = _Kept(too_much)
        try:
            with open(os.devnull, "rb") as nothing:
                running = sh.Command(argv[0], search_paths=_paths())(
                    *argv[1:],
                    _bg=True,
                    _bg_exc=False,
                    _in=nothing,
                    **output,
                    _err=cast("IO[bytes]", errors),
                    _err_bufsize=_PIECE,
                    _tty_out=False,
                    _ok_code=_ENDS,
                    _env=_environment(user),
                    _cwd="/",
                    _new_session=True,
                    _preexec_fn=_beginning(),
                    _encoding="utf-8",
                    _decode_errors="replace",
                    _uid=_uid(user),
                )
        except sh.CommandNotFound:
            raise HostError(f"{argv[0]}: no such program here; is its package installed?") from None
        except sh.ForkException as error:
            raise _not_started(argv, error) from None
        return running, errors


def _completed(
    argv: Sequence[str],
    running: sh.RunningCommand,
    errors: _Kept,
    too_much: _Once,
    timeout: float,
    meanwhile: Callable[[], None] = lambda: None,
) -> Completed:
    """Wait for the end of a program; *meanwhile* reads what it writes. Raises `HostError`."""
    late = threading.Event()
    too_much.then(lambda: _end_session(running.pid, late))
    ended = _ended(running, timeout, late, meanwhile)
    if too_much.happened:
        most = f"{OUTPUT_LIMIT >> 20} MiB"
        raise HostError(f"{' '.join(argv)}: wrote more than {most}, and was stopped")
    if not ended:
        raise HostError(f"{' '.join(argv)}: not ended after {timeout:g} s, and stopped")
    return Completed(tuple(argv), running.exit_code, "", errors.text)


def _hand_on(pipe: IO[bytes], take: Callable[[str], None], until: float) -> None:
    """Hand each line that comes through *pipe* to *take*, not longer than *until*."""
    import select

    rest: list[bytes] = []
    while select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
        piece = os.read(pipe.fileno(), _PIECE)
        # A program that writes over its own line ends it by a carriage return, which is kept.
        *whole, last = piece.replace(b"\r", b"\r\n").split(b"\n")
        for line in whole:
            take(b"".join((*rest, line)).decode("utf-8", "replace"))
            rest = []
        rest.append(last)
        if not piece:
            break
        if len(rest) * _PIECE > LINE_LIMIT and sum(map(len, rest)) > LINE_LIMIT:
            raise HostError(f"a program wrote a line of more than {LINE_LIMIT >> 20} MiB")
    if any(rest):
        take(b"".join(rest).decode("utf-8", "replace"))


class _Once:
    """Something that may happen in another thread, before or after it is known what to do then."""

    def __init__(self) -> None:
        self.happened = False
        self._lock = threading.Lock()
        self._then: Callable[[], None] | None = None

    def then(self, do: Callable[[], None]) -> None:
        """Call *do* when it happens, or now where it has."""
        with self._lock:
            self._then = do
            if self.happened:
                do()

    def happen(self) -> None:
        with self._lock:
            if not self.happened and self._then:
                self._then()
            self.happened = True


class _Kept:
    """What a program writes, up to `OUTPUT_LIMIT` bytes.

    Args:
        too_much: happens with what is written beyond.
    """

    def __init__(self, too_much: _Once) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._too_much = too_much

    def write(self, piece: bytes) -> None:
        """Keep *piece*; called by the threads of sh."""
        self._size += len(piece)
        if self._size > OUTPUT_LIMIT:
            self._too_much.happen()
        else:
            self._pieces.append(piece)

    @property
    def text(self) -> str:
        return b"".join(self._pieces).decode("utf-8", "replace")


def _ended(
    running: sh.RunningCommand,
    timeout: float,
    late: threading.Event,
    meanwhile: Callable[[], None],
) -> bool:
    """Wait for a program; return False where it had to be ended after *timeout* seconds."""
    # The timeout of sh itself looks for the end every 0.1 s only, and ends no grandchild.
    timer = threading.Timer(timeout, _end_session, [running.pid, late])
    timer.daemon = True
    timer.start()
    try:
        meanwhile()
        running.wait()
    except BaseException:
        _end_session(running.pid, late)
        raise
    finally:
        timer.cancel()
    return not late.is_set()


@contextmanager
def _asking(is_cancelled: Callable[[], bool] | None, pid: int) -> Iterator[threading.Event]:
    """Ask *is_cancelled* while the block runs; end the program's session where it says so.

    Yields:
        What is set then.
    """
    over, cancelled = threading.Event(), threading.Event()
    if is_cancelled is None:
        yield cancelled
        return

    def ask() -> None:
        while not over.wait(_ASKED_EVERY):
            if is_cancelled():
                cancelled.set()
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGTERM)
                if not over.wait(_TIDY_TIME):
                    _end_session(pid, threading.Event())
                return

    asker = threading.Thread(target=ask, name="cancelled?", daemon=True)
    asker.start()
    try:
        yield cancelled
    finally:
        over.set()
        asker.join()


def _end_session(pid: int, late: threading.Event) -> None:
    late.set()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _beginning() -> Callable[[], None]:
    """Return what a program does first: hear hang-ups, and end when this process is killed.

    The kernel ends it with the thread that started it, which waits for its end; whatever the
    program has started itself by then, such as a daemon, goes on.
    """
    import ctypes

    # A forked child of a threaded program must not import or look up anything.
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def begin() -> None:
        # sh ignores it for a program it doesn't wait for, and a daemon reloads on it.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return begin


def _paths() -> list[str]:
    own = "" if os.geteuid() == 0 else os.environ.get("PATH", "")
    return [path for path in f"{SEARCHED}:{own}".split(":") if path]


def _uid(user: str | None) -> int | None:
    """Return the user to become, or None where this process is that user already."""
    if user is None:
        return None
    try:
        uid = pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        raise UnknownAccount(f"this host has no user {user!r}") from None
    if uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise NotPermitted(f"cannot run a command as {user}: only root may; use sudo")
    return uid


def _environment(user: str | None) -> dict[str, str]:
    name = user or _own_name()
    return {
        "PATH": ":".join(_paths()),
        "LC_ALL": "C",
        "TERM": "dumb",
        "SYSTEMD_COLORS": "0",
        "SYSTEMD_PAGER": "",
        "DEBIAN_FRONTEND": "noninteractive",
        "USER": name,
        "LOGNAME": name,
    }


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _not_started(argv: Sequence[str], error: Exception) -> HostError:
    told = str(error).strip().splitlines()[-1:] or ["unknown"]
    kind = NotPermitted if "PermissionError" in told[0] else HostError
    return kind(f"{argv[0]}: cannot be started: {told[0]}")
