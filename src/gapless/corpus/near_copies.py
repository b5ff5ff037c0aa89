"""Signatures to near copies: which rows go, and the row that is kept in the stead of each.

    signatures --equal rows--> distinct rows --one band at a time--> buckets --compare--> pairs
    pairs --connected components--> families --leaders--> what stays, and what falls to it

Two rows are in one bucket of a band when all numbers of the band are equal. Rows of a bucket are a
pair when at least ``threshold`` of all their numbers are equal (Leskovec, Rajaraman and Ullman,
"Mining of massive datasets", section 3.4). Pairs join rows to families. A family is no reason to
go: texts written from one template form long chains whose ends have little in common (fly neurons,
0.17 alike). So the first row of a family leads it; each next row goes when it is itself near enough
to one that leads, and leads too when it is not.

What holds of the answer:

- Whatever goes has at least ``threshold`` of its numbers in common with what stays in its stead.
- No two rows that stay are a pair, as long as no bucket is cut and no family has more than
  ``comparisons`` leaders; a row beyond that stays.
- The families are those of all pairs, as if every two rows of each bucket were compared, as
  long as no bucket is cut. One of at most ``comparisons`` distinct rows never is.
- A greater bucket is compared in full where the distances to a few of its rows leave few pairs
  open, as they do with templates; otherwise it is left, and counted, once there were
  ``comparisons`` comparisons for each of its rows. Then pairs may be missing, but none is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.signatures import EMPTY
from gapless.words.compiled import compiled
from gapless.words.split import mix

if TYPE_CHECKING:
    from gapless.recipe.cleanings import NearDuplicates

_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_COMPARISONS = 1000
_END = -1


@dataclass(frozen=True)
class Copies:
    """What goes, and why."""

    copy_of: np.ndarray
    """The row that is kept in its stead, the first that is near; -1 where the row itself stays.

    int64, shape (rows,).
    """
    similarity: np.ndarray
    """Fraction of equal numbers of the row and ``copy_of``, NaN where the row stays.

    float32, shape (rows,).
    """
    num_comparisons: int
    """How often two rows were compared within the buckets."""
    num_cut_buckets: int
    """Buckets that were left before all of their pairs were settled."""


def near_copies(
    signatures: np.ndarray, spec: NearDuplicates, *, comparisons: int = _COMPARISONS
) -> Copies:
    """Return the near copies among rows of which an earlier one is kept before a later one.

    ``signatures`` is uint32, shape (rows, bands * hashes per band), and may be a memory map: it is
    read once, then once for each band, from the first row to the last, and at the rows of a bucket
    that are compared. Beside it this takes about 60 bytes a row. Rows without words (`EMPTY`) stay.
    The time is near linear in the rows; ``comparisons`` bounds it. The answer is deterministic.
    """
    # Never written to; and the loops are compiled once, for a map and for an array in memory.
    table = np.asarray(signatures).view()
    table.flags.writeable = False
    assert table.dtype == np.uint32
    assert table.shape[1] == spec.bands * spec.rows
    assert table.flags.c_contiguous
    parents = np.arange(len(table))
    distinct = _distinct_rows(table, parents)
    limits = (most_differences(spec.threshold, table.shape[1]), comparisons)
    num_compared = num_cut = 0
    for first in range(0, table.shape[1], spec.rows):
        keys = _keys(table, distinct, first, first + spec.rows)
        order = np.argsort(keys, kind="stable")
        compared, cut = _join_band(table, distinct[order], keys[order], parents, limits)
        num_compared, num_cut = num_compared + compared, num_cut + cut
    copy_of, similarity = _lead(table, parents, *limits)
    return Copies(copy_of, similarity, num_compared, num_cut)


def most_differences(threshold: float, hashes: int) -> int:
    """Return in how many of their numbers two rows may differ and still be copies."""
    return hashes - next(equal for equal in range(hashes + 1) if equal / hashes >= threshold)


def _distinct_rows(table: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Join wholly equal rows, and return the first of each kind, without those that are EMPTY."""
    rows = np.flatnonzero(table[:, 0] != EMPTY)
    keys = _keys(table, rows, 0, table.shape[1])
    order = np.argsort(keys, kind="stable")
    is_first = _join_equal(table, rows[order], keys[order], parents)
    return np.sort(rows[order[is_first]])


