"""Package files to folders: wheels, source archives, npm archives and Debian packages."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from gapless.errors import AssetError

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a package file into a folder; members cannot leave it.

    Raises:
        AssetError: the file is of no known kind or is damaged.

    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(folder)  # noqa: S202 - zipfile drops absolute names and ..
        elif archive.suffix == ".deb":
            _untar(_deb_data(archive.read_bytes()), folder)
        elif archive.name.endswith((".tar.gz", ".tgz")):
            _untar(archive.read_bytes(), folder)
        else:
            raise AssetError("a package file of an unknown kind", where=str(archive))
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise AssetError(
            f"the package file cannot be unpacked: {error}",
            where=str(archive),
            mend="Delete it and fetch again; if that does not help, see whether the disk is full.",
        ) from error


def _untar(data: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(folder, filter="data")


def _deb_data(deb: bytes) -> bytes:
    """Return the data archive of a Debian package, as a tar file that Python can open."""
    if not deb.startswith(_AR_MAGIC):
        raise tarfile.TarError("this is no Debian package")
    position = len(_AR_MAGIC)
    while position + _AR_HEADER <= len(deb):
        name = deb[position : position + 16].decode("ascii", "replace").strip().rstrip("/")
        size = int(deb[position + 48 : position + 58])
        start = position + _AR_HEADER
        if name.startswith("data.tar"):
            return _plain(name, deb[start : start + size])
        position = start + size + size % 2
    raise tarfile.TarError("the Debian package holds no data")


def _plain(name: str, data: bytes) -> bytes:
    if not name.endswith(".zst"):
        return data
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as reader:
        return reader.read()
