"""What the client of an edge logs of what it meets: the lines to look for in the mail log.

The messages are Postfix's own, of milter8.c, xsasl_dovecot_server.c and smtp_connect.c; they are
compared with those of a running one in tests/system. The system's words may be localised there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.mailhost.specs import ENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions.mailhost.edges import Edge
    from actions.sockets.proof import Proof
    from actions.sockets.report import Cause

_SYSTEM: Mapping[Cause, str] = {
    "group": "Permission denied",
    "write": "Permission denied",
    "folder": "Permission denied",
    "stale-groups": "Permission denied",
    "denied": "Permission denied",
    "missing": "No such file or directory",
    "dangling": "No such file or directory",
    "chroot": "No such file or directory",
    "stale": "Connection refused",
    "not-a-socket": "Connection refused",
    "closed-port": "Connection refused",
    "datagram": "Protocol wrong type for socket",
    "name": "Cannot assign requested address",
}
"""The system's own words where it lets nobody connect, as Postfix logs them in English."""

_SPOKEN: Mapping[Cause, str] = {
    "closes": "can't read SMFIC_OPTNEG reply packet header: Connection reset by peer",
    "closes-on-read": "can't read SMFIC_OPTNEG reply packet header: Application error",
    "hangs": "can't read SMFIC_OPTNEG reply packet header: Connection timed out",
}
"""What Postfix logs of a milter that takes the connection (milter8.c)."""

_LONGEST = 0x3FFFFFFF
"""Bytes that Postfix takes for a milter's reply at most (milter8.c)."""


def log_line(edge: Edge, cause: Cause, hostname: Callable[[], str], proof: Proof) -> str:
    """Return what the client of *edge* logs of *cause*; empty where that is not known.

    Args:
        edge: the edge.
        cause: what stands in its way.
        hostname: tells Postfix's own (myhostname).
        proof: what the proof met.
    """
    if edge.client_service != "postfix":
        return ""
    if edge.refused and cause != "name":
        return f"{'fatal' if edge.effect == ENDS else 'warning'}: {edge.refused}"
    system = _SYSTEM.get(cause, "")
    if edge.speech == "milter":
        if system:
            return f"warning: connect to Milter service {edge.spec}: {system}"
        said = _not_a_milter(proof) if cause == "not-a-milter" else _SPOKEN.get(cause, "")
        return f"warning: milter {edge.spec}: {said}" if said else ""
    if not system:
        return ""
    if edge.speech == "dovecot-auth":
        return f"warning: SASL: Connect to Dovecot auth socket '{edge.spec}' failed: {system}"
    if edge.endpoint.startswith("unix:"):
        return f"connect to {hostname()}[{edge.spec.removeprefix('unix:')}]: {system}"
    return ""


def _not_a_milter(proof: Proof) -> str:
    """Return what is logged of bytes that are no milter's: the first four are read as a length."""
    if not 0 < proof.length <= _LONGEST:
        return f"unreasonable packet length: {proof.length} > {_LONGEST}"
    return f'unexpected reply "{proof.reply}" in initial handshake'
