"""Files elsewhere: object stores, the Hugging Face Hub and the web, listed and fetched by Daft.

A file is fetched whole just before it is read, and deleted after: the readers see local files only.
Daft takes its credentials from the environment, as each store's own tools do.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from gapless.corpus.quiet_daft import load_daft
from gapless.errors import DataError

_STORES, _WEB = ("s3", "gs", "hf"), ("https", "http")
_GLOB_SIGN = re.compile(r"[*?[]")
_BLOCK_BYTES = 8 << 20
_MEND = "Check the address, the network, and the credentials that the environment holds for it."


@dataclass(frozen=True)
class RemoteFile:
    """A file that is read where it is needed."""

    url: str
    size: int
    """Bytes, as the store told when the file was found."""

    @property
    def name(self) -> str:
        """Return its name, by whose end its format is known."""
        return PurePosixPath(_path(self.url)).name

    @property
    def suffix(self) -> str:
        """Return the last suffix of its name."""
        return PurePosixPath(self.name).suffix


def is_remote(text: str) -> bool:
    """Return whether a path of the recipe is an address."""
    return "://" in text


def remote_files(text: str) -> list[RemoteFile]:
    """Return the file at an address, or those below it or that fit its pattern, sorted.

    Hidden files are left out, as in local folders. A file of the web is named one by one.

    Raises:
        DataError: there is nothing, or the store cannot be asked.

    """
    scheme, _, place = text.partition("://")
    if scheme not in (*_STORES, *_WEB) or not place.strip("/"):
        what = "this kind of address cannot be read"
        known = ", ".join(f"{known}://" for known in (*_STORES, *_WEB))
        raise DataError(what, where=text, mend=f"Addresses begin with one of {known}.")
    daft = load_daft()
    try:
        if scheme in _WEB:
            found = [RemoteFile(text, daft.File(text).size())]
        else:
            found = _listed(daft, text)
    except (daft.exceptions.DaftCoreException, OSError) as error:
        what = f"it cannot be found: {_reason(error)}"
        raise DataError(what, where=text, mend=_MEND) from error
    if not found:
        raise DataError("there is no such file or folder", where=text, mend=_MEND)
    return found


@contextmanager
def open_local(file: Path | RemoteFile) -> Iterator[Path]:
    """Give the local place of a file; what had to be fetched for it is deleted at the end.

    Raises:
        DataError: the file cannot be fetched, or is not what it was when it was found.

    """
    if isinstance(file, Path):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="gapless-") as folder:
        path = Path(folder) / file.name
        _fetch(file, path)
        yield path


def _listed(daft: Any, text: str) -> list[RemoteFile]:
    found = _glob(daft, text)
    start = _GLOB_SIGN.split(text, maxsplit=1)[0]
    if start == text and [file.url for file in found] != [text]:
        found = _glob(daft, text.rstrip("/") + "/**")
    depth = len(PurePosixPath(start).parts)
    files = {file for file in found if not _is_hidden(file, depth)}
    return sorted(files, key=lambda file: file.url)


def _is_hidden(file: RemoteFile, depth: int) -> bool:
    """Return whether a folder or name below the one asked for begins with a dot."""
    return any(part.startswith(".") for part in PurePosixPath(file.url).parts[depth:])


def _glob(daft: Any, pattern: str) -> list[RemoteFile]:
    try:
        table = daft.from_glob_path(pattern, _access(daft, pattern)).to_pydict()
    except daft.exceptions.DaftCoreException as error:
        if "at least 1 MicroPartition" in str(error):  # so Daft says that there is none
            return []
        raise
    return [RemoteFile(url, size) for url, size in zip(table["path"], table["size"], strict=True)]


def _access(daft: Any, url: str) -> Any:
    """Return the credentials that Daft does not look for by itself: those of the Hub."""
    if not url.startswith("hf://"):
        return None
    from huggingface_hub import get_token

    return daft.io.IOConfig(hf=daft.io.HuggingFaceConfig(token=get_token()))


def _fetch(file: RemoteFile, path: Path) -> None:
    daft = load_daft()
    size = 0
    try:
        with (
            daft.File(file.url, _access(daft, file.url)).open() as source,
            path.open("wb") as target,
        ):
            while block := source.read(_BLOCK_BYTES):
                size += target.write(block)
    except (daft.exceptions.DaftCoreException, OSError) as error:
        what = f"the file cannot be fetched: {_reason(error)}"
        raise DataError(what, where=file.url, mend=_MEND) from error
    if size != file.size:
        what = f"the file has {size} bytes now and had {file.size} when it was found"
        raise DataError(what, where=file.url, mend="Run again when nobody writes to it.")


def _reason(error: Exception) -> str:
    """Return the innermost cause, which Daft puts on the last line."""
    line = str(error).strip().rsplit("\n", 1)[-1].strip()
    number, _, cause = line.partition(": ")
    return cause if number.isdigit() else line


def _path(url: str) -> str:
    return unquote(urlsplit(url).path) if url.startswith(_WEB) else url
