"""The arrays of an order on the disk: read through the page cache, never all at once.

documents.npy    every stratum's documents, as indices in the source's store, ascending: int64
sizes.npy        the sizes of the blocks of every arrangement: int64
sequences.npy    every curriculum's documents, as positions in the stratum, in sequence: int64
scores.npy       what a curriculum goes by, by position in the stratum: float64
index.json       where each stratum and curriculum lies in them
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from gapless.ordering.blocks import Documents, Shuffled, Sorted
from gapless.ordering.packers import Packer
from gapless.ordering.stream import DocumentStream

_Key = TypeVar("_Key")
_DOCUMENTS, _SIZES, _SEQUENCES, _SCORES, _INDEX = (
    "documents.npy",
    "sizes.npy",
    "sequences.npy",
    "scores.npy",
    "index.json",
)


@dataclass(frozen=True)
class OrderTable:
    """The documents of an order, stratum by stratum, and the sequences of its curricula."""

    documents: Mapping[str, np.ndarray]
    """Stratum to the indices of its documents, ascending."""
    sizes: Mapping[tuple[str, str], np.ndarray]
    """(Stratum, key of the arrangement) to the sizes of its blocks."""
    curricula: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]
    """(Stratum, key of the curriculum) to the sequence and the scores."""

    def write(self, folder: Path) -> None:
        """Write the arrays to an artifact's folder."""
        sequences = {key: pair[0] for key, pair in self.curricula.items()}
        scores = {key: pair[1] for key, pair in self.curricula.items()}
        index = {
            "documents": [[k, *b] for k, b in _write(folder / _DOCUMENTS, self.documents, "<i8")],
            "sizes": [[*k, *b] for k, b in _write(folder / _SIZES, self.sizes, "<i8")],
            "curricula": [[*k, *b] for k, b in _write(folder / _SEQUENCES, sequences, "<i8")],
        }
        _write(folder / _SCORES, scores, "<f8")
        (folder / _INDEX).write_text(json.dumps(index, ensure_ascii=False))

    @classmethod
    def open(cls, folder: Path) -> "OrderTable":
        """Map the arrays of a committed order."""
        index = json.loads((folder / _INDEX).read_text())
        documents, sizes, sequences, scores = (
            np.load(folder / name, mmap_mode="r", allow_pickle=False)
            for name in (_DOCUMENTS, _SIZES, _SEQUENCES, _SCORES)
        )
        return cls(
            {name: documents[low:high] for name, low, high in index["documents"]},
            {(name, key): sizes[low:high] for name, key, low, high in index["sizes"]},
            {
                (name, key): (sequences[low:high], scores[low:high])
                for name, key, low, high in index["curricula"]
            },
        )

    def stream(
        self, stratum: str, offsets: np.ndarray, packer: Packer, *, seed: int
    ) -> DocumentStream:
        """Return the stream of a stratum, whose source's store has ``offsets``."""
        documents = Documents(stratum, self.documents[stratum], offsets)
        sizes = np.array(self.sizes[stratum, Shuffled.key])
        return DocumentStream(Shuffled(documents, seed=seed, sizes=sizes), packer, seed=seed)

    def arrangement(self, stream: DocumentStream, key: str) -> Sorted:
        """Return the arrangement of a stream's documents by a curriculum."""
        documents = stream.documents
        sequence, scores = self.curricula[documents.stratum, key]
        sizes = np.array(self.sizes[documents.stratum, key])
        return Sorted(documents, sequence, scores, key=key, sizes=sizes)


def _write(
    path: Path, arrays: Mapping[_Key, np.ndarray], dtype: str
) -> list[tuple[_Key, tuple[int, int]]]:
    """Write arrays one after the other; return where each lies."""
    places, total = [], 0
    for key, array in arrays.items():
        places.append((key, (total, total + len(array))))
        total += len(array)
    if not total:  # an empty file cannot be mapped, an empty array can
        np.save(path, np.zeros(0, dtype))
        return places
    flat = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(total,))
    for key, (low, high) in places:
        flat[low:high] = arrays[key]
    flat.flush()
    return places