@compiled
def _keys(table: np.ndarray, rows: np.ndarray, first: int, end: int) -> np.ndarray:
    """Return a 64-bit hash of the columns ``first:end`` of each of some rows."""
    keys = np.empty(len(rows), dtype=np.uint64)
    for place in range(len(rows)):
        row = table[rows[place]]
        value = np.uint64(0)
        for k in range(first, end):
            value = value * _MULTIPLIER + np.uint64(row[k])
        keys[place] = mix(value)
    return keys


@compiled
def _join_equal(
    table: np.ndarray, rows: np.ndarray, keys: np.ndarray, parents: np.ndarray
) -> np.ndarray:
    """Join rows that are equal, given in the order of their keys; tell which ones are left."""
    is_first = np.ones(len(rows), dtype=np.bool_)
    first = 0
    for place in range(1, len(rows)):
        if keys[place] != keys[first]:
            first = place
        # Rows that only share the key stay distinct; should they be equal, a band joins them.
        elif _differences(table, rows[first], rows[place]) == 0:
            parents[rows[place]] = rows[first]
            is_first[place] = False
    return is_first


@compiled
def _join_band(
    table: np.ndarray,
    rows: np.ndarray,
    keys: np.ndarray,
    parents: np.ndarray,
    limits: tuple[int, int],
) -> tuple[int, int]:
    """Join the pairs of all buckets, given in the order of their keys.

    Return how many comparisons there were, and how many buckets were cut.
    """
    num_compared = num_cut = 0
    begin = 0
    while begin < len(rows):
        end = begin + 1
        root = _find(parents, rows[begin])
        is_joined = True
        while end < len(rows) and keys[end] == keys[begin]:
            is_joined = is_joined and _find(parents, rows[end]) == root
            end += 1
        if not is_joined:
            compared, is_cut = _join_bucket(table, rows[begin:end], parents, limits)
            num_compared, num_cut = num_compared + compared, num_cut + is_cut
        begin = end
    return num_compared, num_cut


