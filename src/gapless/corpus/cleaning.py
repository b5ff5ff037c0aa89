"""What a document must be to stay: checks on every text, around the recipe's cleaners.

rows of a reader --cleaned--> the rows with ``reason`` (null: it stays) and, perhaps, other text
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.rows import BROKEN_TEXT

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners import Cleaner
    from gapless.corpus.turns import Turns
    from gapless.recipe.cleanings import Cleaning

    Check = Callable[[pa.LargeStringArray], pa.BooleanArray]

_BROKEN = r"[\x{FFFD}\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}]"
"""U+FFFD and the control characters, but for tab and the ends of lines."""


class CleaningLine:
    """The checks and cleaners of a recipe, in their order; counts what they change."""

    def __init__(self, cleaning: Cleaning) -> None:
        self._cleaning = cleaning
        self._cleaners = _built(cleaning)
        self.changed: Counter[str] = Counter()
        """Cleaner to how many documents it changed."""

    def cleaned(
        self, texts: pa.Array, problems: pa.Array, turns: Turns | None = None
    ) -> tuple[pa.Array, pa.Array]:
        """Return the texts as they stay, and why each one must go (null: it stays).

        A reason that is there already stays; a document has the first reason that fits, and its
        text as it was then. ``turns`` are those of texts that are conversations: a cleaner judges
        the text and changes the turns, which are changed with it.
        """
        import pyarrow.compute as pc

        texts, reasons = self._check(texts, problems, {"empty": _empty})
        for name, clean in self._cleaners:
            texts, reasons = self._clean(name, clean, (texts, reasons), turns)
        if turns is not None:
            reasons = pc.coalesce(reasons, turns.reasons())
        last = {"empty": _empty, "too_short": self._is_short, BROKEN_TEXT: self._is_broken}
        return self._check(texts, reasons, last)

    def _check(
        self, texts: pa.Array, reasons: pa.Array, checks: Mapping[str, Check]
    ) -> tuple[pa.Array, pa.Array]:
        import pyarrow as pa
        import pyarrow.compute as pc

        for reason, fails in checks.items():
            found = pc.if_else(fails(texts), reason, pa.scalar(None, pa.string()))
            reasons = pc.coalesce(reasons, found.cast(reasons.type))
        return texts, reasons

    def _clean(
        self, name: str, clean: Cleaner, rows: tuple[pa.Array, pa.Array], turns: Turns | None
    ) -> tuple[pa.Array, pa.Array]:
        """Show a cleaner the documents that still stay, of texts and reasons."""
        import pyarrow.compute as pc

        texts, reasons = rows
        stays = pc.is_null(reasons)
        shown = texts.filter(stays)
        if not len(shown):
            return texts, reasons
        answer = clean(shown)
        left = answer.texts
        if turns is not None:
            left = turns.cleaned(clean, np.flatnonzero(stays), shown, left)
        self.changed[name] += int(pc.sum(pc.not_equal(shown, left)).as_py() or 0)
        texts = pc.replace_with_mask(texts, stays, left)
        if answer.reasons is not None:
            reasons = pc.replace_with_mask(reasons, stays, answer.reasons.cast(reasons.type))
        return texts, reasons

    def _is_broken(self, texts: pa.Array) -> pa.Array:
        import pyarrow.compute as pc

        lengths = pc.utf8_length(texts).cast("float64")
        found = pc.count_substring_regex(texts, _BROKEN).cast("float64")
        return pc.greater(found, pc.multiply(lengths, self._cleaning.max_broken_fraction))

    def _is_short(self, texts: pa.Array) -> pa.Array:
        import pyarrow.compute as pc

        return pc.less(pc.utf8_length(texts), self._cleaning.min_characters)


def _built(cleaning: Cleaning) -> list[tuple[str, Cleaner]]:
    if not cleaning.cleaners:
        return []
    from gapless.corpus.cleaners import build_cleaner  # compiled loops: not for nothing

    return [(spec.type, build_cleaner(spec)) for spec in cleaning.cleaners]


def _empty(texts: pa.Array) -> pa.Array:
    """Whether a text is nothing but white space."""
    import pyarrow.compute as pc

    return pc.equal(pc.binary_length(pc.utf8_trim_whitespace(texts)), 0)


def added_up(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums of several counts, by name."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
