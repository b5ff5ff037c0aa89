"""The peers' loaders of packed rows, on the same tokens: rows a second, and time to resume.

    PEERS_PYTHON order_peers.py --tokens FILE --context 2048 --rows 20000 --scratch FOLDER

FILE is flat uint16 ids; row k is the k-th run of context ids, and a shorter run at the end is left
out. Each peer's own format is built in FOLDER once, unless a build from the same file is there.
Then each way to read it runs in a process of its own, on one core and without workers, and delivers
shuffled batches of int64 ids, of shape (8, context). It goes through a whole epoch first, which
checks that each row comes once and puts the files in memory; then it is timed. Printed are lines of
JSON: "build" for each peer; "delivers", "rows_per_second" and "resume_seconds" for each way;
"missing" for a peer that is not installed; "failed" with the reason. Nothing of ours is imported.

The peers' environment: pip install torch==2.13.0 torchvision==0.28.0 mosaicml-streaming==0.13.0
litdata==0.2.76 datasets==5.0.1 numpy==2.1.3 (streaming imports torchvision: it must fit torch).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

BATCH, SEED = 8, 0
WARM_BATCHES, TIMED_PASSES, RESUMES = 64, 3, 7
RESUME_AT = 0.9
"""How far into the epoch, as a share of its rows."""
MORE_PREDOWNLOAD = 1024
"""Rows. With its default, 64 for this batch, streaming's threads do 64 rows and sleep 7 ms."""
PIECE_TOKENS, CHUNK_PIECES = 1 << 20, 16
"""What litdata is given at a time, and so many of it to a chunk: near litdata's own example."""
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
RANKS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "MASTER_ADDR")
"""What a launcher leaves in the environment: streaming would join a process group by it."""


@dataclass(frozen=True)
class Task:
    """The rows that a peer has to deliver."""

    tokens: Path
    context: int
    folder: Path
    """Where the peer's own format is."""

    @property
    def num_rows(self) -> int:
        """How many whole rows the file has."""
        return self.tokens.stat().st_size // 2 // self.context

    def rows(self) -> Any:
        """Map the rows: uint16, of shape (rows, context)."""
        import numpy as np

        shape = (self.num_rows, self.context)
        return np.memmap(self.tokens, dtype=np.uint16, mode="r", shape=shape)


@dataclass(frozen=True)
class Loader:
    """A pass over the rows."""

    batches: Iterator[Any]
    state: Callable[[int], Any]
    """What the peer saves to go on after so many rows; None from one that has no place."""
    close: Callable[[], None] = lambda: None
    """Ends the peer's threads."""
    is_epoch: bool = True
    """Whether each row comes once."""


Way = Callable[[Task, Any], Loader]
"""Opens a pass, from the beginning or from a saved state."""


# The measurements


def checksums(rows: Any) -> Any:
    """Return a 64-bit number for each row, which depends on all ids and their places."""
    import numpy as np

    weights = np.random.default_rng(1).integers(1, 1 << 63, rows.shape[1], dtype=np.uint64)
    return (np.asarray(rows).astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)


