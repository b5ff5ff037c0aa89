"""How long a document is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


class LengthScorer:
    """Number of characters (Unicode code points) or words of each document."""

    def __init__(self, unit: Literal["characters", "words"] = "words") -> None:
        self._unit = unit

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return one float64 per text; an empty text has 0."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._unit == "characters":
            return {"": pc.utf8_length(texts).cast(pa.float64())}
        from gapless.words import split_words

        return {"": pa.array(np.diff(split_words(texts).offsets), type=pa.float64())}
