"""Multiple choice by likelihood: the model answers with the choice that it finds likeliest.

    accuracy              by summed log likelihood of the choice after the question
    accuracy_per_byte     by the same over the choice's UTF-8 bytes: a long choice is not punished
    gold_bits_per_byte    bits of the right choices / their UTF-8 bytes; moves before accuracy does

Question and choice are joined and cut into tokens as lm-evaluation-harness does it
(``TemplateLM._encode_pair``), so that values can be laid beside its ``acc``. The one difference:
the prefix token stands before every question, as it stood before every document in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gapless.evaluation.items import Question
from gapless.evaluation.likelihood import Scorer, TokenSequence
from gapless.records.measurements import ItemValues


def multiple_choice(scorer: Scorer, questions: Sequence[Question]) -> dict[str, ItemValues]:
    """Measure questions: right (1) or wrong (0), and the bits and bytes of the right choice."""
    pairs = [
        pair_of(question.question, choice) for question in questions for choice in question.choices
    ]
    return choice_values(questions, scorer.nats(encode_pairs(scorer, pairs)))


def choice_values(questions: Sequence[Question], nats: np.ndarray) -> dict[str, ItemValues]:
    """Turn the nats of every choice of every question into the metrics' values."""
    right, right_per_byte, gold_bits, gold_bytes = [], [], [], []
    begin = 0
    for question in questions:
        end = begin + len(question.choices)
        num_bytes = np.array([len(choice.encode()) for choice in question.choices])
        right.append(np.argmin(nats[begin:end]) == question.answer)
        right_per_byte.append(np.argmin(nats[begin:end] / num_bytes) == question.answer)
        gold_bits.append(nats[begin + question.answer] / math.log(2))
        gold_bytes.append(num_bytes[question.answer])
        begin = end
    return {
        "accuracy": _values(right, np.ones(len(right))),
        "accuracy_per_byte": _values(right_per_byte, np.ones(len(right))),
        "gold_bits_per_byte": _values(gold_bits, gold_bytes),
    }


def _values(numerators: object, denominators: object) -> ItemValues:
    return ItemValues(
        numerators=np.asarray(numerators, dtype=np.float64),
        denominators=np.asarray(denominators, dtype=np.float64),
    )


def pair_of(context: str, choice: str, between: str = " ") -> tuple[str, str]:
    """Return (context, continuation); ``between`` joins them unless white space does."""
    touch = bool(context) and not context[-1].isspace() and not choice[0].isspace()
    continuation = f"{between}{choice}" if touch else choice
    # White space at the end of a context belongs to the next token: " a", not " " and "a".
    stem = context.rstrip()
    return stem, context[len(stem) :] + continuation


def encode_pairs(scorer: Scorer, pairs: Sequence[tuple[str, str]]) -> list[TokenSequence]:
    """Encode context and continuation as one text; what follows the context's own length counts."""
    wholes = scorer.encode([context + continuation for context, continuation in pairs])
    contexts = scorer.encode([context for context, _ in pairs])
    sequences = []
    for whole, context in zip(wholes, contexts, strict=True):
        ids = [scorer.prefix_id, *whole]
        # A tokenizer that merges across the border still leaves the choice its last token.
        start = max(1, min(1 + len(context), len(ids) - 1))
        # Too long a question loses its beginning; a choice alone too long is read in windows.
        dropped = max(0, len(ids) - max(scorer.context, len(ids) - start + 1))
        sequences.append(TokenSequence(ids[dropped:], start - dropped))
    return sequences
