from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.ordering import (
    BestFit,
    Cut,
    Documents,
    DocumentStream,
    Packer,
    RunOrder,
    Shuffled,
    Sorted,
    blocks,
    interleave,
    rows_taken,
    sequence_of,
)
from gapless.recipe.curricula import Buckets, ByScore, Curriculum, Interleaved, Labels
from gapless.records.rows import Pieces, Segment
from gapless.records.stretches import Draw, Stretch


@contextmanager
def small_blocks() -> Iterator[None]:
    """Blocks of five documents, so that a few documents make many."""
    with mock.patch.object(blocks, "BLOCK", 5):
        yield


def slow_interleave(counts: list[int]) -> list[tuple[int, int]]:
    rows = [((i + 0.5) / n, s, i) for s, n in enumerate(counts) for i in range(n)]
    return [(s, i) for _, s, i in sorted(rows)]


counts_lists = st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(sum)


@given(counts_lists, st.data())
def test_any_window_equals_the_slow_sort(counts: list[int], data: st.DataObject) -> None:
    expected = slow_interleave(counts)
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    sources, indices = interleave(np.array(counts), start, stop)
    assert list(zip(sources.tolist(), indices.tolist(), strict=True)) == expected[start:stop]


@given(st.lists(st.integers(1, 300), min_size=2, max_size=5), st.data())
def test_every_window_has_the_shares_to_a_row_and_a_share_of_a_row_per_source(
    counts: list[int], data: st.DataObject
) -> None:
    total = sum(counts)
    start = data.draw(st.integers(0, total))
    stop = data.draw(st.integers(start, total))
    sources, _ = interleave(np.array(counts), start, stop)
    for source, count in enumerate(counts):
        share = count / total
        seen = int((sources == source).sum())
        assert abs(seen - (stop - start) * share) <= 1 + len(counts) * share + 1e-9
    taken = rows_taken(np.array(counts), stop) - rows_taken(np.array(counts), start)
    assert taken.tolist() == np.bincount(sources, minlength=len(counts)).tolist()


def test_a_window_deep_in_a_huge_phase_costs_nothing() -> None:
    counts = np.array([10**9, 3 * 10**8, 7, 10**5])
    start = 900_000_000
    sources, indices = interleave(counts, start, start + 1000)
    assert len(sources) == 1000
    again, _ = interleave(counts, start + 500, start + 501)
    assert again[0] == sources[500]
    assert abs(indices[sources == 0][0] / counts[0] - start / counts.sum()) < 1e-6


def documents(name: str = "law", lengths: Sequence[int] = (4, 7, 5)) -> Documents:
    """Documents 10, 11, ... of a store: all but its first ten."""
    offsets = np.cumsum([0, *[3] * 10, *lengths])
    return Documents(name, np.arange(10, 10 + len(lengths)), offsets)


def stream(
    name: str = "law",
    seed: int = 3,
    lengths: Sequence[int] = (4, 7, 5),
    packer: Packer | None = None,
) -> DocumentStream:
    arrangement = Shuffled(documents(name, lengths), seed=seed)
    return DocumentStream(arrangement, packer or Cut(8), seed=seed)


def tokens(pieces: Pieces) -> list[tuple[int, int, int]]:
    """Return every token that the rows hold: (epoch, document, place in it)."""
    slices = zip(pieces.epochs, pieces.documents, pieces.begins, pieces.ends, strict=True)
    return [(int(e), int(d), t) for e, d, begin, end in slices for t in range(begin, end)]


def all_of(lengths: Sequence[int], epoch: int = 0) -> list[tuple[int, int, int]]:
    return [(epoch, 10 + d, t) for d, length in enumerate(lengths) for t in range(length)]


def test_each_epoch_shows_every_token_once() -> None:
    for epoch in range(3):
        rows = stream().rows(16 * epoch, 2)
        assert sorted(tokens(rows)) == all_of((4, 7, 5), epoch)


def test_epochs_are_shuffled_afresh() -> None:
    many = stream(lengths=(4,) * 50)
    first, second = (many.rows(200 * epoch, 25).documents.tolist() for epoch in (0, 1))
    assert sorted(first) == sorted(second)
    assert first != second


lengths_lists = st.lists(st.integers(1, 30), min_size=1, max_size=40)
packers = st.sampled_from([Cut(8), BestFit(8)])


