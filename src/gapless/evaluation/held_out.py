"""The items of probes on text: held-out documents of one source, chosen once per run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from gapless.errors import DataError
from gapless.seeds import stream
from gapless.strata import UNLABELLED, stratum_name

if TYPE_CHECKING:
    from gapless.recipe.probes import BitsPerByte, Perplexity

WHOLE = "all"
"""What stands for the label where a source is measured as a whole."""
_SHOWN_LABELS = 5


def build_bits_per_byte_items(
    works: Sequence[str], texts: Sequence[str], *, probe: BitsPerByte, source: str, seed: int
) -> list[str]:
    """Return the texts to measure of a source whose held-out documents are (work, text) pairs.

    Documents come in a random order of the source's own stream, works taking turns, until
    ``bytes_per_source`` is reached; each is cut to ``max_document_bytes`` at a character's border.

    Raises:
        DataError: the source holds no document out.

    """
    _refuse_no_text(texts, source)
    order = stream(seed, "probe", source).permutation(len(texts)).tolist()
    cut = (cut_to_bytes(texts[index], probe.max_document_bytes) for index in _in_turn(works, order))
    return _up_to(probe.bytes_per_source, cut)


def build_perplexity_items(
    works: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[str | None] | None,
    *,
    known: Collection[str] = (),
    probe: Perplexity,
    source: str,
    seed: int,
) -> dict[str, list[str]]:
    """Return the texts to measure of a source, by the name of their measurements.

    The held-out documents are (work, text, label) triples; ``known`` are the labels that documents
    of the source have. Without ``labels`` the source is measured as a whole. Each label's documents
    are chosen as those of `build_bits_per_byte_items`, from a stream of the label's own.

    Raises:
        DataError: the source holds no document out, or none with one of the labels.

    """
    _refuse_no_text(texts, source)
    groups: dict[str, list[int]] = {}
    for index, label in enumerate(labels or [WHOLE] * len(texts)):
        groups.setdefault(UNLABELLED if label is None else label, []).append(index)
    if labels is not None:
        _refuse_labels(labels, known, probe, source)
    items = {}
    for label in sorted(groups):
        name, own = stratum_name(source, label), groups[label]
        order = stream(seed, "probe", name).permutation(len(own)).tolist()
        turns = _in_turn([works[index] for index in own], order)
        cut = (cut_to_bytes(texts[own[turn]], probe.max_document_bytes) for turn in turns)
        items[name] = _up_to(probe.bytes_per_label, cut)
    return items


def _refuse_no_text(texts: Sequence[str], source: str) -> None:
    if texts:
        return
    mend = (
        f"Raise sources.{source}.held_out, give the source more documents, "
        "or set held_out to 0 to leave the source out of the probes."
    )
    raise DataError("no document is held out", where=f"sources.{source}", mend=mend)


def _refuse_labels(
    labels: Sequence[str | None], known: Collection[str], probe: Perplexity, source: str
) -> None:
    where = f"sources.{source}"
    if UNLABELLED in known:
        what = f"{UNLABELLED!r} is a label of {probe.by!r}: documents without one go by this name"
        raise DataError(what, where=where, mend="Give the label another name.")
    missing = sorted(set(known) - set(labels))
    if missing:
        shown = ", ".join(repr(label) for label in missing[:_SHOWN_LABELS])
        more = f" and {len(missing) - _SHOWN_LABELS} more" if missing[_SHOWN_LABELS:] else ""
        what = f"no document with the label {shown}{more} of {probe.by!r} is held out"
        mend = (
            f"Raise sources.{source}.held_out, or name the other sources in "
            f"scores.{probe.by}.sources: then {source!r} is measured as a whole."
        )
        raise DataError(what, where=where, mend=mend)


def _up_to(max_bytes: int, texts: Iterable[str]) -> list[str]:
    """Return the first texts, until they have ``max_bytes`` together."""
    chosen: list[str] = []
    num_bytes = 0
    for text in texts:
        if num_bytes >= max_bytes:
            break
        assert text, "a recipe allows no fewer bytes than a character has"
        chosen.append(text)
        num_bytes += len(text.encode())
    return chosen


def cut_to_bytes(text: str, max_bytes: int) -> str:
    """Return the longest beginning of ``text`` with at most ``max_bytes`` UTF-8 bytes."""
    return text.encode()[:max_bytes].decode(errors="ignore")


def _in_turn(works: Sequence[str], order: list[int]) -> list[int]:
    """Put each work's first document before any work's second: items should not be alike."""
    seen: Counter[str] = Counter()
    turns: dict[int, int] = {}
    for index in order:
        turns[index] = seen[works[index]]
        seen[works[index]] += 1
    return sorted(order, key=turns.__getitem__)
