"""Score documents by their perplexity under a trained n-gram model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.errors import ModelError

if TYPE_CHECKING:
    import pyarrow as pa


class NgramScorer:
    """Perplexity per word, the end of the document counted as one (paper 1, strategy II).

    ``folder`` is one that `train` wrote. Words that the reference lacks count as ``<unk>``. A
    document without words has no score. The model is read when it is first needed; a pickle holds
    the folder's path only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model: Any = None

    def __reduce__(self) -> tuple[type[NgramScorer], tuple[Path]]:
        return NgramScorer, (self._folder,)

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return perplexities, float64, NaN where a document has no words.

        Raises:
            ModelError: the folder holds no model, or KenLM cannot read it.

        """
        import pyarrow as pa
        import pyarrow.compute as pc

        from gapless.words import normalise

        model = self._load()
        normalised = normalise(texts)
        # KenLM takes bytes as they are; a str it would encode again.
        documents = normalised.cast(pa.large_binary()).to_pylist()
        log10_p = np.array(list(map(model.score, documents)), dtype=np.float64)
        spaces = pc.count_substring(normalised, " ").to_numpy()
        perplexity = 10 ** (-log10_p / (spaces + 2))
        perplexity[pc.equal(normalised, "").to_numpy(zero_copy_only=False)] = np.nan
        return {"": pa.array(perplexity)}

    def _load(self) -> Any:
        if self._model is None:
            import kenlm

            path = self._folder / "model.binary"
            if not path.is_file():
                path = self._folder / "model.arpa"
            if not path.is_file():
                raise ModelError("there is no n-gram model here", where=str(self._folder))
            config = kenlm.Config()
            config.show_progress = False
            config.arpa_complain = kenlm.ARPALoadComplain.NONE
            try:
                self._model = kenlm.Model(str(path), config)
            except OSError as error:
                raise ModelError(
                    f"KenLM cannot read the model: {error}", where=str(path)
                ) from error
        return self._model
