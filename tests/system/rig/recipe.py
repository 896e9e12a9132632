"""What a machine is made of: layers, as the folders below `tests/system/variants` tell.

`VARIANT/recipe.toml` lists the layers of a variant. A layer `NAME` may have beside it a folder
`NAME/files`, laid over the layers below it, and a script `NAME/setup.sh`, which then runs in it.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import NamedTuple

VARIANTS = Path(__file__).parents[1] / "variants"

BUILT = "1"
"""Part of every digest: raise it when layers are built in another way than before."""


class Layer(NamedTuple):
    """One layer of an image."""

    name: str
    """Variant and layer: "debian/stock"."""
    on: str
    """The name of the layer below it; "" where debootstrap makes the layer."""
    suite: str
    """Of the lowest layer: what debootstrap installs."""
    bootstrap: tuple[str, ...]
    """Of the lowest layer: the packages that debootstrap itself installs."""
    packages: tuple[str, ...]
    """What apt installs afterwards."""

    @property
    def files(self) -> Path:
        """The folder that is laid over the layers below, where there is one."""
        return VARIANTS / self.name / "files"

    @property
    def setup(self) -> Path:
        """The script that runs in the layer, where there is one."""
        return VARIANTS / self.name / "setup.sh"


def images() -> tuple[str, ...]:
    """Return the names of all layers, each of which can be booted."""
    return tuple(sorted(_layers()))


def stack(image: str) -> tuple[Layer, ...]:
    """Return the layers of *image*, the lowest first; raises `ValueError`."""
    known = _layers()
    found: list[Layer] = []
    name = image
    while name:
        if name not in known:
            raise ValueError(f"there is no image {name!r}; known: {', '.join(sorted(known))}")
        found.insert(0, known[name])
        name = known[name].on
    return tuple(found)


def digest(layers: tuple[Layer, ...]) -> str:
    """Return what changes with everything that the topmost of *layers* is made of."""
    told = hashlib.sha256(BUILT.encode())
    for layer in layers:
        told.update(repr(tuple(layer)).encode())
        for path in (*sorted(layer.files.rglob("*")), layer.setup):
            _tell(path, told)
    return told.hexdigest()[:16]


def _tell(path: Path, told: hashlib._Hash) -> None:
    if path.is_symlink():
        told.update(repr((str(path.relative_to(VARIANTS)), os.readlink(path))).encode())
    elif path.is_file():
        runs = bool(path.stat().st_mode & 0o100)
        told.update(repr((str(path.relative_to(VARIANTS)), runs, path.read_bytes())).encode())


def _layers() -> dict[str, Layer]:
    found = {}
    for recipe in VARIANTS.glob("*/recipe.toml"):
        for name, told in tomllib.loads(recipe.read_text()).items():
            full = f"{recipe.parent.name}/{name}"
            found[full] = Layer(
                full,
                told.get("on", ""),
                told.get("suite", ""),
                tuple(told.get("bootstrap", ())),
                tuple(told.get("packages", ())),
            )
    return found
