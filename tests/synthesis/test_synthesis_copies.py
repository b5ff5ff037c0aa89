from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gapless.seeds import stream
from gapless.synthesis.copies import COPY, NUM_HASHES, SEED_COPY, _banding, find_copies
from gapless.synthesis.draft import Draft, Seed

SEED = Seed("web", "a", 0, 1, "", "physics", "en")


def draft(text: str, *seeds: str, language: str = "en") -> Draft:
    made = tuple(replace(SEED, text=seed) for seed in seeds)
    return Draft("k", "rephrase_textbook", "", language, {"text": text}, made)


def words(first: int, last: int) -> str:
    return " ".join(f"w{number}" for number in range(first, last))


def jaccard(one: str, other: str, language: str = "en") -> float:
    if language == "zh":
        sets = [{*pairwise(text)} for text in (one, other)]
    else:
        sets = [set(text.split()) for text in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_the_earlier_of_two_copies_stays():
    found = find_copies([draft(words(0, 50)), draft(words(60, 99)), draft(words(0, 50))], 0.7)
    assert found.copy_of.tolist() == [-1, -1, 0]
    assert found.reason(0) is found.reason(1) is None
    assert found.reason(2) == (COPY, "100% like document 1 of those that came so far")


def test_copies_are_those_of_the_exact_jaccard_index():
    draw = stream(1, "copies")
    texts = []
    for base in range(40):
        texts.append(words(200 * base, 200 * base + 100))
        # From 0 to 40 of 100 words are others: an index of 1 down to 0.43.
        other = int(draw.integers(0, 41))
        texts.append(words(200 * base + other, 200 * base + 100 + other))
    found = find_copies(map(draft, texts), 0.7)
    checked = 0
    for place in range(1, len(texts), 2):
        exact = jaccard(texts[place - 1], texts[place])
        if abs(exact - 0.7) > 0.12:
            checked += 1
            assert (found.copy_of[place] == place - 1) == (exact > 0.7)
        if found.copy_of[place] >= 0:
            assert found.similarity[place] == pytest.approx(exact, abs=0.13)
    assert checked > 20
    assert 5 < (found.copy_of >= 0).sum() < 40
    assert (found.copy_of[::2] == -1).all()


def test_chinese_is_compared_by_pairs_of_ideographs():
    one = "".join(chr(0x4E00 + number) for number in range(120))
    # The same ideographs in another order: the same text to single ideographs.
    mixed = "".join(one[place] for place in stream(2, "mixed").permutation(len(one)))
    assert jaccard(one, mixed, "zh") < 0.2
    drafts = [draft(text, language="zh") for text in (one, mixed, one[3:])]
    assert find_copies(drafts, 0.7).copy_of.tolist() == [-1, -1, 0]


def test_a_copy_of_its_seed_is_found_and_is_nobodys_original():
    text, other = words(0, 80), words(300, 380)
    drafts = [draft(text, other, text), draft(text, other), draft(text)]
    found = find_copies(drafts, 0.7)
    assert found.of_seed.tolist() == [True, False, False]
    assert found.reason(0) == (SEED_COPY, "100% alike")
    assert found.reason(1) is None
    assert found.copy_of.tolist() == [-1, -1, 1]


def test_texts_without_words_are_no_copies():
    found = find_copies([draft("!!", "??"), draft("??"), draft("!!")], 0.7)
    assert found.copy_of.tolist() == [-1, -1, -1]
    assert not found.of_seed.any()
    assert len(find_copies([], 0.7).copy_of) == 0


def test_answers_do_not_depend_on_batches_and_memory_is_the_signatures(monkeypatch):
    texts = [words(number % 70 * 30, number % 70 * 30 + 40) for number in range(200)]
    whole = find_copies(map(draft, texts), 0.7)
    monkeypatch.setattr("gapless.synthesis.copies._BATCH", 7)
    parts = find_copies(map(draft, texts), 0.7)
    assert np.array_equal(whole.copy_of, parts.copy_of)
    assert (whole.copy_of[:70] == -1).all()
    assert whole.copy_of[70:].tolist() == [number % 70 for number in range(70, 200)]


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_bands_find_pairs_at_the_threshold(threshold):
    spec = _banding(threshold)
    assert spec.bands * spec.rows == NUM_HASHES
    assert 1 - (1 - threshold**spec.rows) ** spec.bands >= 0.95
