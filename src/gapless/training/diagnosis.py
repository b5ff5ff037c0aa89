"""What can be said of a step that went wrong: which rows and documents, which layers.

The step is worked out once more, whole and then row by row. It costs two steps, and only faults
pay it. Nothing of it touches the weights; the gradients are no more than a by-product.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.utils import get_total_norm

from gapless.packing import PackedRows
from gapless.records.rows import Row, Rows
from gapless.training.compute import Compute, accumulate_gradients
from gapless.training.drift import layer_module
from gapless.training.processes import Processes

Namer = Callable[[str, Sequence[int]], Sequence[Mapping[str, str]]]
"""A source and indices of its documents to what they are called, each by ``work`` and ``id``."""
_SAME = 0.05
"""How far two losses of one step may be apart: rounding, and dropout's draws."""
_SHOWN_ROWS, _SHOWN_NAMES, _SHOWN_LAYERS = 3, 3, 3
"""How much of it a message has room for; the journal has all."""


def by_number(source: str, indices: Sequence[int]) -> list[dict[str, str]]:
    """Call documents SOURCE:INDEX, where nobody knows better."""
    return [{"work": f"{source}:{index}"} for index in indices]


@dataclass(frozen=True)
class LoneRow:
    """A row of the batch, worked out alone."""

    row: int
    """Its index in the run."""
    stratum: str
    loss: float
    """Mean nats per predicted token."""
    gradient_norm: float
    """With several processes, of the rows that they work on at once."""
    documents: list[dict[str, Any]]
    """Each with its source, its index there and what it is called."""

    @property
    def is_finite(self) -> bool:
        """Whether a step of this row alone would be sound."""
        return math.isfinite(self.loss) and math.isfinite(self.gradient_norm)


@dataclass(frozen=True)
class Layer:
    """A decoder layer, or a module outside of them."""

    name: str
    gradient_norm: float | None
    """Before clipping; None where nothing is trained."""
    weight_norm: float


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A step, looked at again."""

    loss: float
    """What it comes to when it is worked out again."""
    gradient_norm: float
    rows: tuple[LoneRow, ...]
    """All of the batch: first those that are not finite, then by loss, the largest first."""
    layers: tuple[Layer, ...]
    """In the model's order."""
    bad_weights: tuple[str, ...]
    """Names of the parameters that are not finite."""
    bad_gradients: tuple[str, ...]
    """Names of those whose gradient is not."""
    context: int

    def record(self) -> dict[str, Any]:
        """Return all of it as JSON; numbers that JSON does not know are strings."""
        return {
            "again": {"loss": _json(self.loss), "gradient_norm": _json(self.gradient_norm)},
            "rows": [_fields(row) for row in self.rows],
            "layers": [_fields(layer) for layer in self.layers],
            "bad_weights": list(self.bad_weights),
            "bad_gradients": list(self.bad_gradients),
        }

    def repeats(self, loss: float, norm: float) -> bool:
        """Whether the step came to the same again; if not, it was the machine's mistake."""
        both_finite = [math.isfinite(number) for number in (self.loss, self.gradient_norm)]
        if both_finite != [math.isfinite(loss), math.isfinite(norm)]:
            return False
        return not math.isfinite(loss) or math.isclose(loss, self.loss, rel_tol=_SAME)

    def lines(self, loss: float, norm: float) -> Iterator[str]:
        """Yield what a reader of the terminal wants: who is to blame, and where it shows.

        ``loss`` and ``norm`` are what the step came to the first time.
        """
        if self.bad_weights:
            yield f"The weights were not finite before this step: {_some(self.bad_weights)}."
        elif not self.repeats(loss, norm):
            yield (
                f"Worked out again, the loss is {self.loss:.3f} and the gradient's norm "
                f"{self.gradient_norm:.3g}: the machine made a mistake, not the text."
            )
        else:
            yield from self._of_rows()
            yield from self._of_layers()

    def _of_rows(self) -> Iterator[str]:
        bad = [row for row in self.rows if not row.is_finite]
        of_batch = f"of the batch's {len(self.rows):,} rows"
        if bad and len(bad) == len(self.rows):
            yield f"Each {of_batch} is not finite even alone: hardly the documents' fault."
            return
        if bad:
            yield f"{len(bad):,} {of_batch} {_is(len(bad))} not finite even alone:"
        else:
            yield f"The largest losses {of_batch}:"
        yield from (_row_line(row, self.context) for row in (bad or self.rows)[:_SHOWN_ROWS])

    def _of_layers(self) -> Iterator[str]:
        learning = [layer for layer in self.layers if layer.gradient_norm is not None]
        if all(math.isinf(_badness(layer)) for layer in learning):
            yield "The gradient is not finite in any layer."
            return
        worst = sorted(learning, key=_badness, reverse=True)[:_SHOWN_LAYERS]
        yield "Largest gradients: " + ", ".join(_layer_words(layer) for layer in worst) + "."
        if self.bad_gradients:
            yield f"Not finite are those of {_some(self.bad_gradients)}."


