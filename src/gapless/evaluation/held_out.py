"""The items of a bits-per-byte probe: held-out documents of one source, chosen once per run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gapless.errors import DataError
from gapless.seeds import stream

if TYPE_CHECKING:
    from gapless.recipe.probes import BitsPerByte


def build_bits_per_byte_items(
    works: Sequence[str], texts: Sequence[str], *, probe: BitsPerByte, source: str, seed: int
) -> list[str]:
    """Return the texts to measure of a source whose held-out documents are (work, text) pairs.

    Documents come in a random order of the source's own stream, works taking turns, until
    ``bytes_per_source`` is reached; each is cut to ``max_document_bytes`` at a character's border.

    Raises:
        DataError: the source holds no document out.

    """
    if not texts:
        mend = (
            f"Raise sources.{source}.held_out, give the source more documents, "
            "or set held_out to 0 to leave the source out of the probes."
        )
        raise DataError("no document is held out", where=f"sources.{source}", mend=mend)
    chosen: list[str] = []
    num_bytes = 0
    for index in _works_in_turn(
        works, stream(seed, "probe", source).permutation(len(texts)).tolist()
    ):
        if num_bytes >= probe.bytes_per_source:
            break
        text = cut_to_bytes(texts[index], probe.max_document_bytes)
        assert text, "a recipe allows no fewer bytes than a character has"
        chosen.append(text)
        num_bytes += len(text.encode())
    return chosen


def cut_to_bytes(text: str, max_bytes: int) -> str:
    """Return the longest beginning of ``text`` with at most ``max_bytes`` UTF-8 bytes."""
    return text.encode()[:max_bytes].decode(errors="ignore")


def _works_in_turn(works: Sequence[str], order: list[int]) -> list[int]:
    """Put each work's first document before any work's second: items should not be alike."""
    seen: Counter[str] = Counter()
    turns: dict[int, int] = {}
    for index in order:
        turns[index] = seen[works[index]]
        seen[works[index]] += 1
    return sorted(order, key=turns.__getitem__)
