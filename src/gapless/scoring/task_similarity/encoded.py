"""Cosines of sentence embeddings: an encoder folder, its tokens' last states averaged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gapless.errors import ModelError
from gapless.scoring.encoders import Device, by_length, load_encoder, longest_input, settle
from gapless.tokenization import load_tokenizer

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 32
_POOLING_FILE = Path("1_Pooling") / "config.json"


class EncodedExamples:
    """The embeddings of the examples, and the encoder that made them.

    An embedding is the mean of the last layer's states over a text's tokens, padding left out, or
    the first token's state where the folder says so (the ``1_Pooling`` of sentence-transformers),
    scaled to length 1.
    """

    def __init__(
        self, examples: Sequence[str], folder: Path, *, max_tokens: int, device: Device = "auto"
    ) -> None:
        from transformers import AutoModel

        self._device = settle(device)
        self._model = load_encoder(folder, AutoModel).eval().to(self._device)
        self._tokenizer = load_tokenizer(folder)
        self._most_tokens = longest_input(self._model.config, self._tokenizer, max_tokens)
        self._first_token = _pools_first_token(folder)
        self._examples = self._embed(list(examples))

    def nearness(self, texts: pa.LargeStringArray, nearest: int) -> np.ndarray:
        """Return the mean of each text's ``nearest`` largest cosines; NaN for a blank one."""
        strings = texts.to_pylist()
        if not strings:
            return np.zeros(0)
        nearest = min(nearest, len(self._examples))
        cosines = self._embed(strings) @ self._examples.T
        largest = np.partition(cosines, -nearest, axis=1)[:, -nearest:]
        means = largest.mean(axis=1, dtype=np.float64)
        return np.where([bool(text.strip()) for text in strings], means, np.nan)

    def _embed(self, texts: list[str]) -> np.ndarray:
        """Return embeddings: float32, shape (texts, width)."""
        import torch

        embeddings = np.empty((len(texts), self._model.config.hidden_size), dtype=np.float32)
        with torch.inference_mode():
            for chosen in by_length(texts, _BATCH):
                batch = self._tokenizer(
                    [texts[index] for index in chosen],
                    truncation=True,
                    max_length=self._most_tokens,
                    padding=True,
                    return_tensors="pt",
                ).to(self._device)
                states = self._model(**batch).last_hidden_state
                if self._first_token:
                    pooled = states[:, 0]
                else:
                    real = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
                    pooled = (states * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
                unit = torch.nn.functional.normalize(pooled.float(), dim=1)
                embeddings[chosen] = unit.cpu().numpy()
        return embeddings


def _pools_first_token(folder: Path) -> bool:
    """Whether the folder's own pooling is the first token's state and not the mean."""
    path = folder / _POOLING_FILE
    if not path.is_file():
        return False
    try:
        modes = json.loads(path.read_text(encoding="utf-8"))
        if "pooling_mode" in modes:
            chosen = {str(modes["pooling_mode"])}
        else:
            chosen = {
                key.removeprefix("pooling_mode_").removesuffix("_token").removesuffix("_tokens")
                for key, value in modes.items()
                if key.startswith("pooling_mode_") and value is True
            }
    except (ValueError, AttributeError) as error:
        raise ModelError("the pooling's settings cannot be read", where=str(path)) from error
    if chosen not in ({"mean"}, {"cls"}):
        what = f"the encoder pools its tokens by {', '.join(sorted(chosen)) or 'nothing'}"
        raise ModelError(what, where=str(path), mend="Give an encoder that pools by mean or cls.")
    return chosen == {"cls"}
