"""What one chain test has told so far, milter by milter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.chain import Edited
from actions.milter.protocol import MESSAGE_STAGES, Stage
from actions.milter.session import Exchange, Negotiated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.chain.report import ChainReport
    from actions.milter.link import Link

_BEFORE_MAIL = (Stage.CONNECT, Stage.HELO)
_FINAL = {"accept", "reject", "tempfail", "discard", "shutdown", "failure"}


class Lane:
    """One milter of the chain during a test."""

    def __init__(self, name: str, endpoint: str) -> None:
        self.name = name
        self.endpoint = endpoint
        self.opened: Negotiated | None = None
        self.exchanges: list[Exchange] = []
        self.out = False
        """Whether it is not asked any more in this session."""

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
        links: the milters that are asked, in their order.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self.lanes = [Lane(link.name, link.endpoint.spec) for link in links]
        self.edited: list[Edited] = []
        self._last: Negotiated | Exchange | None = None

    def take(self, event: object) -> None:
        """Note *event*, where it belongs to the test."""
        if isinstance(event, Edited):
            self.edited.append(event)
        elif isinstance(event, (Negotiated, Exchange)):
            self._last = event
            for lane in self.lanes:
                if lane.name == event.milter:
                    lane.take(event)

    def settle(self, report: ChainReport) -> None:
        """Take what the *report* tells, where events were not told one by one."""
        for lane, result in zip(self.lanes, report.milters, strict=False):
            lane.opened = result.opened
            lane.exchanges = list(result.exchanges)

    @property
    def awaited(self) -> str:
        """The milter that owes an answer now; empty where none can be named."""
        last = self._last
        if last is None:
            return self.lanes[0].name if self.lanes else ""
        place = next((n for n, lane in enumerate(self.lanes) if lane.name == last.milter), 0)
        lane = self.lanes[place]
        stays = isinstance(last, Negotiated) or _content_goes_on(last)
        if stays and not lane.out:
            return lane.name
        later = [lane for lane in self.lanes[place + 1 :] if not lane.out]
        again = [lane for lane in self.lanes if not lane.out]
        return next((lane.name for lane in (*later, *again)), "")


def _content_goes_on(exchange: Exchange) -> bool:
    return exchange.stage in MESSAGE_STAGES and exchange.stage is not Stage.END
