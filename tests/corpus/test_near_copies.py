"""Near copies against all pairs compared in Python, and planted ones in real text."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless import assets
from gapless.corpus.near_copies import most_differences, near_copies
from gapless.corpus.signatures import EMPTY, signatures
from gapless.recipe.cleanings import NearDuplicates
from gapless.seeds import stream

_PATH = Path(__file__).parents[2] / "benchmarks" / "near_copies.py"
_SPEC = importlib.util.spec_from_file_location("benchmarks_near_copies", _PATH)
benchmark = importlib.util.module_from_spec(_SPEC)
# `dataclass` looks its own module up by name.
sys.modules[_SPEC.name] = benchmark
_SPEC.loader.exec_module(benchmark)

SMALL = NearDuplicates(bands=3, rows=2, threshold=0.6)


def table(*rows):
    return np.array(rows, dtype=np.uint32)


def slow_pairs(rows, spec):
    """Return all pairs: a band in common and enough equal numbers."""
    banded = rows.reshape(len(rows), spec.bands, spec.rows)
    pairs = []
    for two in range(len(rows)):
        for one in range(two):
            if EMPTY in (rows[one, 0], rows[two, 0]):
                continue
            has_band = (banded[one] == banded[two]).all(axis=1).any()
            if has_band and (rows[one] == rows[two]).mean() >= spec.threshold:
                pairs.append((one, two))
    return pairs


def slow_families(rows, spec):
    """Return the first row that pairs lead to."""
    first = list(range(len(rows)))
    pairs = slow_pairs(rows, spec)
    for _ in rows:
        for one, two in pairs:
            first[one] = first[two] = min(first[one], first[two])
    return first


def slow_copy_of(rows, spec):
    """Return the first row that stays, of the same family and near; -1 where the row stays."""
    families = slow_families(rows, spec)
    copy_of = []
    for row, family in enumerate(families):
        near = [
            one
            for one in range(row)
            if copy_of[one] < 0
            and families[one] == family
            and (rows[one] == rows[row]).mean() >= spec.threshold
        ]
        copy_of.append(near[0] if near else -1)
    return copy_of


def template(num_rows, equal, seed, spec=SMALL, changed=0.0):
    """Return rows that each keep a number of one template's with the probability ``equal``."""
    random = stream(0, "near copies", seed)
    shape = (num_rows, spec.bands * spec.rows)
    base = stream(0, "template").integers(1000, 2000, shape[1])
    base = np.where(random.random(shape[1]) < changed, base + 5000, base)
    noise = random.integers(10_000, 2**31, shape)
    return np.where(random.random(shape) < equal, base, noise).astype(np.uint32)


@st.composite
def tables(draw):
    """A small matrix whose rows share bands often, and are EMPTY at times."""
    num_rows = draw(st.integers(0, 24))
    row = st.lists(st.integers(0, draw(st.integers(0, 3))), min_size=6, max_size=6)
    empty = st.just([int(EMPTY)] * 6)
    rows = draw(st.lists(st.one_of(row, row, row, empty), min_size=num_rows, max_size=num_rows))
    return np.array(rows, dtype=np.uint32).reshape(num_rows, 6)


thresholds = st.sampled_from([0.34, 0.5, 0.6, 0.7, 5 / 6, 1.0])
shapes = st.sampled_from([(3, 2), (2, 3), (6, 1), (1, 6)])


@given(tables(), thresholds, shapes)
def test_the_copies_are_those_of_a_slow_comparison_of_all(rows, threshold, shape):
    spec = NearDuplicates(bands=shape[0], rows=shape[1], threshold=threshold)
    copies = near_copies(rows, spec)
    assert copies.copy_of.tolist() == slow_copy_of(rows, spec)
    assert copies.num_cut_buckets == 0
    for row, kept in enumerate(copies.copy_of):
        if kept < 0:
            assert np.isnan(copies.similarity[row])
        else:
            assert copies.similarity[row] == np.float32((rows[row] == rows[kept]).mean())


