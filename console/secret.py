"""Secrets from the operator: typed at a terminal, or read from a file descriptor; never in argv."""

from __future__ import annotations

import os

from actions.action import ActionError, Exit, nobody_to_ask
from actions.printable import printable

LONGEST = 4096
"""Bytes of a secret."""

TWO_DIGITS = 10
"""The first descriptor that not every shell can redirect (POSIX, Shell, 2.7)."""


def read_secret(flag: str, number: int) -> str:
    """Return the first line of file descriptor *number*, without its end.

    Not a byte more is read: standard input may go on with the message.

    Raises:
        ActionError: nothing can be read there, or nothing that is a secret.
    """
    read = b""
    try:
        while (byte := os.read(number, 1)) not in {b"", b"\n"}:
            read += byte
            if len(read) > LONGEST:
                raise _usage(flag, number, f"longer than {LONGEST} bytes")
    except (OSError, OverflowError, ValueError):
        raise _usage(flag, number, "nothing can be read from this descriptor") from None
    if not read.rstrip(b"\r"):
        raise _usage(flag, number, "it is empty")
    return read.rstrip(b"\r").decode("utf-8", "surrogateescape")


def ask_secret(prompt: str, flag: str) -> str:
    """Ask at the terminal, without showing what is typed.

    Args:
        prompt: what is asked.
        flag: how the command line takes it where there is no terminal.

    Raises:
        ActionError: there is no terminal.
    """
    import getpass
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(printable(prompt))
    except (getpass.GetPassWarning, EOFError, OSError):
        return nobody_to_ask(prompt, flag)


def _usage(flag: str, number: int, text: str) -> ActionError:
    shown = number if 3 <= number < TWO_DIGITS else 3
    return ActionError(
        f"{flag} {number}: {text}",
        Exit.USAGE,
        f"write the secret to it as one line: {flag} {shown} {shown}< FILE",
    )
