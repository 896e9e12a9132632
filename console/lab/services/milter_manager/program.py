"""The command ``/usr/sbin/milter-manager``: shows the configuration, or runs the daemon.

In the lab, and as --show-config anywhere, it needs no package of the extra "lab".
"""

from __future__ import annotations

import getopt
import sys
from typing import TYPE_CHECKING

from console.lab.services.milter_manager import CONFIGURATION
from console.lab.services.milter_manager.detection import configured
from console.lab.services.milter_manager.show import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "2.3.2"
"""The version whose behaviour the stand-in follows."""

HELP = """\
Usage:
  milter-manager [OPTION...]

  -h, --help                     Show this help and exit
  -u, --user-name=NAME           Run as NAME's user (need root privilege)
  -g, --group-name=NAME          Run as NAME's group (need root privilege)
  -s, --connection-spec=SPEC     Listen on SPEC (unix:PATH)
  --unix-socket-group=GROUP      Give the socket to GROUP
  --config-dir=DIRECTORY         Read milter-manager.conf in DIRECTORY
  --pid-file=FILE                Write the daemon's process number to FILE
  --daemon                       Run as a daemon
  --no-daemon                    Stay in the foreground, and log to standard output
  --verbose                      Log every step of every session
  --show-config                  Show configuration and exit
  --version                      Show version and exit
"""

_SHORT = {"-h": "--help", "-u": "--user-name", "-g": "--group-name", "-s": "--connection-spec"}
_LONG = [
    *("help", "user-name=", "group-name=", "connection-spec=", "unix-socket-group="),
    *("config-dir=", "pid-file=", "daemon", "no-daemon", "verbose", "show-config", "version"),
]


def main(root: str, argv: list[str]) -> int:
    """Do what *argv* asks for on the host below *root*, empty for this one; return the exit code.

    A lab's daemon is its supervisor's: there it only shows.
    """
    try:
        options = options_of(argv)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if "--help" in options:
        print(HELP, end="")
    elif "--version" in options:
        print(f"milter-manager {VERSION} (the console's stand-in)")
    elif "--show-config" in options:
        return _show(root, options)
    elif root:
        print("the lab runs it as the unit milter-manager; see --help", file=sys.stderr)
        return 1
    else:
        from console.lab.services.milter_manager.running import run

        return run(options, _configuration(root, options))
    return 0


def options_of(argv: Sequence[str]) -> dict[str, str]:
    """Return the options in *argv* by their long names; raises `ValueError`."""
    try:
        given, rest = getopt.gnu_getopt(argv, "hu:g:s:", _LONG)
    except getopt.GetoptError as error:
        dashes = "--" if len(error.opt) > 1 else "-"
        raise ValueError(f"Unknown option {dashes}{error.opt}") from error
    # A unit hands over an option that is not set as an empty word.
    if unknown := [word for word in rest if word]:
        raise ValueError(f"Unknown option {unknown[0]}")
    return {_SHORT.get(name, name): value for name, value in given}


def _show(root: str, options: dict[str, str]) -> int:
    user = options.get("--user-name", "")
    if user and not root:
        from console.lab.services.milter_manager.running import BadStart, become

        try:
            become(user, options.get("--group-name", ""))
        except BadStart as error:
            print(error, file=sys.stderr)
            return 1
    configuration = configured(root, _configuration(root, options))
    if configuration.error:
        print(f"[configuration][load][error] {configuration.error}")
    print(shown(configuration), end="")
    return 0


def _configuration(root: str, options: dict[str, str]) -> str:
    folder = options.get("--config-dir") or root + CONFIGURATION.rpartition("/")[0]
    return f"{folder}/milter-manager.conf"
