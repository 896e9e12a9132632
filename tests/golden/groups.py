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
from tests.golden.client_cases import CLIENTS, TLS_CASES
from tests.golden.edits import EDITS
from tests.golden.local_cases import SUBMITTED
from tests.golden.trouble_cases import COMMANDS, SETTINGS, SHUTDOWN, TROUBLE

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
    "submitted": SUBMITTED,
    "clients": CLIENTS,
    "tls": TLS_CASES,
    "trouble": TROUBLE,
    "settings": SETTINGS,
    "shutdown": SHUTDOWN,
    "commands": COMMANDS,
}
