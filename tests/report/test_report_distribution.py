"""Bins, quantiles and the separation of two groups, against numpy and slow obvious counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.report.distribution import (
    MAX_BINS,
    bin_counts,
    bin_edges,
    lower_share,
    nearest_ranks,
    quantiles,
)
from gapless.report.text_content import QUANTILES

FEW = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30).map(np.array)
ANY = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60).map(np.array)


@given(FEW, FEW)
def test_the_lower_share_counts_every_pair_with_ties_half(ones, others):
    pairs = [(a < b) + (a == b) / 2 for a in ones for b in others]
    assert lower_share(ones, others) == pytest.approx(sum(pairs) / len(pairs))
    assert lower_share(ones, others) + lower_share(others, ones) == pytest.approx(1)


@given(st.lists(ANY, min_size=1, max_size=3))
def test_every_document_is_in_one_of_few_rising_bins(groups):
    edges, log = bin_edges(groups)
    assert (np.diff(edges) > 0).all()
    assert 1 <= len(edges) - 1 <= MAX_BINS
    assert not log or edges[0] > 0
    for group in groups:
        assert bin_counts(group, edges).sum() == len(group)


def test_few_documents_are_counted_as_numpy_does():
    values = np.array([0.0, 2.0, 2.5, 3.0, 7.0])
    edges, log = bin_edges([values])
    assert not log
    assert edges.tolist() == np.linspace(0, 7, 9).tolist()
    assert bin_counts(values, edges).tolist() == np.histogram(values, edges)[0].tolist()


def test_a_wide_spread_of_positive_scores_is_binned_by_its_logarithm():
    values = np.geomspace(2, 2000, 1000)
    edges, log = bin_edges([values])
    assert log
    assert np.log(edges[1:] / edges[:-1]) == pytest.approx(np.log(1000) / (len(edges) - 1))
    assert bin_counts(values, edges).std() < 1, "equal in the logarithm, so equal bins"
    assert not bin_edges([values - 2.0])[1], "zero has no logarithm"
    assert not bin_edges([np.linspace(100, 700, 1000)])[1], "not wide"
    assert not bin_edges([np.linspace(0.001, 1, 1000)])[1], "wide, but its middle is in the middle"


def test_a_single_far_score_does_not_squeeze_the_others_into_one_bin():
    values = np.append(np.linspace(0, 1, 5000), 1e9)
    edges, log = bin_edges([values])
    assert not log
    assert edges[-1] < 2
    counts = bin_counts(values, edges)
    assert counts.sum() == 5001
    assert np.count_nonzero(counts) == len(counts)


def test_a_narrow_source_is_not_one_bin_beside_a_wide_one():
    narrow, wide = np.linspace(100, 104, 300), np.linspace(80, 115, 300)
    edges, _ = bin_edges([narrow, wide])
    assert np.count_nonzero(bin_counts(narrow, edges)) >= 6
    assert len(edges) - 1 <= MAX_BINS
    assert len(bin_edges([wide])[0]) < len(edges), "the wide one alone needs no more"


def test_equal_scores_are_one_bin():
    edges, log = bin_edges([np.full(9, 4.0)])
    assert (len(edges), log) == (2, False)
    assert bin_counts(np.full(9, 4.0), edges).tolist() == [9]


@given(ANY)
def test_quantiles_are_numpys(values):
    assert quantiles(values) == tuple(np.quantile(values, QUANTILES).tolist())


def test_nothing_has_no_quantile_and_no_example():
    assert quantiles(np.zeros(0)) == ()
    assert nearest_ranks(np.zeros(0), (0.5,)) == {}


def test_the_nearest_rank_is_a_document_that_stands_there():
    values = np.array([30.0, 10.0, 20.0, 50.0, 40.0])
    assert nearest_ranks(values, (0.0, 0.25, 0.5, 1.0)) == {0.0: 1, 0.25: 2, 0.5: 0, 1.0: 3}
    assert nearest_ranks(np.array([7.0, 7.0]), (0.1, 0.2, 0.9)) == {0.1: 0, 0.9: 1}
