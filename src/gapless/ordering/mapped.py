"""Reading scattered elements of arrays on the disk."""

import mmap

import numpy as np

_FEW = 16
"""Elements that are as quickly read one after the other."""
_GAP = 8
"""Pages that are read though nobody wants them, rather than ask twice."""


def taken(array: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return ``array[places]``; of a memory-mapped array all pages are asked for at once.

    Reading them one by one waits for the disk at each: a block of 4,096 documents, 3 s.
    """
    mapping = _mapping(array)
    if mapping is not None and len(places) > _FEW and hasattr(mmap, "MADV_WILLNEED"):
        begin = _address(array) - _address(np.frombuffer(mapping, np.uint8))
        pages = np.unique((begin + places * array.itemsize) // mmap.PAGESIZE)
        borders = np.flatnonzero(np.diff(pages) > _GAP)
        firsts = pages[np.concatenate([[0], borders + 1])] * mmap.PAGESIZE
        lasts = (pages[np.concatenate([borders, [len(pages) - 1]])] + 1) * mmap.PAGESIZE
        for first, size in zip(firsts.tolist(), (lasts - firsts).tolist(), strict=True):
            mapping.madvise(mmap.MADV_WILLNEED, first, size)
    return np.asarray(array[places])


def _mapping(array: np.ndarray) -> mmap.mmap | None:
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])
