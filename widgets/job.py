"""`Job`: an action that runs beside the screen and tells it what happens by messages.

It has a thread of its own, which dies with the program. Textual's thread workers run in the
event loop's executor, and leaving the loop waits for that: a milter that hangs would keep
the operator from quitting.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from textual.message import Message

from actions.action import Cancelled, Context
from widgets.fault import Fault, fault_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message_pump import MessagePump

    from actions.host.ports import Host


class Job:
    """One action under way.

    Args:
        host: the host it works on.
        work: what it does; gets a context to tell by and to be cancelled by.
        target: gets `Job.Told` for whatever is told, and `Job.Ended` at the end.
    """

    class Told(Message, bubble=False):
        """Something happened on the way."""

        def __init__(self, job: Job, event: object) -> None:
            super().__init__()
            self.job = job
            self.event = event

    class Ended(Message, bubble=False):
        """It is over: with a result, with a fault, or cancelled where both are None."""

        def __init__(self, job: Job, result: object, fault: Fault | None) -> None:
            super().__init__()
            self.job = job
            self.result = result
            self.fault = fault

    def __init__(self, host: Host, work: Callable[[Context], object], target: MessagePump) -> None:
        self.started = time.monotonic()
        self._cancel = threading.Event()
        self._work = work
        self._target = target
        self._context = Context(host, self._tell, self._cancel)
        self._thread = threading.Thread(target=self._run, name="action", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to end; it does so at the next moment where nothing is left half done."""
        self._cancel.set()

    def join(self, timeout: float) -> bool:
        """Wait until it is over, for at most *timeout* seconds; return whether it is."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to end."""
        return self._cancel.is_set()

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started

    def _run(self) -> None:
        try:
            result = self._work(self._context)
        except Cancelled:
            self._post(Job.Ended(self, None, None))
        except BaseException as error:  # noqa: BLE001  (whatever it is, the screen goes on)
            self._post(Job.Ended(self, None, fault_of(error)))
        else:
            self._post(Job.Ended(self, result, None))

    def _tell(self, event: object) -> None:
        self._post(Job.Told(self, event))

    def _post(self, message: Message) -> None:
        try:
            self._target.post_message(message)
        except RuntimeError:
            # The screen is gone, and with it whoever wanted to know.
            return
