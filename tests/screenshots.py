"""Draws ``screenshots/``: the console over a real lab, as the tests drive it.

Run as ``python -m tests.screenshots``.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from console.lab.lab import running_lab
from tests.console.lab.kit import INSIDE, send
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
            _fill_queue(lab)
            asyncio.run(_draw(lab, size, _working))
        with running_lab(["socket-unwritable"]) as lab:
            asyncio.run(_draw(lab, size, _broken))


def _fill_queue(lab: Lab) -> None:
    """Hand in mail for others, which the lab keeps: it delivers nothing to them."""
    for name in ("jane", "joe", "ann"):
        assert send(lab, client=INSIDE, recipient=f"{name}@elsewhere.example").code == 250


async def _draw(
    lab: Lab,
    size: tuple[int, int],
    scenes: Callable[[Driven, Callable[[str], None]], Awaitable[None]],
) -> None:
    async with console(lab.host, size, pane="1") as screen:

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
    await _overview(screen, save)
    await screen.press("2", "tab")
    await screen.sees("3 deferred", "jane@elsewhere.example", "ann@elsewhere.example")
    save("services-queue")
    await screen.press("3")
    await screen.sees("nothing is delivered")
    await screen.press("s", "down", "enter", "r")
    await screen.sees("Rejected by milter-manager")
    await screen.pilot.pause(0.5)
    save("chain-gtube")
    await screen.press("s", "up", "enter", "r")
    await screen.sees("would be delivered")
    await screen.press("d")
    await screen.sees("Before and after the whole chain")
    save("message-diff")
    await screen.press("escape")
    await _compared(screen, save)
    await _scenarios(screen, save)
    await _loaded(screen, save)
    await _debug(screen, save)


async def _overview(screen: Driven, save: Callable[[str], None]) -> None:
    """A host on which nothing is wrong."""
    await screen.sees("● spamass-milter", "queue  3 deferred")
    await _looked(screen)
    save("overview")


async def _overview_of_a_fault(screen: Driven, save: Callable[[str], None]) -> None:
    """A socket that Postfix can't open, and how it is explained."""
    await screen.sees("✗ milter-manager", "permission denied")
    await _looked(screen)
    save("overview-fault")
    await screen.press("enter")
    await screen.sees("The same trouble, seen elsewhere")
    save("overview-explained")
    await screen.press("escape")


async def _looked(screen: Driven) -> None:
    """Wait for the end of the looks."""
    look = screen.app.host_look
    await screen.until(lambda: look.ended > 0 and not look.is_under_way, "the end of the looks")


async def _compared(screen: Driven, save: Callable[[str], None]) -> None:
    """A message that is rejected beside one that is not."""
    await screen.press("s", "down", "enter", "r")
    await screen.sees("Rejected by milter-manager")
    await screen.press("c", "enter")
    await screen.sees("Comparison of two runs")
    await screen.pilot.pause(0.5)
    save("chain-compare")
    await screen.press("escape")


_SUITE = """
about = "what our filters promise"
[[milter]]
name = "clamav-milter"
[[milter]]
name = "spamass-milter"
[[scenario]]
name = "a clean message passes"
expect.verdict = "delivered"
[[scenario]]
name = "a virus is refused"
sample = "eicar"
expect = { verdict = "reject", by = "clamav-milter", stage = "end" }
[[scenario]]
name = "spam is put off"
why = "greylisting shall have a second look at it"
sample = "gtube"
expect = { verdict = "temporary-failure", reply = { code = 451 } }
[[scenario]]
name = "text beyond ASCII passes"
sample = "8bit"
expect.verdict = "delivered"
"""


async def _scenarios(screen: Driven, save: Callable[[str], None]) -> None:
    """A suite of tests, one of which fails."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("mail-tests.toml").write_text(_SUITE, encoding="utf-8")
        await screen.press("x")
        await screen.sees("Which scenarios are run")
        await screen.press("end", "enter")
        await screen.sees("Which file of scenarios")
        await screen.paste("mail-tests.toml")
        await screen.press("enter")
        await screen.sees("4 scenarios: 3 passed, 1 failed")
        await screen.pilot.pause(0.5)
        save("chain-scenarios")
        await screen.press("escape")


async def _loaded(screen: Driven, save: Callable[[str], None]) -> None:
    """Many sessions at once, more than half of them done."""
    await screen.press("s", "home", "enter", "l")
    await screen.sees("remember what they see")
    await screen.press(*"400", "ctrl+r")
    await screen.until(lambda: any(f" {share} % " in screen.text for share in range(55, 99)))
    save("chain-load")
    await screen.press("escape")
    await screen.sees("Cancelled after")
    await screen.press("escape")


async def _debug(screen: Driven, save: Callable[[str], None]) -> None:
    """A debug mode that is on for a while; a milter live, with the test that it rejects beside."""
    await screen.press("6")
    await screen.sees("– opendkim")
    await screen.press("end", "o")
    await screen.sees("Enter apply")
    await screen.press("enter")
    await screen.sees("Applied and proved")
    await screen.press("escape")
    await screen.sees("◐ 1 on", "◐ opendkim")
    await screen.pilot.pause(0.5)
    save("debug")
    await screen.press("x")
    await screen.sees("Enter apply")
    await screen.press("enter")
    await screen.sees("Applied and proved")
    await screen.press("escape", "3", "s", "home", "down", "enter", "r")
    await screen.sees("Rejected by milter-manager")
    await screen.press("v")
    await screen.sees("Run milter-manager", "Enter apply")
    await screen.press("enter")
    await screen.until(lambda: "Rejected by milter-manager" in screen.joined, "the test again")
    await screen.pilot.pause(0.5)
    await screen.press("home")
    await screen.sees("stays", "connect")
    save("debug-chain")
    await screen.press("escape")
    await screen.sees("is back, answering")
    await screen.press("escape")


async def _services(screen: Driven, save: Callable[[str], None]) -> None:
    """What runs, and how the host is set up."""
    await screen.press("2", "down")
    await screen.sees("postfix may not open", "✗ greeting")
    await _looked(screen)
    save("services")
    await screen.press("shift+tab")
    await screen.sees("to choose")
    save("services-setup")


async def _sockets(screen: Driven, save: Callable[[str], None]) -> None:
    """Who opens whose socket, the path of the one that is closed, and the ways to mend it."""
    await screen.press("5")
    await screen.sees("1 down", "0660  w ✗")
    await _looked(screen)
    await screen.pilot.pause(0.5)
    save("sockets")
    await screen.press("enter")
    await screen.sees("What mends it", "recommended")
    save("sockets-opened")
    await screen.press("escape")


async def _broken(screen: Driven, save: Callable[[str], None]) -> None:
    """A milter that can't be reached, and the plan that mends it."""
    await _overview_of_a_fault(screen, save)
    await _services(screen, save)
    await _sockets(screen, save)
    await screen.press("3", "r")
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
