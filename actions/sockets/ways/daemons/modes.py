"""Modes as the settings of daemons write them."""

from __future__ import annotations

W_OF_GROUP = 0o020


def opens_to_group(written: str, *, unset: bool) -> bool:
    """Return whether the mode *written* lets the group connect; *unset* where none is written."""
    try:
        return bool(int(written, 8) & W_OF_GROUP) if written else unset
    except ValueError:
        return False


def mask_opens_to_group(written: str, *, unset: bool) -> bool:
    """Return whether the umask *written* lets the group connect; *unset* where none is written."""
    try:
        return not int(written, 8) & W_OF_GROUP if written else unset
    except ValueError:
        return False
