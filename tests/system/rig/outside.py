"""What the machine that the rig runs on knows: where its packages come from, and how."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"""The authorities that this machine trusts, on Debian."""


def mirror() -> str:
    """Return the URI of this machine's Debian archive; "" where apt knows none."""
    if shutil.which("apt-get") is None:
        return ""
    form = "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)"
    for line in _told("apt-get", "indextargets", "--format", form).splitlines():
        origin, label, component, uri = line.split("|", 3)
        if (origin, label, component) == ("Debian", "Debian", "main"):
            return uri.rstrip("/")
    # Before the first apt-get update nothing is known of an archive but its address.
    form = "$(COMPONENT)|$(REPO_URI)"
    targets = _told("apt-get", "--no-release-info", "indextargets", "--format", form)
    for line in targets.splitlines():
        component, uri = line.split("|", 1)
        if component == "main" and uri.endswith("/debian/"):
            return uri.rstrip("/")
    return ""


def apt_settings(bundle: str) -> str:
    """Return an apt configuration with this machine's proxies.

    Args:
        bundle: where the layer finds `BUNDLE`; "" where this machine has none.
    """
    told = _told("apt-config", "dump") if shutil.which("apt-config") else ""
    lines = [
        line
        for line in told.splitlines()
        if line.lower().startswith(("acquire::http::proxy", "acquire::https::proxy"))
    ]
    if bundle:
        lines.append(f'Acquire::https::CAInfo "{bundle}";')
    return "".join(f"{line}\n" for line in lines)


def proxy() -> dict[str, str]:
    """Return the variables that hand apt's proxy to programs that are not apt."""
    if shutil.which("apt-config") is None:
        return {}
    told = _told("apt-config", "shell", "http", "Acquire::http::Proxy").strip()
    address = told.partition("=")[2].strip("'")
    return {"http_proxy": address} if address.startswith("http") else {}


def _told(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
