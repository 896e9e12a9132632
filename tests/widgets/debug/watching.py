"""A console whose foreground runs end with the test, however it ends."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.widgets.driving import PATIENCE, Driven, console
from widgets.debug.run import RunPlan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actions.host.ports import Host


@asynccontextmanager
async def watching(
    host: Host, size: tuple[int, int] = (80, 24), *, pane: str
) -> AsyncIterator[Driven]:
    """Open the console on *host* at *pane*, and leave no run behind."""
    async with console(host, size, pane=pane) as screen:
        try:
            yield screen
        finally:
            for view in screen.app._views():
                job = view.applying if isinstance(view, RunPlan) else None
                if job:
                    job.cancel()
                    assert job.join(PATIENCE)
