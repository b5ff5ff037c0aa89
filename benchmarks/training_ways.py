"""Ours and the ways of `transformers`, one in each process: python training_ways.py WAY TASK."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from training_task import BETAS, CLIP, DECAY, RATE, Clock, Task, run

SEED = 0


def model_of(task: Task) -> Any:
    """Return the model with random weights, the same ones in every way."""
    from gapless.modeling import new_model

    config = task.size.config()
    vocabulary = config.pop("vocab_size")
    return new_model("llama", config, vocabulary_size=vocabulary, seed=SEED)


# Ours: the loop as `gapless run` calls it, from a token store to journals on the disk


def gapless(task: Task, *, compiles: bool = False) -> Clock:
    """Train with the loop; probes and checkpoints are left out here, and measured elsewhere."""
    from gapless.training.loop import train

    clock = Clock(task)
    with TemporaryDirectory(dir=task.folder) as folder:
        train(model_of(task), job_of(task, Path(folder), clock, compiles=compiles))
    return clock


def job_of(task: Task, folder: Path, clock: Clock, *, compiles: bool) -> Any:
    """Return the loop's job on one epoch of the store."""
    from training_text import SOURCE, order_of

    from gapless.mixing import PhasePlan, Rounds, Supply
    from gapless.recipe.schema import Order
    from gapless.recipe.training import Faults, Training
    from gapless.records.measurements import Measured
    from gapless.records.observer import StepDone
    from gapless.records.stretches import Stretch
    from gapless.training.compute import Compute
    from gapless.training.loop import TrainingJob

    class Observer:
        def step(self, done: StepDone) -> None:
            clock.done(done.loss)

        def measured(self, measurements: object) -> None: ...

        def left_out(self, what: str) -> None: ...
        def noted(self, what: str) -> None: ...

    order, stores = order_of(task.folder / "store", task.size.context, task.num_rows)
    stretch = Stretch.whole(0, {SOURCE: task.num_rows})
    batch_tokens = task.size.rows * task.size.context
    training = Training(
        batch_tokens=batch_tokens,
        learning_rate=RATE,
        betas=BETAS,
        weight_decay=DECAY,
        clip_norm=CLIP,
        faults=Faults(spike="ignore"),
        gradient_checkpointing=task.shape == "8B",
        compile=compiles,
    )
    supply = Supply({SOURCE: "domain"}, {SOURCE: order.num_tokens})
    phase = PhasePlan({SOURCE: 1.0}, 0, task.num_rows, (stretch,))
    return TrainingJob(
        seed=SEED,
        order=order,
        stores=stores,
        training=training,
        rate=lambda _: RATE,
        rounds=Rounds([phase], Order(context=task.size.context), supply, {}),
        compute=Compute.choose(task.device, "bf16" if task.bf16 else "fp32"),
        probe_steps=frozenset(),
        checkpoint_steps=frozenset(),
        measure=lambda *_: Measured([], {}),
        base=Measured([], {}),
        folder=folder,
        observer=Observer(),
        stop=lambda: False,
    )


# A bare loop


def bare(task: Task, *, has_borders: bool = False, is_compiled: bool = False) -> Clock:
    """Train as a page of PyTorch does. Without borders documents of a row see one another."""
    model = model_of(task).to(task.device)
    if task.shape == "8B":
        model.activation_checkpointing_enable({"use_reentrant": False})
    called = torch.compile(model) if is_compiled else model
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=BETAS, weight_decay=DECAY, fused=True
    )
    clock = Clock(task)
    for batch in task.batches():
        ids, positions, targets = (each.to(task.device) for each in batch)
        with task.autocast():
            if has_borders:
                logits = called(input_ids=ids, position_ids=positions, use_cache=False).logits
                flat = logits.float().flatten(0, 1)
                loss = torch.nn.functional.cross_entropy(flat, targets.flatten())
            else:
                loss = called(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        clock.done(float(loss))
    return clock


# The Trainer


def trainer(task: Task, *, uses_liger: bool = False, has_borders: bool = False) -> Clock:
    """Train with `transformers.Trainer` on packed rows, as its users configure it.

    With borders the rows have the positions and labels that padding-free collators give.
    """
    from torch.utils.data import Dataset
    from transformers import Trainer, TrainerCallback, TrainingArguments

    ids = np.load(task.folder / "ids.npy")
    positions = np.load(task.folder / "positions.npy")
    clock = Clock(task)

    class Rows(Dataset):
        def __len__(self) -> int:
            return len(ids)

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            row = torch.from_numpy(ids[index])
            if not has_borders:
                return {"input_ids": row, "labels": row}
            places = torch.from_numpy(positions[index])
            labels = torch.where(places == 0, -100, row)
            return {"input_ids": row, "labels": labels, "position_ids": places}

    class Timed(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            if task.device == "cuda":
                torch.cuda.synchronize()
            clock.done(float("nan"))

        def on_log(self, *_: object, logs: dict[str, float], **__: object) -> None:
            if "loss" in logs:
                clock.losses[-1] = logs["loss"]

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: object) -> Any:
            return torch.utils.data.SequentialSampler(ids)

    with TemporaryDirectory(dir=task.folder) as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=task.size.rows,
            max_steps=task.warm + task.steps,
            learning_rate=RATE,
            lr_scheduler_type="constant",
            adam_beta1=BETAS[0],
            adam_beta2=BETAS[1],
            weight_decay=DECAY,
            max_grad_norm=CLIP,
            bf16=task.bf16,
            use_cpu=task.device == "cpu",
            gradient_checkpointing=task.shape == "8B",
            use_liger_kernel=uses_liger,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        InOrder(
            model=model_of(task), args=arguments, train_dataset=Rows(), callbacks=[Timed()]
        ).train()
    return clock


# What the machine can do


def product(task: Task) -> Clock:
    """Multiply matrices of the model's own sizes: what its arithmetic could reach at most."""
    size = task.size
    tokens = size.rows * size.context
    kind = torch.bfloat16 if task.bf16 else torch.float32
    one = torch.randn(tokens, size.hidden, dtype=kind, device=task.device)
    other = torch.randn(size.hidden, size.inner, dtype=kind, device=task.device)
    times = max(1, round(size.flops_a_token / (2 * size.hidden * size.inner)))
    clock = Clock(task)
    for _ in range(task.warm + task.steps):
        for _ in range(times):
            one @ other
        if task.device == "cuda":
            torch.cuda.synchronize()
        clock.done(0.0)
    return clock


WAYS: dict[str, Callable[[Task], Clock]] = {
    "gapless": gapless,
    "gapless, compiled": lambda task: gapless(task, compiles=True),
    "Trainer": trainer,
    "Trainer, borders": lambda task: trainer(task, has_borders=True),
    "Trainer, Liger": lambda task: trainer(task, uses_liger=True),
    "bare loop": bare,
    "bare loop, borders": lambda task: bare(task, has_borders=True),
    "bare loop, compiled": lambda task: bare(task, is_compiled=True),
    "matrix products": product,
}

if __name__ == "__main__":
    run(WAYS)
