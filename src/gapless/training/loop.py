"""The training loop."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gapless.mixing import Rounds
from gapless.ordering import RunOrder
from gapless.packing import PackedRows, pack
from gapless.recipe.training import Training
from gapless.records.flops import FLOPS
from gapless.records.measurements import Measured, Measurement, items_path, write_items
from gapless.records.observer import Observer, StepDone
from gapless.records.rows import Rows
from gapless.records.token_store import TokenStore
from gapless.seeds import stream_key
from gapless.training.checkpoints import FOLDER, Checkpoints, RunState
from gapless.training.compilation import layers_compiled
from gapless.training.compute import (
    Compute,
    accumulate_gradients,
    with_ways,
)
from gapless.training.diagnosis import Namer, by_number, diagnose
from gapless.training.guard import Fault, Guard
from gapless.training.hooks import Hook, Moment
from gapless.training.journals import Journals
from gapless.training.optimizer import make_optimizer
from gapless.training.processes import ALONE, Processes
from gapless.training.sharding import divide, whole
from gapless.training.speed import ModelFlops, Speed
from gapless.training.steering import Steering


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
    processes: Processes = ALONE
    probe_steps: frozenset[int]
    """Steps after which the model is measured; the last step is one of them."""
    checkpoint_steps: frozenset[int]
    """Steps after which the state is saved; the last step is one of them."""
    kept_steps: frozenset[int] = frozenset()
    """Steps after which the state is saved besides, and stays: other arms go on from there."""
    measure: Callable[[Any, int], Measured]
    """Measures a model at a number of tokens seen, by what is due there."""
    base: Measured
    """Measurement zero: the base model's."""
    hooks: Sequence[Hook] = ()
    folder: Path
    observer: Observer
    stop: Callable[[], bool]
    """Asked after every step; when true, the state is saved and the loop returns."""
    name_documents: Namer = by_number
    """Asked when a step goes wrong."""


