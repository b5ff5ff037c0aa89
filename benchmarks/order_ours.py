"""Our loader of packed rows, on the tokens that the peers get, and its part of a training step.

    python order_ours.py loader --tokens FILE --context 2048 --rows 20000 --scratch FOLDER
    python order_ours.py step

FILE is flat uint16 ids, cut here into documents of lognormal lengths. Each way runs in a process of
its own, on one core, as `order_peers.py` runs theirs, and prints the same lines of JSON. A batch is
8 rows of int64 ids, as theirs; positions and targets of the same shape come with it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from order_peers import (
    BATCH,
    ONE_THREAD,
    RESUMES,
    SEED,
    TIMED_PASSES,
    WARM_BATCHES,
    Loader,
    Task,
    checksums,
    last_core,
    resume_row,
    resumed,
    speed,
    timed,
)

from gapless.ordering import Cut, Documents, OrderTable, RunOrder, Shuffled
from gapless.packing import IGNORED, PackedRows, pack
from gapless.records.rows import Rows
from gapless.records.stretches import Stretch
from gapless.records.token_store import TokenStore, TokenStoreWriter
from gapless.seeds import stream
from gapless.strata import stratum_name

SOURCE, MEAN_LENGTH, SPREAD = "web", 500, 1.0
STRATA = 8
"""In the ways that have several; the demo's order has seven."""
RANDOM_PART = 20
"""Random places are timed on this part of the rows: each is a block that is made for one batch."""
STEPS, WARM_STEPS = 20, 3
DEMO_CONTEXT, DEMO_BATCH_TOKENS = 256, 4096


# The order, as the workflow settles and opens it


