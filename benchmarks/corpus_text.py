"""The text that is measured on: a sample of real corpora, or much text made from it.

Both are JSON Lines of {"id", "text"}, the id a running number, in files of some 50 MB.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from pathlib import Path

import numpy as np
import orjson

from gapless.corpus.packed import open_bytes
from gapless.seeds import stream

FILE_BYTES = 50_000_000
SWAPPED = 0.2
"""Of a document's words, those that another one takes the place of: two thirds of its 5-grams are
then others, and two texts so made of one have a Jaccard index near 0.1."""
SWAPPED_IN_COPIES = 0.01
"""The same in a near copy: an index near 0.9."""
POOL_WORDS = 1_000_000


@dataclass(frozen=True)
class Text:
    """Text on disk."""

    files: tuple[Path, ...]
    megabytes: float
    """UTF-8 bytes of the texts alone, in millions."""
    documents: int


def shipped() -> list[Path]:
    """Return the corpora that come with the package."""
    return sorted(Path(str(files("gapless.assets") / "data")).glob("*.jsonl.zst"))


def texts(paths: Sequence[Path]) -> Iterator[str]:
    """Give the texts of files in turn, one of each; blank ones are passed over."""
    readers = [_texts(path) for path in paths]
    while readers:
        for reader in list(readers):
            text = next(reader, None)
            if text is None:
                readers.remove(reader)
            elif text.strip():
                yield text


def _texts(path: Path) -> Iterator[str]:
    with open_bytes(path) as file:
        for line in file:
            yield json.loads(line)["text"]


def write(given: Iterable[str], folder: Path, megabytes: float) -> Text:
    """Write texts until there is so much of them, or none is left."""
    folder.mkdir(parents=True)
    written: list[Path] = []
    total = documents = 0
    with ExitStack() as stack:
        for text in given:
            if total >= megabytes * 1e6:
                break
            if total >= len(written) * FILE_BYTES:
                stack.close()
                written.append(folder / f"text-{len(written):05d}.jsonl")
                file = stack.enter_context(written[-1].open("wb"))
            file.write(orjson.dumps({"id": str(documents), "text": text}) + b"\n")
            total += len(text.encode())
            documents += 1
    return Text(tuple(written), total / 1e6, documents)


def beginning(text: Text, megabytes: float) -> Text:
    """Return the first files of a text that have so much of it, about."""
    share = megabytes / text.megabytes
    num_files = max(1, round(share * len(text.files)))
    if num_files >= len(text.files):
        return text
    part = num_files * FILE_BYTES / 1e6
    return Text(text.files[:num_files], part, round(text.documents * part / text.megabytes))


def perturbed(paths: Sequence[Path]) -> Iterator[str]:
    """Give the texts of files again and again, each time with other words in some places.

    The other words are drawn from the texts, so the vocabulary does not grow. Two texts of one
    origin are no near copies of each other; after every tenth one stands a near copy of it.
    """
    pool: list[str] = []
    for text in texts(paths):
        pool += text.split()
        if len(pool) >= POOL_WORDS:
            break
    for turn in count():
        random = stream(0, "perturbed", turn)
        for number, text in enumerate(texts(paths)):
            words = text.split(" ")
            swap(words, pool, SWAPPED, random)
            yield " ".join(words)
            if number % 10 == 0:
                swap(words, pool, SWAPPED_IN_COPIES, random)
                yield " ".join(words)


def swap(words: list[str], pool: list[str], share: float, random: np.random.Generator) -> None:
    """Put other words in the place of a share of them."""
    places = random.integers(0, len(words), round(share * len(words)))
    others = random.integers(0, len(pool), len(places))
    for place, other in zip(places.tolist(), others.tolist(), strict=True):
        words[place] = pool[other]
