"""Our order at the size of the largest corpora: tables of documents are made up, without any text.

    python order_scale.py JOB FOLDER [--documents N] [--context N] [--rows N] [--cold]

    generate    lengths and labels of N documents, as the stores and the selection have them
    build       the sizes of all blocks, and the order's table on the disk
    open        rows at random places, from the table
    curriculum  the table with a sequence by a score for every document, and rows at random places
    best_fit    the sizes of all blocks where rows hold whole documents

FOLDER is one for all. Printed are lines of JSON.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import argparse  # noqa: E402  # what importing takes is measured too
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from hashlib import sha256  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402
from typing import Any, Self  # noqa: E402

import numpy as np  # noqa: E402

from gapless.ordering import (  # noqa: E402
    BestFit,
    Cut,
    Documents,
    OrderTable,
    Packer,
    RunOrder,
    Shuffled,
    Sorted,
    sequence_of,
)
from gapless.ordering.permutation import permutation_keys, permuted  # noqa: E402
from gapless.recipe.curricula import ByScore  # noqa: E402
from gapless.records.stretches import Stretch  # noqa: E402
from gapless.seeds import stream  # noqa: E402
from gapless.strata import source_of, stratum_name  # noqa: E402

IMPORTED = time.perf_counter()
SOURCES = ("web", "books", "code", "papers")
LABELS = {"much": 0.7, "little": 0.3}
"""Label to its share of each source's documents: two strata of each source, intertwined."""
MEAN_LENGTH, SPREAD = 10_010, 1.0
"""Tokens of a document, and the standard deviation of their logarithm."""
CHUNK, SEED = 1 << 20, 0
Facts = dict[str, Any]


class Watch:
    """The seconds that something takes and the most memory it has, its own and mapped files'."""

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self.before = self.most = resident_mb()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.most = {kind: max(self.most[kind], mb) for kind, mb in resident_mb().items()}

    def __exit__(self, *_: object) -> None:
        self._wall, self._cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self._over.set()
        self._thread.join()
        self.most = {kind: max(self.most[kind], mb) for kind, mb in resident_mb().items()}

    def facts(self) -> Facts:
        """Return what was seen."""
        return {
            "seconds": self._wall,
            "cpu": self._cpu,
            "own_mb": self.most["RssAnon"],
            "own_mb_before": self.before["RssAnon"],
            "mapped_mb": self.most["RssFile"],
        }


def resident_mb() -> dict[str, float]:
    """Return the resident memory that is no file's, and that of mapped files (libraries too)."""
    rows = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    kinds = ("RssAnon:", "RssFile:")
    return {row[0][:-1]: int(row[1]) * 1024 / 1e6 for row in rows if row[0] in kinds}


# What stores and selection leave


def generate(folder: Path, documents: int) -> Facts:
    """Write every source's offsets and every stratum's documents, a chunk at a time."""
    with Watch() as watch:
        for number, source in enumerate(SOURCES):
            count = documents // len(SOURCES) + (number < documents % len(SOURCES))
            write_source(folder, source, count)
    return watch.facts()


def write_source(folder: Path, source: str, count: int) -> None:
    """Write one source: lengths are lognormal, labels independent of them."""
    draw = stream(SEED, "benchmark", source)
    offsets = np.lib.format.open_memmap(
        folder / f"{source}.npy", mode="w+", dtype=np.int64, shape=(count + 1,)
    )
    files = {
        label: indices_path(folder, stratum_name(source, label)).open("wb") for label in LABELS
    }
    offsets[0] = 0
    for first in range(0, count, CHUNK):
        last = min(first + CHUNK, count)
        lengths = draw.lognormal(np.log(MEAN_LENGTH) - SPREAD**2 / 2, SPREAD, last - first)
        lengths = np.maximum(np.rint(lengths), 1).astype(np.int64)
        offsets[first + 1 : last + 1] = offsets[first] + np.cumsum(lengths)
        labels = draw.choice(len(LABELS), last - first, p=list(LABELS.values()))
        for number, file in enumerate(files.values()):
            (first + np.flatnonzero(labels == number)).astype(np.int64).tofile(file)
    for file in files.values():
        file.close()
    offsets.flush()


