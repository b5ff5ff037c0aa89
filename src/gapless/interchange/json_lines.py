"""JSON Lines, plain or packed by the file's name; the file is there when it is whole."""

import gzip
import os
from pathlib import Path
from typing import IO, Any, Self

from gapless.errors import RunError

_LEVEL = 6
"""Of Zstandard: text is then about a quarter of its size, at the speed of a disk."""
SUFFIXES = (".jsonl", ".jsonl.zst", ".jsonl.gz")


class JsonLinesWriter:
    """Writes records to ``NAME.partial``, which takes the file's name when all are written.

    A context: an error within leaves no file.
    """

    def __init__(self, path: Path) -> None:
        """Begin a file that is not there yet, in a folder that is made where it is not there.

        Raises:
            RunError: it is there, or its name says no format.

        """
        if not path.name.endswith(SUFFIXES):
            raise RunError(
                f"the name does not end in {', '.join(SUFFIXES)}",
                where=str(path),
                mend="Packed files are smaller and can be read all the same.",
            )
        refuse_existing(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._raw: IO[bytes] = self._partial.open("wb")
        self._file: Any = _packed(path, self._raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self._commit()
        else:
            self._raw.close()
            self._partial.unlink(missing_ok=True)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record; a NaN becomes null."""
        import orjson

        self._file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    def _commit(self) -> None:
        if self._file is not self._raw:
            self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        refuse_existing(self._path)
        self._partial.replace(self._path)


def refuse_existing(path: Path) -> None:
    """Raise a `RunError` where something is in the way."""
    if path.exists():
        raise RunError(
            "there is such a file already; it was left as it is",
            where=str(path),
            mend="Choose another name.",
        )


def _packed(path: Path, raw: IO[bytes]) -> Any:
    """Return what packs the bytes that are written to it, by the file's name."""
    if path.suffix == ".zst":
        import zstandard

        packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        return packer.stream_writer(raw, closefd=False)
    if path.suffix == ".gz":
        return gzip.GzipFile("", "wb", fileobj=raw, mtime=0)  # no name, no time: the same bytes
    return raw
