"""The score: the mean cosine of a document to its nearest examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gapless.scoring.task_similarity.counted import CountedExamples
from gapless.scoring.task_similarity.examples import read_examples

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.scoring.encoders import Device
    from gapless.scoring.task_similarity.encoded import EncodedExamples


class TaskSimilarityScorer:
    """Mean of each document's ``nearest`` largest cosines to the task's examples, in [-1, 1].

    Xie et al. (2023, arXiv 2311.08545; task-similar selection) embed documents and unlabelled task
    examples; how they reduce many cosines to one number could not be verified. A mean over a few
    nearest lets a task have many sides and is less moved by one odd example than the largest alone.
    With word counts no cosine is negative.
    """

    def __init__(
        self,
        examples: Path,
        *,
        nearest: int = 5,
        encoder: Path | None = None,
        max_tokens: int = 256,
        device: Device = "auto",
    ) -> None:
        """Read the examples and turn them into vectors, by ``encoder`` (a folder) where given."""
        assert nearest > 0
        self._nearest = nearest
        self._examples: CountedExamples | EncodedExamples
        if encoder is None:
            self._examples = CountedExamples(read_examples(examples))
        else:
            from gapless.scoring.task_similarity.encoded import EncodedExamples

            self._examples = EncodedExamples(
                read_examples(examples), encoder, max_tokens=max_tokens, device=device
            )

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return one float64 per text; null where a text has no word."""
        import pyarrow as pa

        return {"": pa.array(self._examples.nearness(texts, self._nearest), from_pandas=True)}
