"""What a causal language model writes on: greedy answers, prompts of like length side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from gapless.evaluation.likelihood import _evaluating
from gapless.tokenization import end_id, prefix_id
from gapless.tokenization.encode import plain_encoder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

_MARGIN = 8
"""Tokens decoded beyond a stop string's bytes: some decode to nothing, a first may lose a space."""


class Generator:
    """Asks a causal language model of `transformers` to write on, always with the likeliest token.

    A prompt is read after the prefix token, as documents are in training. The model is left as it
    was found: modes, configs and the random state are untouched. ``bf16`` may choose other tokens
    than fp32 where two are nearly as likely.
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
        self.end_id = end_id(tokenizer)
        self._model = model
        self._tokenizer = tokenizer
        self._encoder = plain_encoder(tokenizer)
        self._batch_tokens = batch_tokens
        self._precision = precision

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, stop: Sequence[str] = ()
    ) -> list[str]:
        """Return what the model writes after each prompt.

        An answer has at most ``max_new_tokens`` tokens (fewer than ``context``); it ends before the
        first of the ``stop`` strings, and at the end-of-text token. Control tokens are left out. A
        prompt that leaves no room for its answer in ``context`` loses its beginning.
        """
        encodings = self._encoder.encode_batch_fast(list(prompts), add_special_tokens=False)
        rows = [[self.prefix_id, *encoding.ids] for encoding in encodings]
        written = self._written(rows, max_new_tokens, stop)
        return [
            before_first(self._decode_after(row[-1], ids), stop)
            for row, ids in zip(rows, written, strict=True)
        ]

    def answers_after(
        self, rows: Sequence[Sequence[int]], *, max_new_tokens: int, stop: Sequence[str] = ()
    ) -> list[str]:
        """Return what the model writes after each row of ids, none of them empty.

        As `answers` does, but what is written is decoded by itself: some tokenizers then leave out
        a space at its beginning, and the harness does it so.
        """
        written = self._written(rows, max_new_tokens, stop)
        return [before_first(self._decode(ids), stop) for ids in written]

    def _written(
        self, rows: Sequence[Sequence[int]], max_new_tokens: int, stop: Sequence[str]
    ) -> list[list[int]]:
        """Return the new ids after each row."""
        assert 0 < max_new_tokens < self.context
        assert all(stop), "an empty string would end every answer"
        whole = [list(row)[max_new_tokens - self.context :] for row in rows]
        order = sorted(range(len(whole)), key=lambda index: -len(whole[index]))
        found: list[list[int]] = [[] for _ in whole]
        with _evaluating(self._model), _plain_generation(self._model):
            for batch in self._batches(whole, order, max_new_tokens):
                written = self._write([whole[index] for index in batch], max_new_tokens, stop)
                for index, ids in zip(batch, written, strict=True):
                    found[index] = ids
        return found

    def _batches(
        self, rows: list[list[int]], order: list[int], max_new_tokens: int
    ) -> Iterator[list[int]]:
        """Cut the order, longest first, into batches whose tokens, padding included, have room."""
        begin = 0
        while begin < len(order):
            longest = len(rows[order[begin]]) + max_new_tokens
            num_rows = max(1, self._batch_tokens // longest)
            yield order[begin : begin + num_rows]
            begin += num_rows

    def _write(
        self, rows: list[list[int]], max_new_tokens: int, stop: Sequence[str]
    ) -> list[list[int]]:
        """Return each row's new ids, up to the end-of-text token; the longest row comes first."""
        import torch
        from transformers import GenerationConfig, StoppingCriteriaList

        width, device = len(rows[0]), self._model.device
        ids = torch.full((len(rows), width), self.end_id)
        seen = torch.zeros((len(rows), width), dtype=torch.int64)
        for number, row in enumerate(rows):  # answers begin side by side: padding stands left
            ids[number, width - len(row) :] = torch.tensor(row)
            seen[number, width - len(row) :] = 1
        config = GenerationConfig(
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=self.end_id,
            pad_token_id=self.end_id,
        )
        stopping = StoppingCriteriaList([self._stops(stop, width)] if stop else [])
        with torch.autocast(device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            whole = self._model.generate(
                input_ids=ids.to(device),
                attention_mask=seen.to(device),
                generation_config=config,
                stopping_criteria=stopping,
            )
        return [self._until_end(new) for new in whole[:, width:].tolist()]

    def _stops(self, stop: Sequence[str], width: int) -> Any:
        """Return what says, after each new token, which rows hold a stop string."""
        import torch
        from transformers import StoppingCriteria

        generator, tail = self, max(len(text.encode()) for text in stop) + _MARGIN

        class HoldsStop(StoppingCriteria):  # type: ignore[misc]  # transformers is not typed
            def __call__(self, input_ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
                done = [generator._holds(row, stop, tail) for row in input_ids[:, width:].tolist()]
                return torch.tensor(done, device=input_ids.device)

        return HoldsStop()

    def _holds(self, ids: list[int], stop: Sequence[str], tail: int) -> bool:
        """Whether new ids hold a stop string; the last tokens are looked at first, for speed."""
        ids = self._until_end(ids)
        for part in (ids[-tail:], ids):
            text = self._decode(part)
            if not any(each in text for each in stop):
                return False
        return True

    def _until_end(self, ids: list[int]) -> list[int]:
        return ids[: ids.index(self.end_id)] if self.end_id in ids else ids

    def _decode_after(self, before: int, ids: list[int]) -> str:
        """Return the text of ids that follow another one, a space at its beginning included."""
        return self._decode([before, *ids]).removeprefix(self._decode([before]))

    def _decode(self, ids: list[int]) -> str:
        text = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        return text


def before_first(text: str, stop: Sequence[str]) -> str:
    """Return the text before the first of the ``stop`` strings, whole if it holds none."""
    for each in stop:
        text = text.split(each, 1)[0]
    return text


@contextmanager
def _plain_generation(model: Any) -> Iterator[None]:
    """Take away the model's own ideas of generation, such as a penalty or an answer's length."""
    from transformers import GenerationConfig

    own = model.generation_config
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own
