"""From a fork of the supervisor to a running service: descriptors, rights, and its end.

Services are forked and not executed: a service's user may not be able to run the interpreter
or to read this program.
"""

from __future__ import annotations

import ctypes
import os
import signal
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from actions.record import Record

if TYPE_CHECKING:
    import socket

    from actions.host.ports import Account
    from console.lab.definitions import UnitDefinition
    from console.lab.services import Serve

READY = b"ready"
"""What a service tells the supervisor when its socket is open and its rights are dropped."""

DESCRIPTOR_LIMIT = 65536
"""Above every descriptor that the supervisor can have open."""

_FATAL_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15

# Loaded before any fork: a service may not be able to read the library any more.
_LIBC = ctypes.CDLL(None, use_errno=True)


class Forked(Record):
    """A service that is starting."""

    pid: int
    told: int
    """A descriptor on which it says `READY`, or why it can't start."""


class Order(Record):
    """What is to be started."""

    root: str
    unit: UnitDefinition
    stand_in: str = ""
    """A function of `console.lab.services.faulty` in place of the unit's own program."""
    listener: socket.socket | None = None
    arguments: tuple[str, ...] = ()
    """What its command line has behind the program's name."""
    output: int = -1
    """A descriptor that becomes its standard output and error."""


def fork_service(order: Order) -> Forked:
    """Start a service; returns at once."""
    supervisor = os.getpid()
    told, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        return Forked(pid, told)
    try:
        _run(order, tell, supervisor)
    except BaseException as error:  # noqa: BLE001 - nothing may return into the supervisor's code
        _give_up(error, tell)
    finally:
        os._exit(1)


def _run(order: Order, tell: int, supervisor: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in _FATAL_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _die_with(supervisor)
    if order.output >= 0:
        os.dup2(order.output, 1)
        os.dup2(order.output, 2)
    _close_all_but({tell, order.listener.fileno() if order.listener else tell})
    _LIBC.prctl(_PR_SET_NAME, order.unit.name.encode()[:15], 0, 0, 0)
    serve, account = _prepare(order)
    if os.geteuid() == 0:
        _become(account)
        _die_with(supervisor)  # the kernel forgets it when a process changes its user
    os.write(tell, READY)
    os.close(tell)
    serve()


def _prepare(order: Order) -> tuple[Serve, Account]:
    from importlib import import_module

    from actions.host.accounts import FolderAccounts
    from actions.host.files import Files
    from console.lab.services import Site

    accounts = FolderAccounts(order.root, Files())
    site = Site(order.root, accounts, order.listener, order.arguments)
    name = "faulty" if order.stand_in else order.unit.module
    module = import_module(f"console.lab.services.{name}")
    prepare = getattr(module, order.stand_in or "prepare")
    return prepare(site), accounts.user(order.unit.user)


def _become(account: Account) -> None:
    os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


def _die_with(supervisor: int) -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor:
        os._exit(1)


def _close_all_but(kept: set[int]) -> None:
    """Close what the supervisor has open: its lock, its leash, its clients.

    Standard input, output and error stay.
    """
    first = 3
    for number in (*sorted(kept), DESCRIPTOR_LIMIT):
        if first < number:  # Python 3.11 takes closerange(0, 0) for all there are
            os.closerange(first, number)
        first = number + 1


def _give_up(error: BaseException, tell: int) -> NoReturn:
    from actions.host.errors import HostError
    from console.lab.conf import BadSetting

    if not isinstance(error, (BadSetting, HostError)):
        traceback.print_exc()
    text = str(error) or type(error).__name__
    with suppress(OSError):
        os.write(tell, text.encode("utf-8", "replace"))
    os._exit(1)
