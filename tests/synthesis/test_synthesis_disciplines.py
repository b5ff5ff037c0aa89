"""Documents to disciplines."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.recipe.syntheses import (
    DISCIPLINES,
    Addresses,
    DisciplineRule,
    Keywords,
    Labels,
)
from gapless.synthesis.disciplines import labeller, name_of, words_of


def told(rule: DisciplineRule, *texts: str) -> list[str | None]:
    ids = pa.array([str(number) for number in range(len(texts))])
    return labeller(rule)(ids, pa.array(texts, pa.large_string()), None).to_pylist()


@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_every_discipline_has_words_and_a_name_in_both_languages(discipline: str) -> None:
    words = words_of(discipline)
    assert len(set(words)) == len(words)
    assert sum(word.isascii() for word in words) >= 60
    assert sum(not word.isascii() for word in words) >= 30
    assert all(word == word.casefold().strip() for word in words)
    assert name_of(discipline, "en") == discipline.replace("_", " ")
    assert not name_of(discipline, "zh").isascii()
    assert told(Keywords(), ". ".join(words)) == [discipline]


RULE = Keywords(
    words={
        "biology": ("gene", "cell wall", "\u7ec6\u80de", "gene"),
        "medicine": ("patient", "heart attack", "gene therapy", "\u60a3\u8005"),
    },
    least=2,
)


@pytest.mark.parametrize(
    ("text", "discipline"),
    [
        ("Genes in a Cell  Wall", "biology"),
        ("a gene, genes and GENE", None),
        ("cell and wall; gene", None),
        ("The patients had a heart-attack.", "medicine"),
        ("gene; cell walls; patient; heart attack", None),
        ("gene therapy for a patient", "medicine"),
        ("\u7814\u7a76\u7ec6\u80de\u7684 gene", "biology"),
        ("generic patience", None),
        ("", None),
    ],
)
def test_the_most_different_keywords_decide(text: str, discipline: str | None) -> None:
    assert told(RULE, "other", text, "other") == [None, discipline, None]


def slow(rule: Keywords, text: str) -> str | None:
    assert rule.words is not None
    words = re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", text.lower())
    joined = f" {' '.join(words)} "
    hits = {}
    for discipline, keywords in rule.words.items():
        found = set()
        for keyword in keywords:
            spaced = " ".join(re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", keyword))
            if f" {spaced} " in joined or (keyword.isascii() and f" {spaced}s " in joined):
                found.add(keyword)
        hits[discipline] = len(found)
    most = max(hits.values())
    best = [discipline for discipline, count in hits.items() if count == most]
    return str(best[0]) if most >= rule.least and len(best) == 1 else None


PIECES = [
    "gene",
    "genes",
    "cell",
    "wall",
    "patient",
    "heart",
    "attack",
    "therapy",
    "\u7ec6",
    "\u80de",
]


@given(st.lists(st.lists(st.sampled_from([*PIECES, "x", "."]), max_size=12), max_size=5))
def test_keywords_agree_with_a_slow_count(documents: list[list[str]]) -> None:
    texts = [" ".join(document) for document in documents]
    assert told(RULE, *texts) == [slow(RULE, text) for text in texts]


def test_a_keyword_without_a_word_is_refused() -> None:
    with pytest.raises(DataError, match=r"'\+\+' holds no word") as caught:
        labeller(Keywords(words={"physics": ("force", "++")}))
    assert caught.value.where == "words.physics"


def test_addresses_are_told_by_their_longest_piece() -> None:
    rule = Addresses(
        contain={
            "astronomy": ("nasa.gov", "/astro"),
            "earth_science": ("climate.nasa.gov", "/geo/1"),
            "physics": ("/phy/ab",),
        }
    )
    ids = [
        "https://www.NASA.gov/moon",
        "https://climate.nasa.gov/",
        "x/astro/geo/1",
        "x/geo/1/phy/ab",
        "y.org",
    ]
    given_ids = pa.array([*ids, None])
    texts = pa.array([""] * 6, pa.large_string())
    assert labeller(rule)(given_ids, texts, None).to_pylist() == [
        "astronomy",
        "earth_science",
        None,
        "physics",
        None,
        None,
    ]


def test_labels_are_looked_up() -> None:
    rule = Labels(score="topic", labels={"space": "astronomy", "maths": "mathematics"})
    labels = pa.array(["maths", "sport", None, "space"])
    texts = pa.array([""] * 4, pa.large_string())
    assert labeller(rule)(labels, texts, labels).to_pylist() == [
        "mathematics",
        None,
        None,
        "astronomy",
    ]