@pytest.mark.parametrize(
    ("equal", "changed", "has_chains"),
    [(0.6, 0.0, False), (0.7, 0.0, True), (0.75, 0.3, True), (0.8, 0.3, True), (0.97, 0.4, False)],
)
def test_the_copies_are_those_of_a_slow_comparison_in_great_buckets(equal, changed, has_chains):
    """Long rows, so that the distances to a leader settle pairs that are then not compared."""
    spec = NearDuplicates(bands=20, rows=2, threshold=0.65)
    rows = np.concatenate(
        [template(60, equal, "one", spec), template(60, equal, "two", spec, changed)]
    )
    rows = rows[stream(0, "order").permutation(len(rows))]
    copies = near_copies(rows, spec)
    assert copies.copy_of.tolist() == slow_copy_of(rows, spec)
    assert copies.copy_of.max() >= 0
    assert np.nanmin(copies.similarity) >= spec.threshold
    families = np.array(slow_families(rows, spec))
    chained = (copies.copy_of < 0) & (families != np.arange(len(rows)))
    assert chained.any() == has_chains


@given(tables(), thresholds)
def test_what_goes_is_near_to_what_stays_and_no_two_that_stay_are_a_pair(rows, threshold):
    spec = NearDuplicates(bands=3, rows=2, threshold=threshold)
    copies = near_copies(rows, spec)
    for row, kept in enumerate(copies.copy_of):
        assert kept < row
        assert kept < 0 or copies.copy_of[kept] < 0
        assert kept < 0 or copies.similarity[row] >= np.float32(threshold)
    for one, two in slow_pairs(rows, spec):
        assert copies.copy_of[one] >= 0 or copies.copy_of[two] >= 0


@given(tables(), st.integers(0, 2))
def test_whatever_goes_is_of_the_family_even_in_a_cut_bucket(rows, comparisons):
    copies = near_copies(rows, SMALL, comparisons=comparisons)
    families = slow_families(rows, SMALL)
    for row, kept in enumerate(copies.copy_of):
        assert kept < 0 or families[row] == families[kept]
        assert kept < 0 or copies.similarity[row] >= np.float32(SMALL.threshold)


