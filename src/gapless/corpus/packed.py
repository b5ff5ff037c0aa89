"""Packed files, opened for reading as bytes: gzip and Zstandard. A file cut short is an error."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

_READ_BYTES = 512
"""Four bytes of a frame can unpack to 128 KiB: pieces this small hold little of a bomb at once."""
_LARGEST_WINDOW = 1 << 31
"""Archives made with ``zstd --long`` need more than the default."""


def open_bytes(path: Path) -> io.BufferedReader | gzip.GzipFile:
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
        self._damage: Exception | None = None
        self._file = path.open("rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer; damage is told only when all before it has been given."""
        target, size = memoryview(buffer), 0
        while size < len(target) and self._damage is None:
            try:
                self._refill()
            except damages() as error:
                self._damage = error
            if not self._content:
                break
            given = min(len(target) - size, len(self._content))
            target[size : size + given] = self._content[:given]
            self._content = self._content[given:]
            size += given
        if size == 0 and self._damage is not None:
            raise self._damage
        return size

    def _refill(self) -> None:
        while not self._content:
            packed = self._file.read(_READ_BYTES)
            if not packed:
                if self._is_within_frame:
                    raise EOFError("the last frame is not complete")
                return
            self._content = memoryview(self._unpack(packed))

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
