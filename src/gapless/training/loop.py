"""The training loop."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from gapless.errors import RunError
from gapless.mixing import Rounds
from gapless.ordering import RunOrder
from gapless.packing import pack
from gapless.recipe.schema import Training
from gapless.records.journal import Journal
from gapless.records.measurements import ItemValues, Measurement, items_path, write_items
from gapless.records.rows import Rows
from gapless.records.token_store import TokenStore
from gapless.seeds import stream_key
from gapless.training.checkpoints import FOLDER, Checkpoints, RunState
from gapless.training.compute import Compute, accumulate_gradients, subnormals_flushed
from gapless.training.optimizer import make_optimizer
from gapless.training.steering import Steering

MEASUREMENTS_FILE, STEPS_FILE, SPEED_FILE = "measurements.jsonl", "steps.jsonl", "speed.jsonl"
MIXTURE_FILE = "mixture.jsonl"

Measured = tuple[list[Measurement], dict[str, ItemValues]]


class Observer(Protocol):
    """Who watches a run."""

    def step(self, *, tokens_seen: int, loss: float, tokens_per_second: float) -> None:
        """Hear of a step."""

    def measured(self, measurements: Sequence[Measurement]) -> None:
        """Hear of a measurement; the first is the base model's."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What the loop works on; every part is a value or made by another room."""

    seed: int
    order: RunOrder
    stores: Mapping[str, TokenStore]
    training: Training
    rate: Callable[[int], float]
    """Tokens seen to the learning rate of the step that starts there."""
    rounds: Rounds
    """The phases of the order; those whose mixture reacts extend it on the way."""
    compute: Compute
    probe_steps: frozenset[int]
    """Steps after which the model is measured; the last step is one of them."""
    checkpoint_steps: frozenset[int]
    """Steps after which the state is saved; each is a probe step."""
    measure: Callable[[Any, int], Measured]
    """Measures a model at a number of tokens seen."""
    base: Measured
    """Measurement zero: the base model's."""
    folder: Path
    observer: Observer
    stop: Callable[[], bool]
    """Asked after every step; when true, the state is saved and the loop returns."""


@dataclass(frozen=True)
class _StepLog:
    """What is written down of a step."""

    loss: float
    rate: float
    norm: float
    padding: int
    started: float


