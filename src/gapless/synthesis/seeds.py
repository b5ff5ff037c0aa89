"""Documents to seeds: whole paragraphs or sentences that a model takes inspiration from.

    documents --seeds_of--> seeds, those of a document one after another --deal--> those used

Everything drawn is a hash of names, never of a position: a document added to a source, or a larger
number of requests, leaves the seeds that were used before in use, and their requests paid for.
"""

from __future__ import annotations

import heapq
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from gapless.recipe.syntheses import Seeds
from gapless.seeds import stream_key
from gapless.synthesis.draft import Seed

_IDEOGRAPH = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CHINESE = re.compile(f"[{_IDEOGRAPH}]")
_LATIN = re.compile(r"[A-Za-z]+")
_LEAST_CHINESE = 0.3
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n\s*")
_LINE = re.compile(r"\n\s*")
_SENTENCE = re.compile(
    "[.!?][\"')\\]\u2019\u201d]*\\s+(?=[^\\sa-z])"
    "|[\u3002\uff01\uff1f\uff1b][\u201d\u2019\u300d\u300f\uff09]*\\s*"
)
_SPACE = re.compile(r"\s+")

Document = tuple[str, str, str, str]
"""Source, id, text, label."""


def seeds_of(
    documents: Iterable[Document], spec: Seeds, languages: Sequence[str], *, seed: int, name: str
) -> Iterator[Seed]:
    """Give the seeds of each document in turn; texts are read as they come, and none is kept.

    A document's first seed begins at a place drawn among its paragraphs (its sentences, when it is
    one paragraph); the next ones follow to its end, then from its beginning: none overlap. Each
    has ``min_characters`` to ``max_characters``, unless nothing but white space could end it.
    """
    for source, document, text, label in documents:
        if len(text) < spec.min_characters:
            continue
        names = ("synthesis", name, "snippet", source, document)
        for begin, end in snippets(text, spec, stream_key(seed, *names)):
            piece = text[begin:end]
            language = language_of(piece, languages)
            yield Seed(source, document, begin, end, piece, label, language)


def snippets(text: str, spec: Seeds, drawn: int) -> Iterator[tuple[int, int]]:
    """Give begin and end of a document's snippets; ``drawn``, a large number, says where first."""
    if len(text) <= spec.max_characters:
        begin, end = _stripped(text, 0, len(text))
        if end - begin >= spec.min_characters:
            yield begin, end
        return
    paragraphs, sentences = _borders(text)
    latest = len(text.rstrip()) - spec.min_characters
    starts = [place for place in paragraphs if place <= latest]
    if len(starts) < 2:
        starts = [place for place in sentences if place <= latest] or [0]
    first = starts[drawn % len(starts)]
    for place, stop in ((first, len(text)), (0, first)):
        while place < stop:
            limit = min(place + spec.max_characters, stop)
            cut = stop
            if limit < stop:
                least = place + spec.min_characters
                cut = _last(paragraphs, least, limit) or _last(sentences, least, limit)
                cut = cut or _last_space(text, least, limit)
            begin, end = _stripped(text, place, cut)
            if end - begin >= spec.min_characters:
                yield begin, end
            place = cut  # noqa: PLW2901  # the span is walked


def _last(borders: list[int], least: int, limit: int) -> int:
    """Return the last border from ``least`` to ``limit``, or 0."""
    at = bisect_right(borders, limit)
    return borders[at - 1] if at and borders[at - 1] >= least else 0


def _borders(text: str) -> tuple[list[int], list[int]]:
    """Return where paragraphs begin, and where paragraphs or sentences do.

    Blank lines stand between paragraphs; in a text without any, lines do.
    """
    paragraphs = [0, *(found.end() for found in _BLANK_LINE.finditer(text))]
    if len(paragraphs) == 1:
        paragraphs += [found.end() for found in _LINE.finditer(text)]
    paragraphs = [place for place in paragraphs if place < len(text)]
    sentences = {found.end() for found in _SENTENCE.finditer(text)}
    return paragraphs, sorted({*paragraphs, *(place for place in sentences if place < len(text))})


