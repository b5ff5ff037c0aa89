"""A topic classifier fine-tuned from a small encoder, as paper 2 does with TinyBERT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.modeling.save import without_bars
from gapless.scoring.encoders import Device, by_length, load_encoder, longest_input, settle
from gapless.seeds import stream, stream_key
from gapless.tokenization import load_tokenizer

if TYPE_CHECKING:
    import torch

_MOST_TOKENS = 256
_BATCH = 16
_EPOCHS = 3
_RATE = 5e-5
_WARM_UP = 0.1


class EncoderClassifier:
    """An encoder with a layer of topics on top; it reads a text's first 256 tokens."""

    kind = "encoder"

    def __init__(self, model: Any, tokenizer: Any, device: Device = "auto") -> None:
        self._device = settle(device)
        self._model, self._tokenizer = model.to(self._device), tokenizer
        self._most_tokens = longest_input(model.config, tokenizer, _MOST_TOKENS)

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        classes: np.ndarray,
        num_classes: int,
        *,
        seed: int,
        encoder: Path,
        device: Device = "auto",
        rate: float = _RATE,
    ) -> EncoderClassifier:
        """Fine-tune all weights: 3 epochs, AdamW, warm-up over a tenth, then down to zero.

        The same seed, processor and number of threads give the same weights.
        """
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(stream_key(seed, "topic", "encoder") % 2**63)
            self = cls(
                _open(encoder, num_labels=num_classes, ignore_mismatched_sizes=True),
                load_tokenizer(encoder),
                device,
            )
            steps = list(_batches(len(texts), seed))
            optimizer = torch.optim.AdamW(self._model.parameters(), lr=rate, weight_decay=0.01)
            self._model.train()
            for step, chosen in enumerate(steps):
                for group in optimizer.param_groups:
                    group["lr"] = rate * _factor(step, len(steps))
                logits = self._forward([texts[i] for i in chosen])
                truth = torch.from_numpy(classes[chosen]).to(self._device)
                loss = torch.nn.functional.cross_entropy(logits, truth)
                loss.backward()  # type: ignore[no-untyped-call]  # torch's own
                torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
        self._model.eval()
        return self

    @classmethod
    def load(cls, folder: Path, device: Device = "auto") -> EncoderClassifier:
        """Read what ``save`` wrote."""
        return cls(_open(folder).eval(), load_tokenizer(folder), device)

    def save(self, folder: Path) -> dict[str, int]:
        """Write the model and its tokenizer; return what must be as it is when read again."""
        with without_bars():
            self._model.save_pretrained(folder)
            self._tokenizer.save_pretrained(folder)
        return {}

    def logits(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (float32, shape (texts, topics)) and whether each text says anything."""
        import torch

        logits = np.zeros((len(texts), self._model.config.num_labels), dtype=np.float32)
        with torch.inference_mode():
            for chosen in by_length(list(texts), _BATCH):
                logits[chosen] = self._forward([texts[i] for i in chosen]).float().cpu().numpy()
        return logits, np.array([bool(text.strip()) for text in texts], dtype=bool)

    def _forward(self, texts: list[str]) -> torch.Tensor:
        batch = self._tokenizer(
            texts, truncation=True, max_length=self._most_tokens, padding=True, return_tensors="pt"
        ).to(self._device)
        logits: torch.Tensor = self._model(**batch).logits
        return logits


def _batches(num_texts: int, seed: int) -> Iterator[np.ndarray]:
    for epoch in range(_EPOCHS):
        order = stream(seed, "topic", "epoch", epoch).permutation(num_texts)
        for begin in range(0, num_texts, _BATCH):
            yield order[begin : begin + _BATCH]


def _factor(step: int, steps: int) -> float:
    """Return the share of the peak rate: up in a straight line, then down to zero."""
    warm = max(1, round(steps * _WARM_UP))
    return min((step + 1) / warm, (steps - step) / max(1, steps - warm))


def _open(folder: Path, **settings: Any) -> Any:
    from transformers import AutoModelForSequenceClassification

    return load_encoder(folder, AutoModelForSequenceClassification, **settings)
