"""Spread the rows of several sources evenly over a phase."""

import numpy as np

from gapless.words.compiled import compiled


def interleave(counts: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, for rows ``start..stop`` of a phase, the source's index and which row of it.

    Source s's i-th row stands at position (i + 1/2) / counts[s]; rows are sorted by position, equal
    ones by source. Any stretch of the phase has each source's share to within a row or so, at
    a cost that does not depend on ``start``: only the rows asked for are made.

    Args:
        counts: rows of each source, int64, shape (sources,).
        start: first row wanted.
        stop: one past the last row wanted.

    Returns:
        Two int64 arrays of shape (stop - start,).

    """
    counts = np.asarray(counts, dtype=np.int64)
    assert 0 <= start <= stop <= counts.sum()
    low = _position_before(counts, start)
    high = _position_before(counts, stop, at_least=True)
    begins, ends = _rows_before(counts, low), _rows_before(counts, high)
    sources = np.repeat(np.arange(len(counts)), ends - begins)
    firsts = np.repeat(begins - np.cumsum(ends - begins) + (ends - begins), ends - begins)
    indices = np.arange(len(sources)) + firsts
    positions = (indices + 0.5) / counts[sources]
    by_position = np.lexsort((sources, positions))
    window = by_position[start - int(begins.sum()) :][: stop - start]
    return sources[window], indices[window]


def rows_taken(counts: np.ndarray, length: int) -> np.ndarray:
    """Return how many rows of each source the first ``length`` rows hold: int64, (sources,)."""
    counts = np.asarray(counts, dtype=np.int64)
    taken = _rows_before(counts, _position_before(counts, length))
    sources, _ = interleave(counts, int(taken.sum()), length)
    answer: np.ndarray = taken + np.bincount(sources, minlength=len(counts))
    return answer


@compiled
def _rows_before(counts: np.ndarray, position: float) -> np.ndarray:
    """Rows of each source that stand strictly before ``position``, exact in floating point."""
    rows = np.empty(len(counts), np.int64)
    for i in range(len(counts)):
        count = counts[i]
        row = min(max(int(position * count - 0.5), 0), count)
        while row > 0 and (row - 0.5) / count >= position:  # the guess is off by rounding at most
            row -= 1
        while row < count and (row + 0.5) / count < position:
            row += 1
        rows[i] = row
    return rows


def _position_before(counts: np.ndarray, row: int, *, at_least: bool = False) -> float:
    """Find a position with ``row`` rows before it; with as few less (or more) as there is."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return high if at_least else low
        before = int(_rows_before(counts, middle).sum())
        if before == row:
            return middle
        low, high = (middle, high) if before < row else (low, middle)
