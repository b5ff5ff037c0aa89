import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.ordering import DocumentStream, RunOrder, interleave
from gapless.records.rows import Segment


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


@given(st.lists(st.integers(1, 300), min_size=2, max_size=5), st.integers(0, 10**6))
def test_every_beginning_has_the_shares(counts: list[int], draw: int) -> None:
    total = sum(counts)
    stop = draw % total + 1
    sources, _ = interleave(np.array(counts), 0, stop)
    for source, count in enumerate(counts):
        assert abs((sources == source).sum() - stop * count / total) <= len(counts)


def test_a_window_deep_in_a_huge_phase_costs_nothing() -> None:
    counts = np.array([10**9, 3 * 10**8, 7, 10**5])
    start = 900_000_000
    sources, indices = interleave(counts, start, start + 1000)
    assert len(sources) == 1000
    again, _ = interleave(counts, start + 500, start + 501)
    assert again[0] == sources[500]
    assert abs(indices[sources == 0][0] / counts[0] - start / counts.sum()) < 1e-6


def stream(
    source: str = "law", seed: int = 3, lengths: tuple[int, ...] = (4, 7, 5)
) -> DocumentStream:
    documents = np.arange(10, 10 + len(lengths))
    return DocumentStream(source, documents=documents, lengths=np.array(lengths), seed=seed)


def test_each_epoch_shows_every_token_once() -> None:
    for epoch in range(3):
        segments = list(stream().segments(16 * epoch, 16 * (epoch + 1)))
        assert {s.epoch for s in segments} == {epoch}
        assert sorted((s.document, s.begin, s.end) for s in segments) == [
            (10, 0, 4),
            (11, 0, 7),
            (12, 0, 5),
        ]


def test_epochs_are_shuffled_afresh() -> None:
    many = stream(lengths=(3,) * 50)
    first, second = ([s.document for s in many.segments(150 * e, 150 * (e + 1))] for e in (0, 1))
    assert sorted(first) == sorted(second)
    assert first != second


@given(st.integers(0, 200), st.integers(0, 60))
def test_a_slice_of_the_stream_equals_the_same_tokens_of_the_whole(start: int, length: int) -> None:
    def tokens(segments: list[Segment]) -> list[tuple[int, int, int]]:
        return [(s.epoch, s.document, t) for s in segments for t in range(s.begin, s.end)]

    whole = tokens(list(stream().segments(0, 260)))
    assert tokens(list(stream().segments(start, start + length))) == whole[start : start + length]


def order(seed: int = 3, extra: bool = False) -> RunOrder:
    streams = {"law": stream("law", seed), "wiki": stream("wiki", seed, (6, 6, 6, 6))}
    phases: list[dict[str, int]] = [{"law": 6, "wiki": 2}, {"law": 1, "wiki": 5}]
    if extra:
        streams["news"] = stream("news", seed, (50,))
        phases[1]["news"] = 3
    return RunOrder(phases, streams, context=8)


def test_row_k_is_computable_alone() -> None:
    whole = order().rows(0, 14)
    assert len(whole) == 14
    assert [order().rows(k, k + 1)[0] for k in range(14)] == whole
    assert order().rows(5, 11) == whole[5:11]


def test_every_row_is_full_and_counts_are_kept() -> None:
    rows = order().rows(0, 14)
    assert all(sum(s.end - s.begin for s in row.segments) == 8 for row in rows)
    assert [row.phase for row in rows] == [0] * 8 + [1] * 6
    assert [row.source for row in rows].count("law") == 7


def test_a_phase_goes_on_where_the_one_before_stopped() -> None:
    rows = [row for row in order().rows(0, 14) if row.source == "law"]
    joined = [s for row in rows for s in row.segments]
    tokens = [(s.epoch, s.document, t) for s in joined for t in range(s.begin, s.end)]
    assert len(tokens) == 56
    assert len(set(tokens)) == 56


def test_adding_a_source_reseeds_no_other() -> None:
    def of_law(run: RunOrder) -> list[tuple[Segment, ...]]:
        return [row.segments for row in run.rows(0, run.num_rows) if row.source == "law"]

    assert of_law(order()) == of_law(order(extra=True))
    assert of_law(order()) != of_law(order(seed=4))


def test_streams_refuse_to_be_empty() -> None:
    with pytest.raises(AssertionError):
        stream(lengths=())
