"""Asking milters in this process, through the action itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions.action import Context, Never
from actions.chain.declared.test import chain_test
from actions.host.system import SystemHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.action import Cancel
    from actions.chain.report import ChainReport


def ask(
    *specs: str,
    cancel: Cancel | None = None,
    tell: Callable[[object], None] = lambda _: None,
    **options: Any,
) -> ChainReport:
    """Run ``chain.test`` on the milters at *specs* with *options* and return its report."""
    ctx = Context(SystemHost(), tell, cancel or Never())
    return chain_test(ctx, milter=specs, **options)
