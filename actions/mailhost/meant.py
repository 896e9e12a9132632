"""What a milter's specification may be meant as, where Postfix refuses it."""

from __future__ import annotations

import re

_SENDMAIL = re.compile(r"inet6?:(?P<port>\w+)@\[?(?P<host>[^\]]+)\]?")
_BARE_PORT = re.compile(r"(?:(?:inet6|tcp):)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\w+)")


def meant(spec: str) -> str:
    """Return what a specification that Postfix refuses may be meant as; empty where that is open.

    Sendmail's notation, a path alone, or an address and a port alone.
    """
    if spec.startswith("/"):
        return f"unix:{spec}"
    if told := _SENDMAIL.fullmatch(spec):
        host = f"[{told['host']}]" if ":" in told["host"] else told["host"]
        return f"inet:{host}:{told['port']}"
    if told := _BARE_PORT.fullmatch(spec):
        return f"inet:{told['host']}:{told['port']}" if told["host"] != "unix" else ""
    return f"unix:{spec}" if "/" in spec and ":" not in spec else ""
