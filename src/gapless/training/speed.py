"""Where the time of a training goes, and how much of the machine it uses.

speed.jsonl    a row per step: seconds, and `SHARE`, the useful operations per second as a share of
               the rate at which this machine multiplies matrices in the training's precision
               (measured when the training begins, in a row of its own, with what tells `POWER`)
               a row each time the model is measured, watched or saved: `WHAT`, seconds, memory,
               and the seconds of each probe, or hook, in `PARTS`
               rows of either kind have the energy since the last one that has it, in `JOULES`
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from gapless.packing import PackedRows
from gapless.records.journal import Journal
from gapless.records.watched import PARTS, PEAK_MEMORY, POWER, SHARE, WHAT, Work
from gapless.training.compute import Compute
from gapless.training.power import Meter
from gapless.training.processes import Processes

_ROUNDS, _SECONDS = 5, 0.2


class Speed:
    """Writes the journal of a training's speed."""

    def __init__(
        self, journal: Journal, model: Any, compute: Compute, *, processes: int, tokens_seen: int
    ) -> None:
        """Measure the matrix rate, once per process, and write it down."""
        self._journal, self._compute = journal, compute
        self._flops = ModelFlops(model)
        rate = matrix_rate(compute.device.type, bf16=compute.bf16)
        self._rate = rate * processes
        cards = min(processes, Processes.of_environment().per_machine)
        machines = -(-processes // cards)
        self._meter = Meter.of(compute.device, cards=cards, machines=machines)
        first = {"tokens_seen": tokens_seen, "matrix_flops_per_second": rate}
        journal.append(first | {POWER: self._meter.told})

    def step(self, tokens_seen: int, packed: PackedRows, seconds: float) -> None:
        """Write down a step that took so long; ``packed`` is the whole of it."""
        share = self._flops.of(packed) / (seconds * self._rate)
        row = {"tokens_seen": tokens_seen, "seconds": round(seconds, 6), SHARE: round(share, 4)}
        self._journal.append(row | self._meter.read_at_times())

    @contextmanager
    def spent(self, what: Work, tokens_seen: int) -> Iterator[dict[str, float]]:
        """Write down how long the work inside took, and the most memory used until then.

        What is put into the table that it gives, name to seconds, is written down as its parts.
        """
        started, parts = time.perf_counter(), dict[str, float]()
        yield parts
        row = {
            "tokens_seen": tokens_seen,
            WHAT: what,
            "seconds": round(time.perf_counter() - started, 6),
            PEAK_MEMORY: peak_memory_bytes(self._compute.device),
        }
        rounded = {name: round(seconds, 6) for name, seconds in parts.items()}
        self._journal.append(row | ({PARTS: rounded} if parts else {}) | self._meter.read())


class ModelFlops:
    """The floating-point operations that a model needs: none for what is only worked out again."""

    def __init__(self, model: Any) -> None:
        """Count the parameters that multiply; an embedding table that is no head is looked up."""
        config = model.config.get_text_config()
        table, head = model.get_input_embeddings(), model.get_output_embeddings()
        looked_up = None if head is not None and head.weight is table.weight else table.weight
        matrices = [p for p in model.parameters() if p.ndim >= 2 and p is not looked_up]
        self._forward = 2 * sum(p.numel() for p in matrices)
        self._learnt = 2 * sum(p.numel() for p in matrices if p.requires_grad)
        heads = config.num_attention_heads
        width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
        self._pair = 12 * config.num_hidden_layers * width

    def of(self, packed: PackedRows) -> float:
        """Return those of training on some rows.

        2 per weight and token forward, 2 backward, 2 more where it learns, and 12 x layers x width
        for each pair of a token and one that it may attend to (Chowdhery et al. 2022, appendix B,
        which counts the pairs of whole rows; here only those within documents, looking back).
        """
        tokens = packed.ids.size
        pairs = int(packed.positions.sum()) + tokens
        return float((2 * self._forward + self._learnt) * tokens + self._pair * pairs)


@cache
def matrix_rate(device: str, *, bf16: bool) -> float:
    """Return the floating-point operations per second of a large matrix product on this machine.

    The best of several, about a fifth of a second in all; asked again, the same answer.
    """
    size = 8192 if device == "cuda" else 1024
    draw = torch.Generator(device).manual_seed(0)
    left = torch.rand(size, size, device=device, generator=draw)
    left = left.bfloat16() if bf16 else left
    best, spent, rounds = float("inf"), 0.0, 0
    while rounds < _ROUNDS or spent < _SECONDS:
        started = time.perf_counter()
        (left @ left).sum().item()
        seconds = time.perf_counter() - started
        best, spent, rounds = min(best, seconds), spent + seconds, rounds + 1
    return 2 * size**3 / best


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory that this process has used: of the GPU, or else of the machine."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
