"""Perplexity: the loss per token, to compare one model with itself as it learns.

perplexity = exp(nats per token), nats per token = negative log likelihood / predicted tokens

Nats per token are what is kept: they can be averaged, and differences of them are relative changes
of the perplexity. Unlike bits per byte they do not compare between tokenizers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gapless.evaluation.likelihood import Scorer, TokenSequence
from gapless.records.measurements import ItemValues


def perplexity(scorer: Scorer, texts: Sequence[str]) -> dict[str, ItemValues]:
    """Measure texts: the nats and the predicted tokens of each.

    A text is read after the prefix token, which is not predicted; nor is the end-of-text token.
    """
    encoded = scorer.encode(texts)
    nats = scorer.nats([TokenSequence([scorer.prefix_id, *ids]) for ids in encoded])
    num_tokens = np.array([len(ids) for ids in encoded], dtype=np.float64)
    return {"nats_per_token": ItemValues(numerators=nats, denominators=num_tokens)}