def measure(task: Task, way: Way, num_rows: int) -> Iterator[dict[str, Any]]:
    """Check a way, then time it; yield a line for each metric."""
    delivers, state, first = checked(task, way)
    yield {"metric": "delivers", "value": delivers["is_right"], **delivers}
    batches = min(num_rows // BATCH, task.num_rows // BATCH - WARM_BATCHES)
    yield speed([timed(task, way, batches) for _ in range(TIMED_PASSES)], batches * BATCH)
    if state is None:
        return
    resumes = [resumed(task, way, json.loads(state)) for _ in range(RESUMES)]
    is_same = all((sums == first).all() for _, sums in resumes)
    seconds = [seconds for seconds, _ in resumes]
    yield {
        "metric": "resume_seconds",
        "value": median(seconds),
        "unit": "s, from construction to the first batch",
        "is_right": is_same,
        "at_row": resume_row(task),
        "state_bytes": len(state),
        "runs": seconds,
    }


def resume_row(task: Task) -> int:
    """Return how many rows were read before a resumed pass."""
    return int(task.num_rows * RESUME_AT) // BATCH * BATCH


def checked(task: Task, way: Way) -> tuple[dict[str, Any], str | None, Any]:
    """Go through an epoch; return facts of it, the state at the place to resume, and what is next.

    ``spread`` is the mean distance in the file of rows that come after one another, by that of
    random ones: 1 is a full shuffle, 0 is none.
    """
    import numpy as np

    rows = task.rows()
    parts = range(0, task.num_rows, 4096)
    expected = np.concatenate([checksums(rows[start : start + 4096]) for start in parts])
    place = resume_row(task)
    state, seen, num_seen = None, [], 0
    loader = way(task, None)
    for batch in loader.batches:
        if str(batch.dtype).removeprefix("torch.") != "int64":
            sys.exit(f"the batch is of {batch.dtype}")
        seen.append(checksums(np.asarray(batch)))
        num_seen += len(seen[-1])
        if num_seen == place:
            state = json.dumps(loader.state(num_seen))
    finish(loader)
    got = np.concatenate(seen)
    order = np.argsort(expected)
    found = order[np.searchsorted(expected[order], got).clip(max=len(order) - 1)]
    is_row = expected[found] == got
    is_once = len(got) == len(expected) and bool((np.sort(got) == expected[order]).all())
    facts = {
        "is_right": bool(is_row.all()) and (is_once or not loader.is_epoch),
        "rows": len(got),
        "each_row_once": is_once,
        "distinct_rows": len(np.unique(expected)),
        "spread": round(float(np.abs(np.diff(found)).mean() * 3 / task.num_rows), 3),
    }
    return facts, None if state == "null" else state, got[place : place + BATCH]


def timed(task: Task, way: Way, batches: int) -> dict[str, float]:
    """Return the seconds that some batches took, after others."""
    loader = way(task, None)
    for _ in islice(loader.batches, WARM_BATCHES):
        pass
    threads = threading.active_count() - 1
    wall, cpu = time.perf_counter(), time.process_time()
    done = sum(1 for _ in islice(loader.batches, batches))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    finish(loader)
    if done != batches:
        sys.exit(f"{done} batches came, not {batches}")
    return {"wall": wall, "cpu": cpu, "threads": threads}


def speed(runs: list[dict[str, float]], rows: int) -> dict[str, Any]:
    """Return the line of the median of some runs."""
    runs = sorted(runs, key=lambda run: run["wall"])
    middle = runs[len(runs) // 2]
    return {
        "metric": "rows_per_second",
        "value": rows / middle["wall"],
        "unit": "rows/s",
        "per_cpu_second": rows / middle["cpu"],
        "rows": rows,
        "threads": max(run["threads"] for run in runs),
        "runs": [rows / run["wall"] for run in runs],
    }


def resumed(task: Task, way: Way, state: Any) -> tuple[float, Any]:
    """Return the seconds to the first batch of a resumed pass, and the checksums of its rows."""
    import numpy as np

    start = time.perf_counter()
    loader = way(task, state)
    batch = next(loader.batches)
    seconds = time.perf_counter() - start
    finish(loader)
    return seconds, checksums(np.asarray(batch))


def finish(loader: Loader) -> None:
    """End a pass, so that nothing of it goes on beside the next one."""
    loader.close()
    gc.collect()


# How rows become a batch, and which come when


def stacked(rows: Sequence[Any]) -> Any:
    """Return rows as one int64 array."""
    import numpy as np

    return np.stack(rows, dtype=np.int64)


def collated(rows: Sequence[Any]) -> Any:
    """Return rows as one int64 tensor."""
    import torch

    return torch.from_numpy(stacked(rows))


def collated_samples(samples: Sequence[dict[str, Any]]) -> Any:
    """Return the rows of samples as one int64 tensor."""
    return collated([sample["input_ids"] for sample in samples])


def in_batches(rows: Iterator[Any]) -> Iterator[Any]:
    """Yield rows in batches, the last one perhaps shorter."""
    while batch := list(islice(rows, BATCH)):
        yield stacked(batch)


def shuffled(task: Task) -> Any:
    """Return all row numbers in the order in which those that read by index do it."""
    import numpy as np

    return np.random.default_rng(SEED).permutation(task.num_rows)


def by_index(task: Task, state: int | None, fetch: Callable[[Any], Any]) -> Loader:
    """Read batches of a permutation of the rows; the state is the number of rows read."""
    order = shuffled(task)
    starts = range(state or 0, task.num_rows, BATCH)
    return Loader((fetch(order[start : start + BATCH]) for start in starts), int)


# The floor: no library at all


def build_nothing(task: Task) -> None:
    """Leave the file as it is."""
    task.folder.mkdir()


def memmap_rows(task: Task, state: int | None) -> Loader:
    """NumPy: index a map of the file."""
    import numpy as np

    rows = task.rows()
    return by_index(task, state, lambda numbers: rows[numbers].astype(np.int64))


def memmap_crops(task: Task, _state: None) -> Loader:
    """nanoGPT's get_batch: crops drawn with replacement, the file mapped anew for each batch.

    Drawn are rows, not any place, so that what comes out can be checked.
    """
    import numpy as np
    import torch

    def batches() -> Iterator[Any]:
        draw = torch.Generator().manual_seed(SEED)
        for _ in range(task.num_rows // BATCH):
            data = np.memmap(task.tokens, dtype=np.uint16, mode="r")
            begins = torch.randint(task.num_rows, (BATCH,), generator=draw) * task.context
            yield torch.stack(
                [torch.from_numpy(data[i : i + task.context].astype(np.int64)) for i in begins]
            )

    return Loader(batches(), lambda _: None, is_epoch=False)


# Hugging Face datasets


def build_arrow(task: Task) -> None:
    """Save a data set whose one column has lists of fixed length."""
    import pyarrow as pa
    from datasets import Dataset

    flat = pa.array(task.rows().reshape(-1))
    rows = pa.FixedSizeListArray.from_arrays(flat, task.context)
    Dataset(pa.table({"input_ids": rows})).save_to_disk(str(task.folder))


def _hugging_face(task: Task, form: str) -> Any:
    from datasets import load_from_disk

    return load_from_disk(str(task.folder)).with_format(form)


def datasets_tensors(task: Task, state: int | None, form: str) -> Loader:
    """Datasets: a list of indices, as NumPy or PyTorch (both make int64 of themselves)."""
    data = _hugging_face(task, form)
    return by_index(task, state, lambda numbers: data[numbers.tolist()]["input_ids"])


def datasets_arrow(task: Task, state: int | None) -> Loader:
    """Datasets: a list of indices, as Arrow, and the array made by hand, which is its fastest."""
    import numpy as np

    data = _hugging_face(task, "arrow")

    def fetch(numbers: Any) -> Any:
        column = data[numbers.tolist()].column(0).combine_chunks()
        return column.flatten().to_numpy().reshape(-1, task.context).astype(np.int64)

    return by_index(task, state, fetch)


def datasets_loader(task: Task, state: int | None) -> Loader:
    """Datasets: PyTorch's DataLoader without workers; resumed by the rest of its indices."""
    from torch.utils.data import DataLoader

    order = shuffled(task)[state or 0 :].tolist()
    loader = DataLoader(_hugging_face(task, "torch"), batch_size=BATCH, sampler=order)
    return Loader((batch["input_ids"] for batch in loader), int)


# mosaicml-streaming


def build_mds(task: Task) -> None:
    """Write shards of the default size, with arrays of fixed length."""
    from streaming import MDSWriter

    columns = {"input_ids": f"ndarray:uint16:{task.context}"}
    with MDSWriter(out=str(task.folder), columns=columns) as writer:
        for row in task.rows():
            writer.write({"input_ids": row})


def streaming_way(
    task: Task, state: Any, *, predownload: int | None = None, has_loader: bool = False
) -> Loader:
    """Streaming: iterate the data set, or its StreamingDataLoader without workers."""
    from streaming import StreamingDataLoader, StreamingDataset

    dataset = StreamingDataset(
        local=str(task.folder),
        batch_size=BATCH,
        predownload=predownload,
        shuffle=True,
        shuffle_algo="py1e",
        shuffle_seed=SEED,
    )
    if state:
        dataset.load_state_dict(state)

    def close() -> None:
        # Nothing public does it, and they would go on beside the next pass.
        dataset._iterator.exit()  # noqa: SLF001

    if has_loader:
        loader = StreamingDataLoader(dataset, batch_size=BATCH, collate_fn=collated_samples)
        return Loader(iter(loader), lambda _: loader.state_dict(), close)
    batches = in_batches(sample["input_ids"] for sample in dataset)
    return Loader(batches, partial(dataset.state_dict, from_beginning=True), close)


def streaming_index(task: Task, state: int | None) -> Loader:
    """Streaming: one sample at a time by its index, which needs no threads."""
    from streaming import StreamingDataset

    dataset = StreamingDataset(local=str(task.folder), batch_size=BATCH)
    return by_index(
        task, state, lambda numbers: stacked([dataset[i]["input_ids"] for i in numbers.tolist()])
    )


# litdata


def _piece(begin: int, *, task: Task, rows: int) -> Any:
    import numpy as np

    return np.array(task.rows()[begin : begin + rows]).reshape(-1)


def build_litdata(task: Task) -> None:
    """Write chunks of tokens, with one worker."""
    from litdata import TokensLoader, optimize

    rows = max(PIECE_TOKENS // task.context, 1)
    optimize(
        fn=partial(_piece, task=task, rows=rows),
        inputs=list(range(0, task.num_rows, rows)),
        output_dir=str(task.folder),
        chunk_size=CHUNK_PIECES * rows * task.context,
        item_loader=TokensLoader(),
        num_workers=1,
        verbose=False,
    )


def _litdata(task: Task, **settings: Any) -> Any:
    from litdata import StreamingDataset, TokensLoader

    loader = TokensLoader(block_size=task.context)
    return StreamingDataset(str(task.folder), item_loader=loader, seed=SEED, **settings)


def litdata_way(task: Task, state: Any, *, window: int | None = None) -> Loader:
    """litdata: iterate the data set."""
    dataset = _litdata(task, shuffle=True, item_shuffle_window=window)
    if state:
        dataset.load_state_dict(state)
    save = partial(dataset.state_dict, num_workers=0, batch_size=1)
    # The data set is its own iterator, and begins anew whenever it is asked for one.
    return Loader(in_batches(row for row in dataset), save)


def litdata_loader(task: Task, state: Any) -> Loader:
    """litdata: its StreamingDataLoader without workers."""
    from litdata import StreamingDataLoader

    dataset = _litdata(task, shuffle=True)
    loader = StreamingDataLoader(dataset, batch_size=BATCH, num_workers=0, collate_fn=collated)
    if state:
        loader.load_state_dict(state)
    return Loader(iter(loader), lambda _: loader.state_dict())


def litdata_index(task: Task, state: int | None) -> Loader:
    """litdata: one row at a time by its index."""
    dataset = _litdata(task)
    return by_index(task, state, lambda numbers: stacked([dataset[i] for i in numbers.tolist()]))


@dataclass(frozen=True)
class Peer:
    """A library, how it stores rows, and the ways to read them."""

    package: str
    module: str
    build: Callable[[Task], None]
    ways: dict[str, Way]


PEERS = {
    "memmap": Peer(
        "torch",
        "torch",
        build_nothing,
        {"shuffled rows": memmap_rows, "random crops": memmap_crops},
    ),
    "datasets": Peer(
        "datasets",
        "datasets",
        build_arrow,
        {
            "numpy, list of indices": partial(datasets_tensors, form="numpy"),
            "torch, list of indices": partial(datasets_tensors, form="torch"),
            "arrow, list of indices": datasets_arrow,
            "DataLoader": datasets_loader,
        },
    ),
    "streaming": Peer(
        "mosaicml-streaming",
        "streaming",
        build_mds,
        {
            "iteration": streaming_way,
            "iteration, more predownload": partial(streaming_way, predownload=MORE_PREDOWNLOAD),
            "StreamingDataLoader": partial(streaming_way, has_loader=True),
            "StreamingDataLoader, more predownload": partial(
                streaming_way, predownload=MORE_PREDOWNLOAD, has_loader=True
            ),
            "by index": streaming_index,
        },
    ),
    "litdata": Peer(
        "litdata",
        "litdata",
        build_litdata,
        {
            "iteration": litdata_way,
            "iteration, whole chunks shuffled": partial(litdata_way, window=0),
            "StreamingDataLoader": litdata_loader,
            "by index": litdata_index,
        },
    ),
}


# Processes


def built(task: Task, peer: Peer) -> dict[str, Any]:
    """Build a peer's format where it is not there; return the line that says what it took."""
    note = task.folder.with_suffix(".json")
    stat = task.tokens.stat()
    source = {"bytes": stat.st_size, "mtime": stat.st_mtime_ns, "version": version(peer.package)}
    if note.is_file() and (line := json.loads(note.read_text()))["source"] == source:
        return line | {"reused": True}
    note.unlink(missing_ok=True)
    shutil.rmtree(task.folder, ignore_errors=True)
    import_module(peer.module)
    start = time.perf_counter()
    peer.build(task)
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in task.folder.rglob("*") if path.is_file())
    line = {"metric": "build", "value": seconds, "unit": "s", "bytes": size, "source": source}
    note.write_text(json.dumps(line))
    return line


def child(name: str, way: str | None, arguments: argparse.Namespace) -> None:
    """Build a peer's format or measure one way; write lines to what was standard output."""
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)  # what libraries print is no line of ours
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {arguments.core})
        import torch

        torch.set_num_threads(1)
        peer = PEERS[name]
        folder = arguments.scratch.resolve() / f"{name}-{arguments.context}"
        task = Task(arguments.tokens.resolve(), arguments.context, folder)
        found = {"peer": name, "version": version(peer.package), "context": task.context}
        if way is None:
            lines: Iterable[dict[str, Any]] = [built(task, peer)]
        else:
            lines = measure(task, peer.ways[way], arguments.rows)
        for line in lines:
            print(json.dumps(found | {"way": way} | line), file=out, flush=True)


def run(name: str, way: str | None, arguments: argparse.Namespace) -> bool:
    """Run a child and print its lines; return whether all went well."""
    command = [sys.executable, __file__, "--child", name, *([way] if way else [])]
    for option in ("tokens", "context", "rows", "scratch", "core"):
        command += [f"--{option}", str(getattr(arguments, option))]
    environment = {key: value for key, value in os.environ.items() if key not in RANKS}
    # streaming leaves two lock files for each data set that was ever opened, looks at all of them
    # when it opens one, and so is slower each time, unless it finds none.
    with tempfile.TemporaryDirectory() as folder:
        environment |= QUIET | ONE_THREAD | {"TMPDIR": folder, "HF_HOME": folder}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    print(done.stdout, end="", flush=True)
    right = all(json.loads(line).get("is_right", True) for line in done.stdout.splitlines())
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        line = {"peer": name, "way": way, "context": arguments.context, "metric": "failed"}
        print(json.dumps(line | {"value": None, "why": why}), flush=True)
    return right and not done.returncode


def main() -> int:
    """Read the command line and run each peer that is installed; 1 if any failed or was wrong."""
    arguments = parse()
    if arguments.child:
        child(arguments.child[0], (arguments.child[1:] or [None])[0], arguments)
        return 0
    num_rows = Task(arguments.tokens, arguments.context, arguments.scratch).num_rows
    if num_rows < (WARM_BATCHES + 1) * BATCH or arguments.rows < BATCH:
        sys.exit(f"too few rows: the file has {num_rows}, and {WARM_BATCHES * BATCH} warm up")
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for name in arguments.only or PEERS:
        peer = PEERS[name]
        try:
            version(peer.package)
        except PackageNotFoundError:
            why = f"{peer.package} is not installed for {sys.executable}"
            print(json.dumps({"peer": name, "metric": "missing", "value": None, "why": why}))
            continue
        outcomes.append(run(name, None, arguments))
        if outcomes[-1]:
            outcomes += [run(name, way, arguments) for way in peer.ways]
    return 0 if all(outcomes) else 1


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tokens", type=Path, required=True, help="flat uint16 ids")
    parser.add_argument("--context", type=int, default=2048, help="ids in a row (2048)")
    parser.add_argument("--rows", type=int, default=20_000, help="rows that are timed (20,000)")
    parser.add_argument("--scratch", type=Path, required=True, help="a folder for the formats")
    parser.add_argument("--only", nargs="+", choices=PEERS, metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--core", type=int, default=last_core(), help="the core that all run on")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def last_core() -> int:
    """Return the last core that this process may use."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


if __name__ == "__main__":
    sys.exit(main())