def test_a_family_with_too_many_leaders_lets_the_rest_stay():
    """Each row is near to the next one only; every other leads."""
    rows = np.array([[(i + k) // 3 * 10 + k for k in range(6)] for i in range(40)], np.uint32)
    spec = NearDuplicates(bands=6, rows=1, threshold=0.6)
    every = near_copies(rows, spec).copy_of
    assert every.tolist() == slow_copy_of(rows, spec)
    few = near_copies(rows, spec, comparisons=3).copy_of
    assert (few < 0).sum() > (every < 0).sum() > 3


def test_a_cut_bucket_is_counted_and_bounded():
    spec = NearDuplicates(bands=2, rows=1, threshold=1.0)
    # One band that all have in common, and no two rows that are equal.
    rows = np.stack([np.zeros(300), np.arange(300)], axis=1).astype(np.uint32)
    whole = near_copies(rows, spec, comparisons=300)
    assert (whole.num_cut_buckets, whole.num_comparisons) == (0, 300 * 299 // 2)
    cut = near_copies(rows, spec, comparisons=10)
    assert cut.num_cut_buckets == 1
    assert 10 * 300 <= cut.num_comparisons < 12 * 300
    assert cut.copy_of.max() == -1


def one_bucket(*free):
    """Return rows that all share the first band, and no other; and the fitting spec.

    Two are a pair when they differ in at most four of their ten free numbers.
    """
    free = np.array(free)
    number = np.arange(len(free))[:, None] + 1_000_000
    rows = np.concatenate([np.zeros((len(free), 11)), number, free], axis=1)
    return rows.astype(np.uint32), NearDuplicates(bands=2, rows=11, threshold=17 / 22)


def digits(text):
    return [int(digit) for digit in text]


def test_a_member_finds_others_nearer_to_the_leader_than_itself():
    leader, other, member, between = "0000000000", "0011111100", "1111111100", "1111000000"
    rows, spec = one_bucket(*map(digits, (leader, other, member, between)))
    assert slow_pairs(rows, spec) == [(1, 2), (0, 3), (2, 3)]
    copies = near_copies(rows, spec)
    assert copies.copy_of.tolist() == [-1, -1, 1, 0]
    assert copies.num_comparisons == 6


def test_only_pairs_that_the_distances_leave_open_are_compared():
    rows, spec = one_bucket(*map(digits, ("0000000000", "1111000000", "1111111100", "2222222222")))
    copies = near_copies(rows, spec)
    assert copies.copy_of.tolist() == [-1, 0, -1, -1]
    # The first with all; the second with the third but not with the last; the third with the last.
    assert copies.num_comparisons == 3 + 1 + 1


def test_a_cut_bucket_gives_later_leaders_their_turn():
    """Two groups of 30: 29 rows of one must be compared with all of the other, in vain."""
    free = np.zeros((60, 10), dtype=int)
    free[30:, :5] = 1
    for row in {*range(60)} - {0, 30}:
        free[row, 7 + row % 3] = row
    rows, spec = one_bucket(*free)
    expected = [-1, *[0] * 29, -1, *[30] * 29]
    whole = near_copies(rows, spec, comparisons=60)
    assert (whole.num_cut_buckets, whole.num_comparisons) == (0, 59 + 29 * 30 + 29)
    cut = near_copies(rows, spec, comparisons=10)
    assert cut.num_cut_buckets == 1
    assert cut.num_comparisons < 600
    assert cut.copy_of.tolist() == whole.copy_of.tolist() == expected


@given(st.lists(st.lists(st.integers(0, 1), min_size=10, max_size=10), min_size=1, max_size=20))
def test_a_bucket_of_few_rows_is_never_cut(free):
    rows, spec = one_bucket(*free)
    copies = near_copies(rows, spec, comparisons=len(rows))
    assert copies.num_cut_buckets == 0
    assert copies.copy_of.tolist() == slow_copy_of(rows, spec)


def test_equal_rows_are_never_compared_within_buckets():
    rows = np.repeat(template(2, 0.0, "equal"), 20_000, axis=0)
    copies = near_copies(rows, SMALL)
    assert copies.copy_of.tolist() == [-1, *[0] * 19_999, -1, *[20_000] * 19_999]
    assert (copies.similarity[copies.copy_of >= 0] == 1).all()
    assert copies.num_comparisons == 0


def test_comparisons_grow_with_the_rows_where_templates_fill_a_bucket():
    """Two templates with whole bands in common, too far apart to be copies."""
    spec = NearDuplicates()
    num_rows = 20_000
    halves = [template(num_rows // 2, 0.97, name, spec, part) for name, part in PARTS.items()]
    assert 0.4 < (halves[0] == halves[1]).mean() < 0.65
    rows = np.concatenate(halves)
    copies = near_copies(rows, spec)
    assert copies.num_cut_buckets == 0
    assert num_rows < copies.num_comparisons < 20 * num_rows
    kept = np.flatnonzero(copies.copy_of < 0)
    assert kept.tolist() == [0, num_rows // 2]


PARTS = {"one": 0.0, "other": 0.4}


def test_a_copy_of_a_copy_that_is_unlike_the_first_stays():
    rows = table([1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 2, 2], [3, 3, 1, 1, 2, 2], [9, 9, 9, 9, 9, 9])
    copies = near_copies(rows, SMALL)
    assert copies.copy_of.tolist() == [-1, 0, -1, -1]
    assert copies.similarity[1] == np.float32(4 / 6)


def test_equal_numbers_make_a_pair_only_with_a_whole_band_among_them():
    spec = NearDuplicates(bands=3, rows=2, threshold=0.5)
    assert near_copies(table([1] * 6, [1, 2, 1, 2, 1, 2]), spec).copy_of.tolist() == [-1, -1]
    assert near_copies(table([1] * 6, [1, 1, 1, 2, 2, 2]), spec).copy_of.tolist() == [-1, 0]


@pytest.mark.parametrize("num_rows", [0, 1])
def test_there_may_be_no_two_rows(num_rows):
    copies = near_copies(np.zeros((num_rows, 6), dtype=np.uint32), SMALL)
    assert copies.copy_of.tolist() == [-1] * num_rows
    assert copies.copy_of.dtype == np.int64
    assert copies.similarity.dtype == np.float32


def test_rows_without_words_stay():
    rows = np.full((4, 6), EMPTY, dtype=np.uint32)
    rows[1] = rows[3] = 5
    assert near_copies(rows, SMALL).copy_of.tolist() == [-1, -1, -1, 1]


def test_a_memory_map_gives_the_same_answer_and_is_only_read(tmp_path):
    rows = template(500, 0.85, "map")
    path = tmp_path / "rows"
    rows.tofile(path)
    mapped = np.memmap(path, dtype=np.uint32, mode="r", shape=rows.shape)
    expected, copies = near_copies(rows, SMALL), near_copies(mapped, SMALL)
    assert (copies.copy_of == expected.copy_of).all()
    assert 0 < (copies.copy_of >= 0).sum() < 500


@given(st.integers(1, 300), st.data())
def test_a_threshold_that_is_a_fraction_of_the_numbers_is_met_by_it(hashes, data):
    equal = data.draw(st.integers(1, hashes))
    assert most_differences(equal / hashes, hashes) == hashes - equal


def test_a_threshold_between_two_fractions_asks_for_the_greater():
    assert most_differences(0.7, 112) == 112 - 79


@pytest.fixture(scope="module")
def planted():
    spec = NearDuplicates()
    names = ("encyclopedia", "novels", "anatomy", "docs")
    texts = benchmark.read_texts([assets.shipped(f"{name}-small") for name in names], 600)
    planted = benchmark.plant(texts, spec)
    rows = signatures(planted.texts, ngram=spec.ngram, hashes=spec.bands * spec.rows)
    return planted, rows, near_copies(rows, spec), spec


def test_planted_copies_are_found_as_often_as_theory_says(planted):
    planted, rows, copies, spec = planted
    result = benchmark.outcome(planted, rows, copies, spec)
    assert len(result.index) == 600
    for low, high in ((0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01), (0.5, 1.01)):
        inside = (result.index >= low) & (result.index < high)
        assert inside.sum() > 40
        for seen, chance in (
            (result.is_candidate, benchmark.band_chance),
            (result.is_found, benchmark.found_chance),
        ):
            chances = np.array([chance(index, spec) for index in result.index[inside]])
            deviation = np.sqrt((chances * (1 - chances)).sum())
            assert abs(seen[inside].sum() - chances.sum()) <= 4 * deviation + 1


def test_precision_and_recall_on_real_text_with_planted_copies(planted):
    planted, _, copies, spec = planted
    threshold = spec.threshold
    precision, recall, removed, pairs = benchmark.precision_and_recall(planted, copies, threshold)
    assert pairs > 300
    assert removed > 300
    assert precision > 0.95
    assert recall > 0.88
    # Nothing goes that is far below the threshold: four standard deviations of the estimate.
    for row in np.flatnonzero(copies.copy_of >= 0):
        assert planted.index(row, copies.copy_of[row]) > 0.7 - 4 * np.sqrt(0.7 * 0.3 / 112)


def test_a_copy_that_differs_only_in_form_always_goes(planted):
    planted, _, copies, _ = planted
    half = planted.num_pairs
    same = [i for i in range(half) if planted.shingles[i] == planted.shingles[i + half]]
    assert len(same) >= half // 10
    assert all(copies.copy_of[i + half] >= 0 for i in same)


def test_the_chance_of_a_band_is_the_known_figure():
    spec = NearDuplicates()
    # FineWeb gives 56 %, 77 %, 92 % and 98.8 % for the same bands.
    chances = [benchmark.band_chance(index, spec) for index in (0.7, 0.75, 0.8, 0.85)]
    assert [round(chance, 3) for chance in chances] == [0.565, 0.772, 0.924, 0.988]
    no_threshold = spec.model_copy(update={"threshold": 1e-9})
    assert benchmark.found_chance(0.7, no_threshold) == pytest.approx(chances[0])


def test_the_benchmark_prints_its_table(monkeypatch, capsys):
    corpus = assets.shipped("anatomy-small")
    monkeypatch.setattr(sys, "argv", ["near_copies.py", str(corpus), "--documents", "60"])
    benchmark.main()
    out = capsys.readouterr().out
    assert "| Jaccard index | pairs |" in out
    assert "precision" in out
