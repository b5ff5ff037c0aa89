"""Bottom layers against top layers: the arithmetic and the words.

Paper 1 (section 3, figure 3b) compares the mean over five layers at either end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gapless.report.content import ArmContent, PartMoves, Trace
from gapless.report.numbers import is_known, short, tokens
from gapless.report.verdict import headline_rows

_MOST, _PART = 5, 3
"""Layers of one end: five, or a third of them where there are fewer than ten."""


@dataclass(frozen=True)
class Ends:
    """The layers at both ends of one model."""

    bottom: tuple[PartMoves, ...]
    """Those nearest to the input."""
    top: tuple[PartMoves, ...]

    def mean(self, end: Literal["bottom", "top"], what: Literal["update", "pace"]) -> Trace:
        """Return the mean over the layers of one end."""
        return mean_trace([getattr(part, what) for part in getattr(self, end)])

    def rate(self) -> Trace:
        """Return how many times as far the bottom layers have moved as the top layers."""
        bottom, top = self.mean("bottom", "update"), self.mean("top", "update")
        below = dict(zip(top.tokens, top.values, strict=True))
        pairs = [
            (seen, value / below[seen])
            for seen, value in zip(bottom.tokens, bottom.values, strict=True)
            if below.get(seen)
        ]
        return _trace(pairs)


def ends_of(arm: ArmContent) -> Ends | None:
    """Return the ends of an arm's model; None where fewer than two layers were watched."""
    layers = sorted(
        (part for part in arm.parts if part.layer is not None), key=lambda part: part.layer or 0
    )
    if len(layers) < 2:
        return None
    count = _MOST if len(layers) >= 2 * _MOST else max(1, len(layers) // _PART)
    return Ends(tuple(layers[:count]), tuple(layers[-count:]))


def mean_trace(traces: Sequence[Trace]) -> Trace:
    """Return the mean over traces, wherever all of them have a value."""
    known = [dict(zip(trace.tokens, trace.values, strict=True)) for trace in traces]
    shared = [seen for seen in known[0] if all(seen in each for each in known)]
    return _trace([(seen, sum(each[seen] for each in known) / len(known)) for seen in shared])


def layers_sentences(arm: ArmContent, ends: Ends) -> list[str]:
    """Say how far both ends moved, and what their rate did; only what was measured."""
    bottom, top, rate = ends.mean("bottom", "update"), ends.mean("top", "update"), ends.rate()
    if not bottom.values or not top.values:
        return []
    far, further = _percent(bottom.values[-1]), _percent(top.values[-1])
    moved = (
        f"By the end the bottom {_layers(ends)} had moved by {far} of {_its(ends)} norm, "
        f"the top {_layers(ends)} by {further}."
    )
    if not rate.values:
        still = [name for name, end in (("bottom", bottom), ("top", top)) if not any(end.values)]
        return [moved, f"The {' and the '.join(still)} stayed as in the base: there is no rate."]
    went = (
        f"The rate of bottom to top was {short(rate.values[0])} at the first measurement "
        f"({tokens(rate.tokens[0])} tokens) and {short(rate.values[-1])} at the end."
    )
    worst = _worst_place(arm)
    at = dict(zip(rate.tokens, rate.values, strict=True))
    if worst not in at:
        return [moved, went]
    place = f"Where general text was at its worst ({tokens(worst)} tokens) it was"
    return [moved, went, f"{place} {short(at[worst])}."]


def gradient_sentence(arm: ArmContent) -> str:
    """Say how often the gradients of domain and general text pointed apart."""
    gradients = arm.gradients
    if gradients is None or not gradients.cosine.values:
        return ""
    cosines = gradients.cosine.values
    apart = sum(value < 0 for value in cosines)
    return (
        f"The gradients pointed apart (cosine below 0) at {apart} of {len(cosines)} measurements; "
        f"the cosine lay between {short(min(cosines))} and {short(max(cosines))}."
    )


def _worst_place(arm: ArmContent) -> int | None:
    rows = [row for row in headline_rows(arm.gaps) if row.role == "general" and row.drop_is_real]
    return rows[0].tokens_to_bottom if rows else None


def _layers(ends: Ends) -> str:
    count = len(ends.bottom)
    return "layer" if count == 1 else f"{count} layers"


def _its(ends: Ends) -> str:
    return "its" if len(ends.bottom) == 1 else "their"


def _percent(fraction: float) -> str:
    return f"{short(100 * fraction)} %"


def _trace(pairs: Sequence[tuple[int, float]]) -> Trace:
    known = [(seen, value) for seen, value in pairs if is_known(value)]
    return Trace(tokens=tuple(s for s, _ in known), values=tuple(v for _, v in known))
