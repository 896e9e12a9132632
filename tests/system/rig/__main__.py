"""The rig by hand: `./dev rig`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.system.rig import boot, build, recipe, requirements
from tests.system.rig.machine import Machine, entering

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

IMAGE = "debian/healthy"


def main(argv: Sequence[str]) -> int:
    """Do what *argv* asks for; return the exit code."""
    wanted = _parser().parse_args(argv)
    missing = requirements.missing()
    if missing:
        return _failed(missing)
    signal.signal(signal.SIGTERM, _end)
    try:
        return int(wanted.do(wanted))
    except (build.BuildFailed, AssertionError, ValueError) as error:
        return _failed(str(error))
    except FileExistsError:
        return _failed(f"a machine {wanted.name} runs already")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev rig", description=f"Real mail hosts to try things on: {IMAGE}, …"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("build", help="build what is missing, of all images or one")
    one.add_argument("image", nargs="?", metavar="IMAGE", choices=recipe.images())
    one.set_defaults(do=_build)
    for name, do, text in (
        ("shell", _shell, "boot a clean copy and open root's shell in it"),
        ("console", _console, "boot a clean copy and open the console in it"),
    ):
        one = commands.add_parser(name, help=text)
        _add_image(one)
        one.add_argument("--user", default="root", help="root, operator1 or operator2 (with sudo)")
        one.set_defaults(do=do, name="")
    one = commands.add_parser("boot", help="boot a clean copy and keep it until this is ended")
    one.add_argument("name", metavar="NAME")
    _add_image(one)
    one.set_defaults(do=_boot)
    one = commands.add_parser("run", help="run a command in a machine that runs")
    one.add_argument("--user", default="root")
    one.add_argument("name", metavar="NAME")
    one.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMAND")
    one.set_defaults(do=_run)
    one = commands.add_parser("stop", help="end a machine that runs")
    one.add_argument("name", metavar="NAME")
    one.set_defaults(do=_stop)
    one = commands.add_parser("list", help="list the machines that run, and the images")
    one.set_defaults(do=_list)
    return parser


def _add_image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", nargs="?", metavar="IMAGE", default=IMAGE, choices=recipe.images())


def _build(wanted: argparse.Namespace) -> int:
    for image in [wanted.image] if wanted.image else recipe.images():
        boot.prepare(image)
        _say(f"{image}: ready")
    return 0


def _shell(wanted: argparse.Namespace) -> int:
    with boot.boot(wanted.image) as machine:
        return _in_terminal(machine, ["bash", "--login"], wanted.user)


def _console(wanted: argparse.Namespace) -> int:
    with boot.boot(wanted.image) as machine:
        return _in_terminal(machine, ["console"], wanted.user)


def _in_terminal(machine: Machine, argv: list[str], user: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the program's in the machine
    env = {name: os.environ[name] for name in ("TERM", "COLORTERM") if name in os.environ}
    return subprocess.run(machine.enter(argv, user, env), check=False).returncode


def _boot(wanted: argparse.Namespace) -> int:
    with boot.boot(wanted.image, wanted.name) as machine:
        _say(f"{machine.name}: runs, process 1 is {machine.leader}")
        machine.wait()
    return 0


def _run(wanted: argparse.Namespace) -> int:
    leader = boot.running().get(wanted.name)
    if leader is None:
        return _failed(f"no machine {wanted.name} runs")
    argv = wanted.argv[1:] if wanted.argv[:1] == ["--"] else wanted.argv
    return subprocess.run(entering(leader, argv, wanted.user), check=False).returncode


def _stop(wanted: argparse.Namespace) -> int:
    return 0 if boot.stop(wanted.name) else _failed(f"no machine {wanted.name} runs")


def _list(wanted: argparse.Namespace) -> int:
    for name, leader in sorted(boot.running().items()):
        _say(f"runs: {name}, process 1 is {leader}")
    for image in recipe.images():
        _say(f"image: {image}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _failed(why: str) -> int:
    sys.stderr.write(f"rig: {why}\n")
    return 1


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
