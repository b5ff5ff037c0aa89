"""Documents to snippets, and which of them are used."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.recipe.syntheses import Seeds
from gapless.seeds import stream_key
from gapless.synthesis.draft import Seed
from gapless.synthesis.seeds import _shares, deal, language_of, seeds_of, snippets

SPEC = Seeds(sources=("web",), min_characters=20, max_characters=60)
CHINESE = "\u6c34\u7531\u6c22\u548c\u6c27\u7ec4\u6210\u3002"


def cut(text: str, drawn: int = 0, spec: Seeds = SPEC) -> list[str]:
    return [text[begin:end] for begin, end in snippets(text, spec, drawn)]


def test_a_document_that_fits_is_one_snippet() -> None:
    assert cut("  A short text of one line. \n") == ["A short text of one line."]
    assert cut("Too short." + " " * 30) == []


def test_paragraphs_stay_whole_where_they_fit() -> None:
    first, second, third = "a" * 25, "b" * 25, "c" * 25
    text = f"{first}\n\n{second}\n\n{third}"
    assert cut(text) == [f"{first}\n\n{second}", third]
    assert cut(text, drawn=1) == [f"{second}\n\n{third}", first]
    assert cut(text, drawn=2) == [third, f"{first}\n\n{second}"]


def test_sentences_stay_whole_where_paragraphs_do_not_fit() -> None:
    first = 'He walked to the old mill. "Is it far?" she asked him.'
    second = "It was not, e.g. a mile or so. Good."
    assert cut(f"{first} {second}") == [first, second]
    chinese = CHINESE * 12
    assert cut(chinese) == [CHINESE * 7, CHINESE * 5]


def test_lines_are_paragraphs_in_a_text_without_blank_lines() -> None:
    text = "the first line of it all\nand the second line there\nthen the third, lower case"
    assert cut(text)[0] == "the first line of it all\nand the second line there"


def test_what_has_no_border_is_cut_at_white_space_or_anywhere() -> None:
    assert [len(piece) for piece in cut("x" * 130)] == [60, 60]
    assert cut("word " * 30)[0] == ("word " * 12).strip()


TEXTS = st.lists(
    st.sampled_from(["word", "Two words.", "\n\n", "\n", " ", "Why? ", "x" * 70, CHINESE]),
    max_size=60,
).map("".join)


@given(TEXTS, st.integers(min_value=0))
def test_snippets_are_pieces_of_the_text_that_do_not_overlap(text: str, drawn: int) -> None:
    spans = list(snippets(text, SPEC, drawn))
    for begin, end in spans:
        assert SPEC.min_characters <= end - begin <= SPEC.max_characters
        assert text[begin:end] == text[begin:end].strip()
    assert all(first[1] <= second[0] for first, second in pairwise(sorted(spans)))
    if len(text.strip()) >= 3 * SPEC.max_characters:
        assert spans


def test_every_paragraph_can_be_the_first() -> None:
    text = "\n\n".join(letter * 30 for letter in "abcdefgh")
    assert {cut(text, drawn)[0][0] for drawn in range(8)} == set("abcdefgh")


def seeds(documents: Sequence[tuple[str, str, str, str]], languages: Sequence[str]) -> list[Seed]:
    return list(seeds_of(documents, SPEC, languages, seed=1, name="qa"))


def test_a_seed_says_where_it_is_from() -> None:
    text = "\n\n".join(letter * 30 for letter in "abcdefgh")
    found = seeds([("web", "7", text, "physics"), ("web", "8", "short", "physics")], ["en"])
    assert {(one.source, one.document, one.label) for one in found} == {("web", "7", "physics")}
    assert all(text[one.begin : one.end] == one.text for one in found)
    assert len(found) == 8


def test_seeds_do_not_hang_on_other_documents() -> None:
    documents = [("web", str(n), f"{n}. ".join("ABCDEFGHIJ" * 20), "") for n in range(20)]
    together = seeds(documents, ["en"])
    apart = [one for document in reversed(documents) for one in seeds([document], ["en"])]
    assert sorted(together, key=repr) == sorted(apart, key=repr)
    other = list(seeds_of(documents, SPEC, ["en"], seed=2, name="qa"))
    assert [one.begin for one in other] != [one.begin for one in together]


@pytest.mark.parametrize(
    ("text", "languages", "language"),
    [
        ("Water is wet.", ["en", "zh"], "en"),
        (CHINESE, ["en", "zh"], "zh"),
        (CHINESE, ["en"], "en"),
        ("Water is wet.", ["zh"], "zh"),
        (f"{CHINESE} DNA and RNA", ["en", "zh"], "zh"),
        ("The sign \u6c34 means water in Chinese.", ["en", "zh"], "en"),
        ("123", ["zh", "en"], "en"),
    ],
)
def test_the_language_is_the_texts_or_the_first(
    text: str, languages: list[str], language: str
) -> None:
    assert language_of(text, languages) == language


def make(label: str, document: str, turn: int, text: str | None = None) -> Seed:
    return Seed("web", document, turn, 0, text or f"{document}/{turn}", label, "en")


def test_labels_take_turns_and_documents_come_before_their_second_snippets() -> None:
    pool = [make("a", f"a{n}", turn) for n in range(3) for turn in range(2)]
    pool += [make("b", "b0", 0), make("c", "c0", 0)]
    dealt = deal(pool, ("b", "a"), 100, seed=0, name="qa")
    assert [one.label for one in dealt] == ["b", "a", "a", "a", "a", "a", "a"]
    assert [one.begin for one in dealt] == [0, 0, 0, 0, 1, 1, 1]
    assert deal([], ("a",), 5, seed=0, name="qa") == []


def slow_deal(pool: Sequence[Seed], labels: Sequence[str], number: int) -> list[Seed]:
    """Sort everything, and take turns."""
    queues = defaultdict(list)
    turns: Counter[str] = Counter()
    for one in pool:
        key = stream_key(0, "synthesis", "qa", "deal", "web", one.document, turns[one.document])
        queues[one.label].append((turns[one.document], key, one))
        turns[one.document] += 1
    hands = {
        label: [one for *_, one in sorted(queues[label], key=lambda e: e[:2])] for label in labels
    }
    dealt: list[Seed] = []
    while len(dealt) < number and any(hands.values()):
        for label in labels:
            while hands[label]:
                one = hands[label].pop(0)
                if one.text not in {other.text for other in dealt}:
                    dealt.append(one)
                    break
    return dealt[:number]


def crowd() -> Iterator[Seed]:
    """Many seeds of labels of very different sizes; now and then a text comes again."""
    for n in range(4000):
        label = "abbccccccc"[n * 7919 % 10] if n > 5 else "d"
        for turn in range(1 + n % 3):
            text = f"same {n % 50}{label}" if n % 11 == 0 else None
            yield make(label, f"{label}{n}", turn, text)


@pytest.mark.parametrize("number", [1, 7, 50, 300, 3000, 30000])
def test_dealing_with_little_memory_is_dealing_with_much(number: int) -> None:
    labels = ("a", "b", "c", "d")
    dealt = deal(crowd(), labels, number, seed=0, name="qa")
    assert dealt == slow_deal(list(crowd()), labels, number)
    assert len({one.text for one in dealt}) == len(dealt) == min(number, len(dealt))


def test_more_requests_begin_with_the_same_seeds() -> None:
    labels = ("a", "b", "c", "d")
    many = deal(crowd(), labels, 900, seed=0, name="qa")
    assert deal(crowd(), labels, 400, seed=0, name="qa") == many[:400]
    assert deal(crowd(), labels, 900, seed=0, name="other") != many


def test_a_text_of_two_labels_is_dealt_once() -> None:
    pool = [make("a", "1", 0, "same"), make("b", "2", 0, "same"), make("b", "3", 0)]
    dealt = deal(pool, ("a", "b"), 10, seed=0, name="qa")
    assert sorted(one.text for one in dealt) == ["3/0", "same"]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.integers(0, 100))
def test_shares_are_those_of_taking_turns(counts: list[int], number: int) -> None:
    left, shares = list(counts), [0] * len(counts)
    for _ in range(31):
        for index in range(len(counts)):
            if left[index] and sum(shares) < number:
                left[index] -= 1
                shares[index] += 1
    assert _shares(counts, number) == shares
