"""Bits per byte: the loss on a text, comparable between models with different tokenizers.

bits per byte = (negative log likelihood in nats / ln 2) / UTF-8 bytes of the text
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gapless.evaluation.likelihood import Scorer, TokenSequence
from gapless.records.measurements import ItemValues


def bits_per_byte(scorer: Scorer, texts: Sequence[str]) -> dict[str, ItemValues]:
    """Measure texts: the bits and the bytes of each.

    A text is read after the prefix token. The end-of-text token is not counted: most texts are cut.
    """
    sequences = [TokenSequence([scorer.prefix_id, *ids]) for ids in scorer.encode(texts)]
    num_bytes = np.array([len(text.encode()) for text in texts], dtype=np.float64)
    bits = scorer.nats(sequences) / math.log(2)
    return {"bits_per_byte": ItemValues(numerators=bits, denominators=num_bytes)}
