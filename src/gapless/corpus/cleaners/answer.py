"""What a cleaner answers, and how rules become reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


class Answer(NamedTuple):
    """The documents after one cleaner."""

    texts: pa.LargeStringArray
    """As many as came in; one that goes is as it came."""
    reasons: pa.StringArray | None = None
    """Null where the document stays; None when all stay."""


Cleaner: TypeAlias = "Callable[[pa.LargeStringArray], Answer]"


def first_reasons(cleaner: str, broken: Mapping[str, np.ndarray]) -> pa.StringArray | None:
    """Return for each document the first rule it broke, or None when none broke any.

    ``broken`` maps each rule, in order, to a bool array of shape (documents,).
    """
    rules = tuple(broken)
    codes = np.zeros(len(broken[rules[0]]), dtype=np.int64)
    for number, rule in reversed(list(enumerate(rules, start=1))):
        codes[broken[rule]] = number
    return reasons_of_codes(cleaner, rules, codes)


def reasons_of_codes(
    cleaner: str, rules: tuple[str, ...], codes: np.ndarray
) -> pa.StringArray | None:
    """Return the reasons for codes: 0 for a document that stays, else the rule's place from 1."""
    import pyarrow as pa

    if not codes.any():
        return None
    names = pa.array([None, *(f"{cleaner}:{rule}" for rule in rules)], pa.string())
    return names.take(pa.array(codes))


def with_texts(texts: pa.LargeStringArray, changed: Mapping[int, str]) -> pa.LargeStringArray:
    """Return texts with those at some places replaced."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not changed:
        return texts
    places = sorted(changed)
    mask = np.zeros(len(texts), dtype=bool)
    mask[places] = True
    replacements = pa.array([changed[place] for place in places], pa.large_string())
    return pc.replace_with_mask(texts, pa.array(mask), replacements)
