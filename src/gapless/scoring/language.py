"""The language of a document, by py3langid: byte n-grams, naive Bayes, the model in its wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_CHARACTERS = 1000
"""Enough to be sure of; more only takes time."""


class LanguageScorer:
    """ISO 639 code of each document's language (two letters where there are two) and how sure.

    Read from the first 1,000 characters; sure from a sentence or two on. Among all its languages
    it knows varieties too (``yue`` and ``wuu`` beside ``zh``), and short or terse texts wander:
    name the languages that can occur (``among``) where they are known.
    """

    def __init__(self, among: tuple[str, ...] | None = None) -> None:
        """Load the model, about half a second; an unknown code in ``among`` is a `DataError`."""
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        self._identifier: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        if among is not None:
            _check_known(among, self._identifier.labels)
            self._identifier.set_languages(among)
        # The confidence in a text that shows nothing, the same for every language.
        self._unsure = self._identifier.classify("")[1]

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return a code and a probability per text; both null where nothing speaks for any."""
        import pyarrow as pa
        import pyarrow.compute as pc

        labels: list[str | None] = []
        sureness: list[float | None] = []
        for text in pc.utf8_slice_codeunits(texts, 0, _CHARACTERS).to_pylist():
            label, confidence = self._identifier.classify(text)
            known = confidence > self._unsure
            labels.append(label if known else None)
            sureness.append(confidence if known else None)
        return {
            "": pa.array(labels, type=pa.string()),
            "_confidence": pa.array(sureness, type=pa.float64()),
        }


def _check_known(among: tuple[str, ...], labels: list[str]) -> None:
    unknown = sorted(set(among) - set(labels))
    if unknown:
        raise DataError(
            f"no language is called {unknown[0]!r} here",
            where="among",
            mend=f"Give codes out of: {', '.join(sorted(labels))}.",
        )
