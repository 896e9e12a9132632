"""The app driven by a test: keys in, the text on the screen out."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from textual.events import Key, Paste
from textual.keys import _character_to_key
from textual.widget import Widget
from textual.widgets import Input, OptionList

from console.app import ConsoleApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

    from actions.host.ports import Host

PATIENCE = 10.0
"""Seconds after which something that must happen is taken for lost."""

SIZES = ((80, 24), (120, 40), (200, 60))

W = TypeVar("W", bound=Widget)


class Driven:
    """A console that runs."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def lines(self) -> list[str]:
        """The text on the screen, line by line."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(self.lines)

    @property
    def joined(self) -> str:
        """The text on the screen with its folds taken out."""
        return "".join(line.strip() for line in self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys one after another; each is dealt with before the next."""
        for key in keys:
            named = _character_to_key(key) if len(key) == 1 else key
            character = key if len(key) == 1 else {"space": " "}.get(key)
            self.app.post_message(Key(named, character))
            await self.settled()

    async def settled(self) -> None:
        """Wait until all messages so far are dealt with; Pilot waits for an idle CPU besides."""
        for _ in range(3):
            await self.pilot._wait_for_screen()
            await asyncio.sleep(0.001)

    async def paste(self, text: str) -> None:
        """Paste *text* into the field that has the focus."""
        assert self.app.focused is not None
        self.app.focused.post_message(Paste(text))
        await self.settled()

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait until *condition* holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"{what or 'it'} did not happen:\n{self.text}"
            await asyncio.sleep(0.01)
        await self.settled()

    async def sees(self, *texts: str) -> None:
        """Wait until each of *texts* is on the screen."""
        for text in texts:
            await self.until(lambda text=text: text in self.text, repr(text))  # type: ignore[misc]

    async def click(self, line: str, text: str) -> None:
        """Click *text* on the first line that holds *line*, once the screen stands still."""
        shown: list[str] = []
        while shown != self.lines:
            shown = self.lines
            await self.pilot.pause(0.1)
        at = next(number for number, row in enumerate(shown) if line in row)
        await self.pilot.click(offset=(shown[at].index(text), at))

    async def ask_milter(self, spec: str) -> None:
        """Choose the socket *spec* to be tested."""
        await self.press("m")
        await self.until(lambda: isinstance(self.app.focused, OptionList), "the list of milters")
        await self.press("end", "enter")
        await self.until(lambda: isinstance(self.app.focused, Input), "the line to type on")
        await self.press("ctrl+u")
        await self.paste(spec)
        await self.press("enter")

    def one(self, kind: type[W]) -> W:
        """Return the only widget of *kind* on the screen."""
        return self.app.screen.query_one(kind)


@asynccontextmanager
async def console(
    host: Host, size: tuple[int, int] = (80, 24), *, read_only: bool = False, pane: str = "3"
) -> AsyncIterator[Driven]:
    """Open the console on *host* at the pane of the digit *pane*, and wait until it is shown.

    The pane of the chain is waited for until its chain is read.
    """
    app = ConsoleApp(host, read_only=read_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        driven = Driven(app, pilot)
        await driven.until(lambda: "1 Overview" in driven.text)
        await driven.press(pane)
        if pane == "3":
            await driven.until(
                lambda: "nothing is delivered" in driven.text or "postconf: no such" in driven.text
            )
        yield driven