def num_steps(order: RunOrder, training: Training) -> int:
    """Return the optimizer steps of a run; the last may be smaller than the others."""
    return math.ceil(order.num_rows / (training.batch_tokens // order.context))


def train(model: Any, job: TrainingJob) -> bool:
    """Train ``model`` in place from the last checkpoint, if any, to the end of the order.

    Returns:
        Whether the end was reached; False when ``job.stop`` asked to stop.

    """
    loop = _Loop(model, job)
    compiles = job.training.compile
    compiled = layers_compiled(model, job.compute.device) if compiles else nullcontext()
    with compiled, loop.checkpoints:
        return loop.run()


class _Loop:
    def __init__(self, model: Any, job: TrainingJob) -> None:
        self.job = job
        self.model = divide(model, job.compute, job.processes, job.training.sharding).train()
        if job.training.gradient_checkpointing:
            self.model.activation_checkpointing_enable({"use_reentrant": False})
        ways = with_ways(
            job.compute,
            self.model,
            job.training,
            context=job.order.context,
            processes=job.processes,
        )
        self.compute = job.processes.agreed(ways)  # each has tried them out on its own slices
        self.flops = ModelFlops(self.model)
        self.optimizer = make_optimizer(model, job.training, seed=job.seed)
        self.checkpoints = Checkpoints(
            job.folder / FOLDER,
            keep_last=job.training.checkpoints.keep_last,
            keep_steps=job.kept_steps,
            asynchronous=job.training.checkpoints.asynchronous,
            processes=job.processes,
        )

    def run(self) -> bool:
        for hook in self.job.hooks:
            hook.begin(self.model)
        state = self._begin()
        total_steps = num_steps(self.job.order, self.job.training)
        if self._is_unmeasured(state):
            self._measure_and_save(state)
        while state.step < total_steps:
            before, state = state, self._step(state)
            if state.step <= before.step:  # rolled back to where all of this was done
                continue
            # A cluster may tell only one of the processes.
            if state.step < total_steps and self.job.processes.any(self.job.stop()):
                self._save(state)  # measuring can take longer than there is time
                return False
            self._measure_and_save(state)
        return True

    def _is_unmeasured(self, state: RunState) -> bool:
        """Whether the run was stopped between a step and its measurement."""
        if state.step not in self.job.probe_steps:
            return False
        rows = self.journals.measurements.rows()
        return self.job.processes.agreed(all(r["tokens_seen"] != state.tokens_seen for r in rows))

    def _measure_and_save(self, state: RunState) -> None:
        """Do what is to be done after a step."""
        domain_change = self._measure(state) if state.step in self.job.probe_steps else None
        if state.step in self.job.checkpoint_steps | self.job.kept_steps:
            self._save(state, domain_change)

    def _begin(self) -> RunState:
        """Go back to the last checkpoint: what was written after it is cut off and made again."""
        latest = self.checkpoints.latest()
        kept_tokens = latest[1].tokens_seen if latest else -1
        self.journals = Journals(self.job.folder, self.job.processes, kept_tokens=kept_tokens)
        self.guard = Guard(self.job.training.faults, self.journals.faults, self.journals.steps)
        self.steering = Steering(self.job.rounds, self.journals.mixture, self.job.base.measurements)
        self.speed = Speed(
            self.journals.speed,
            self.model,
            self.job.compute,
            processes=self.job.processes.size,
            tokens_seen=max(kept_tokens, 0),
        )
        self.job.observer.measured(self.job.base.measurements)
        if latest:
            self._restore(latest[0])
            self.steering.replay(self.job.order)
            return latest[1]
        state = RunState()
        self._write(self.job.base, tokens_seen=0)
        self.steering.react(self.job.order, 0, self.job.base.measurements)
        if self.guard.rolls_back:
            self._save(state)
        return state

    def _restore(self, checkpoint: Path) -> None:
        tensors = self.checkpoints.restore(
            self.model, self.optimizer, checkpoint, self._remembered()
        )
        for hook in self.job.hooks:
            hook.restore(tensors.get(hook.name, {}))

    def _remembered(self) -> dict[str, Mapping[str, torch.Tensor]]:
        return {hook.name: hook.tensors() for hook in self.job.hooks}

    def _step(self, state: RunState) -> RunState:
        job, started = self.job, time.perf_counter()
        batch_rows = job.training.batch_tokens // job.order.context
        begin = state.step * batch_rows
        rows = job.order.rows(begin, min(begin + batch_rows, job.order.num_rows))
        after = RunState(state.step + 1, state.tokens_seen + len(rows) * job.order.context)
        if self.guard.leaves_out(after.step):
            return self._leave_out(after, rows)
        self._seed(state.step)
        packed = pack(rows, job.stores, context=job.order.context)
        loss, norm = self._gradient(packed)
        fault = self.guard.judge(int(rows.phases[-1]), loss, norm)
        if fault is not None:
            return self._act(fault, after, rows, packed)
        rate = job.rate(state.tokens_seen)
        self._update(rate)
        for hook in job.hooks:
            hook.after_step(Moment(self.model, after.step, after.tokens_seen, rate))
        self._log(after, rows, loss=loss, rate=rate, norm=norm, flops=self.flops.of(packed))
        seconds = time.perf_counter() - started
        self.speed.step(after.tokens_seen, packed, seconds)
        done = StepDone(
            tokens_seen=after.tokens_seen,
            loss=loss,
            learning_rate=rate,
            gradient_norm=norm,
            tokens_per_second=packed.ids.size / seconds,
        )
        job.observer.step(done)
        return after

    def _seed(self, step: int) -> None:
        """Dropout's draws belong to the step: a resumed run and a second arm draw the same."""
        rank = self.job.processes.rank
        own = (rank,) if rank else ()  # each works on rows of its own
        torch.manual_seed(stream_key(self.job.seed, "training", step, *own) % 2**63)

    def _gradient(self, packed: PackedRows) -> tuple[float, float]:
        """Leave the gradient of the step's mean loss in the parameters; return loss and norm."""
        job = self.job
        loss = accumulate_gradients(
            self.model,
            job.processes.share(packed),
            num_targets=packed.num_targets,
            micro_batch_rows=self._micro_batch_rows(),
            compute=self.compute,
        )
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), job.training.clip_norm)
        return float(job.processes.summed(loss)), float(whole(norm))

    def _micro_batch_rows(self) -> int:
        training = self.job.training
        return (training.micro_batch_tokens or training.batch_tokens) // self.job.order.context

    def _update(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _act(self, fault: Fault, after: RunState, rows: Rows, packed: PackedRows) -> RunState:
        """Do what the recipe says of a step that went wrong."""
        job = self.job
        self._seed(after.step - 1)
        diagnosis = diagnose(
            self.model,
            packed,
            rows,
            micro_batch_rows=self._micro_batch_rows(),
            compute=self.compute,
            processes=job.processes,
            names=job.name_documents,
        )
        action = self.guard.act(fault, after.step, after.tokens_seen, diagnosis)
        where = f"step {after.step:,}, {after.tokens_seen:,} tokens seen"
        done = "skipped" if action == "skip" else "back to the last checkpoint"
        job.observer.left_out(f"{fault.what} ({where}): {done}, the batch is left out")
        if action == "skip":
            return self._leave_out(after, rows)
        latest = self.checkpoints.latest()
        assert latest is not None
        self.journals.roll_back(latest[1].tokens_seen)
        self.guard.read(self.journals.steps)
        self._restore(latest[0])
        return latest[1]

    def _leave_out(self, after: RunState, rows: Rows) -> RunState:
        """Count a batch as seen, and learn nothing from it."""
        self._log(after, rows, loss=None, rate=0.0, norm=None, flops=0.0)
        return after

    def _log(
        self,
        state: RunState,
        rows: Rows,
        *,
        loss: float | None,
        rate: float,
        norm: float | None,
        flops: float,
    ) -> None:
        tokens = rows.tokens_of_strata()
        self.journals.steps.append(
            {
                "step": state.step,
                "tokens_seen": state.tokens_seen,
                "phase": int(rows.phases[-1]),
                "loss": loss,
                "learning_rate": rate,
                "gradient_norm": norm,
                "tokens": tokens,
                "padding": len(rows) * self.job.order.context - sum(tokens.values()),
                FLOPS: flops,
            }
        )

    def _measure(self, state: RunState) -> float | None:
        """Measure the model; return the mean improvement of the domain over the base."""
        with self.speed.spent("measuring", state.tokens_seen) as parts:
            measured = self.job.processes.agreed(self.job.measure(self.model, state.tokens_seen))
            self._write(measured, tokens_seen=state.tokens_seen)
            parts.update(measured.seconds)
        rows_seen = state.tokens_seen // self.job.order.context
        self.steering.react(self.job.order, rows_seen, measured.measurements)
        self._observe(state)
        self.job.observer.measured(measured.measurements)
        return _domain_change(self.job.base.measurements, measured.measurements)

    def _observe(self, state: RunState) -> None:
        """Write down what the hooks see."""
        rate = self.job.rate((state.step - 1) * self.job.training.batch_tokens)
        moment = Moment(self.model, state.step, state.tokens_seen, rate)
        seen: dict[str, Any] = {}
        with self.speed.spent("watching", state.tokens_seen) as parts:
            for hook in self.job.hooks:
                started = time.perf_counter()
                found = hook.at_probe(moment)
                if found:
                    parts[hook.name] = time.perf_counter() - started
                seen |= found
        if seen:
            self.journals.observations.append({"tokens_seen": state.tokens_seen} | seen)

    def _write(self, measured: Measured, *, tokens_seen: int) -> None:
        """Items first: a row in the journal has its items on the disk."""
        if self.job.processes.is_first:
            write_items(items_path(self.job.folder, tokens_seen), measured.items)
        self.journals.write(measured, tokens_seen)

    def _save(self, state: RunState, domain_change: float | None = None) -> None:
        self.journals.sync()
        with self.speed.spent("saving", state.tokens_seen):
            self.checkpoints.save(
                self.model,
                self.optimizer,
                RunState(state.step, state.tokens_seen, domain_change),
                self._remembered(),
            )


def _domain_change(base: Sequence[Measurement], now: Sequence[Measurement]) -> float | None:
    """Mean improvement of the domain's bits per byte over the base; None where some are not due."""
    before, after = (
        {m.probe: m.value for m in rows if m.role == "domain" and m.metric == "bits_per_byte"}
        for rows in (base, now)
    )
    if not before or before.keys() != after.keys():
        return None
    return sum(before[name] - after[name] for name in before) / len(before)
