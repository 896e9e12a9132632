"""What an operator can do about a denial: give the label, or the rule, that was missing.

Nothing here switches SELinux or AppArmor off, for one program or for all, and no rules are made
out of whatever was denied: only what the edge itself needs is named.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.host.ports import Host
    from actions.mailhost.edges import Edge
    from actions.sockets.denials import Denial

MILTER_TYPES: Mapping[str, str] = {
    "milter-greylist": "greylist_milter_data_t",
    "spamass-milter": "spamass_milter_data_t",
    "opendkim": "dkim_milter_data_t",
    "opendmarc": "dkim_milter_data_t",
    "clamav-milter": "antivirus_var_run_t",
    "clamd": "antivirus_var_run_t",
    "spamd": "spamd_var_run_t",
    "dovecot": "dovecot_var_run_t",
}
"""The type that the reference policy and Fedora's give the folder of each daemon's socket (their
milter.fc, antivirus.fc, spamassassin.fc and dovecot.fc)."""

OTHER_MILTER = "dkim_milter_data_t"
"""For a milter that no policy knows: one of the types whose sockets Postfix may connect to
(milter_stream_connect_all, milter.if)."""

MILTER_PORT = "milter_port_t"
"""The type of the ports of milters (corenetwork.te)."""

_FOR_PATHS = frozenset({"sock_file", "dir", "lnk_file", "file"})


def label_advice(denial: Denial, edge: Edge, folder: str) -> str:
    """Return how to give what SELinux denied the label that its policy expects; "" for none.

    Args:
        denial: one of SELinux.
        edge: the edge that it concerns.
        folder: the folder of the socket; empty for a port.
    """
    if denial.kind == "tcp_socket":
        return f"semanage port -a -t {MILTER_PORT} -p tcp {denial.target}"
    if denial.kind not in _FOR_PATHS or not folder:
        return ""
    label = MILTER_TYPES.get(edge.service, OTHER_MILTER)
    path, pattern = shlex.quote(folder), shlex.quote(f"{folder}(/.*)?")
    return (
        f"restorecon -Rv {path}, where matchpathcon {path} tells another label than ls -Zd {path}; "
        f"else semanage fcontext -a -t {label} {pattern} and restorecon -Rv {path}"
    )


def module_words(denial: Denial) -> str:
    """Return what to do where no label helps: the other process has the wrong domain."""
    return (
        f"the process at the other end runs as {denial.label}: see that its program has the label "
        "of its package (restorecon -v on it, and a restart); else a local module that allows "
        f"{denial.domain} {denial.wanted} on {denial.label}:{denial.kind}, and nothing more"
    )


def rule(denial: Denial) -> str:
    """Return the rule that AppArmor lacks, as it stands in a profile (apparmor.d(5)).

    To connect to a socket, and to make one, needs "rw" on its path.
    """
    path = denial.target
    shown = f'"{path}"' if any(char in path for char in " \t") else path
    return f"  {shown} rw,"


def profile_file(host: Host, profile: str) -> str:
    """Return the file in /etc/apparmor.d that has *profile*, or "" where none is found.

    A profile called by its program is in the file of that path with dots for slashes; one with a
    name of its own in that of the name, as Debian has them.
    """
    named = (profile.strip("/").replace("/", "."), profile)
    for name in named:
        path = f"/etc/apparmor.d/{name}"
        if name and "/" not in name and os.path.isfile(host.at(path)):
            return path
    return ""


def local_file(profile: str) -> str:
    """Return where an operator's own rules for the profile in the file *profile* are."""
    return f"/etc/apparmor.d/local/{os.path.basename(profile)}"
