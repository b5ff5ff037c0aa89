"""The order at 10^13 tokens, against exact arithmetic, and under stretches nobody would plan."""

from collections.abc import Mapping, Sequence
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_audit import audit

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
from gapless.recipe.curricula import Buckets, ByScore, Curriculum, Interleaved
from gapless.records.stretches import Draw, Stretch
from gapless.seeds import stream

CONTEXT = 8192
HUGE = {"law/a": 700_000_001, "law/b": 299_999_983, "news": 12_345_678, "wiki": 10**9 + 7, "one": 3}
"""Stratum to rows of a phase: 1.6e13 tokens."""


def rank(counts: Sequence[int], source: int, row: int) -> int:
    """Return how many rows stand before one, in whole numbers: by (row + 1/2) / count, then source.

    Row j of source t stands before it where (2 j + 1) n < (2 row + 1) n_t.
    """
    n, before = counts[source], 0
    for t, count in enumerate(counts):
        limit = (2 * row + 1) * count
        earlier = max(0, -((n - limit) // (2 * n)))
        if t < source and (limit - n) % (2 * n) == 0 and limit >= n:
            earlier += 1
        before += min(earlier, count)
    return before


def test_ranks_are_those_of_the_slow_sort() -> None:
    counts = [5, 3, 0, 10, 1]
    order = sorted(((i + 0.5) / n, s, i) for s, n in enumerate(counts) for i in range(n))
    assert [rank(counts, s, i) for _, s, i in order] == list(range(19))


@given(
    st.lists(st.integers(1, 2 * 10**9), min_size=1, max_size=6),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_no_row_is_lost_to_rounding_at_any_place(counts: list[int], places: list[float]) -> None:
    total = sum(counts)
    for place in {0, total - 1, *(min(total - 1, int(p * total)) for p in places)}:
        before = rows_taken(np.array(counts), place)
        after = rows_taken(np.array(counts), place + 1)
        assert (before.dtype, int(before.sum())) == (np.int64, place)
        sources, rows = interleave(np.array(counts), place, place + 1)
        source, row = int(sources[0]), int(rows[0])
        assert (after - before).tolist() == [int(s == source) for s in range(len(counts))]
        assert row == before[source]
        # Positions are rounded to 53 bits, so that rows of several sources may tie; no others move.
        assert abs(rank(counts, source, row) - place) < len(counts)
    assert rows_taken(np.array(counts), total).tolist() == counts


def huge_order(packer: Packer) -> RunOrder:
    streams = {}
    for name in HUGE:
        lengths = stream(0, name).integers(2, 60_000, size=1 if name == "one" else 3000)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        documents = Documents(name, np.arange(len(lengths)), offsets)
        streams[name] = DocumentStream(Shuffled(documents, seed=0), packer, seed=0)
    phases: list[Mapping[str, int]] = [HUGE, {"wiki": 10**9, "law/b": 10**9}, HUGE]
    return RunOrder([Stretch.whole(i, rows) for i, rows in enumerate(phases)], streams)


@pytest.mark.parametrize("packer", [Cut(CONTEXT), BestFit(CONTEXT)], ids=["cut", "best_fit"])
def test_any_row_of_1e13_tokens_is_where_whole_numbers_say(packer: Packer) -> None:
    run = huge_order(packer)
    assert run.num_tokens > 4 * 10**13
    names, counts = list(HUGE), np.array(list(HUGE.values()))
    last_phase = run.num_rows - sum(HUGE.values())
    second = {"wiki": 10**9, "law/b": 10**9}
    for place in (0, 3, 10**9 + 1, sum(HUGE.values()) - 2):
        (row,) = run.rows(last_phase + place, last_phase + place + 1)
        source, index = (int(part[0]) for part in interleave(counts, place, place + 1))
        assert (row.stratum, row.phase) == (names[source], 2)
        taken = HUGE[row.stratum] + second.get(row.stratum, 0) + index
        epoch, at = divmod(taken * packer.row_size, run.streams[row.stratum].epoch_size)
        assert row.segments[0].epoch == epoch
        if isinstance(packer, Cut):
            assert sum(s.end - s.begin for s in row.segments) == CONTEXT
            again = run.streams[row.stratum].rows(epoch * run.streams[row.stratum].epoch_size, 1)
            assert again.epochs[0] == epoch
            assert at < run.streams[row.stratum].epoch_size
    rows = run.rows(run.num_rows - 5, run.num_rows)
    pieces = rows.pieces
    arrays = (rows.strata, rows.phases, pieces.offsets, pieces.documents, pieces.begins)
    assert {array.dtype for array in (*arrays, pieces.ends, pieces.epochs)} == {np.dtype(np.int64)}


WORLD = {"a": (4, 1, 8, 13, 8, 2, 40), "b": (3, 9, 1, 16, 2, 5, 7, 8, 8, 6, 1), "c": (21,)}
LENGTHS = {name: dict(enumerate(lengths)) for name, lengths in WORLD.items()}
rows_of_strata = st.fixed_dictionaries({name: st.integers(0, 9) for name in WORLD})


@st.composite
def phases_of_stretches(draw: st.DrawFn) -> list[Stretch]:
    """Draw phases: cut short or not, beginning afresh or not, and some of them shown again."""
    found: list[Stretch] = []
    for phase in range(draw(st.integers(1, 5))):
        rows = draw(rows_of_strata)
        afresh = draw(st.sets(st.sampled_from(sorted(WORLD))))
        again = draw(st.integers(0, 2)) if afresh else 0
        draws: dict[str, Draw] = dict.fromkeys(sorted(afresh), "fresh")
        repeated: dict[str, Draw] = dict.fromkeys(sorted(afresh), "again")
        total = sum(rows.values())
        length = total if again else draw(st.integers(0, total))
        found.append(Stretch(phase, rows, length, draws))
        found += [Stretch(phase, rows, total, repeated)] * again
        if again:
            found.append(Stretch(phase, rows, draw(st.integers(0, total)), repeated))
    return found


def odd_run(
    stretches: Sequence[Stretch], packer: Packer, sorted_phases: set[int], *, across: bool
) -> RunOrder:
    streams, arrangements = {}, {}
    for name, lengths in WORLD.items():
        documents = Documents(name, np.arange(len(lengths)), np.cumsum([0, *lengths]))
        streams[name] = DocumentStream(Shuffled(documents, seed=1), packer, seed=1)
        scores = np.array(lengths, dtype=float) % 5
        by_score = Sorted(documents, np.argsort(scores, kind="stable"), scores, key="by score")
        arrangements |= {(phase, name): by_score for phase in sorted_phases}
    merged = {phase: ("a", "b", "c") for phase in sorted_phases if across}
    return RunOrder(stretches, streams, arrangements=arrangements, merged=merged, seed=1)


@settings(max_examples=150, deadline=None)
@given(
    phases_of_stretches().filter(lambda found: sum(each.length for each in found) > 0),
    st.sampled_from([Cut(8), BestFit(8)]),
    st.sets(st.integers(0, 4)),
    st.booleans(),
    st.data(),
)
def test_whatever_the_stretches_nothing_is_lost_or_shown_twice(
    stretches: list[Stretch],
    packer: Packer,
    sorted_phases: set[int],
    across: bool,
    data: st.DataObject,
) -> None:
    with mock.patch.object(blocks, "BLOCK", 2):
        run = odd_run(stretches, packer, sorted_phases, across=across)
        rows = run.rows(0, run.num_rows)
        audit(rows, stretches, LENGTHS)
        known = data.draw(st.integers(0, len(stretches)))
        resumed = odd_run(stretches[:known], packer, sorted_phases, across=across)
        if resumed.known_rows:
            at = data.draw(st.integers(0, resumed.known_rows - 1))
            assert resumed.row(at) == rows.row(at)
        for stretch in stretches[known:]:
            resumed.extend(stretch)
        assert list(resumed.rows(0, run.num_rows)) == list(rows)


def test_a_curriculum_survives_best_fit_rows() -> None:
    """A row's documents are neighbours in the sequence: within an eighth of it at most."""
    lengths = np.clip(stream(0, "lengths").lognormal(6, 1, 600), 2, 9000).astype(np.int64)
    documents = Documents("law", np.arange(600), np.concatenate([[0], np.cumsum(lengths)]))
    scores = stream(0, "scores").random(600)
    by_score = Sorted(documents, np.argsort(scores), scores, key="by score")
    made = DocumentStream(by_score, BestFit(2048), seed=0)
    rows = made.rows(0, made.epoch_size)
    places = np.argsort(np.argsort(scores))[rows.documents] / 600
    firsts = np.repeat(places[rows.offsets[:-1]], np.diff(rows.offsets))
    assert (np.diff(places[rows.offsets[:-1]]) >= 0).all()
    assert (np.abs(places - firsts) < 1 / 8).all()
    padding = 1 - (rows.ends - rows.begins).sum() / (len(rows) * 2048)
    assert 0 < padding < 0.04


def test_strata_of_equal_scores_come_mixed() -> None:
    """Two disciplines in blocks, each of three sources: no source waits for another's end."""
    streams, arrangements = {}, {}
    counts = {"a": 30, "b": 20, "c": 10}
    for name, count in counts.items():
        documents = Documents(name, np.arange(count), np.arange(0, 8 * count + 1, 8))
        scores = np.repeat([0.0, 1.0], count // 2)
        streams[name] = DocumentStream(Shuffled(documents, seed=0), Cut(8), seed=0)
        arrangements[0, name] = Sorted(documents, np.arange(count), scores, key="by score")
    run = RunOrder(
        [Stretch.whole(0, counts)], streams, arrangements=arrangements, merged={0: tuple(counts)}
    )
    rows = run.rows(0, 60)
    second = rows.pieces.documents >= np.array([15, 10, 5])[rows.strata]
    assert second.tolist() == [False] * 30 + [True] * 30
    for first in range(0, 60, 6):
        assert np.bincount(rows.strata[first : first + 6]).tolist() == [3, 2, 1]


@pytest.mark.parametrize(
    "curriculum",
    [ByScore(column="s"), Buckets(column="s", buckets=2), Interleaved(column="s", cycles=2)],
    ids=lambda each: each.type,
)
def test_documents_without_a_number_come_last_in_every_curriculum(curriculum: Curriculum) -> None:
    values = np.array([3.0, np.nan, 1.0, np.nan, 2.0, np.nan, 7.0])
    for own in (values, np.full(7, np.nan)):
        sequence, scores = sequence_of(
            curriculum, Documents("law", np.arange(7), np.arange(8)), own, seed=1
        )
        num_scored = int(np.isfinite(own).sum())
        assert sorted(sequence.tolist()) == list(range(7))
        assert np.isinf(scores[sequence[num_scored:]]).all()
        assert set(sequence[num_scored:].tolist()) == set(np.flatnonzero(np.isnan(own)).tolist())
        assert np.isfinite(scores[sequence[:num_scored]]).all()