def build(task: Task, num_strata: int) -> None:
    """Write a token store and an order's table of it."""
    tokens = np.fromfile(task.tokens, np.uint16)
    draw = stream(SEED, "benchmark", "lengths")
    lengths = draw.lognormal(np.log(MEAN_LENGTH) - SPREAD**2 / 2, SPREAD, len(tokens) // 100)
    ends = np.cumsum(np.maximum(np.rint(lengths), 1).astype(np.int64))
    ends = np.append(ends[ends < len(tokens)], len(tokens))
    task.folder.mkdir(parents=True)
    with TokenStoreWriter(task.folder, vocabulary_size=1 << 16) as writer:
        writer.add_many(tokens, np.diff(ends, prepend=0), np.zeros(len(ends), np.bool_))
    offsets = TokenStore.open(task.folder).offsets
    labels = draw.integers(num_strata, size=len(ends))
    names = [stratum_name(SOURCE, str(label)) for label in range(num_strata)]
    chosen = {name: np.flatnonzero(labels == label) for label, name in enumerate(names)}
    packer = Cut(task.context)
    sizes = {
        (name, Shuffled.key): packer.sizes(Shuffled(Documents(name, indices, offsets), seed=SEED))
        for name, indices in chosen.items()
    }
    OrderTable(chosen, sizes, {}).write(task.folder)


def opened(task: Task) -> tuple[RunOrder, dict[str, TokenStore]]:
    """Open one epoch of everything."""
    store, table = TokenStore.open(task.folder), OrderTable.open(task.folder)
    packer = Cut(task.context)
    streams = {
        name: table.stream(name, store.offsets, packer, seed=SEED) for name in table.documents
    }
    rows = {name: each.epoch_size // task.context for name, each in streams.items()}
    return RunOrder([Stretch.whole(0, rows)], streams, seed=SEED), {SOURCE: store}


def in_sequence(task: Task, state: int | None) -> Loader:
    """The run's rows one batch after the other, as training reads them."""
    order, stores = opened(task)
    starts = range(state or 0, order.num_rows - BATCH + 1, BATCH)
    read = (pack(order.rows(at, at + BATCH), stores, context=task.context) for at in starts)
    return Loader((packed.ids for packed in read), int)


def random_batches(task: Task, _: None) -> Loader:
    """Batches at random places of the run."""
    order, stores = opened(task)
    places = stream(SEED, "benchmark", "batches").permutation(order.num_rows // BATCH) * BATCH
    read = (
        pack(order.rows(at, at + BATCH), stores, context=task.context) for at in places.tolist()
    )
    return Loader((packed.ids for packed in read), lambda _: None)


def random_rows(task: Task, _: None) -> Loader:
    """Batches of rows that are each at a random place of the run."""
    order, stores = opened(task)
    places = stream(SEED, "benchmark", "rows").permutation(order.num_rows).tolist()

    def batches() -> Iterator[Any]:
        for start in range(0, len(places), BATCH):
            rows = [order.rows(at, at + 1) for at in places[start : start + BATCH]]
            yield np.concatenate([pack(row, stores, context=task.context).ids for row in rows])

    return Loader(batches(), lambda _: None)


WAYS: dict[str, tuple[int, Callable[[Task, Any], Loader]]] = {
    "in sequence": (1, in_sequence),
    f"in sequence, {STRATA} strata": (STRATA, in_sequence),
    "random batches": (1, random_batches),
    "random rows": (1, random_rows),
}


def measure(task: Task, way: str, num_rows: int) -> Iterator[dict[str, Any]]:
    """Build, check and time a way; yield a line for each metric."""
    num_strata, open_way = WAYS[way]
    start = time.perf_counter()
    build(task, num_strata)
    size = sum(path.stat().st_size for path in task.folder.iterdir())
    yield {"metric": "build", "value": time.perf_counter() - start, "unit": "s", "bytes": size}
    facts = checked(task)
    yield {"metric": "delivers", "value": facts["is_right"], **facts}
    is_random = open_way is not in_sequence
    batches = min(num_rows // BATCH, facts["rows"] // BATCH - WARM_BATCHES)
    batches = batches // RANDOM_PART if is_random else batches
    yield speed([timed(task, open_way, batches) for _ in range(TIMED_PASSES)], batches * BATCH)
    if is_random:
        return
    at = resume_row(task)
    first = checksums(next(open_way(task, at).batches))
    resumes = [resumed(task, open_way, at) for _ in range(RESUMES)]
    yield {
        "metric": "resume_seconds",
        "value": median(seconds for seconds, _ in resumes),
        "unit": "s, from construction to the first batch",
        "is_right": all((sums == first).all() for _, sums in resumes),
        "at_row": at,
        "runs": [seconds for seconds, _ in resumes],
    }


def checked(task: Task) -> dict[str, Any]:
    """Go through an epoch: each token of the file comes once at most, and as the file has it.

    What does not fill a row at a stratum's end is left for the next epoch. ``spread`` is as in
    `order_peers`, by the places of the rows' first tokens.
    """
    order, stores = opened(task)
    tokens, offsets = stores[SOURCE].tokens, stores[SOURCE].offsets
    begins, ends, firsts, is_same = [], [], [], True
    for start in range(0, order.num_rows, 1024):
        rows = order.rows(start, min(start + 1024, order.num_rows))
        pieces = rows.pieces
        begins.append(offsets[pieces.documents] + pieces.begins)
        ends.append(offsets[pieces.documents] + pieces.ends)
        firsts.append(begins[-1][pieces.offsets[:-1]])
        packed = pack(rows, stores, context=task.context)
        is_same &= matches(packed, rows, tokens, list(zip(begins[-1], ends[-1], strict=True)))
    by_place = np.argsort(np.concatenate(begins))
    begin, end = np.concatenate(begins)[by_place], np.concatenate(ends)[by_place]
    is_once = bool((begin[1:] >= end[:-1]).all())
    is_all = int((end - begin).sum()) == order.num_rows * task.context
    return {
        "is_right": is_same and is_once and is_all,
        "rows": order.num_rows,
        "each_token_once": is_once and is_all,
        "spread": float(np.abs(np.diff(np.concatenate(firsts))).mean() * 3 / len(tokens)),
    }


def matches(
    packed: PackedRows, rows: Rows, tokens: np.ndarray, slices: Sequence[tuple[int, int]]
) -> bool:
    """Say whether packed rows are the slices of the file, with their positions and targets."""
    parts = [tokens[begin:end].astype(np.int64) for begin, end in slices]
    ids = np.concatenate(parts).reshape(len(rows), -1)
    positions = np.concatenate([np.arange(len(part)) for part in parts]).reshape(len(rows), -1)
    targets = np.concatenate([np.append(part[1:], IGNORED) for part in parts])
    return (
        np.array_equal(packed.ids, ids)
        and np.array_equal(packed.positions, positions)
        and np.array_equal(packed.targets, targets.reshape(len(rows), -1))
    )


# Its part of a training step


def step(folder: Path) -> dict[str, Any]:
    """Train the demo's model as the demo does, on rows of random tokens from seven strata."""
    import torch

    from gapless.assets import locate
    from gapless.modeling import load_model
    from gapless.recipe.training import Training
    from gapless.training.compute import Compute, accumulate_gradients
    from gapless.training.optimizer import make_optimizer

    path = locate("base")
    if path is None:
        sys.exit("the demo's model is not here")
    compute, settings = Compute.choose(), Training()
    model = load_model(path).to(compute.device)
    optimizer = make_optimizer(model, settings)
    tokens = stream(SEED, "benchmark", "ids").integers(
        model.config.vocab_size, size=2 * DEMO_BATCH_TOKENS * 1000, dtype=np.uint16
    )
    tokens.tofile(folder / "tokens.bin")
    task = Task(folder / "tokens.bin", DEMO_CONTEXT, folder / "order")
    build(task, 7)
    order, stores = opened(task)
    rows = DEMO_BATCH_TOKENS // DEMO_CONTEXT
    loading, training = [], []
    for number in range(WARM_STEPS + STEPS):
        start = time.perf_counter()
        packed = pack(order.rows(number * rows, (number + 1) * rows), stores, context=DEMO_CONTEXT)
        loaded = time.perf_counter()
        accumulate_gradients(
            model,
            packed,
            num_targets=packed.num_targets,
            micro_batch_rows=rows,
            compute=compute,
        )
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if compute.device.type == "cuda":
            torch.cuda.synchronize()
        loading.append(loaded - start)
        training.append(time.perf_counter() - loaded)
    loading, training = loading[WARM_STEPS:], training[WARM_STEPS:]
    # Loading alone, over many steps: a window of 1,024 rows is worked out in one of 64.
    start = time.perf_counter()
    count = order.num_rows // rows
    for number in range(count):
        pack(order.rows(number * rows, (number + 1) * rows), stores, context=DEMO_CONTEXT)
    alone = (time.perf_counter() - start) / count
    return {
        "loading_seconds": sum(loading) / STEPS,
        "loading_alone_seconds": alone,
        "training_seconds": sum(training) / STEPS,
        "share": sum(loading) / (sum(loading) + sum(training)),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "batch_tokens": DEMO_BATCH_TOKENS,
        "context": DEMO_CONTEXT,
        "compute": compute.describe(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


# Processes


def child(way: str, options: argparse.Namespace) -> None:
    """Measure one way, on one core, and print its lines."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    folder = options.scratch / f"gapless-{options.context}-{list(WAYS).index(way)}"
    shutil.rmtree(folder, ignore_errors=True)
    task = Task(options.tokens, options.context, folder)
    found = {"peer": "gapless", "version": version("gapless"), "context": options.context}
    for line in measure(task, way, options.rows):
        print(json.dumps(found | {"way": way} | line), flush=True)
    shutil.rmtree(folder)


def run(way: str, options: argparse.Namespace) -> int:
    """Run a child."""
    command = [sys.executable, __file__, "loader", "--way", way]
    for option in ("tokens", "context", "rows", "scratch", "core"):
        command += [f"--{option}", str(getattr(options, option))]
    return subprocess.run(command, check=False, env=os.environ | ONE_THREAD).returncode


def main() -> int:
    """Read the command line, and do the job; 1 where a way failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("job", choices=("loader", "step"))
    parser.add_argument("--tokens", type=Path, help="flat uint16 ids")
    parser.add_argument("--context", type=int, default=2048, help="ids in a row (2048)")
    parser.add_argument("--rows", type=int, default=20_000, help="rows that are timed (20,000)")
    parser.add_argument("--scratch", type=Path, required=True, help="a folder")
    parser.add_argument("--core", type=int, default=last_core(), help="the core that all run on")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job == "step":
        print(json.dumps(step(options.scratch)))
    elif options.way:
        child(options.way, options)
    else:
        return max(run(way, options) for way in WAYS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