def _last_space(text: str, least: int, limit: int) -> int:
    """Return the end of the last white space between two places, or the second place."""
    place = limit
    for found in _SPACE.finditer(text, least, limit):
        place = found.end()
    return place


def _stripped(text: str, begin: int, end: int) -> tuple[int, int]:
    piece = text[begin:end]
    begin += len(piece) - len(piece.lstrip())
    return begin, begin + len(piece.strip())


def language_of(text: str, languages: Sequence[str]) -> str:
    """Return ``zh`` for a text of Chinese signs, else ``en``; the first language if not wanted.

    Chinese it is from 30 % on of ideographs among ideographs and Latin words.
    """
    chinese = len(_CHINESE.findall(text))
    latin = len(_LATIN.findall(text))
    language = "zh" if chinese and chinese >= _LEAST_CHINESE * (chinese + latin) else "en"
    return language if language in languages else languages[0]


def deal(
    seeds: Iterable[Seed], labels: Sequence[str], number: int, *, seed: int, name: str
) -> list[Seed]:
    """Return the seeds to use, at most ``number``, in the order of their requests.

    Labels take turns, those without a seed left are passed over, and seeds of other labels are not
    used. Of a label, first comes one seed of every document, in an order drawn by name, then a
    second of each, and so on. No text is used twice: of equal ones the earliest stays. More
    requests give the same seeds first. Seeds of a document must come one after another.

    About ``2 * number`` seeds are held at most. When labels share a text that is dropped, fewer
    than ``number`` may come out although there were more.
    """
    hands = {label: _Hand() for label in labels}
    limit = 2 * number + 1000
    document, turn, held = ("", ""), 0, 0
    for one in seeds:
        turn = turn + 1 if (one.source, one.document) == document else 0
        document = (one.source, one.document)
        if one.label not in hands:
            continue
        names = ("synthesis", name, "deal", one.source, one.document, turn)
        held += hands[one.label].take((turn, stream_key(seed, *names)), one)
        if held > limit:
            shares = _shares([len(hand.seeds) for hand in hands.values()], number)
            for hand, share in zip(hands.values(), shares, strict=True):
                hand.keep(share)
            held = sum(shares)
    queues = [hand.in_order() for hand in hands.values()]
    dealt: list[Seed] = []
    used: set[str] = set()
    for place in range(max(map(len, queues), default=0)):
        for queue in queues:
            if place < len(queue) and queue[place].text not in used:
                used.add(queue[place].text)
                dealt.append(queue[place])
    return dealt[:number]


class _Hand:
    """The best seeds of one label: text to rank and seed."""

    def __init__(self) -> None:
        self.seeds: dict[str, tuple[tuple[int, int], Seed]] = {}
        self._worst: tuple[int, int] | None = None

    def take(self, rank: tuple[int, int], seed: Seed) -> bool:
        """Hold a seed; whether there is one more than before."""
        if self._worst is not None and rank > self._worst:
            return False
        known = self.seeds.get(seed.text)
        if known is None or rank < known[0]:
            self.seeds[seed.text] = (rank, seed)
        return known is None

    def keep(self, number: int) -> None:
        """Let go of all but the best."""
        if len(self.seeds) > number:
            best = heapq.nsmallest(number, self.seeds.values(), key=lambda held: held[0])
            self.seeds = {seed.text: (rank, seed) for rank, seed in best}
            self._worst = best[-1][0] if best else (-1, -1)

    def in_order(self) -> list[Seed]:
        """Return the seeds, the best first."""
        return [seed for _, seed in sorted(self.seeds.values(), key=lambda held: held[0])]


def _shares(counts: Sequence[int], number: int) -> list[int]:
    """Return how many of each are dealt when they take turns until ``number`` are."""
    shares = list(counts)
    left = number
    fewest_first = sorted(range(len(counts)), key=lambda index: counts[index])
    for position, index in enumerate(fewest_first):
        level = left // (len(counts) - position)
        if counts[index] > level:
            richer = sorted(fewest_first[position:])
            one_more = left - level * len(richer)
            for turn, rich in enumerate(richer):
                shares[rich] = level + (turn < one_more)
            break
        left -= counts[index]
    return shares
