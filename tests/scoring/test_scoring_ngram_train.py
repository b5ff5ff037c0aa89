import gzip
import itertools
import shutil

import duckdb
import kenlm
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.scoring.ngram_models import (
    DATA,
    MEMORY,
    TEXTS,
    SlowNGram,
    array,
    parsed,
    reference,
    shipped,
    trained,
)

from gapless.errors import DataError, RecipeError, RunError
from gapless.scoring.ngram import train
from gapless.scoring.ngram.kneser_ney import FALLBACK, chen_goodman
from gapless.scoring.ngram.lmplz import train_with_lmplz
from gapless.scoring.ngram.trainer import pruning
from gapless.scoring.ngram.word_ids import WordIds, pieces, windows

has_lmplz = pytest.mark.skipif(shutil.which("lmplz") is None, reason="lmplz is not on the path")
ORDERS_AND_PRUNING = [
    *itertools.product((1, 2, 3, 5), ((), (1,))),
    (2, (0, 1)),
    (3, (0, 1)),
    (5, (0, 0, 1)),
    (6, (0, 1, 1, 2, 3)),
]


def assert_same_model(ours, theirs, least):
    """The same n-grams in the same order, with the same numbers."""
    ours, theirs = parsed(ours), parsed(theirs)
    assert len(theirs) >= least
    assert [gram for gram, _, _ in ours] == [gram for gram, _, _ in theirs]
    for column in (1, 2):
        a, b = (np.array([row[column] for row in rows], dtype=float) for rows in (ours, theirs))
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)
        assert len(set(b.round(3))) > 1 or np.isnan(b).all()


@pytest.mark.parametrize(
    ("name", "order", "prune"),
    [("ngram_order_5", 5, ()), ("ngram_order_4_pruned", 4, (0, 0, 1))],
)
def test_model_is_the_stored_one_of_lmplz(name, order, prune, tmp_path):
    ours, _ = trained(reference(), tmp_path, order=order, prune=prune)
    theirs = gzip.decompress((DATA / f"{name}.arpa.gz").read_bytes()).decode()
    assert_same_model(ours, theirs, least=4000)


@has_lmplz
@pytest.mark.parametrize(("order", "prune"), ORDERS_AND_PRUNING)
def test_model_is_that_of_lmplz(order, prune, tmp_path):
    texts = shipped("anatomy-small", 300)
    ours, facts = trained(texts, tmp_path / "ours", order=order, prune=prune)
    theirs, their_facts = trained(
        texts, tmp_path / "theirs", order=order, prune=prune, way=train_with_lmplz
    )
    assert_same_model(ours, theirs, least=500)
    np.testing.assert_allclose(facts.pop("discounts"), their_facts.pop("discounts"), atol=1e-5)
    assert (facts.pop("trainer"), their_facts.pop("trainer")) == ("gapless", "lmplz")
    assert facts == their_facts


@has_lmplz
@pytest.mark.parametrize("seed", range(12))
def test_model_of_a_tiny_text_is_that_of_lmplz(seed, tmp_path):
    # Single n-grams move the discounts of such texts, and most orders fall back.
    draw = np.random.Generator(np.random.PCG64(seed))
    words = [f"w{n}" for n in range(draw.choice([1, 4, 10, 40]))]
    texts = [" ".join(draw.choice(words, draw.integers(1, 20))) for _ in range(3 + seed)]
    order, prune = 1 + seed % 6, (0, 1)[: seed % 3 if seed % 6 else 0]
    ours, _ = trained(texts, tmp_path / "ours", order=order, prune=prune)
    theirs, _ = trained(texts, tmp_path / "theirs", order=order, prune=prune, way=train_with_lmplz)
    assert_same_model(ours, theirs, least=4)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_probabilities_are_those_of_the_slow_model(order, tmp_path):
    # Where lmplz goes its own way, with the newest word's n-grams, both agree: "tail" stands once.
    assert " ".join(TEXTS).split().count("tail") == 1
    text, facts = trained(TEXTS, tmp_path, order=order)
    slow = SlowNGram(TEXTS, order)
    np.testing.assert_allclose(
        facts["discounts"], [slow.discounts[n][1:] for n in range(1, order + 1)], atol=1e-12
    )
    grams = [(gram.split(), p) for gram, p, _ in parsed(text) if gram != "<s>"]
    assert len(grams) == sum(facts["ngrams"]) - 1
    assert sum(facts["ngrams"]) == sum(len(counts) for counts in slow.counts.values()) + 2
    expected = [slow.log10_p(gram[:-1], gram[-1]) for gram, _ in grams]
    np.testing.assert_allclose([p for _, p in grams], expected, rtol=0, atol=1e-6)


