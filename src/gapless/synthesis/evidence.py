"""What the words of a batch of drafts show: all that takes more than a look at one draft."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.contamination import Item, ItemIndex
from gapless.endpoints.request import Finish
from gapless.synthesis.draft import Draft
from gapless.synthesis.forms import FORMS
from gapless.synthesis.prompting import prompt_text
from gapless.synthesis.prose import prose_of, script_of, without_tests
from gapless.words import Words, ngram_hashes, split_words
from gapless.words.compiled import compiled

if TYPE_CHECKING:
    from gapless.scoring.language import LanguageScorer

COPIED_WORDS = 8
"""Words in a row that show that a draft copies its seed."""
PROMPT_WORDS = {"en": 8, "zh": 16}
"""Words in a row that show that a draft repeats what it was told, and not by chance."""
ITEM_WORDS = 13
"""Words in a row that show an evaluation item in a draft; a shorter item must stand there whole."""
LEAST_ITEM_WORDS = 8
"""A shorter item may be anybody's words: both numbers as Brown et al. 2020, appendix C."""
REPEATED_WORDS = {"en": 4, "zh": 8}
"""Words in a row that count as said again; a Chinese word is two or so of ours, an ideograph each.
"""

_AMONG = ("en", "zh", "ja", "ko", "de", "fr", "es", "pt", "it", "nl", "pl", "ru", "tr", "vi", "id")
_SURE = 0.95


@dataclass(frozen=True)
class Evidence:
    """What the checks know of one draft."""

    draft: Draft
    finish: Finish
    language: str | None
    """Of its prose, as far as that can be told: see `_languages`."""
    num_words: int
    """Without those of its tests."""
    repeated: float
    """Share of its words in word sequences that stand in it before."""
    copied: float
    """Share of its 8-word sequences that stand in one of its seeds."""
    prompted: float
    """How many of its word sequences stand in the file of its prompt."""
    item_share: float
    """Of an evaluation item's word sequences, the most that stand in it; 0 where none does."""


def index_items(items: Sequence[str]) -> ItemIndex | None:
    """Index the items that are long enough to mean anything."""
    import pyarrow as pa

    if not items:
        return None
    counts = np.diff(split_words(pa.array(list(items), pa.large_string())).offsets)
    long_enough = [
        text for text, count in zip(items, counts, strict=True) if count >= LEAST_ITEM_WORDS
    ]
    return ItemIndex.of([Item(text, needed=0.0) for text in long_enough], ITEM_WORDS)


def gather(group: Sequence[tuple[Draft, Finish]], index: ItemIndex | None) -> Iterator[Evidence]:
    """Split the words of a batch once, and give what they show of each draft in order."""
    import pyarrow as pa

    drafts = [draft for draft, _ in group]
    words = split_words(pa.array([without_tests(draft) for draft in drafts], pa.large_string()))
    repeated = repeated_shares(words, [draft.language for draft in drafts])
    copied = _copied_shares(words, drafts)
    shares = np.zeros(len(drafts))
    if index is not None:
        documents, _, fractions = index.hits(words)
        np.maximum.at(shares, documents, fractions)
    counts = np.diff(words.offsets)
    prompted = _prompted(words, drafts)
    found = (counts, repeated, copied, prompted, shares)
    columns = zip(group, _languages(drafts), *found, strict=True)
    for (draft, finish), language, count, *shares_of_it in columns:
        yield Evidence(draft, finish, language, int(count), *map(float, shares_of_it))


