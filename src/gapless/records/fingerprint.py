"""Content hashes: what a thing is, never where or when it is."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


def of_value(value: Any) -> str:
    """Return the fingerprint (32 hex digits) of JSON-like data, whatever the order of keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def of_text(text: str) -> str:
    """Return the content id of a document."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class FileHashes:
    """Fingerprints of files, remembered by (path, size, time of change).

    The memory only saves reading a large corpus again on every command; losing it loses nothing.
    """

    def __init__(self, memory_path: Path | None = None) -> None:
        self._memory_path = memory_path
        self._memory: dict[str, list[Any]] = {}
        self._changed = False
        if memory_path is not None and memory_path.is_file():
            try:
                self._memory = json.loads(memory_path.read_text())
            except ValueError:
                self._memory = {}

    def of_file(self, path: Path) -> str:
        """Return the fingerprint of a file's bytes."""
        status = path.stat()
        key, stamp = str(path.resolve()), [status.st_size, status.st_mtime_ns]
        known = self._memory.get(key)
        if known is not None and known[:2] == stamp:
            return str(known[2])
        digest = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        self._memory[key] = [*stamp, digest.hexdigest()]
        self._changed = True
        return digest.hexdigest()

    def of_files(self, paths: Iterable[Path]) -> str:
        """Return the fingerprint of files in the given order; their names are no difference."""
        return of_value([self.of_file(path) for path in paths])

    def save(self) -> None:
        """Write the memory down, when there is a place for it."""
        if self._changed and self._memory_path is not None and self._memory_path.parent.is_dir():
            partial = self._memory_path.with_suffix(".partial")
            partial.write_text(json.dumps(self._memory))
            partial.replace(self._memory_path)
            self._changed = False
