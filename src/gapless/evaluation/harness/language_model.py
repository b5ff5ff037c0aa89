"""The model in training, as lm-evaluation-harness knows models. It imports it: import this late.

Texts become tokens as in the harness's own ``hf`` model with no arguments but ``pretrained``:
special tokens as the tokenizer adds them, the prefix token only where there is nothing before a
continuation, the beginning of what is too long for the model cut off. So the numbers are those of
``lm_eval --model hf --model_args pretrained=FOLDER`` on the saved checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from lm_eval.api.model import LM
from lm_eval.models.utils import normalize_gen_kwargs, resolve_max_length
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from gapless.errors import DataError
from gapless.evaluation.generation import Generator
from gapless.evaluation.likelihood import Scorer, TokenSequence

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_NEW_TOKENS = 256
"""Of an answer, where a task says nothing: the harness's own number."""


class ModelInTraining(LM):  # type: ignore[misc]  # the harness is not typed
    """An ``lm_eval`` model over a causal language model of `transformers`, left as it was found.

    ``batch_tokens`` is for one forward pass, padding included. Answers are greedy always.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerFast,
        *,
        batch_tokens: int = 16_384,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        super().__init__()
        self.max_length = int(resolve_max_length(model.config, tokenizer))
        """Tokens that the model reads at once: the harness's rule, not the context of training."""
        self.tokenizer = tokenizer
        self._scorer = Scorer(
            model,
            tokenizer,
            context=self.max_length + 1,  # a scorer's context counts the token asked for, too
            batch_tokens=batch_tokens,
            precision=precision,
        )
        self._generator = Generator(
            model,
            tokenizer,
            context=self.max_length,
            batch_tokens=batch_tokens,
            precision=precision,
        )

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Return log likelihood, and whether greedy, of (context, continuation) requests."""
        nats, greedy = self._scorer.nats_and_greedy(self._pairs([each.args for each in requests]))
        return list(zip((-nats).tolist(), greedy.tolist(), strict=True))

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Return the log likelihood of whole texts, in windows that do not overlap."""
        sequences, owners = [], []
        for owner, ids in enumerate(self._encode([each.args[0] for each in requests])):
            windows = get_rolling_token_windows(
                ids, self._scorer.prefix_id, max_seq_len=self.max_length, context_len=1
            )
            for context, continuation in map(make_disjoint_window, windows):
                sequences.append(TokenSequence([*context, *continuation], len(context)))
                owners.append(owner)
        nats, _ = self._scorer.nats_and_greedy(sequences)
        totals = np.zeros(len(requests))
        np.add.at(totals, owners, -nats)
        return [float(total) for total in totals]

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Return greedy answers to (context, settings) requests; those alike go together."""
        alike: dict[tuple[tuple[str, ...], int], list[int]] = {}
        for index, each in enumerate(requests):
            settings = normalize_gen_kwargs(each.args[1], _NEW_TOKENS)
            until = settings.get("until") or []
            stop = tuple(text for text in ([until] if isinstance(until, str) else until) if text)
            alike.setdefault((stop, int(settings["max_gen_toks"])), []).append(index)
        answers = [""] * len(requests)
        for (stop, new_tokens), indices in alike.items():
            if new_tokens >= self.max_length:
                raise DataError(
                    f"answers of {new_tokens} tokens leave no room for the question in the "
                    f"{self.max_length} tokens that the model reads",
                    where=f"probing.probes (harness, {requests[indices[0]].task_name})",
                    mend="Set max_gen_toks in a task file of your own.",
                )
            rows = self._encode([requests[index].args[0] for index in indices])
            written = self._generator.answers_after(rows, max_new_tokens=new_tokens, stop=stop)
            for index, answer in zip(indices, written, strict=True):
                answers[index] = answer
        return answers

    def _pairs(self, pairs: Sequence[tuple[str, str]]) -> list[TokenSequence]:
        """Encode context and continuation (``TemplateLM._encode_pair``, for all at once)."""
        stems = [context.rstrip() for context, _ in pairs]
        wholes = self._encode([context + continuation for context, continuation in pairs])
        contexts = self._encode(stems)
        alone = self._encode([continuation for _, continuation in pairs], special=False)
        sequences = []
        for pair, whole, context, continuation in zip(pairs, wholes, contexts, alone, strict=True):
            if pair[0] == "":
                prefix = [self._scorer.prefix_id]
                ids = continuation if continuation[:1] == prefix else [*prefix, *continuation]
                sequences.append(self._cut(ids, 1))
            else:
                sequences.append(self._cut(whole, len(context)))
        return sequences

    def _cut(self, ids: list[int], start: int) -> TokenSequence:
        """Cut off the beginning of what is longer than the model reads."""
        assert start < len(ids), "a continuation of no tokens"
        dropped = max(0, len(ids) - (self.max_length + 1))
        return TokenSequence(ids[dropped:], max(1, start - dropped))

    def _encode(self, texts: Sequence[str], *, special: bool = True) -> list[list[int]]:
        """Return each text's ids; a text that begins with the prefix token gets no other."""
        if not texts:
            return []
        prefix = self.tokenizer.decode([self._scorer.prefix_id])
        added = [special and not text.startswith(prefix) for text in texts]
        rows: list[list[int]] = [[]] * len(texts)
        for special_tokens in (True, False):
            chosen = [index for index, flag in enumerate(added) if flag == special_tokens]
            if not chosen:
                continue
            encoded = self.tokenizer(
                [texts[index] for index in chosen],
                add_special_tokens=special_tokens,
                return_attention_mask=False,
                verbose=False,
            ).input_ids
            for index, ids in zip(chosen, encoded, strict=True):
                rows[index] = ids
        return rows