@settings(max_examples=60)
@given(lengths_lists, packers, st.data())
def test_any_rows_of_a_stream_equal_those_of_the_whole(
    lengths: list[int], packer: Packer, data: st.DataObject
) -> None:
    with small_blocks():
        made = stream(lengths=lengths, packer=packer)
        total = 2 * -(-made.epoch_size // packer.row_size) + 3
        whole = made.rows(0, total)
        start = data.draw(st.integers(0, total - 1))
        count = data.draw(st.integers(1, total - start))
        again = stream(lengths=lengths, packer=packer)
        part = again.rows(start * packer.row_size, count)
        expected = whole.taken(np.arange(start, start + count))
    assert tokens(part) == tokens(expected)
    assert part.offsets.tolist() == expected.offsets.tolist()


@settings(max_examples=60)
@given(lengths_lists)
def test_best_fit_shows_every_token_once_and_cuts_only_long_documents(lengths: list[int]) -> None:
    with small_blocks():
        made = stream(lengths=lengths, packer=BestFit(8))
        rows = made.rows(0, made.epoch_size)
    assert sorted(tokens(rows)) == all_of(lengths)
    filled = np.add.reduceat(rows.ends - rows.begins, rows.offsets[:-1])
    assert filled.max() <= 8
    cut = {
        d
        for d, b, e in zip(rows.documents, rows.begins, rows.ends, strict=True)
        if e - b != lengths[d - 10]
    }
    assert all(lengths[document - 10] > 8 for document in cut)


@settings(max_examples=60)
@given(lengths_lists, packers, st.data())
def test_arranged_anew_in_the_middle_an_epoch_still_shows_every_token_once(
    lengths: list[int], packer: Packer, data: st.DataObject
) -> None:
    with small_blocks():
        made = stream(lengths=lengths, packer=packer)
        scores = np.array(lengths, dtype=float)
        by_length = Sorted(
            made.documents, np.argsort(scores, kind="stable"), scores, key="by length"
        )
        shuffled, at = made.arrangement, 0
        for arrangement in (by_length, shuffled, by_length):
            left = (made.next_epoch(at) - at) // packer.row_size
            at += data.draw(st.integers(0, max(0, left))) * packer.row_size
            made.rearrange(at, arrangement)
        end = made.next_epoch(at)
        end = at + made.epoch_size if end == at else end
        seen = tokens(made.rows(0, -(-end // packer.row_size)))
        epoch = made.epoch_at(end - 1)
    assert sorted(t for t in seen if t[0] == epoch) == all_of(lengths, epoch)
    assert len(seen) == len(set(seen))


def order(seed: int = 3, *, extra: bool = False, packer: Packer | None = None) -> RunOrder:
    made = packer or Cut(8)
    streams = {
        "law": stream("law", seed, packer=made),
        "wiki": stream("wiki", seed, (6, 6, 6, 6), packer=made),
    }
    phases: list[dict[str, int]] = [{"law": 6, "wiki": 2}, {"law": 1, "wiki": 5}]
    if extra:
        streams["news"] = stream("news", seed, (50,), packer=made)
        phases[1]["news"] = 3
    return RunOrder([Stretch.whole(i, rows) for i, rows in enumerate(phases)], streams)


def test_row_k_is_computable_alone() -> None:
    whole = list(order().rows(0, 14))
    assert len(whole) == 14
    assert [order().row(k) for k in range(14)] == whole
    assert list(order().rows(5, 11)) == whole[5:11]


def test_every_row_is_full_and_counts_are_kept() -> None:
    rows = list(order().rows(0, 14))
    assert all(sum(s.end - s.begin for s in row.segments) == 8 for row in rows)
    assert [row.phase for row in rows] == [0] * 8 + [1] * 6
    assert [row.stratum for row in rows].count("law") == 7
    assert order().rows(0, 14).tokens_of_strata() == {"law": 56, "wiki": 56}


def test_a_phase_goes_on_where_the_one_before_stopped() -> None:
    rows = [row for row in order().rows(0, 14) if row.source == "law"]
    joined = [s for row in rows for s in row.segments]
    seen = [(s.epoch, s.document, t) for s in joined for t in range(s.begin, s.end)]
    assert len(seen) == 56
    assert len(set(seen)) == 56


def test_adding_a_source_reseeds_no_other() -> None:
    def of_law(run: RunOrder) -> list[tuple[Segment, ...]]:
        return [row.segments for row in run.rows(0, run.num_rows) if row.source == "law"]

    assert of_law(order()) == of_law(order(extra=True))
    assert of_law(order()) != of_law(order(seed=4))


def test_streams_refuse_to_be_empty() -> None:
    with pytest.raises(AssertionError):
        stream(lengths=())


@pytest.mark.parametrize("draw", ["fresh", "again"])
def test_an_epoch_is_drawn_anew_or_repeated(draw: Draw) -> None:
    lengths = (4,) * 40
    first = Stretch.whole(0, {"law": 10}, {"law": "fresh"})
    second = Stretch.whole(0, {"law": 10}, {"law": draw})
    run = RunOrder([first, second, Stretch.whole(1, {"law": 5})], {"law": stream(lengths=lengths)})
    drawn = [
        {s.document for row in run.rows(*span) for s in row.segments}
        for span in ((0, 10), (10, 20), (20, 25))
    ]
    assert [len(each) for each in drawn] == [20, 20, 10], "each draw shows no document twice"
    assert (drawn[0] == drawn[1]) == (draw == "again")
    if draw == "again":
        assert not drawn[0] & drawn[2], "what the draw left is drawn next"
        sequences = [
            [s.document for row in run.rows(*span) for s in row.segments]
            for span in ((0, 10), (10, 20))
        ]
        assert sequences[0] != sequences[1]


def test_a_stretch_cut_short_has_the_beginning_of_the_whole() -> None:
    rows = {"law": 20, "wiki": 9}
    streams = {"law": stream("law"), "wiki": stream("wiki", lengths=(6,) * 9)}
    whole = RunOrder([Stretch.whole(0, rows)], dict(streams))
    cut = RunOrder([Stretch(0, rows, 11), Stretch.whole(0, {"law": 3, "wiki": 5})], dict(streams))
    assert list(cut.rows(0, 11)) == list(whole.rows(0, 11))
    seen = tokens(cut.rows(0, 19).pieces)
    assert len(seen) == 19 * 8
    of_law = [
        t
        for row in cut.rows(0, 19)
        if row.source == "law"
        for s in row.segments
        for t in [(s.epoch, s.document, n) for n in range(s.begin, s.end)]
    ]
    assert len(of_law) == len(set(of_law)), "nothing is repeated before its epoch is over"


CURRICULA = [
    ByScore(column="ppl"),
    ByScore(column="ppl", direction="descending"),
    Buckets(column="ppl", buckets=3),
    Interleaved(column="ppl", cycles=3),
    Labels(column="topic", labels=("2", "0", "1")),
]


@settings(max_examples=40)
@given(st.sampled_from(CURRICULA), st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_a_curriculum_is_a_sequence_of_all_documents_by_its_rule(
    curriculum: Curriculum, values: list[int]
) -> None:
    lengths = [1 + value for value in values]
    numbers = np.array(values, dtype=float)
    sequence, scores = sequence_of(curriculum, documents("law", lengths), numbers, seed=1)
    assert sorted(sequence.tolist()) == list(range(len(values)))
    assert (np.diff(scores[sequence]) >= 0).all()
    if isinstance(curriculum, ByScore):
        expected = sorted(values, reverse=curriculum.direction == "descending")
        assert numbers[sequence].tolist() == expected
    if isinstance(curriculum, Interleaved):
        cycles = np.split(numbers[sequence], np.flatnonzero(np.diff(numbers[sequence]) < 0) + 1)
        assert len(cycles) <= 3
    if isinstance(curriculum, Buckets):
        lowest = [numbers[scores == bucket] for bucket in np.unique(scores)]
        assert all(a.max() <= b.min() for a, b in pairwise(lowest))


def test_documents_without_a_number_come_last() -> None:
    values = np.array([3.0, np.nan, 1.0, np.nan, 2.0])
    for direction, expected in (("ascending", [2, 4, 0]), ("descending", [0, 4, 2])):
        curriculum = ByScore(column="ppl", direction=direction)
        sequence, _ = sequence_of(curriculum, documents("law", (1,) * 5), values, seed=1)
        assert sequence[:3].tolist() == expected
        assert set(sequence[3:].tolist()) == {1, 3}


def across(scores: dict[str, list[float]]) -> RunOrder:
    """Sources of one-row documents, sorted over all of them together, beside a shuffled one."""
    streams = {name: stream(name, lengths=(8,) * len(own)) for name, own in scores.items()}
    streams["wiki"] = stream("wiki", lengths=(8,) * 30)
    arrangements = {
        (0, name): Sorted(
            streams[name].documents,
            np.argsort(np.array(own), kind="stable"),
            np.array(own),
            key="sorted",
        )
        for name, own in scores.items()
    }
    rows = {name: len(own) for name, own in scores.items()} | {"wiki": 30}
    return RunOrder(
        [Stretch.whole(0, rows)], streams, arrangements=arrangements, merged={0: tuple(scores)}
    )


def test_a_curriculum_across_sources_goes_by_score_and_keeps_their_common_share() -> None:
    scores = {"law": [5.0, 1.0, 9.0, 3.0, 3.5], "news": [2.0, 8.0, 4.0, 0.5, 7.0]}
    run = across(scores)
    rows = list(run.rows(0, 40))
    seen = [
        scores[row.source][row.segments[0].document - 10] for row in rows if row.source != "wiki"
    ]
    assert seen == sorted(scores["law"] + scores["news"])
    places = [i for i, row in enumerate(rows) if row.source != "wiki"]
    assert all(3 <= b - a <= 5 for a, b in pairwise(places))
    assert [run.row(k) for k in range(40)] == rows
