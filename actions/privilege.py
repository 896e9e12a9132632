"""Without root: the same command again under sudo, which plans by itself and compares."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen

    from actions.host.ports import Host
    from actions.plan import Plan

_NEXT = "run sudo -v first and then this again, or run the whole command with sudo"

_REFUSALS = (
    "password is required",
    "not allowed",
    "may not run",
    "not in the sudoers",
    "must have a tty",
    "no tty present",
    "command not found",
    "no new privileges",
    "must be owned by uid 0",
)
"""What sudo says, in English, when it does not run the command; it ends with 1 then."""


def needs_root(host: Host, plan: Plan) -> bool:
    """Return whether *plan* can only be applied by another process, as root.

    A plan for the system goes to the system's journal, which is root's.
    """
    return host.kind == "system" and os.geteuid() != 0 and bool(plan.changes)


def escalate(argv: Sequence[str], digest: str) -> int:
    """Run the command line *argv* as root, for the plan with this *digest*.

    No change is handed over: the other process plans again from the action and its arguments
    and refuses when its plan's digest is another.

    Returns:
        The exit code of the command.

    Raises:
        ActionError: there is no sudo here, or it refuses, or asks for a password.
    """
    import subprocess

    command = ["sudo", "-n", "--", *argv, "--confirm-digest", digest, "--yes"]
    # The message is compared below; the locale of the command itself stays as it is.
    english = {**os.environ, "LANGUAGE": "en"}
    try:
        child = subprocess.Popen(  # noqa: S603 - an argument list, the operator's own
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=english
        )
    except OSError as error:
        raise ActionError(
            f"this needs root, and sudo cannot be run: {error.strerror}",
            Exit.NOT_PERMITTED,
            "run the command as root",
        ) from error
    from actions.action import Never
    from actions.signals import OF_TERMINAL, held_back

    # The command hears them too, and what it does then is waited for.
    with held_back(Never(), OF_TERMINAL), child:
        held = _passed_on(child)
    refused = child.returncode == 1 and any(word in held for word in _REFUSALS)
    if refused:
        raise ActionError(f"this needs root: {held.strip()}", Exit.NOT_PERMITTED, _NEXT)
    os.write(2, held.encode())
    return child.returncode


def _passed_on(child: Popen[bytes]) -> str:
    """Pass on what a command writes to standard error; return what sudo said, if that is all."""
    held, passes = b"", False
    stream = child.stderr
    while stream is not None and (chunk := os.read(stream.fileno(), 65536)):
        held += chunk
        passes = passes or not _is_one_line_of_sudo(held)
        if passes:
            os.write(2, held)
            held = b""
    child.wait()
    return held.decode("utf-8", "replace")


def _is_one_line_of_sudo(told: bytes) -> bool:
    """Return whether *told* is, or is the beginning of, a single message of sudo's own."""
    begins = any(told.startswith(word[: len(told)]) for word in (b"sudo: ", b"Sorry, user "))
    return begins and told.find(b"\n") in {-1, len(told) - 1}
