"""The product in a machine: its wheel and what that depends on, as two layers over an image.

They lie in a virtual environment at `HOME` with `console` on everyone's path, as an operator would
install them. The machine has no network, so pip fills them from outside.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from tests.system.rig import build, store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.system.rig.store import Held

CHECKOUT = Path(__file__).parents[3]
HOME = "opt/milter-console"

_COMPILE = f"/{HOME}/bin/python3 -m compileall -q -j 0 /{HOME}/lib"


def hold(image: Sequence[Held]) -> tuple[Held, ...]:
    """Return the layers with the dependencies and with the product, made where they are missing.

    Raises:
        BuildFailed: pip failed, such as for want of a network.
    """
    below = [layer.root for layer in image]
    python = _python(below)
    pins = _pins()
    needed = hashlib.sha256(repr((python, pins, _HOUSE)).encode()).hexdigest()[:16]
    dependencies = store.hold(
        f"product/{python}", needed, lambda part: _install_dependencies(part, below, python, pins)
    )
    built = hashlib.sha256(f"{needed}{_source()}".encode()).hexdigest()[:16]
    product = store.hold(
        f"product/{python}-wheel",
        built,
        lambda part: _install_product(part, [*below, dependencies.root], python),
    )
    return dependencies, product


def _python(below: Sequence[Path]) -> str:
    """Return the name of the image's Python: "python3.13"."""
    for root in reversed(below):
        for path in root.glob("usr/bin/python3.*"):
            if re.fullmatch(r"python3\.\d+", path.name):
                return path.name
    raise build.BuildFailed("the image has no Python")


def _source() -> str:
    """Return what changes with everything that goes into the wheel."""
    told = hashlib.sha256()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        told.update((CHECKOUT / name).read_bytes())
    for name in ("console", "widgets", "actions"):
        for path in sorted((CHECKOUT / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                told.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes())
    return told.hexdigest()


def _pins() -> str:
    """Return the lines of constraints.txt for what the product needs, with their hashes."""
    wanted = _needed()
    lines = []
    keeps = False
    for line in (CHECKOUT / "constraints.txt").read_text().splitlines():
        if line and line[0] not in " #":
            keeps = _plain(line.partition("==")[0]) in wanted
        if keeps:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _needed() -> set[str]:
    """Return the distributions that the product needs, and what they need in turn."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    seen: set[tuple[str, str]] = set()
    left = [(text, "") for text in project["dependencies"]]
    while left:
        text, extra = left.pop()
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        for fresh in {(wanted.name, extra) for extra in ("", *wanted.extras)} - seen:
            seen.add(fresh)
            left += [(text, fresh[1]) for text in importlib.metadata.requires(wanted.name) or ()]
    return {_plain(name) for name, _ in seen}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


_HOUSE = """\
home = /usr/bin
include-system-site-packages = false
"""
_PROGRAM = f"""\
#!/{HOME}/bin/python3
import sys
from console.cli import main
sys.exit(main())
"""


def _install_dependencies(part: Path, below: Sequence[Path], python: str, pins: str) -> None:
    house = part / "root" / HOME
    requirements = part / "requirements.txt"
    requirements.write_text(pins)
    _pip(
        "install",
        *("--require-hashes", "--only-binary=:all:", "--no-compile", "--quiet"),
        f"--python-version={python.removeprefix('python')}",
        f"--target={house / 'lib' / python / 'site-packages'}",
        *("--requirement", str(requirements)),
    )
    (house / "pyvenv.cfg").write_text(_HOUSE)
    (house / "bin").mkdir()
    (house / "bin" / "python3").symlink_to(f"/usr/bin/{python}")
    program = house / "bin" / "console"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    build.fill(part, below, f"ln -s /{HOME}/bin/console /usr/local/bin/console\n{_COMPILE}")


def _install_product(part: Path, below: Sequence[Path], python: str) -> None:
    wheels = part / "wheels"
    _pip(
        "wheel",
        *("--no-deps", "--no-build-isolation", "--quiet", f"--wheel-dir={wheels}", str(CHECKOUT)),
    )
    (wheel,) = wheels.glob("*.whl")
    _pip(
        "install",
        *("--no-deps", "--no-index", "--no-compile", "--quiet"),
        f"--python-version={python.removeprefix('python')}",
        "--only-binary=:all:",
        f"--target={part / 'root' / HOME / 'lib' / python / 'site-packages'}",
        str(wheel),
    )
    build.fill(part, below, _COMPILE)


def _pip(*arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        umask=0o022,
    )
    if ended.returncode:
        raise build.BuildFailed(f"pip {arguments[0]} failed:\n{ended.stderr.strip()}")