def diagnose(
    model: Any,
    packed: PackedRows,
    rows: Rows,
    *,
    micro_batch_rows: int,
    compute: Compute,
    processes: Processes,
    names: Namer,
) -> Diagnosis:
    """Work a step out again, whole (``packed``, filled from ``rows``) and row by row.

    Every process calls it. Gradients are left empty; nothing else changes.
    """
    share = processes.share(packed)
    loss, norms = _worked_out(model, share, packed.num_targets, micro_batch_rows, compute)
    weights = _norms(model.named_parameters())
    each = len(share.ids)
    found = np.zeros((2, each * processes.size))
    for i in range(each):
        alone = _only(share, i)
        row_loss, row_norms = _worked_out(model, alone, alone.num_targets, 1, compute)
        found[:, processes.rank * each + i] = row_loss, _together(row_norms.values())
    model.zero_grad(set_to_none=True)
    return Diagnosis(
        loss=float(_summed(np.array([loss]), processes)[0]),
        gradient_norm=_together(norms.values()),
        rows=_worst_first(rows, _summed(found, processes), names),
        layers=_layers(norms, weights),
        bad_weights=_not_finite(weights),
        bad_gradients=_not_finite(norms),
        context=packed.ids.shape[1],
    )


def _worked_out(
    model: Any, part: PackedRows, num_targets: int, micro_batch_rows: int, compute: Compute
) -> tuple[float, dict[str, float]]:
    """Return this process's part of the loss, and the norm of every parameter's gradient."""
    model.zero_grad(set_to_none=True)
    loss = accumulate_gradients(
        model,
        part,
        num_targets=max(1, num_targets),  # a row of nothing predicts nothing
        micro_batch_rows=micro_batch_rows,
        compute=compute,
    )
    gradients = ((name, p.grad) for name, p in model.named_parameters() if p.grad is not None)
    return float(loss), _norms(gradients)


def _only(packed: PackedRows, row: int) -> PackedRows:
    part = slice(row, row + 1)
    return PackedRows(packed.ids[part], packed.positions[part], packed.targets[part])


def _norms(tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, float]:
    """Return the norm of each, over all processes where they share a tensor."""
    norms = {name: get_total_norm([tensor.detach()]) for name, tensor in tensors}
    return {
        name: float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)
        for name, norm in norms.items()
    }


def _together(norms: Iterable[float]) -> float:
    return math.sqrt(sum(norm * norm for norm in norms))


def _not_finite(norms: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(name for name, norm in norms.items() if not math.isfinite(norm))


def _summed(values: np.ndarray, processes: Processes) -> np.ndarray:
    return np.asarray(processes.summed(torch.from_numpy(values)))


def _layers(gradients: Mapping[str, float], weights: Mapping[str, float]) -> tuple[Layer, ...]:
    """Return the norms of the decoder layers and of the modules outside of them."""
    members: dict[str, list[str]] = {}
    for name in weights:
        members.setdefault(layer_module(name) or name.rpartition(".")[0], []).append(name)
    return tuple(
        Layer(
            layer,
            _together(gradients[name] for name in names if name in gradients)
            if any(name in gradients for name in names)
            else None,
            _together(weights[name] for name in names),
        )
        for layer, names in members.items()
    )


def _worst_first(rows: Rows, found: np.ndarray, names: Namer) -> tuple[LoneRow, ...]:
    read = list(rows)
    known = _documents(read, names)
    alone = [
        LoneRow(
            row.index,
            row.stratum,
            float(found[0, i]),
            float(found[1, i]),
            [known[row.source, document] for document in dict.fromkeys(_read_by(row))],
        )
        for i, row in enumerate(read)
    ]
    return tuple(
        sorted(alone, key=lambda row: (row.is_finite, -row.loss if row.is_finite else 0.0))
    )


def _documents(rows: Sequence[Row], names: Namer) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the documents of some rows, by source and index."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        wanted.setdefault(row.source, set()).update(_read_by(row))
    return {
        (source, index): {"source": source, "index": index, **called}
        for source, indices in wanted.items()
        for index, called in zip(sorted(indices), names(source, sorted(indices)), strict=True)
    }


def _read_by(row: Row) -> list[int]:
    return [segment.document for segment in row.segments]


def _row_line(row: LoneRow, context: int) -> str:
    documents = _some([f"{document['work']} ({document['source']})" for document in row.documents])
    return f"  at token {row.row * context:,}, a loss of {row.loss:.3f}: {documents}"


def _layer_words(layer: Layer) -> str:
    return f"{layer.name} {layer.gradient_norm:.3g} (weights {layer.weight_norm:.3g})"


def _badness(layer: Layer) -> float:
    norm = layer.gradient_norm or 0.0
    return norm if math.isfinite(norm) else math.inf


def _some(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _fields(record: Any) -> dict[str, Any]:
    return {name: _json(value) for name, value in asdict(record).items()}


def _json(value: Any) -> Any:
    """Return a number as JSON knows it."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
