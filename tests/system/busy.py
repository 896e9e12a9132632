"""Limits on time that hold on a machine which does other things too."""

from __future__ import annotations

import os


def stretched(seconds: float) -> float:
    """Return *seconds* on an idle machine; on a busy one so much longer as programs wait for it."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
