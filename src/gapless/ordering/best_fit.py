"""Best-fit packing: rows that hold whole documents, with as little padding as can be had quickly.

Best-fit decreasing (Johnson 1974; for language models Ding et al. 2024, 2404.10830): the longest
piece first, each into the fullest row that still has room. Only a document longer than a row is
cut: into full rows and a rest.
"""

import numpy as np

from gapless.words.compiled import compiled


def split_long(
    begins: np.ndarray, ends: np.ndarray, capacity: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut slices into pieces of at most ``capacity``: full ones first, the rest last.

    Returns:
        Which slice each piece is of, and the piece's begin and end: int64.

    """
    counts = -(-(ends - begins) // capacity)
    owners = np.repeat(np.arange(len(begins)), counts)
    numbers = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    piece_begins = begins[owners] + numbers * capacity
    return owners, piece_begins, np.minimum(piece_begins + capacity, ends[owners])


def best_fit(lengths: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """Return the row of each piece and how many rows there are.

    How many depends on the lengths alone, not on their sequence.

    Args:
        lengths: tokens of each piece, int64, 1 to ``capacity``.
        capacity: tokens of a row.

    """
    assert not len(lengths) or 0 < int(lengths.min()) <= int(lengths.max()) <= capacity
    longest_first = np.argsort(-lengths, kind="stable")
    return _pack(lengths.astype(np.int64), longest_first, capacity)


@compiled
def _pack(lengths: np.ndarray, sequence: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    # Rows by room left, as stacks: `top[room]` is the last row with that room, `below[row]` the one
    # under it. A tree of maxima would find the fullest row in log(capacity) steps; a bit per room
    # and 64 rooms a step is as good at the contexts there are.
    rows = np.empty(len(lengths), np.int64)
    top = np.full(capacity + 1, -1, np.int64)
    below = np.empty(len(lengths), np.int64)
    used = np.zeros(capacity // 64 + 1, np.uint64)
    one, full = np.uint64(1), ~np.uint64(0)
    num_rows = 0
    for piece in sequence:
        length = lengths[piece]
        word = length // 64
        bits = used[word] & (full << np.uint64(length % 64))
        while bits == 0 and word + 1 < len(used):
            word += 1
            bits = used[word]
        if bits == 0:
            row, room = num_rows, capacity
            num_rows += 1
        else:
            room = word * 64
            while bits & one == 0:
                bits >>= one
                room += 1
            row = top[room]
            top[room] = below[row]
            if top[room] < 0:
                used[room // 64] &= ~(one << np.uint64(room % 64))
        rows[piece] = row
        room -= length
        if room:
            below[row] = top[room]
            top[room] = row
            used[room // 64] |= one << np.uint64(room % 64)
    return rows, num_rows
