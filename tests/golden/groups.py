"""All cases, by the name of the file with their recordings."""

from __future__ import annotations

from tests.golden.cases import (
    ENVELOPES,
    FAILURES,
    MACROS,
    MESSAGES,
    REPLIES,
    SESSIONS,
    SKIPS,
    STEPS,
    VERSIONS,
    Case,
)
from tests.golden.edits import EDITS

GROUPS: dict[str, dict[str, Case]] = {
    "messages": MESSAGES,
    "envelopes": ENVELOPES,
    "sessions": SESSIONS,
    "steps": STEPS,
    "macros": MACROS,
    "versions": VERSIONS,
    "skips": SKIPS,
    **REPLIES,
    "failures": FAILURES,
    "edits": EDITS,
}