def num_steps(order: RunOrder, training: Training) -> int:
    """Return the optimizer steps of a run; the last may be smaller than the others."""
    return math.ceil(order.num_rows / (training.batch_tokens // order.context))


def train(model: Any, job: TrainingJob) -> bool:
    """Train ``model`` in place from the last checkpoint, if any, to the end of the order.

    Returns:
        Whether the end was reached; False when ``job.stop`` asked to stop.

    """
    with subnormals_flushed():
        return _Loop(model, job).run()


class _Loop:
    def __init__(self, model: Any, job: TrainingJob) -> None:
        self.job = job
        self.model = model.to(job.compute.device).train()
        if job.training.gradient_checkpointing:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.optimizer = make_optimizer(model, job.training)
        self.checkpoints = Checkpoints(
            job.folder / FOLDER, keep_last=job.training.checkpoints.keep_last
        )
        self.measurements = Journal(job.folder / MEASUREMENTS_FILE)
        self.steps = Journal(job.folder / STEPS_FILE)
        self.speed = Journal(job.folder / SPEED_FILE)
        self.mixture = Journal(job.folder / MIXTURE_FILE)
        self.journals = (self.measurements, self.steps, self.speed, self.mixture)
        self.steering = Steering(job.rounds, self.mixture, job.base[0])
        self.domain_change: float | None = None

    def run(self) -> bool:
        state = self._resume()
        total_steps = num_steps(self.job.order, self.job.training)
        while state.step < total_steps:
            state = self._step(state)
            if state.step in self.job.probe_steps:
                self._measure(state)
            stopped = state.step < total_steps and self.job.stop()
            if stopped or state.step in self.job.checkpoint_steps:
                self._save(state)
            if stopped:
                return False
        return True

    def _resume(self) -> RunState:
        """Go back to the last checkpoint: what was written after it is cut off and made again."""
        latest = self.checkpoints.latest()
        state = latest[1] if latest else RunState()
        kept_tokens = state.tokens_seen if latest else -1
        for journal in self.journals:
            journal.cut(lambda row: row["tokens_seen"] <= kept_tokens)
        if latest:
            self.checkpoints.restore(self.model, self.optimizer, latest[0])
            self.steering.replay(self.job.order)
        else:
            self._write(self.job.base, tokens_seen=0)
            self.steering.react(self.job.order, 0, self.job.base[0])
        self.job.observer.measured(self.job.base[0])
        return state

    def _step(self, state: RunState) -> RunState:
        job, started = self.job, time.perf_counter()
        # Dropout's draws belong to the step: a resumed run and a second arm draw the same.
        torch.manual_seed(stream_key(job.seed, "training", state.step) % 2**63)
        batch_rows = job.training.batch_tokens // job.order.context
        begin = state.step * batch_rows
        rows = job.order.rows(begin, min(begin + batch_rows, job.order.num_rows))
        packed = pack(rows, job.stores, context=job.order.context)
        rate = job.rate(state.tokens_seen)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        micro_tokens = job.training.micro_batch_tokens or job.training.batch_tokens
        loss = accumulate_gradients(
            self.model,
            packed,
            micro_batch_rows=micro_tokens // job.order.context,
            compute=job.compute,
        )
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), job.training.clip_norm)
        _refuse_divergence(float(loss), float(norm), state)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        after = RunState(state.step + 1, state.tokens_seen + packed.ids.size)
        seen = _StepLog(float(loss), rate, float(norm), packed.padding, started)
        self._log(after, rows, seen)
        return after

    def _log(self, state: RunState, rows: Rows, seen: "_StepLog") -> None:
        self.steps.append(
            {
                "step": state.step,
                "tokens_seen": state.tokens_seen,
                "phase": int(rows.phases[-1]),
                "loss": seen.loss,
                "learning_rate": seen.rate,
                "gradient_norm": seen.norm,
                "tokens": rows.tokens_of_strata(),
                "padding": seen.padding,
            }
        )
        seconds = time.perf_counter() - seen.started
        self.speed.append({"tokens_seen": state.tokens_seen, "seconds": round(seconds, 6)})
        self.job.observer.step(
            tokens_seen=state.tokens_seen,
            loss=seen.loss,
            tokens_per_second=len(rows) * self.job.order.context / seconds,
        )

    def _measure(self, state: RunState) -> None:
        measured = self.job.measure(self.model, state.tokens_seen)
        self._write(measured, tokens_seen=state.tokens_seen)
        rows_seen = state.tokens_seen // self.job.order.context
        self.steering.react(self.job.order, rows_seen, measured[0])
        self.domain_change = _domain_change(self.job.base[0], measured[0])
        self.job.observer.measured(measured[0])

    def _write(self, measured: Measured, *, tokens_seen: int) -> None:
        """Items first: a row in the journal has its items on the disk."""
        measurements, items = measured
        write_items(items_path(self.job.folder, tokens_seen), items)
        self.measurements.append(*(measurement.row() for measurement in measurements))

    def _save(self, state: RunState) -> None:
        change = self.domain_change if state.step in self.job.probe_steps else None
        for journal in self.journals:
            journal.sync()
        self.checkpoints.save(
            self.model, self.optimizer, RunState(state.step, state.tokens_seen, change)
        )


def _domain_change(base: Sequence[Measurement], now: Sequence[Measurement]) -> float | None:
    """Mean improvement of the domain's bits per byte over the base model."""
    before = {m.probe: m.value for m in base if m.role == "domain" and m.metric == "bits_per_byte"}
    changes = [
        before[m.probe] - m.value for m in now if m.role == "domain" and m.metric == "bits_per_byte"
    ]
    return sum(changes) / len(changes) if changes else None


def _refuse_divergence(loss: float, norm: float, state: RunState) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise RunError(
        f"the loss is {loss} and the gradient's norm {norm} at step {state.step + 1} "
        f"({state.tokens_seen:,} tokens seen)",
        mend="Lower training.learning_rate or lengthen training.schedule.warmup. "
        "The checkpoints before this step are kept.",
    )
