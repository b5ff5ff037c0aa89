"""Planted items are found, all of them; and nothing else, by a slow reading of the definition."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.assets import locate
from gapless.corpus.contamination import Item, ItemIndex
from gapless.corpus.packed import open_bytes
from gapless.seeds import stream
from gapless.words import normalise, split_words


def words_of(*texts):
    return split_words(pa.array(texts, pa.large_string()))


def found(items, documents, ngram):
    hits = ItemIndex.of(items, ngram).hits(words_of(*documents))
    return {(int(d), int(i)): float(f) for d, i, f in zip(*hits, strict=True)}


def slow(items, documents, ngram):
    """Compare every item with every document, word lists and sets."""
    answer = {}
    for d, document in enumerate(documents):
        for i, item in enumerate(items):
            words, own = document.lower().split(), item.text.lower().split()
            if not own:
                continue
            n = len(own) if item.whole or len(own) < ngram else ngram
            grams = {tuple(own[k : k + n]) for k in range(len(own) - n + 1)}
            there = {tuple(words[k : k + n]) for k in range(len(words) - n + 1)}
            common = len(grams & there) / len(grams)
            if common > 0 and common >= item.needed:
                answer[d, i] = common
    return answer


texts = st.lists(st.sampled_from("abc"), max_size=12).map(" ".join)


@given(
    st.lists(
        st.builds(Item, texts, st.sampled_from([0.0, 0.5, 1.0]), whole=st.booleans()), max_size=5
    ),
    st.lists(texts, max_size=5),
    st.integers(1, 5),
)
def test_the_hits_are_those_of_a_slow_comparison(items, documents, ngram):
    assert found(items, documents, ngram) == pytest.approx(slow(items, documents, ngram))


def test_a_saved_index_finds_the_same(tmp_path):
    items = [Item("one two three four", 0.0), Item("five six", 0.0)]
    index = ItemIndex.of(items, 3)
    index.save(tmp_path / "index.npz")
    words = words_of("say five six now", "two three four", "five")
    first, again = index.hits(words), ItemIndex.load(tmp_path / "index.npz").hits(words)
    assert [column.tolist() for column in first] == [column.tolist() for column in again]
    assert first[0].tolist() == [0, 1]


def abstracts():
    folder = Path(locate("diseases-small"))
    path = folder if folder.is_file() else next(folder.glob("*.jsonl.zst"))
    with open_bytes(path) as file:
        return [json.loads(line)["text"] for line in file]


def test_every_planted_item_is_found_in_real_text():
    texts = abstracts()
    draw = stream(3, "plant")
    items, hosts = [], [list(text.split()) for text in texts[:400]]
    for number in range(100):
        words = normalise(pa.array([texts[500 + number]], pa.large_string()))[0].as_py().split()
        size = int(draw.integers(5, 30))
        items.append(Item(" ".join(f"q{number}{word}" for word in words[:size]), 0.0))
    planted = {}
    for number, item in enumerate(items):
        host = int(draw.integers(len(hosts)))
        place = int(draw.integers(len(hosts[host]) + 1))
        cased = item.text.upper() if number % 2 else item.text.replace(" ", ",\n ")
        hosts[host].insert(place, cased)
        planted[host, number] = 1.0
    hits = found(items, [" ".join(words) for words in hosts], 13)
    assert len(planted) == 100
    # A later item may have been put into the middle of an earlier one only between its words.
    assert planted.keys() <= hits.keys()
    assert hits.keys() == planted.keys()


def test_a_held_out_text_needs_more_than_a_set_phrase():
    phrase = "this is an open access article distributed under the terms of the licence"
    own = " ".join(f"w{number}" for number in range(200))
    items = [Item(f"{phrase} {own}", 0.1), Item(f"{phrase} {own}", 0.0)]
    documents = [f"{phrase} another text", f"some {' '.join(own.split()[50:100])} words"]
    assert found(items, documents, 13).keys() == {(0, 1), (1, 0), (1, 1)}


def test_what_many_documents_say_speaks_for_no_held_out_text_but_for_a_question():
    footer = " ".join(f"licence{number}" for number in range(20))
    own = " ".join(f"w{number}" for number in range(20))
    items = [Item(f"{own} {footer}", 0.1), Item(footer, 0.0)]
    documents = [f"text {number} {footer}" for number in range(12)] + [f"{own} x", own[:40]]
    index, words = ItemIndex.of(items, 13), words_of(*documents)
    before = set(zip(*(column.tolist() for column in index.hits(words)[:2]), strict=True))
    assert before >= {(number, 0) for number in range(13)}
    trained = np.ones(len(documents), np.bool_)
    trained[0] = False
    counts = index.counts(words, trained)
    assert max(count.max() for count in counts) == 11
    fewer = index.without_set_phrases([count > 10 for count in counts])
    after = set(zip(*(column.tolist() for column in fewer.hits(words)[:2]), strict=True))
    assert after == {(12, 0), *((number, 1) for number in range(12))}
    same = index.without_set_phrases([count > 11 for count in counts])
    assert set(zip(*(c.tolist() for c in same.hits(words)[:2]), strict=True)) == before


def test_no_items_and_no_documents_give_no_hits():
    assert found([], ["a b"], 13) == {}
    assert found([Item("a b", 0.0)], [], 13) == {}
    assert found([Item("", 0.0), Item("...", 0.0)], ["a b", ""], 13) == {}
    assert np.array_equal(ItemIndex.of([], 2).sizes, np.zeros(0))
