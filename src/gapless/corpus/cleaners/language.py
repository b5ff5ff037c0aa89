"""The language of a document, by py3langid on its first 1,000 characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gapless.corpus.cleaners.answer import Answer
from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import LanguageIs

FIRST_CHARACTERS = 1000


def build_language(spec: LanguageIs) -> Cleaner:
    """Return the cleaner that keeps documents of some languages.

    Others go as ``language:xx``, and those that py3langid is less sure of than ``min_confidence``
    as ``language:unsure``, whatever it takes them for. `DataError` names a language it never says.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    unknown = sorted(set(spec.keep) - set(identifier.labels))
    if unknown:
        raise DataError(
            f"{unknown[0]!r} is no language that py3langid knows",
            where="cleaning.cleaners: language: keep",
            mend=f"It knows {' '.join(sorted(identifier.labels))}.",
        )

    def reason(text: str) -> str | None:
        language, confidence = identifier.classify(text)
        if confidence < spec.min_confidence:
            return "language:unsure"
        return None if language in spec.keep else f"language:{language}"

    def clean(texts: pa.LargeStringArray) -> Answer:
        starts = pc.utf8_slice_codeunits(texts, 0, FIRST_CHARACTERS)
        reasons = pa.array([reason(start) for start in starts.to_pylist()], pa.string())
        return Answer(texts, None if reasons.null_count == len(reasons) else reasons)

    return clean
