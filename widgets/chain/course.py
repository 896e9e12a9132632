"""What one chain test has told so far, milter by milter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.children import AskingChild
from actions.milter.chain import Edited
from actions.milter.protocol import MESSAGE_STAGES, Stage
from actions.milter.session import Exchange, Negotiated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.chain.report import ChainReport
    from actions.mailhost.managed import Manager
    from actions.milter.link import Link

_BEFORE_MAIL = (Stage.CONNECT, Stage.HELO)
_FINAL = {"accept", "reject", "tempfail", "discard", "shutdown", "failure"}


class Lane:
    """One milter during a test: of the chain, or behind one of its milters.

    Args:
        name: what it is called.
        endpoint: where it listens.
        manager: the milter-manager behind which it is; empty for a milter of the chain.
    """

    def __init__(self, name: str, endpoint: str, manager: str = "") -> None:
        self.name = name
        self.endpoint = endpoint
        self.manager = manager
        self.opened: Negotiated | None = None
        self.exchanges: list[Exchange] = []
        self.out = False
        """Whether it is not asked any more in this session."""

    @property
    def title(self) -> str:
        """Its name as the table shows it."""
        return f"└ {self.name}" if self.manager else self.name

    @property
    def seconds(self) -> float:
        """How long it was waited for."""
        opening = self.opened.seconds if self.opened else 0.0
        return opening + sum(exchange.seconds for exchange in self.exchanges)

    def take(self, event: Negotiated | Exchange) -> None:
        """Note what happened with this milter."""
        if isinstance(event, Negotiated):
            self.opened = event
            self.out = event.trouble is not None
            return
        self.exchanges.append(event)
        said = event.reply.decision if event.reply else "continue"
        for_good = event.stage in _BEFORE_MAIL or event.stage in MESSAGE_STAGES or said == "accept"
        self.out = self.out or event.trouble is not None or (said in _FINAL and for_good)


class Course:
    """A test under way, or done.

    Args:
        links: the milters of the chain, in their order.
        managers: those of them that are milter-managers; their children are asked directly
            after the chain.
    """

    def __init__(self, links: Sequence[Link], managers: Sequence[Manager] = ()) -> None:
        self.chain = [Lane(link.name, link.endpoint.spec) for link in links]
        self.children = [
            Lane(child.link.name, child.link.endpoint.spec, manager.milter)
            for manager in managers
            for child in manager.children
            if child.enabled
        ]
        self.lanes = [
            lane
            for member in self.chain
            for lane in (
                member,
                *(child for child in self.children if child.manager == member.name),
            )
        ]
        """All of them as the table shows them: children below their manager."""
        self.edited: list[Edited] = []
        self._child: Lane | None = None
        self._last: Negotiated | Exchange | None = None

    def take(self, event: object) -> None:
        """Note *event*, where it belongs to the test."""
        if isinstance(event, AskingChild):
            self._child = next(
                lane
                for lane in self.children
                if (lane.manager, lane.name) == (event.manager, event.name)
            )
        elif isinstance(event, Edited) and not self._child:
            self.edited.append(event)
        elif isinstance(event, (Negotiated, Exchange)):
            self._last = event
            lane = self._child or self._member(event.milter)
            if lane:
                lane.take(event)

    def settle(self, report: ChainReport) -> None:
        """Take what the *report* tells, where events were not told one by one."""
        results = (*report.milters, *(child.milter for child in report.children))
        for lane, result in zip((*self.chain, *self.children), results, strict=False):
            lane.opened = result.opened
            lane.exchanges = list(result.exchanges)

    def _member(self, name: str) -> Lane | None:
        return next((lane for lane in self.chain if lane.name == name), None)

    @property
    def awaited(self) -> Lane | None:
        """The milter that owes an answer now; None where none can be named."""
        last = self._last
        if self._child or last is None:
            return self._child or (self.chain[0] if self.chain else None)
        place = next((n for n, lane in enumerate(self.chain) if lane.name == last.milter), 0)
        lane = self.chain[place]
        stays = isinstance(last, Negotiated) or _content_goes_on(last)
        if stays and not lane.out:
            return lane
        later = [lane for lane in self.chain[place + 1 :] if not lane.out]
        again = [lane for lane in self.chain if not lane.out]
        return next((lane for lane in (*later, *again)), None)


def _content_goes_on(exchange: Exchange) -> bool:
    return exchange.stage in MESSAGE_STAGES and exchange.stage is not Stage.END