def _languages(drafts: Sequence[Draft]) -> list[str | None]:
    """Return the language of each draft's prose: by its script, and if that is Latin, by its words.

    Such prose is in another language than asked for when py3langid is 95 % sure; too short a text
    (`script_of`) is in none.
    """
    import pyarrow as pa

    prose = [prose_of(draft) for draft in drafts]
    languages = [script_of(text) for text in prose]
    places = [place for place, script in enumerate(languages) if script == "letters"]
    if not places:
        return languages
    scores = _scorer()(pa.array([prose[place] for place in places], pa.large_string()))
    columns = (scores[key].to_pylist() for key in ("", "_confidence"))
    for place, label, confidence in zip(places, *columns, strict=True):
        is_sure = label not in (None, "zh") and confidence >= _SURE
        # Letters are not Chinese, whichever language it is that they spell.
        asked = "en" if drafts[place].language == "zh" else drafts[place].language
        languages[place] = label if is_sure else asked
    return languages


@cache
def _scorer() -> LanguageScorer:
    from gapless.scoring.language import LanguageScorer

    return LanguageScorer(_AMONG)


def repeated_shares(words: Words, languages: Sequence[str]) -> np.ndarray:
    """Return each text's share of words in sequences of words that stand in it before."""
    repeated = np.zeros(len(languages))
    for language in sorted(set(languages)):
        length = REPEATED_WORDS[language]
        hashes, offsets = ngram_hashes(words, length)
        counts = _count_repeated(hashes, offsets, length)
        chosen = np.array([each == language for each in languages])
        repeated[chosen] = counts[chosen]
    return repeated / np.maximum(np.diff(words.offsets), 1)


@compiled
def _count_repeated(hashes: np.ndarray, offsets: np.ndarray, length: int) -> np.ndarray:
    """Count the words of each text that stand in a sequence that is not the first of its kind."""
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    for text in range(len(counts)):
        own = hashes[offsets[text] : offsets[text + 1]]
        order = np.argsort(own, kind="mergesort")
        is_repeated = np.zeros(len(own), dtype=np.bool_)
        for rank in range(1, len(own)):
            is_repeated[order[rank]] = own[order[rank]] == own[order[rank - 1]]
        covered = 0
        for place in range(len(own)):
            if is_repeated[place]:
                counts[text] += place + length - max(covered, place)
                covered = place + length
    return counts


def _prompted(words: Words, drafts: Sequence[Draft]) -> np.ndarray:
    """Return how many of each draft's word sequences stand in its prompt: int64 (drafts,)."""
    counts = np.zeros(len(drafts), dtype=np.int64)
    for language in sorted({draft.language for draft in drafts}):
        own, offsets = ngram_hashes(words, PROMPT_WORDS[language])
        for number, draft in enumerate(drafts):
            if draft.language == language:
                mine = own[offsets[number] : offsets[number + 1]]
                counts[number] = np.isin(mine, _prompt_sequences(draft.form, language)).sum()
    return counts


@cache
def _prompt_sequences(form: str, language: str) -> np.ndarray:
    """Return the hashes of the word sequences of a form's prompt file: uint64."""
    import pyarrow as pa

    text = prompt_text(FORMS[form].prompt, language)
    split = split_words(pa.array([text], pa.large_string()))
    hashes: np.ndarray = ngram_hashes(split, PROMPT_WORDS[language])[0]
    return hashes


def _copied_shares(words: Words, drafts: Sequence[Draft]) -> np.ndarray:
    """Return each draft's share of 8-word sequences that stand in one of its seeds."""
    import pyarrow as pa

    texts = sorted({seed.text for draft in drafts for seed in draft.seeds})
    places = {text: place for place, text in enumerate(texts)}
    theirs, borders = ngram_hashes(split_words(pa.array(texts, pa.large_string())), COPIED_WORDS)
    own, offsets = ngram_hashes(words, COPIED_WORDS)
    shares = np.zeros(len(drafts))
    for number, draft in enumerate(drafts):
        mine = own[offsets[number] : offsets[number + 1]]
        seeds = [places[seed.text] for seed in draft.seeds]
        known = [theirs[borders[place] : borders[place + 1]] for place in seeds]
        if len(mine) and known:
            shares[number] = np.isin(mine, np.concatenate(known)).mean()
    return shares
