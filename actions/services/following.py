"""The services as they change: what the watch tells of is looked at again, each for itself.

A service that hangs is known to after its time limit only, and keeps nobody else waiting.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from actions.action import Cancelled
from actions.services.status import look_at
from actions.services.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.action import Context
    from actions.mailhost.service import MailService, ServiceStatus
    from actions.services.watch import Changed

AT_ONCE = 2
"""Looks at one service that go on at the same time; one may hang while the next sees it well."""


class Following:
    """Looks at each of *services* again whenever something may have changed, until it is closed.

    Args:
        ctx: of the host; its cancel ends looks that are under way.
        services: all of the host.
        told: is given each new status, from threads of this object's own, one at a time.
        resettled: is called when a configuration file was changed, by which there may be other
            services now.
        timeout: seconds for each look.
    """

    def __init__(
        self,
        ctx: Context,
        services: Sequence[MailService],
        told: Callable[[ServiceStatus], None],
        resettled: Callable[[], None] = lambda: None,
        timeout: float = 3.0,
    ) -> None:
        self._ctx = ctx
        self._services = {service.name: service for service in services}
        self._told, self._resettled = told, resettled
        self._timeout = timeout
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._begun = 0
        self._shown: dict[str, int] = {}
        """By service: the number of the look that was told last; an older one is no news."""
        self._going: dict[str, int] = {}
        self._again: set[str] = set()
        self._closed = False
        self._watch = Watch(ctx.host, services, self._change)

    @property
    def is_told(self) -> bool:
        """Whether the service manager tells of changes; else they are looked for."""
        return self._watch.is_told

    def close(self) -> None:
        """Look no more; what is under way is not told any more."""
        with self._telling:
            self._closed = True
        self._watch.close()

    def _change(self, change: Changed) -> None:
        for name in change.services:
            self._begin(name)
        if change.settings:
            self._resettled()

    def _begin(self, name: str) -> None:
        with self._lock:
            if self._going.get(name, 0) >= AT_ONCE:
                self._again.add(name)
                return
            self._going[name] = self._going.get(name, 0) + 1
            self._begun += 1
            number = self._begun
        threading.Thread(target=self._look, args=(name, number), name="looks", daemon=True).start()

    def _look(self, name: str, number: int) -> None:
        every = tuple(self._services.values())
        try:
            report = look_at(self._ctx, every, (self._services[name],), self._timeout)
        except Cancelled:
            return
        finally:
            with self._lock:
                self._going[name] -= 1
                again = name in self._again
                self._again.discard(name)
        with self._telling:
            if not self._closed and number > self._shown.get(name, 0):
                self._shown[name] = number
                self._told(report.services[0])
        if again and not self._closed:
            self._begin(name)
