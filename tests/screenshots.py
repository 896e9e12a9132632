"""Draws ``screenshots/``: the console over a real lab, as the tests drive it.

Run as ``python -m tests.screenshots``.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from console.lab.lab import running_lab
from tests.widgets.driving import Driven, console

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from console.lab.lab import Lab

FOLDER = Path(__file__).parent.parent / "screenshots"
SIZES = ((80, 24), (120, 40))

_CDN = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""What names a font on somebody else's server."""


def main() -> None:
    """Draw every screenshot at every size."""
    FOLDER.mkdir(exist_ok=True)
    for size in SIZES:
        with running_lab() as lab:
            asyncio.run(_draw(lab, size, _working))
        with running_lab(["socket-unwritable"]) as lab:
            asyncio.run(_draw(lab, size, _broken))


async def _draw(
    lab: Lab,
    size: tuple[int, int],
    scenes: Callable[[Driven, Callable[[str], None]], Awaitable[None]],
) -> None:
    async with console(lab.host, size) as screen:

        def save(name: str) -> None:
            file = FOLDER / f"{name}-{size[0]}x{size[1]}.svg"
            file.write_text(_portable(screen.app.export_screenshot()), encoding="utf-8")
            print(file.relative_to(FOLDER.parent))  # noqa: T201

        await scenes(screen, save)


def _portable(svg: str) -> str:
    """Return *svg* so that it looks the same in every viewer and fetches nothing.

    Some viewers drop no-break spaces at the ends of a text, but keep spaces that are declared
    to count.
    """
    counted = svg.replace("&#160;", " ").replace("<svg ", '<svg xml:space="preserve" ', 1)
    return _CDN.sub("", counted)


async def _working(screen: Driven, save: Callable[[str], None]) -> None:
    """A message that is rejected, and what became of it on the way."""
    await screen.sees("● ok")
    await screen.press("s", "down", "enter", "r")
    await screen.sees("Rejected by spamass-milter")
    await screen.pilot.pause(0.5)
    save("chain-gtube")
    await screen.press("d")
    await screen.sees("Before and after the whole chain")
    save("message-diff")


async def _broken(screen: Driven, save: Callable[[str], None]) -> None:
    """A milter that can't be reached, and the plan that mends it."""
    await screen.sees("1 problem")
    await screen.press("r")
    await screen.sees("Not decided", "f let postfix open")
    await screen.pilot.pause(0.5)
    save("chain-unreachable")
    await screen.press("f")
    await screen.sees("1  edit")
    save("plan-before")
    await screen.press("enter")
    await screen.sees("Applied and proved")
    save("plan-after")


if __name__ == "__main__":
    main()
