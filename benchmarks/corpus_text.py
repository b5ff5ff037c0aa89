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

import orjson

from gapless.corpus.packed import open_bytes
from gapless.seeds import stream

FILE_BYTES = 50_000_000
SWAPPED = 0.2
"""Words of a document that another one takes the place of: 2/3 of its 5-grams are then others."""
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

    A fifth of the words, as white space divides them, is replaced by words drawn from the text
    itself. Two copies have a Jaccard index of 0.05 to 0.2 then: they are no near copies. The words
    stay those of the sample, so a vocabulary does not grow with the text.
    """
    pool: list[str] = []
    for text in texts(paths):
        pool += text.split()
        if len(pool) >= POOL_WORDS:
            break
    for number in count():
        random = stream(0, "perturbed", number)
        for text in texts(paths):
            words = text.split(" ")
            places = random.integers(0, len(words), round(SWAPPED * len(words)))
            others = random.integers(0, len(pool), len(places))
            for place, other in zip(places.tolist(), others.tolist(), strict=True):
                words[place] = pool[other]
            yield " ".join(words)
