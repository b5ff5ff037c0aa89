"""A reader of Megatron-LM's indexed data sets, number by number, from the published format."""

import struct
from pathlib import Path
from typing import Any

FORMATS = {4: "i", 8: "H"}
"""Megatron's codes of int32 and uint16, to those of `struct`."""


def read_indexed(prefix: Path) -> tuple[list[list[int]], list[int]]:
    """Return the sequences, and the borders of documents as indices of sequences."""
    index = prefix.with_name(f"{prefix.name}.idx").read_bytes()
    content = prefix.with_name(f"{prefix.name}.bin").read_bytes()
    at = 0

    def take(form: str, count: int = 1) -> list[Any]:
        nonlocal at
        size = struct.calcsize(f"<{form}")
        values = [struct.unpack_from(f"<{form}", index, at + i * size)[0] for i in range(count)]
        at += count * size
        return values

    assert index[:9] == b"MMIDIDX\x00\x00"
    at = 9
    assert take("Q") == [1]
    (code,), (sequences,), (borders,) = take("B"), take("Q"), take("Q")
    lengths, places, documents = take("i", sequences), take("q", sequences), take("q", borders)
    assert at == len(index)
    form = FORMATS[code]
    found = [
        list(struct.unpack_from(f"<{length}{form}", content, place))
        for length, place in zip(lengths, places, strict=True)
    ]
    assert sum(lengths) * struct.calcsize(form) == len(content)
    return found, documents
