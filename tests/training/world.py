"""A world small enough to train in: fifty documents and a model of a few thousand weights."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gapless.mixing import PhasePlan, Rounds, Supply
from gapless.modeling import new_model
from gapless.ordering import Cut, Documents, DocumentStream, RunOrder, Shuffled
from gapless.recipe.schema import Order
from gapless.recipe.training import Training
from gapless.records.measurements import ItemValues, Measured, Measurement
from gapless.records.observer import StepDone
from gapless.records.stretches import Stretch
from gapless.records.token_store import TokenStore, TokenStoreWriter
from gapless.training.compute import Compute
from gapless.training.hooks import Hook
from gapless.training.loop import TrainingJob, train
from gapless.training.processes import ALONE, Processes

CONTEXT = 32
VOCABULARY = 64
TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


def tiny_model(seed: int = 0) -> Any:
    return new_model("llama", TINY, vocabulary_size=VOCABULARY, seed=seed)


def make_store(folder: Path) -> TokenStore:
    """Fifty documents that count upwards from a random number: something to learn."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = TokenStoreWriter(folder, vocabulary_size=VOCABULARY)
    draw = np.random.default_rng(0)
    for _ in range(50):
        length, first = draw.integers(5, 60), draw.integers(0, VOCABULARY)
        writer.add((first + np.arange(length)) % VOCABULARY, held_out=False)
    writer.close()
    return TokenStore.open(folder)


def make_order(store: TokenStore, rows: int = 40) -> RunOrder:
    documents = Documents("law", np.arange(50), store.offsets)
    stream = DocumentStream(Shuffled(documents, seed=1), Cut(CONTEXT), seed=1)
    return RunOrder([Stretch.whole(0, {"law": rows})], {"law": stream})


def make_rounds(rows: int = 40) -> Rounds:
    """One phase whose mixture stays as it is."""
    phase = PhasePlan({"law": 1.0}, 0, rows, (Stretch.whole(0, {"law": rows}),))
    return Rounds([phase], Order(context=CONTEXT), Supply({"law": "domain"}, {"law": 1600}), {})


class Watcher:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.speeds: list[float] = []
        self.measurements = 0
        self.faults: list[str] = []

    def step(self, done: StepDone) -> None:
        self.losses.append(done.loss)
        self.speeds.append(done.tokens_per_second)

    def left_out(self, what: str) -> None:
        self.faults.append(what)

    def noted(self, what: str) -> None: ...

    def measured(self, measurements: Sequence[Measurement]) -> None:
        self.measurements += 1


def measure(model: Any, tokens_seen: int) -> Any:
    """A probe that is exact and depends on the weights."""
    value = float(sum(p.detach().double().abs().sum() for p in model.parameters()))
    return measurement(value, tokens_seen)


def measurement(value: float, tokens_seen: int) -> Any:
    """One probe of two items."""
    items = ItemValues(numerators=np.array([value, 1.0]), denominators=np.array([1.0, 1.0]))
    row = Measurement(
        arm="main",
        tokens_seen=tokens_seen,
        probe="law",
        role="domain",
        metric="bits_per_byte",
        value=items.value,
        higher_is_better=False,
        num_items=2,
        standard_error=items.standard_error,
    )
    return Measured([row], {"law/bits_per_byte": items})


def run_tiny(
    folder: Path,
    *,
    training: Training | None = None,
    stop: Callable[[], bool] = lambda: False,
    checkpoint_steps: frozenset[int] = frozenset({5, 10, 15, 20}),
    kept_steps: frozenset[int] = frozenset(),
    model: Any = None,
    compute: Compute | None = None,
    hooks: Sequence[Hook] = (),
    processes: Processes = ALONE,
    probe: Callable[[Any, int], Any] = measure,
) -> tuple[bool, Any, Watcher]:
    """Train the tiny model in ``folder``; return whether it ended, the model and the watcher."""
    place = folder.parent / "store"
    store = TokenStore.open(place) if place.is_dir() else make_store(place)
    model, watcher = model or tiny_model(), Watcher()
    training = training or Training(batch_tokens=64, learning_rate=1e-2)
    folder.mkdir(parents=True, exist_ok=True)
    job = TrainingJob(
        seed=5,
        order=make_order(store),
        stores={"law": store},
        training=training,
        rate=lambda seen: training.learning_rate * training.schedule.factor(seen, 40 * CONTEXT),
        rounds=make_rounds(),
        compute=compute or Compute.choose("cpu", "fp32"),
        processes=processes,
        probe_steps=checkpoint_steps | {1, 2, 4},
        checkpoint_steps=checkpoint_steps,
        kept_steps=kept_steps,
        measure=probe,
        base=measure(tiny_model(), 0),
        hooks=hooks,
        folder=folder,
        observer=watcher,
        stop=stop,
    )
    return train(model, job), model, watcher
