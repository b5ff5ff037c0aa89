"""Packed files, opened for reading as bytes: gzip and Zstandard. A file cut short is an error."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

_READ_BYTES = 16 << 10
_LARGEST_WINDOW = 1 << 31
"""Archives made with ``zstd --long`` need more than the default."""


def open_bytes(path: Path) -> IO[bytes] | gzip.GzipFile:
    """Open a file, unpacking it by its suffix."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return gzip.open(path, "rb")
    if suffix == ".zst":
        return io.BufferedReader(_ZstdFile(path), 1 << 20)
    return path.open("rb")


def damages() -> tuple[type[Exception], ...]:
    """Return what reading a damaged packed file raises."""
    import zstandard

    return (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)


class _ZstdFile(io.RawIOBase):
    """The content of Zstandard frames; the library's own reader takes a cut file for whole."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        self._frame = self._unpacker.decompressobj()
        self._is_within_frame = False
        self._content = memoryview(b"")
        self._file = path.open("rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        while not self._content:
            packed = self._file.read(_READ_BYTES)
            if not packed:
                if self._is_within_frame:
                    raise EOFError("the last frame is not complete")
                return 0
            self._content = memoryview(self._unpack(packed))
        target = memoryview(buffer)
        size = min(len(target), len(self._content))
        target[:size] = self._content[:size]
        self._content = self._content[size:]
        return size

    def _unpack(self, packed: bytes) -> bytes:
        parts = []
        while packed:
            self._is_within_frame = True
            parts.append(self._frame.decompress(packed))
            packed = b""
            if self._frame.eof:
                packed = self._frame.unused_data
                self._frame = self._unpacker.decompressobj()
                self._is_within_frame = False
        return b"".join(parts)

    def close(self) -> None:
        self._file.close()
        super().close()