def test_an_order_of_the_tiny_text_has_discounts_of_its_own(tmp_path):
    _, facts = trained(TEXTS, tmp_path, order=3)
    own = [amounts for amounts in facts["discounts"] if tuple(amounts) != FALLBACK]
    assert own, "every order falls back: the formulas of the discounts are not tested"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=8).map(" ".join),
        min_size=3,
        max_size=12,
    ),
    order=st.integers(2, 5),
    prune=st.sampled_from([(), (1,), (0, 1), (0, 2)]),
    context=st.lists(st.sampled_from("abcde"), max_size=4),
)
def test_probabilities_after_any_context_sum_to_1(texts, order, prune, context, tmp_path):
    trained(texts, tmp_path, order=order, prune=prune)
    config = kenlm.Config()
    config.show_progress, config.arpa_complain = False, kenlm.ARPALoadComplain.NONE
    model = kenlm.Model(str(tmp_path / "model.arpa"), config)
    state, after = kenlm.State(), kenlm.State()
    model.BeginSentenceWrite(state)
    for word in context:
        model.BaseScore(state, word, after)
        state, after = after, kenlm.State()
    words = [word for word in "abcd" if word in model] + ["</s>", "<unk>"]
    total = sum(10 ** model.BaseScore(state, word, after) for word in words)
    assert total == pytest.approx(1, abs=1e-5)


def test_a_text_by_hand(tmp_path):
    # lmplz -o 2 --discount_fallback of the lines "a b" and "c".
    text, facts = trained(["a b", "c"], tmp_path, order=2)
    assert text.split("\n")[:4] == ["\\data\\", "ngram 1=6", "ngram 2=5", ""]
    grams = {gram: (p, backoff) for gram, p, backoff in parsed(text)}
    # a, b and c have one left neighbour each, </s> has two; order 0 is uniform over them and <unk>.
    unknown = (3 * 0.5 + 1.0) / 5 / 5
    once, twice = (1 - 0.5) / 5 + unknown, (2 - 1.0) / 5 + unknown
    assert grams["<unk>"] == (pytest.approx(np.log10(unknown), abs=1e-6), 0)
    assert grams["<s>"] == (0, pytest.approx(np.log10(0.5), abs=1e-6))
    assert grams["a"] == (pytest.approx(np.log10(once), abs=1e-6), pytest.approx(np.log10(0.5)))
    assert facts["discounts"] == [list(FALLBACK)] * 2
    assert grams["</s>"] == (pytest.approx(np.log10(twice), abs=1e-6), 0)


def test_an_ngram_seen_as_often_as_its_threshold_is_pruned(tmp_path):
    text, facts = trained(["a b a b", "a b c", "c"], tmp_path, order=2, prune=(0, 1))
    bigrams = [gram for gram, _, _ in parsed(text) if " " in gram]
    assert sorted(bigrams) == ["<s> a", "a b", "c </s>"]
    assert facts["ngrams"] == [6, 3]


