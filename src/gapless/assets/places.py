"""Where assets lie: fetched ones in the user's cache, shipped ones in the package's data."""

from __future__ import annotations

import os
from pathlib import Path

from gapless.assets.registry import Asset, find
from gapless.errors import AssetError

DOCUMENTS = "documents.jsonl.zst"
MANIFEST = "asset.json"
_DATA = Path(__file__).parent / "data"


def cache_dir() -> Path:
    """Return where fetched assets live: $GAPLESS_CACHE, or gapless in the user's cache folder."""
    if own := os.environ.get("GAPLESS_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "gapless"


def place_of(asset: Asset) -> Path:
    """Return the folder that holds the fetched asset, once it is complete."""
    return cache_dir() / f"{asset.name}-{asset.fingerprint}"


def is_ready(place: Path) -> bool:
    """Say whether a fetched asset's folder is complete; its manifest is written last."""
    return (place / MANIFEST).is_file()


def locate(name: str) -> Path | None:
    """Return a ready asset (a corpus' file, another's folder) without fetching; None if not here.

    Raises:
        AssetError: no asset has this name.

    """
    asset = find(name)
    if asset.shipped:
        return shipped(name)
    place = place_of(asset)
    if not is_ready(place):
        return None
    return place / DOCUMENTS if asset.kind == "corpus" else place


def shipped(name: str) -> Path:
    """Return the file of a corpus, or the folder of a model or suite, that lies inside the package.

    Raises:
        AssetError: no such asset, or it does not ship.

    """
    asset = find(name)
    path = _DATA / (f"{name}.jsonl.zst" if asset.kind == "corpus" else name)
    if not asset.shipped:
        mend = f"Fetch it: gapless assets fetch {name}"
        raise AssetError(
            "this asset does not ship with gapless", where=f"asset {name!r}", mend=mend
        )
    if not path.exists():
        mend = "Install gapless again; its data folder is incomplete."
        raise AssetError(f"its file is missing ({path.name})", where=f"asset {name!r}", mend=mend)
    return path
