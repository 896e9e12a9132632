"""Loads in this process, through the action itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions.action import Context, Never
from actions.chain.declared.load import chain_load
from actions.host.system import SystemHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Cancel
    from actions.chain.load.report import LoadReport


def load(
    *specs: str,
    cancel: Cancel | None = None,
    tell: Callable[[object], None] = lambda _: None,
    **options: Any,
) -> LoadReport:
    """Run ``chain.load`` on the milters at *specs* with *options* and return its report."""
    ctx = Context(SystemHost(), tell, cancel or Never())
    return chain_load(ctx, milter=specs, **options)