def indices_path(folder: Path, stratum: str) -> Path:
    """Return the file of a stratum's documents."""
    return folder / f"{stratum.replace('/', '-')}.bin"


def offsets_of(folder: Path) -> dict[str, np.ndarray]:
    """Map every source's offsets, as `TokenStore.open` does."""
    return {
        source: np.load(folder / f"{source}.npy", mmap_mode="r").view(np.ndarray)
        for source in SOURCES
    }


def strata(folder: Path) -> dict[str, Documents]:
    """Map every stratum's documents."""
    offsets = offsets_of(folder)
    names = [stratum_name(source, label) for source in SOURCES for label in LABELS]
    return {
        name: Documents(
            name,
            np.memmap(indices_path(folder, name), dtype=np.int64, mode="r").view(np.ndarray),
            offsets[source_of(name)],
        )
        for name in names
    }


# The order


def build(folder: Path, context: int) -> Facts:
    """Settle an order as the workflow does, from the documents on."""
    found, packer = strata(folder), Cut(context)
    with Watch() as watch:
        sizes = sizes_of(found, packer)
        measured = time.perf_counter()
        write(folder / "order", OrderTable(indices_of(found), sizes, {}))
        writing = time.perf_counter() - measured
    tokens = sum(int(each.sum()) for each in sizes.values())
    return watch.facts() | {
        "writing_seconds": writing,
        "documents": sum(map(len, found.values())),
        "tokens": tokens,
        "rows": tokens // context,
        "bytes": size_of(folder / "order"),
    }


def sizes_of(found: Mapping[str, Documents], packer: Packer) -> dict[tuple[str, str], np.ndarray]:
    """Return the sizes of every stratum's blocks, shuffled."""
    return {
        (name, Shuffled.key): packer.sizes(Shuffled(each, seed=SEED))
        for name, each in found.items()
    }


def indices_of(found: Mapping[str, Documents]) -> dict[str, np.ndarray]:
    """Return every stratum's documents, as the table has them."""
    return {name: each.indices for name, each in found.items()}


def write(folder: Path, table: OrderTable) -> None:
    """Write a table in a new folder."""
    folder.mkdir()
    table.write(folder)


def size_of(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.iterdir())


