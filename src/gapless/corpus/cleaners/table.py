"""The table of cleaners: from the type of a spec to what builds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gapless.corpus.cleaners.boilerplate import build_boilerplate
from gapless.corpus.cleaners.c4 import build_c4
from gapless.corpus.cleaners.fineweb import build_fineweb
from gapless.corpus.cleaners.gopher_quality import build_gopher_quality
from gapless.corpus.cleaners.gopher_repetition import build_gopher_repetition
from gapless.corpus.cleaners.language import build_language
from gapless.corpus.cleaners.personal_data import build_mask_personal_data
from gapless.corpus.cleaners.unicode import build_unicode
from gapless.recipe import cleanings

if TYPE_CHECKING:
    from gapless.corpus.cleaners.answer import Cleaner

BUILDERS: dict[type, Callable[[Any], Cleaner]] = {
    cleanings.Unicode: build_unicode,
    cleanings.Boilerplate: build_boilerplate,
    cleanings.GopherQuality: build_gopher_quality,
    cleanings.GopherRepetition: build_gopher_repetition,
    cleanings.C4: build_c4,
    cleanings.FineWeb: build_fineweb,
    cleanings.LanguageIs: build_language,
    cleanings.MaskPersonalData: build_mask_personal_data,
}


def build_cleaner(spec: cleanings.Cleaner) -> Cleaner:
    """Return the cleaner a spec asks for.

    What it needs is loaded now, so that a batch never waits for a model. `DataError` when the spec
    asks for what cannot be had, for instance a language that is not known.
    """
    return BUILDERS[type(spec)](spec)
