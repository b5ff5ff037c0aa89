"""What a run showed, counted the slow way: token by token, stretch by stretch."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gapless.records.rows import Row, Rows
from gapless.records.stretches import Stretch

Token = tuple[int, int, int]
"""(Epoch, document, place in it)."""


def tokens_of(rows: Sequence[Row]) -> list[Token]:
    return [
        (segment.epoch, segment.document, place)
        for row in rows
        for segment in row.segments
        for place in range(segment.begin, segment.end)
    ]


def rows_by_stretch(rows: Rows, stretches: Sequence[Stretch]) -> list[list[Row]]:
    """Return the rows of each stretch."""
    every, at, found = list(rows), 0, []
    for stretch in stretches:
        found.append(every[at : at + stretch.length])
        at += stretch.length
    assert at == len(every)
    return found


def _reaches(
    name: str, rows: Rows, stretches: Sequence[Stretch]
) -> Iterator[tuple[list[Row], list[list[Row]]]]:
    """Give what a stratum showed from one fresh draw to the next, and its rows shown again."""
    own: list[Row] = []
    again: list[list[Row]] = []
    for stretch, part in zip(stretches, rows_by_stretch(rows, stretches), strict=True):
        of_stratum = [row for row in part if row.stratum == name]
        draw = stretch.draws.get(name) if name in stretch.rows else None
        if draw == "fresh":
            yield own, again
            own, again = [], []
        if draw == "again":
            again.append(of_stratum)
        else:
            own += of_stratum
    yield own, again


def audit(
    rows: Rows, stretches: Sequence[Stretch], lengths: Mapping[str, Mapping[int, int]]
) -> int:
    """Check that every selected token is shown exactly as often as the stretches say.

    From a fresh draw to the next, epochs follow one another without a gap, and each holds every
    token of the stratum once; the last as far as it goes. Rows shown again are rows of the last
    fresh draw, each at most once a time.

    Args:
        rows: all rows of a run.
        stretches: what it was to show.
        lengths: stratum to its documents and their tokens.

    Returns:
        How many whole epochs there were.

    """
    whole_epochs = 0
    for name, documents in lengths.items():
        all_of_it = {(doc, place) for doc, length in documents.items() for place in range(length)}
        expected = 0
        for own, again in _reaches(name, rows, stretches):
            seen: dict[int, list[tuple[int, int]]] = {}
            for epoch, document, place in tokens_of(own):
                seen.setdefault(epoch, []).append((document, place))
            assert sorted(seen) == list(range(expected, expected + len(seen))), "no epoch is left"
            for epoch, shown in seen.items():
                assert len(shown) == len(set(shown)), "nothing twice in an epoch"
                assert set(shown) <= all_of_it, "nothing that is not selected"
                if epoch < max(seen):
                    assert set(shown) == all_of_it, "nothing is skipped"
                whole_epochs += set(shown) == all_of_it
            expected += len(seen)
            source_rows = Counter(row.segments for row in own)
            for part in again:
                assert not Counter(row.segments for row in part) - source_rows
    return whole_epochs