def test_pieces_threads_and_spilling_change_no_byte(tmp_path, monkeypatch):
    texts = pa.concat_arrays([shipped("anatomy-small", 3000), shipped("speeches-small", 3000)])
    whole, facts = trained(texts, tmp_path / "whole", order=5)
    assert sum(facts["ngrams"]) > 1_000_000
    connect = duckdb.connect
    change = {"threads": 1, "temp_directory": ""}
    monkeypatch.setattr(duckdb, "connect", lambda config: connect(config={**config, **change}))
    monkeypatch.setattr("gapless.scoring.ngram.word_ids._PIECE_BYTES", 50_000)
    with pytest.raises(RunError, match="more than 56 MB"):
        trained(texts, tmp_path / "unspilled", order=5, memory=56 << 20)
    del change["temp_directory"]
    spilled, same = trained(texts, tmp_path / "spilled", order=5, memory=56 << 20)
    assert spilled == whole
    assert same == facts


def test_too_little_memory_is_said(tmp_path):
    with pytest.raises(RunError, match="more than 1 MB of memory"):
        trained(shipped("anatomy-small", 1500), tmp_path, order=5, memory=1 << 20)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 10, 5, 2, 1], (0.5, 1.4, 2.0)),
        ([0, 10, 5, 2, 0], (0.5, 1.4, 3.0)),
        ([0, 10, 5, 0, 1], FALLBACK),
        ([0, 0, 5, 2, 1], FALLBACK),
        # This one's D2 would be -1.
        ([0, 4, 2, 4, 1], FALLBACK),
    ],
)
def test_discounts_by_hand(counts, expected):
    assert chen_goodman(counts) == pytest.approx(expected)


def test_ids_stand_in_the_order_of_first_appearance():
    ids = WordIds()
    first = ids.padded(array(["b a b"]), 3)
    second = ids.padded(array(["a c", "d b"]), 3)
    assert first.tolist() == [1, 1, 3, 4, 3, 2]
    assert second.tolist() == [1, 1, 4, 5, 2, 1, 1, 6, 3, 2]
    assert ids.words.to_pylist() == ["<unk>", "<s>", "</s>", "b", "a", "c", "d"]


def test_windows_do_not_cross_documents():
    padded = WordIds().padded(array(["a b", "c"]), 3)
    assert np.stack(windows(padded, 3), axis=1).tolist() == [
        [1, 1, 3],
        [1, 3, 4],
        [3, 4, 2],
        [1, 1, 5],
        [1, 5, 2],
    ]


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_pieces_hold_every_text_in_order(cut, monkeypatch):
    monkeypatch.setattr("gapless.scoring.ngram.word_ids._PIECE_BYTES", 200)
    texts = [f"w{n}" for n in range(300)]
    batches = [array(texts[at : at + cut]) for at in range(0, 300, cut)]
    found = list(pieces(batches))
    assert [text for piece in found for text in piece.to_pylist()] == texts
    assert len(found) > 10
    assert max(piece.nbytes for piece in found) < 450


@pytest.mark.parametrize(
    ("order", "prune", "expected"),
    [(3, (), (0, 0, 0)), (3, (0, 1), (0, 1, 1)), (1, (2,), (2,)), (2, (0, 3), (0, 3))],
)
def test_the_last_prune_count_serves_longer_ngrams(order, prune, expected):
    assert pruning(order, prune) == expected


@pytest.mark.parametrize(
    ("order", "prune", "what"),
    [
        (0, (), "order 0 is not from 1 to 6"),
        (7, (), "order 7 is not from 1 to 6"),
        (2, (0, 0, 1), r"\[0, 0, 1\] do not fit a model of order 2"),
        (3, (1, 0), r"\[1, 0\] do not fit"),
        (3, (-1,), r"\[-1\] do not fit"),
    ],
)
def test_orders_and_prune_counts_that_lmplz_refuses_are_refused(order, prune, what):
    with pytest.raises(RecipeError, match=what):
        pruning(order, prune)


