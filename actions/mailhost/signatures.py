"""Where clamd has its signatures, and whether there are any: without, it does not start."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.settings.directives import CLAMAV

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions.host.ports import Host

FOLDER = "/var/lib/clamav"
"""Where they are, unless DatabaseDirectory says otherwise (clamd.conf(5))."""

KINDS = (
    ".cvd",
    ".cld",
    ".cud",
    ".hdb",
    ".hsb",
    ".mdb",
    ".msb",
    ".ndb",
    ".ldb",
    ".db",
    ".yar",
    ".yara",
)
"""Ends of the names of what holds signatures, as far as clamd can do with it alone (ClamAV's
manual, "File formats")."""


def folder_of(host: Host, configuration: Iterable[str]) -> str:
    """Return the folder of the signatures, as clamd's *configuration* files name it.

    Args:
        host: the host.
        configuration: clamd.conf, by whatever name; one that can't be read says nothing.
    """
    for path in configuration:
        with suppress(HostError):
            text = host.files.read(host.at(path)).decode("utf-8", "replace")
            if folder := CLAMAV.value(text, "DatabaseDirectory"):
                return folder
    return FOLDER


def are_missing(host: Host, folder: str) -> bool:
    """Return whether no signatures are in *folder*; one that can't be seen may have some."""
    try:
        names = os.listdir(host.at(folder))
    except OSError:
        return False
    return not any(name.endswith(KINDS) for name in names)
