"""What a causal language model answers: the negative log likelihood of tokens, in nats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gapless.tokenization import prefix_id
from gapless.tokenization.encode import plain_encoder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

_MOST_LOGITS = 1 << 28
"""Logits of one batch, 1 GiB as fp32: a large vocabulary makes batches smaller."""
_SOFTMAX_POSITIONS = 1024
"""Positions per fp32 log-softmax, which needs copies of its logits."""


@dataclass(frozen=True)
class TokenSequence:
    """Token ids, of which those from ``start`` on count; the first, without context, never does."""

    ids: Sequence[int]
    start: int = 1


@dataclass(frozen=True)
class Window:
    """A slice ``[begin, end)`` of a sequence, in which the tokens from ``start`` on count."""

    begin: int
    start: int
    end: int

    @property
    def num_tokens(self) -> int:
        """Tokens of the slice."""
        return self.end - self.begin


def cut_windows(num_tokens: int, start: int, context: int) -> list[Window]:
    """Cut a sequence so that each token from ``start`` on counts once, with context before it.

    Windows have at most ``context`` tokens and overlap in one: the last of one leads into the next.
    """
    assert context >= 2
    start = max(start, 1)
    return [
        Window(begin, max(begin + 1, start), min(begin + context, num_tokens))
        for begin in range(0, num_tokens - 1, context - 1)
        if start < min(begin + context, num_tokens)
    ]


class Scorer:
    """Asks a causal language model of `transformers` how likely it finds tokens.

    The model is left as it was found: each module's mode and the random state are untouched.
    ``bf16`` rounds logits to 8 bits: fast, fit for averages, too coarse to compare single tokens.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerFast,
        *,
        context: int,
        batch_tokens: int = 16_384,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        assert context >= 2
        self.context = context
        self.prefix_id = prefix_id(tokenizer)
        self._model = model
        self._encoder = plain_encoder(tokenizer)
        self._precision = precision
        vocabulary_size = model.config.get_text_config().vocab_size
        self._batch_tokens = min(batch_tokens, _MOST_LOGITS // vocabulary_size)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids, without the prefix token, as training reads them."""
        encodings = self._encoder.encode_batch_fast(list(texts), add_special_tokens=False)
        return [list(encoding.ids) for encoding in encodings]

    def nats(self, sequences: Sequence[TokenSequence]) -> np.ndarray:
        """Return the negative log likelihood of each sequence's counted tokens: float64 nats.

        A sequence longer than ``context`` is read in windows (see `cut_windows`).
        """
        import torch

        windows = [
            (index, window)
            for index, sequence in enumerate(sequences)
            for window in cut_windows(len(sequence.ids), sequence.start, self.context)
        ]
        windows.sort(key=lambda pair: -pair[1].num_tokens)  # stable: a fixed order of sums
        totals = np.zeros(len(sequences), dtype=np.float64)
        # Not inference_mode: a buffer made in it, such as a rotary cache, breaks the next backward.
        with _evaluating(self._model), torch.no_grad():
            for batch in _batches(windows, self._batch_tokens):
                owners = [index for index, _ in batch]
                np.add.at(totals, owners, self._batch_nats(sequences, batch))
        return totals

    def nats_and_greedy(self, sequences: Sequence[TokenSequence]) -> tuple[np.ndarray, np.ndarray]:
        """Return `nats`, and whether every counted token is the model's likeliest (bool).

        Of sequences that are alike up to their last token, such as a question with the letters of
        its answers, one is read for all. None may be longer than ``context``.
        """
        import torch

        assert all(2 <= len(sequence.ids) <= self.context for sequence in sequences)
        alike: dict[tuple[int, ...], list[int]] = {}
        for index, sequence in enumerate(sequences):
            alike.setdefault(tuple(sequence.ids[:-1]), []).append(index)
        inputs, members = list(alike), list(alike.values())
        windows = [(row, Window(0, 1, len(ids))) for row, ids in enumerate(inputs)]
        windows.sort(key=lambda pair: -pair[1].num_tokens)
        nats, greedy = np.zeros(len(sequences)), np.ones(len(sequences), dtype=np.bool_)
        with _evaluating(self._model), torch.no_grad():
            for batch in _batches(windows, self._batch_tokens):
                logits = self._logits([inputs[row] for row, _ in batch])
                owners = [members[row] for row, _ in batch]
                _add_answers(logits, sequences, owners, nats, greedy)
        return nats, greedy

    def _logits(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the logits after each token of rows, the longest first; padding stands right."""
        import torch

        ids = np.zeros((len(rows), len(rows[0])), dtype=np.int64)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
        device = self._model.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            logits: torch.Tensor = self._model(
                input_ids=torch.from_numpy(ids).to(device), use_cache=False
            ).logits
        return logits

    def _batch_nats(
        self, sequences: Sequence[TokenSequence], batch: list[tuple[int, Window]]
    ) -> np.ndarray:
        """Return each window's nats. Padding stands right, where a causal model never sees it."""
        import torch

        shape = (len(batch), batch[0][1].num_tokens)
        ids, counted = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
        for row, (index, window) in enumerate(batch):
            ids[row, : window.num_tokens] = sequences[index].ids[window.begin : window.end]
            counted[row, window.start - window.begin : window.num_tokens] = True
        device = self._model.device
        tokens = torch.from_numpy(ids).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            logits = self._model(input_ids=tokens[:, :-1], use_cache=False).logits
        return _summed_nats(logits, tokens[:, 1:], torch.from_numpy(counted[:, 1:]).to(device))


def _summed_nats(logits: torch.Tensor, targets: torch.Tensor, counted: torch.Tensor) -> np.ndarray:
    """Return each row's nats over its counted positions; log-softmax in fp32, sums in fp64."""
    import torch
    from torch.nn.functional import cross_entropy

    nats = torch.zeros(counted.shape, dtype=torch.float64, device=logits.device)
    for places in torch.split(counted.nonzero(), _SOFTMAX_POSITIONS):
        rows, columns = places.unbind(dim=1)
        answers = cross_entropy(
            logits[rows, columns].float(), targets[rows, columns], reduction="none"
        )
        nats[rows, columns] = answers.double()
    summed: np.ndarray = nats.sum(dim=1).cpu().numpy()
    return summed


def _add_answers(
    logits: torch.Tensor,
    sequences: Sequence[TokenSequence],
    owners: Sequence[Sequence[int]],
    nats: np.ndarray,
    greedy: np.ndarray,
) -> None:
    """Add to ``nats`` and ``greedy`` what each row's logits say of the sequences that share it."""
    import torch
    from torch.nn.functional import cross_entropy

    places = np.array(
        [
            (row, place - 1, sequences[index].ids[place], index)
            for row, indices in enumerate(owners)
            for index in indices
            for place in range(max(1, sequences[index].start), len(sequences[index].ids))
        ],
        dtype=np.int64,
    ).reshape(-1, 4)
    for begin in range(0, len(places), _SOFTMAX_POSITIONS):
        part = places[begin : begin + _SOFTMAX_POSITIONS]
        rows, columns, targets, _ = torch.from_numpy(part.T.copy()).to(logits.device)
        chosen = logits[rows, columns].float()
        found = cross_entropy(chosen, targets, reduction="none").double()
        likeliest = chosen.argmax(dim=-1) == targets
        np.add.at(nats, part[:, 3], found.cpu().numpy())
        np.logical_and.at(greedy, part[:, 3], likeliest.cpu().numpy())


def _batches(
    windows: list[tuple[int, Window]], batch_tokens: int
) -> Iterator[list[tuple[int, Window]]]:
    """Cut windows, longest first, into batches of at most ``batch_tokens``, padding included."""
    begin = 0
    while begin < len(windows):
        rows = max(1, batch_tokens // windows[begin][1].num_tokens)
        yield windows[begin : begin + rows]
        begin += rows


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Put a model in evaluation mode, and every module back into its own mode after."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