def run_train(folder, texts, **kwargs):
    asked = {"order": 2, "prune": (), "memory_bytes": MEMORY, **kwargs}
    return train(iter([array(texts)]), folder / "model", scratch=folder / "scratch", **asked)


@pytest.fixture
def bare_path(tmp_path, monkeypatch):
    """A search path with nothing on it; returns how to put a shell script there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    return install


def test_empty_texts_are_passed_over_and_nothing_is_left_behind(tmp_path, bare_path):
    facts = run_train(tmp_path, ["", *TEXTS, ""])
    assert facts["documents"] == len(TEXTS)
    assert facts["words"] == sum(len(text.split()) for text in TEXTS)
    assert facts["vocabulary"] == len(set(" ".join(TEXTS).split()))
    assert (facts["trainer"], facts["binary"]) == ("gapless", False)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.arpa"]
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_a_reference_without_words_is_refused(texts, tmp_path, bare_path):
    with pytest.raises(DataError, match="has no words"):
        run_train(tmp_path, texts)


def test_a_reference_smaller_than_the_pruning_is_refused(tmp_path, bare_path):
    with pytest.raises(DataError, match="2 documents cannot be pruned of words seen 2 times"):
        run_train(tmp_path, ["a", "a"], prune=(2,))


def test_lmplz_trains_where_it_is_on_the_path(tmp_path, bare_path):
    told = tmp_path / "told"
    bare_path(
        "lmplz",
        f"""echo "$@" > {told}
while read -r line; do echo "[$line]" >> {told}; done
echo 'Unigram tokens 3 types 6
1 6 D1=0.5 D2=1 D3+=1.5
2 4/5 D1=0.6 D2=1.1 D3+=1.6' >&2
echo model""",
    )
    bare_path("build_binary", 'echo "$1" > "$3"')
    facts = run_train(tmp_path, ["a b", "", "c"], prune=(0, 1), memory_bytes=5000)
    assert facts == {
        "trainer": "lmplz",
        "documents": 2,
        "words": 3,
        "vocabulary": 3,
        "ngrams": [6, 4],
        "discounts": [[0.5, 1.0, 1.5], [0.6, 1.1, 1.6]],
        "binary": True,
    }
    assert (tmp_path / "model" / "model.arpa").read_text() == "model\n"
    assert (tmp_path / "model" / "model.binary").read_text() == "probing\n"
    command, *lines = told.read_text().splitlines()
    assert command.startswith("-o 2 --discount_fallback -S 5000b -T ")
    assert command.endswith("/ --prune 0 1")
    assert lines == ["[a b]", "[c]"]


def test_what_lmplz_says_when_it_fails_is_passed_on(tmp_path, bare_path):
    bare_path("lmplz", "echo 'Not enough memory' >&2; echo '****' >&2; exit 3")
    with pytest.raises(RunError, match="lmplz ended with status 3: Not enough memory"):
        run_train(tmp_path, ["word " * 99] * 9999)


def test_a_fault_of_the_texts_ends_lmplz(tmp_path, bare_path):
    bare_path("lmplz", "while read -r line; do :; done")
    with pytest.raises(DataError, match="has no words"):
        run_train(tmp_path, [])


def test_a_failure_of_build_binary_is_said(tmp_path, bare_path):
    bare_path("build_binary", "echo 'disk full' >&2; exit 1")
    with pytest.raises(RunError, match="build_binary ended with status 1: disk full"):
        run_train(tmp_path, TEXTS)


@has_lmplz
def test_lmplz_gives_kenlm_a_model_of_order_1(tmp_path):
    ours, _ = trained(TEXTS, tmp_path / "ours", order=1)
    theirs, _ = trained(TEXTS, tmp_path / "theirs", order=1, way=train_with_lmplz)
    assert ours.count("2-grams") == theirs.count("2-grams") == 1
    assert_same_model(ours, theirs, least=10)