def opened(folder: Path, table_folder: Path, packer: Packer, key: str | None = None) -> RunOrder:
    """Open an order as the workflow does: one epoch of everything, perhaps by a curriculum."""
    table, offsets = OrderTable.open(table_folder), offsets_of(folder)
    streams = {
        name: table.stream(name, offsets[source_of(name)], packer, seed=SEED)
        for name in table.documents
    }
    arrangements: dict[tuple[int, str], Sorted] = {}
    if key is not None:
        arrangements = {(0, name): table.arrangement(each, key) for name, each in streams.items()}
    rows = {name: each.epoch_size // packer.row_size for name, each in streams.items()}
    return RunOrder([Stretch.whole(0, rows)], streams, arrangements=arrangements, seed=SEED)


def seek(open_order: Callable[[], RunOrder], num_rows: int) -> Facts:
    """Open an order and read rows at random places, each by itself."""
    disk, start = bytes_read(), time.perf_counter()
    permuted(0, 1, 1, permutation_keys(SEED))
    loading = time.perf_counter() - start
    with Watch() as watch:
        start = time.perf_counter()
        order = open_order()
        opening = time.perf_counter() - start
        places = stream(SEED, "benchmark", "rows").integers(order.num_rows, size=num_rows)
        places[-1] = order.num_rows - 1
        seconds, seen = [], sha256()
        for place in places.tolist():
            start = time.perf_counter()
            row = order.row(place)
            seconds.append(time.perf_counter() - start)
            if sum(each.end - each.begin for each in row.segments) != order.context:
                sys.exit(f"row {place} is not full")
            seen.update(repr(row).encode())
            if len(seconds) == 1:
                first_mb = (bytes_read() - disk) / 1e6
    return watch.facts() | {
        "imports_seconds": IMPORTED - STARTED,
        "loops_seconds": loading,
        "opening_seconds": opening,
        "first_row_seconds": seconds[0],
        "median_seconds": median(seconds[1:]),
        "worst_seconds": max(seconds[1:]),
        "rows": num_rows,
        "of_rows": order.num_rows,
        "first_row_read_mb": first_mb,
        "read_mb_per_row": ((bytes_read() - disk) / 1e6 - first_mb) / (num_rows - 1),
        "sha256": seen.hexdigest(),
    }


def bytes_read() -> int:
    """Return what this process has had read from the disk."""
    rows = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(rows["read_bytes"])


def forget(folder: Path) -> None:
    """Have the system forget what it holds of a folder's files."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def curriculum(folder: Path, context: int, num_rows: int) -> Facts:
    """Settle an order whose every stratum goes by a score, and open it."""
    spec, packer = ByScore(column="score"), Cut(context)
    with Watch() as watch:
        found = strata(folder)
        sizes = sizes_of(found, packer)
        curricula = {
            (name, "score"): sequence_of(spec, each, scores(each), seed=SEED)
            for name, each in found.items()
        }
        sizes |= {
            (name, key): packer.sizes(Sorted(found[name], *pair, key=key))
            for (name, key), pair in curricula.items()
        }
        write(folder / "by_score", OrderTable(indices_of(found), sizes, curricula))
    count = sum(map(len, found.values()))
    del curricula
    return watch.facts() | {
        "documents": count,
        "bytes_per_document": (watch.most["RssAnon"] - watch.before["RssAnon"]) * 1e6 / count,
        "bytes": size_of(folder / "by_score"),
        "seek": seek(lambda: opened(folder, folder / "by_score", packer, "score"), num_rows),
    }


def scores(documents: Documents) -> np.ndarray:
    """Return a score for each document."""
    return stream(SEED, "benchmark", documents.stratum, "scores").random(len(documents))


def best_fit(folder: Path, context: int, num_rows: int) -> Facts:
    """Settle an order whose rows hold whole documents, and open it."""
    packer, found = BestFit(context), strata(folder)
    packer.sizes(Shuffled(some(next(iter(found.values()))), seed=SEED))  # compiles the loops
    with Watch() as watch:
        sizes = sizes_of(found, packer)
        write(folder / "best_fit", OrderTable(indices_of(found), sizes, {}))
    rows = sum(int(each.sum()) for each in sizes.values())
    tokens = sum(int(each[-1]) for each in offsets_of(folder).values())
    order = opened(folder, folder / "best_fit", packer)
    seconds = []
    for place in stream(SEED, "benchmark", "rows").integers(order.num_rows, size=num_rows).tolist():
        start = time.perf_counter()
        order.row(place)
        seconds.append(time.perf_counter() - start)
    return watch.facts() | {
        "documents": sum(map(len, found.values())),
        "rows": rows,
        "padding": 1 - tokens / (rows * context),
        "median_seconds": median(seconds),
        "worst_seconds": max(seconds),
    }


def some(documents: Documents) -> Documents:
    """Return the first of the documents."""
    return Documents(documents.stratum, documents.indices[:100], documents.offsets)


def main() -> None:
    """Do one job, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("job", choices=("generate", "build", "open", "curriculum", "best_fit"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=10**6)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--cold", action="store_true", help="forget the files before")
    options = parser.parse_args()
    folder, context, rows = options.folder, options.context, options.rows
    if options.cold:
        forget(folder)
    jobs: dict[str, Callable[[], Facts]] = {
        "generate": lambda: generate(folder, options.documents),
        "build": lambda: build(folder, context),
        "open": lambda: seek(lambda: opened(folder, folder / "order", Cut(context)), rows),
        "curriculum": lambda: curriculum(folder, context, rows),
        "best_fit": lambda: best_fit(folder, context, rows),
    }
    print(json.dumps(jobs[options.job]()))


if __name__ == "__main__":
    main()
