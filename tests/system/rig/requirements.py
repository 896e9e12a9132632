"""What this machine must have to run the rig."""

from __future__ import annotations

import os
import shutil

from tests.programs import SBIN

PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter", "unshare", "setpriv", "mount", "tar")


def missing() -> str:
    """Return why the rig can't run here; "" where it can."""
    if os.geteuid() != 0:
        return "the rig needs root"
    path = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    return f"the rig needs {', '.join(absent)}, not installed here" if absent else ""
