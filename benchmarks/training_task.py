"""What every way of training gets: a shape, a device, and rows on the disk. Needs torch alone."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

RATE, BETAS, DECAY, CLIP = 3e-4, (0.9, 0.95), 0.1, 1.0
"""AdamW's settings, the same everywhere; the rate stays."""


@dataclass(frozen=True)
class Shape:
    """A Llama, and the rows that it is trained on."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    inner: int
    vocabulary: int
    context: int
    rows: int
    """Rows of a step, in one forward pass."""
    tied: bool = True

    def config(self) -> dict[str, Any]:
        """Return the settings of `transformers`' LlamaConfig."""
        return {
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "intermediate_size": self.inner,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.context,
            "tie_word_embeddings": self.tied,
        }

    @property
    def matrix_parameters(self) -> int:
        """Parameters that every token is multiplied with: the layers and the head."""
        head = self.hidden // self.heads
        attention = self.hidden * head * (2 * self.heads + 2 * self.kv_heads)
        layer = attention + 3 * self.hidden * self.inner
        return self.layers * layer + self.hidden * self.vocabulary

    @property
    def flops_a_token(self) -> float:
        """Of forward and backward: 6 a parameter, and attention over half a row (causal)."""
        return 6.0 * self.matrix_parameters + 6.0 * self.layers * self.hidden * self.context


SHAPES = {
    "cpu": {
        "1.6M": Shape(128, 6, 4, 4, 344, 4096, 256, 16),
        "9M": Shape(288, 8, 6, 6, 768, 4096, 256, 16),
    },
    "cuda": {
        "135M": Shape(576, 30, 9, 3, 1536, 49152, 2048, 32),
        "1.1B": Shape(2048, 22, 32, 4, 5632, 32000, 8192, 4, tied=False),
        "8B": Shape(4096, 32, 32, 8, 14336, 128256, 8192, 1, tied=False),
    },
}


@dataclass(frozen=True)
class Task:
    """One way of training on one shape, in a process of its own."""

    way: str
    device: str
    shape: str
    bf16: bool
    folder: Path
    """Holds ids.npy, positions.npy and targets.npy, int64 of shape (rows, context)."""
    warm: int
    steps: int
    rows: int | None = None
    """Rows of a step, other than the shape's."""

    @property
    def size(self) -> Shape:
        """The shape."""
        shape = SHAPES[self.device][self.shape]
        return shape if self.rows is None else replace(shape, rows=self.rows)

    @property
    def num_rows(self) -> int:
        """Rows of all steps."""
        return (self.warm + self.steps) * self.size.rows

    def batches(self) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Return ids, positions and targets of every step."""
        arrays = [np.load(self.folder / f"{name}.npy") for name in ("ids", "positions", "targets")]
        parts = [torch.from_numpy(array).split(self.size.rows) for array in arrays]
        return list(zip(*parts, strict=True))

    def autocast(self) -> torch.autocast:
        """Return the context of a forward pass."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.bf16)


class Clock:
    """Seconds of every step: told when one is done."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._ends = [time.perf_counter()]
        self.losses: list[float] = []

    def done(self, loss: float) -> None:
        """Note a step that is done."""
        self._ends.append(time.perf_counter())
        self.losses.append(loss)

    def facts(self) -> dict[str, Any]:
        """Return tokens a second, by the median step, with the process's peak of memory."""
        task, size = self._task, self._task.size
        seconds = np.diff(self._ends)[task.warm :]
        if len(seconds) != task.steps:
            sys.exit(f"{len(seconds)} steps were timed, not {task.steps}")
        if task.device == "cuda":
            peak = torch.cuda.max_memory_allocated() / 1e6
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        return {
            "way": task.way,
            "tokens_per_second": size.rows * size.context / median(seconds.tolist()),
            "peak_mb": peak,
            "first_loss": self.losses[0],
            "last_loss": self.losses[-1],
            "flops_a_token": size.flops_a_token,
        }


def run(ways: dict[str, Callable[[Task], Clock]]) -> None:
    """Do the way that the command line names, and print its facts as a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=ways)
    parser.add_argument("task", help="JSON")
    options = parser.parse_args()
    fields = json.loads(options.task)
    task = Task(**fields | {"way": options.way, "folder": Path(fields["folder"])})
    if task.device == "cpu":
        torch.set_flush_denormal(True)
    sys.stdout.write(json.dumps(ways[options.way](task).facts()) + "\n")


def as_json(task: Task) -> str:
    """Return a task as the command line takes it."""
    return json.dumps(asdict(task) | {"folder": str(task.folder)})
