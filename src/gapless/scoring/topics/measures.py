"""How good a topic classifier is on labels it did not learn from, and how sure it may be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_FLATTEST, _SHARPEST = 1 / 20, 20.0
_STEPS = 60
_GOLDEN = (math.sqrt(5) - 1) / 2


def split_labels(
    classes: np.ndarray, fraction: float, draws: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices that teach and those held out, each class divided by ``fraction``.

    A class of two or more is on both sides; a single one teaches.
    """
    held = []
    for kind in np.unique(classes):
        members = draws.permutation(np.flatnonzero(classes == kind))
        most = len(members) - 1
        held.append(members[: min(most, max(1, round(len(members) * fraction)))])
    held_out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(classes)), held_out), held_out


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the softmax of logits / temperature: float64, shape (documents, topics)."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    powers = np.exp(scaled)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature with the least log loss on held-out labels (Guo et al. 2017).

    As Platt (1999) does, one label in n + 2 is taken to be wrong, so that a few lucky answers do
    not make a classifier certain.
    """
    kinds = logits.shape[1]
    doubt = 1 / (len(truth) + 2)
    targets = np.full(logits.shape, doubt / kinds)
    targets[np.arange(len(truth)), truth] += 1 - doubt

    def loss(log_sharpness: float) -> float:
        chances = probabilities(logits, math.exp(-log_sharpness))
        return float(-(targets * np.log(np.maximum(chances, 1e-300))).sum())

    # Convex in the sharpness 1 / T, so the golden section finds the one minimum.
    low, high = math.log(_FLATTEST), math.log(_SHARPEST)
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return math.exp(-(low + high) / 2)


def measure(chances: np.ndarray, truth: np.ndarray, topics: list[str]) -> dict[str, Any]:
    """Return accuracy, macro-F1, mean confidence and the confusion matrix on held-out labels.

    ``majority`` is the accuracy of always answering the most frequent topic. Macro-F1 is the mean
    over the topics that occur. ``confusion[i][j]`` counts topic i taken for topic j.
    """
    found = chances.argmax(axis=1)
    confusion = np.zeros((len(topics), len(topics)), dtype=np.int64)
    np.add.at(confusion, (truth, found), 1)
    right, actual, claimed = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = 2 * right / np.maximum(actual + claimed, 1)
    return {
        "held_out": len(truth),
        "accuracy": float(right.sum() / len(truth)),
        "majority": float(actual.max() / len(truth)),
        "macro_f1": float(f1[actual > 0].mean()),
        "mean_confidence": float(chances.max(axis=1).mean()),
        "topics": topics,
        "confusion": confusion.tolist(),
    }
