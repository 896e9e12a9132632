"""The lab's ``/usr/sbin/milter-manager``: shows the configuration, as the true one does.

It must start wherever the lab does: nothing here needs a package of the extra "lab".
"""

from __future__ import annotations

import getopt
import sys

from console.lab.services.milter_manager import CONFIGURATION
from console.lab.services.milter_manager.configuration import load
from console.lab.services.milter_manager.show import shown

VERSION = "2.3.2"
"""The version whose behaviour the lab follows."""

HELP = """\
Usage:
  milter-manager [OPTION...]

  -h, --help                     Show this help and exit
  -u, --user-name=NAME           Run as NAME's user (the lab's unit chooses it)
  -g, --group-name=NAME          Run as NAME's group (the lab's unit chooses it)
  --config-dir=DIRECTORY         Read milter-manager.conf in DIRECTORY
  --show-config                  Show configuration and exit
  --version                      Show version and exit
"""

_LONG = ["help", "user-name=", "group-name=", "config-dir=", "show-config", "version"]


def main(root: str, argv: list[str]) -> int:
    """Do what *argv* asks for in the lab below *root*; return the exit code."""
    try:
        given, rest = getopt.getopt(argv, "hu:g:", _LONG)
    except getopt.GetoptError as error:
        print(f"Unknown option {error.opt}", file=sys.stderr)
        return 1
    options = dict(given)
    if rest:
        print(f"Unknown option {rest[0]}", file=sys.stderr)
        return 1
    if options.keys() & {"-h", "--help"}:
        print(HELP, end="")
    elif "--version" in options:
        print(f"milter-manager {VERSION} (the lab's stand-in)")
    elif "--show-config" in options:
        _show(options.get("--config-dir", root + CONFIGURATION.rpartition("/")[0]))
    else:
        print("the lab runs it as the unit milter-manager; see --help", file=sys.stderr)
        return 1
    return 0


def _show(folder: str) -> None:
    configuration = load(f"{folder}/milter-manager.conf")
    if configuration.error:
        print(f"[configuration][load][error] {configuration.error}")
    print(shown(configuration), end="")
