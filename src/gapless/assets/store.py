"""Documents on disk: one zstd JSON Lines file, written in a fixed order with its counts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gapless.assets.passages import Entry

SHORTEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was written and what was left out."""

    documents: int
    characters: int
    too_short: int
    duplicates: int
    sha256: str
    """Of the compressed file."""

    def as_dict(self) -> dict[str, int | str]:
        """Return the counts as JSON-like data."""
        return asdict(self)


def write(path: Path, entries: Iterable[Entry], *, level: int = 9) -> Counts:
    """Write entries as lines `{"id", "text", ...}`; leave out short texts and exact duplicates.

    A second entry with the same id gets the id `id~2`.
    """
    import zstandard

    seen: set[bytes] = set()
    ids: Counter[str] = Counter()
    characters = too_short = duplicates = 0
    with zstandard.open(path, "wb", cctx=zstandard.ZstdCompressor(level=level)) as file:
        for entry in entries:
            digest = hashlib.blake2b(entry.text.encode(), digest_size=16).digest()
            if len(entry.text) < SHORTEST:
                too_short += 1
                continue
            if digest in seen:
                duplicates += 1
                continue
            seen.add(digest)
            ids[entry.id] += 1
            name = entry.id if ids[entry.id] == 1 else f"{entry.id}~{ids[entry.id]}"
            row = {"id": name, "text": entry.text, **entry.extra}
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            characters += len(entry.text)
    return Counts(
        documents=len(seen),
        characters=characters,
        too_short=too_short,
        duplicates=duplicates,
        sha256=sha256_of(path),
    )


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the documents of a file as they were written."""
    import zstandard

    with zstandard.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
