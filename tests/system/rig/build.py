"""Building the layers of an image."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.rig import cgroups, outside, recipe, store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.system.rig.recipe import Layer
    from tests.system.rig.store import Held

SCRIPT = Path(__file__).with_name("build.sh")

GROUP = "milter-console-rig-build-"
"""What control groups of builds are called, followed by the pid of who builds."""

INSTALL = """\
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends "$@"
apt-get clean
"""


class BuildFailed(Exception):
    """A layer could not be built; says what was told last."""


def hold(image: str) -> tuple[Held, ...]:
    """Return the layers of *image*, the lowest first, built where they are missing.

    Raises:
        BuildFailed: a program failed, such as for want of a network.
    """
    layers = recipe.stack(image)
    held: list[Held] = []
    try:
        for index, layer in enumerate(layers):
            below = [lower.root for lower in held]
            held.append(
                store.hold(
                    layer.name,
                    recipe.digest(layers[: index + 1]),
                    lambda part, layer=layer, below=below: _build(layer, below, part),  # type: ignore[misc]
                )
            )
    except BaseException:
        for lower in held:
            lower.let_go()
        raise
    return tuple(held)


def fill(
    part: Path,
    below: Sequence[Path],
    script: str,
    arguments: Sequence[str] = (),
    layer: Layer | None = None,
) -> None:
    """Make `part/root` a layer over *below*.

    Args:
        part: the folder to work in.
        below: the layers under it, the lowest first.
        script: runs in it as root, by bash; "" runs nothing.
        arguments: the script's.
        layer: what is bootstrapped or unpacked before the script runs.

    Raises:
        BuildFailed: a program failed.
    """
    cgroups.sweep(GROUP)
    groups = cgroups.make(f"{GROUP}{os.getpid()}")
    online = layer is not None and bool(layer.packages)
    lowers = ":".join(str(root) for root in reversed(below))
    files = str(layer.files) if layer else ""
    argv = [
        # A killed build ends with all that it started.
        *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"),
        *("--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
        *(str(SCRIPT), str(part), lowers, files, *_bootstrap(layer), "--"),
        *(_nspawn(part, script, arguments, online) if script else ()),
    ]
    log = part / "log"
    try:
        with log.open("wb") as file:
            ended = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **outside.proxy(), "LC_ALL": "C.UTF-8"},
                check=False,
                preexec_fn=lambda: _enter(groups),
            )
    finally:
        cgroups.end(groups)
    if ended.returncode:
        last = log.read_text(errors="replace").splitlines()[-15:]
        raise BuildFailed("the rig could not be built:\n" + "\n".join(last))


def _enter(groups: tuple[Path, ...]) -> None:
    for group in groups:
        (group / "cgroup.procs").write_text("0")


def _build(layer: Layer, below: Sequence[Path], part: Path) -> None:
    began = time.monotonic()
    sys.stderr.write(f"rig: {layer.name}: building\n")
    script = INSTALL if layer.packages else ""
    if layer.setup.is_file():
        script += layer.setup.read_text()
    if layer.packages:
        script += "\nrm /usr/sbin/policy-rc.d\n"
    fill(part, below, script, layer.packages, layer)
    sys.stderr.write(f"rig: {layer.name}: built in {time.monotonic() - began:.0f} s\n")


def _bootstrap(layer: Layer | None) -> tuple[str, ...]:
    """Return the suite and, where there is one, the mirror and the options of debootstrap."""
    if layer is None or not layer.suite:
        return ("",)
    return (layer.suite, outside.mirror(), f"--include={','.join(layer.bootstrap)}")


def _nspawn(part: Path, script: str, arguments: Sequence[str], online: bool) -> tuple[str, ...]:
    bundle = "/run/authorities.crt" if outside.BUNDLE.is_file() else ""
    settings = part / "apt.conf"
    settings.touch(mode=0o600)
    settings.write_text(outside.apt_settings(bundle))
    return (
        *("--quiet", "--pipe", "--register=no", "--keep-unit", "--timezone=off"),
        *(
            f"--resolv-conf={'bind-host' if online else 'off'}",
            f"--bind-ro={settings}:/run/apt.conf",
        ),
        *((f"--bind-ro={outside.BUNDLE}:{bundle}",) if bundle else ()),
        *("--setenv=APT_CONFIG=/run/apt.conf", "--"),
        *("/bin/bash", "-euo", "pipefail", "-c", script, "setup"),
        *arguments,
    )