@compiled
def _join_bucket(
    table: np.ndarray, rows: np.ndarray, parents: np.ndarray, limits: tuple[int, int]
) -> tuple[int, bool]:
    """Join the pairs of a bucket; return the number of comparisons and whether it was cut.

    One row leads: all others are compared with it. Those it is joined to, whether by this or by an
    earlier band, are members; each of them is compared with the others, which may make members of
    some. When none is left, the members are done with, and one of the others leads.
    """
    most, comparisons = limits
    allowed = comparisons * len(rows)
    num_compared, is_cut = 0, False
    others = rows
    while len(others) > 1:
        if num_compared >= allowed:
            return num_compared, True
        leader = others[0]
        distances = np.empty(len(others), dtype=np.int64)
        for place in range(len(others)):
            distances[place] = _differences(table, leader, others[place])
            if distances[place] <= most:
                _join(parents, leader, others[place])
        num_compared += len(others) - 1
        order = np.argsort(distances, kind="mergesort")
        # Half of what is left, so that later leaders have their turn.
        others, compared, is_done = _join_members(
            table,
            (others[order], distances[order]),
            parents,
            (most, (allowed - num_compared) // 2),
        )
        num_compared += compared
        is_cut = is_cut or not is_done
    return num_compared, is_cut


@compiled
def _join_members(
    table: np.ndarray,
    nearest: tuple[np.ndarray, np.ndarray],
    parents: np.ndarray,
    limits: tuple[int, int],
) -> tuple[np.ndarray, int, bool]:
    """Join the leader's members with others; return who is left, the comparisons, if all are done.

    ``nearest`` holds the rows and their distances to the first of them, the leader, in the order of
    the distances. Members and others are two linked lists in one array, so that a row goes from one
    to the other at once; the others begin at the extra, last place.
    """
    rows = nearest[0]
    most, allowed = limits
    following = np.full(len(rows) + 1, _END)
    member, last_member, last_other = 0, 0, len(rows)
    for place in range(1, len(rows)):
        if _find(parents, rows[place]) == _find(parents, rows[0]):
            following[last_member] = place
            last_member = place
        else:
            following[last_other] = place
            last_other = place
    num_compared = 0
    while member != _END and following[-1] != _END and num_compared <= allowed:
        last_member, compared = _join_member(
            table, nearest, following, (member, last_member), parents, most
        )
        num_compared += compared
        member = following[member]
    left = np.empty_like(rows)
    num_left, place = 0, following[-1]
    while place != _END:
        left[num_left] = rows[place]
        num_left, place = num_left + 1, following[place]
    return left[:num_left], num_compared, member == _END or num_left == 0


@compiled
def _join_member(
    table: np.ndarray,
    nearest: tuple[np.ndarray, np.ndarray],
    following: np.ndarray,
    places: tuple[int, int],
    parents: np.ndarray,
    most: int,
) -> tuple[int, int]:
    """Join a member with others, which become members; return the last one and the comparisons.

    The number of differences is a metric: a row that is D from the leader is at least D - d from a
    member that is d from it. So only others up to most + d from the leader can be a pair with it.
    """
    rows, distances = nearest
    member, last_member = places
    compared = 0
    before, place = len(rows), following[-1]
    while place != _END and distances[place] <= most + distances[member]:
        after = following[place]
        is_member = _find(parents, rows[place]) == _find(parents, rows[0])
        if not is_member and distances[place] >= distances[member] - most:
            compared += 1
            is_member = _differences(table, rows[member], rows[place]) <= most
            if is_member:
                _join(parents, rows[member], rows[place])
        if is_member:
            following[before] = after
            following[last_member] = place
            following[place] = _END
            last_member = place
        else:
            before = place
        place = after
    return last_member, compared


@compiled
def _differences(table: np.ndarray, one: int, two: int) -> int:
    """Return in how many numbers two rows differ."""
    count = np.uint32(0)
    for k in range(table.shape[1]):
        count += np.uint32(table[one, k] != table[two, k])
    return int(count)


@compiled
def _find(parents: np.ndarray, row: int) -> int:
    """Return the first row of a component, and halve the way there."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


@compiled
def _join(parents: np.ndarray, one: int, two: int) -> None:
    """Make one component of two; its root is the lower of theirs, so always its first row."""
    one, two = _find(parents, one), _find(parents, two)
    parents[max(one, two)] = min(one, two)


@compiled
def _lead(
    table: np.ndarray, parents: np.ndarray, most: int, comparisons: int
) -> tuple[np.ndarray, np.ndarray]:
    """Let every row of a family fall to the first leader that is near, or lead itself."""
    copy_of = np.full(len(table), -1, dtype=np.int64)
    similarity = np.full(len(table), np.nan, dtype=np.float32)
    following = np.full(len(table), _END, dtype=np.int64)  # the family's next leader
    last = np.arange(len(table))  # of a family's first row: its latest leader
    for row in range(len(table)):
        root = _find(parents, row)
        if root == row:
            continue
        leader, tries = root, 0
        while leader != _END and tries < comparisons:
            differences = _differences(table, row, leader)
            if differences <= most:
                copy_of[row] = leader
                similarity[row] = (table.shape[1] - differences) / table.shape[1]
                break
            leader, tries = following[leader], tries + 1
        if copy_of[row] < 0:
            following[last[root]] = row
            last[root] = row
    return copy_of, similarity
