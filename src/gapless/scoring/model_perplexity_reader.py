"""A causal language model that reads documents: the nats of each, in rows of many."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gapless.errors import ModelError, RecipeError
from gapless.modeling import load_model
from gapless.scoring.model_perplexity_rows import Slots, lay_out, plan_batches

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]

_CHUNK_LOGITS = 1 << 24
"""Logits in memory at a time, 64 MiB as fp32, where the model's head can be asked by itself."""
_MOST_LOGITS = 1 << 28
"""Logits of one batch where it cannot: 1 GiB as fp32."""
_CPU_BATCH_TOKENS = 2048
"""A larger batch is slower on a CPU: what a layer hands to the next leaves the caches."""
_LEAST_SHARE = 0.01
"""Of the change that a leak makes in logits: below it, a difference is rounding."""
_ROUNDING = 1e-4
"""Relative difference of logits that were computed in two ways in fp32."""


class ModelReader:
    """A model, where it computes and what it can do."""

    def __init__(self, folder: Path, *, batch_tokens: int, device: Device, precision: Precision):
        import torch

        self.device, self.bf16 = _settle(device, precision)
        self.model = load_model(folder).eval().to(self.device)
        config = self.model.config.get_text_config()
        self.vocabulary_size = int(config.vocab_size)
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        with torch.no_grad():
            _check_causal(self.model, folder)
            self.packs = keeps_borders(self.model)
            self.splits = head_stands_alone(self.model)
        self._batch_slots = self._most_slots(batch_tokens)
        self.slots = 0
        """Slots read so far, padding included."""

    def _most_slots(self, batch_tokens: int) -> int:
        if self.device.type == "cpu":
            batch_tokens = min(batch_tokens, _CPU_BATCH_TOKENS)
        if not self.splits:
            batch_tokens = min(batch_tokens, _MOST_LOGITS // self.vocabulary_size)
        return batch_tokens

    def nats(self, documents: Sequence[np.ndarray]) -> np.ndarray:
        """Return each document's negative log likelihood after its first id: float64 nats.

        Every document has two ids or more, and fits the model's context.
        """
        import torch

        totals = np.zeros(len(documents), dtype=np.float64)
        lengths = [len(document) - 1 for document in documents]
        # Not inference_mode: a buffer made in it, such as a rotary cache, breaks a later backward.
        with torch.no_grad(), self._arithmetic():
            for batch in plan_batches(lengths, batch_slots=self._batch_slots, packed=self.packs):
                slots = lay_out(batch, documents)
                self.slots += slots.ids.size
                owners, nats = self._slot_nats(slots)
                totals += np.bincount(owners, weights=nats, minlength=len(totals))
        return totals

    def _slot_nats(self, slots: Slots) -> tuple[np.ndarray, np.ndarray]:
        """Return the owner and the nats of every slot that has an owner."""
        import torch
        from torch.nn.functional import cross_entropy

        places = np.flatnonzero(slots.owners.ravel() >= 0)
        targets = torch.from_numpy(slots.targets.ravel()[places]).to(self.device)
        states = self._states(slots)
        answers = []
        step = max(1, _CHUNK_LOGITS // self.vocabulary_size)
        for begin in range(0, len(places), step):
            part = slice(begin, begin + step)
            chosen = states[torch.from_numpy(places[part]).to(self.device)]
            logits = self.model.get_output_embeddings()(chosen) if self.splits else chosen
            answers.append(cross_entropy(logits.float(), targets[part], reduction="none"))
        nats: np.ndarray = torch.cat(answers).double().cpu().numpy()
        return slots.owners.ravel()[places], nats

    def _states(self, slots: Slots) -> torch.Tensor:
        """Return one row per slot: hidden states for the head, or logits where it is inseparable.

        Packed, the model sees positions, no attention mask and no cache: only then does
        `transformers` keep documents apart. Else padding stands right, where no document looks.
        """
        import torch

        inputs = {"input_ids": torch.from_numpy(slots.ids).to(self.device), "use_cache": False}
        if self.packs:
            inputs["position_ids"] = torch.from_numpy(slots.positions).to(self.device)
        if self.splits:
            states = self.model.base_model(**inputs).last_hidden_state
        else:
            states = self.model(**inputs).logits
        flat: torch.Tensor = states.flatten(0, 1)
        return flat

    def _arithmetic(self) -> AbstractContextManager[Any]:
        import torch

        if not self.bf16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)


def keeps_borders(model: Any) -> bool:
    """Say whether a packed document is read as if alone.

    Two short documents are read packed by position, alone, and as one. A model that keeps borders
    answers as alone; how far off a leak would be is seen in the third reading.
    """
    import inspect

    import torch

    if "position_ids" not in inspect.signature(model.forward).parameters:
        return False
    first, second = [1, 2, 3, 4, 5], [3, 1, 2, 4]
    row = _ids(model, [first + second])
    borders = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2, 3]], device=model.device)
    packed = model(input_ids=row, position_ids=borders, use_cache=False).logits[0, 5:].float()
    leaked = model(input_ids=row, use_cache=False).logits[0, 5:].float()
    alone = model(input_ids=_ids(model, [second]), use_cache=False).logits[0].float()
    leak = float((leaked - alone).abs().max())
    return float((packed - alone).abs().max()) < _LEAST_SHARE * leak


def head_stands_alone(model: Any) -> bool:
    """Say whether the logits are the output embedding of the body's states and nothing more.

    Some models scale or cap them after it (gemma2, granite, cohere).
    """
    import torch

    head = model.get_output_embeddings()
    if head is None or model.base_model is model:
        return False
    ids = _ids(model, [[1, 2, 3, 4, 5]])
    whole = model(input_ids=ids, use_cache=False).logits
    body = model.base_model(input_ids=ids, use_cache=False)
    if not hasattr(body, "last_hidden_state"):
        return False
    parts = head(body.last_hidden_state)
    scale = float(whole.abs().max())
    return parts.shape == whole.shape and torch.allclose(
        parts, whole, rtol=0, atol=_ROUNDING * scale
    )


def _check_causal(model: Any, folder: Path) -> None:
    """Refuse a model in which a token sees later ones: a perplexity would mean nothing."""
    short = model(input_ids=_ids(model, [[1, 2, 3]]), use_cache=False).logits[0].float()
    longer = model(input_ids=_ids(model, [[1, 2, 3, 4, 5]]), use_cache=False).logits[0, :3].float()
    if float((short - longer).abs().max()) > _ROUNDING * float(short.abs().max()):
        raise ModelError(
            f"in this {model.config.model_type!r} model a token sees the ones after it",
            where=str(folder),
            mend="Perplexity needs a causal language model, such as llama, qwen3 or gpt_neox.",
        )


def _ids(model: Any, rows: list[list[int]]) -> torch.Tensor:
    import torch

    return torch.tensor(rows, device=model.device)


def _settle(device: Device, precision: Precision) -> tuple[torch.device, bool]:
    """Settle ``auto``: a GPU where there is one; bf16 on a GPU that multiplies it."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise RecipeError(
            "no CUDA device is available",
            where="device",
            mend="Use auto or cpu, or install a CUDA build of torch.",
        )
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    bf16 = precision == "bf16" or (
        precision == "auto" and on_gpu and torch.cuda.is_bf16_supported()
    )
    return torch.device("cuda" if on_gpu else "cpu"), bf16
