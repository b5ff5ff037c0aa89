"""A mixture that reacts: the chart that `assets/topics.js` draws, and each round's decisions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gapless.report.content import ArmContent, Round, TopicDecision
from gapless.report.numbers import (
    MISSING,
    is_known,
    percent,
    perplexity,
    signed_percent,
    tokens,
)
from gapless.report.plots import phase_marks
from gapless.report.source_styles import Part

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
MANY = 14
"""More topics than this need a higher chart for their names."""


@dataclass(frozen=True)
class DecisionRow:
    """One topic in the table of a round."""

    part: Part
    label: str
    before: str
    now: str
    change: str
    change_bar: str
    """From -1 to 1, or empty."""
    factor: str
    share_before: str
    share: str
    share_bar: str
    note: str


@dataclass(frozen=True)
class RoundTable:
    """One round: what was measured, and what became of the shares."""

    name: str
    """``Start`` or ``Round 2``."""
    where: str
    summary: str
    decides: bool
    rows: tuple[DecisionRow, ...]


@dataclass(frozen=True)
class Reaction:
    """The rounds of one group of parts along one arm."""

    arm: int
    arm_name: str
    group: str
    rules: tuple[str, ...]
    parts: tuple[Part, ...]
    spec: dict[str, Any]
    tables: tuple[RoundTable, ...]


def reactions(arm: ArmContent, index: int, parts: Mapping[str, Part]) -> list[Reaction]:
    """Return one for each group of parts that reacted along ``arm``, the ``index``-th one.

    ``parts`` maps every topic to what the page knows of it.
    """
    groups: dict[str, list[Round]] = {}
    for each in arm.rounds:
        groups.setdefault(each.group, []).append(each)
    return [_reaction(arm, index, rounds, parts) for rounds in groups.values()]


def _reaction(
    arm: ArmContent, index: int, rounds: list[Round], parts: Mapping[str, Part]
) -> Reaction:
    named = {decision.topic for each in rounds for decision in each.decisions}
    shown = tuple(part for name, part in parts.items() if name in named)
    labels = _labels(shown)
    names = _round_names(rounds)
    ends = _ends(arm, rounds)
    spec = {
        "kind": "topics",
        "title": arm.name,
        "change": True,
        "deep": len(shown) > MANY,
        "last": max(arm.tokens_seen, *ends),
        "topics": [
            {"part": part.index, "name": labels[part.name], "style": part.style} for part in shown
        ],
        "rounds": [
            {"at": each.tokens_seen, "end": end, "name": name, "of": _decisions(each, shown)}
            for each, end, name in zip(rounds, ends, names, strict=True)
        ],
        "phases": phase_marks(arm),
    }
    reach = _reach(rounds)
    tables = tuple(
        RoundTable(
            name=name,
            where=_where(arm, each),
            summary=_summary(each, labels),
            decides=_decides(each),
            rows=tuple(_row(d, parts[d.topic], labels[d.topic], reach) for d in _ranked(each)),
        )
        for each, name in zip(rounds, names, strict=True)
    )
    rules = tuple(dict.fromkeys(each.rule for each in rounds if each.rule))
    return Reaction(index, arm.name, rounds[0].group, rules, shown, spec, tables)


def _labels(shown: tuple[Part, ...]) -> dict[str, str]:
    """Return each topic's label, with its source where two sources have a topic of that name."""
    times = Counter(part.label for part in shown)
    return {p.name: p.label if times[p.label] == 1 else f"{p.label} ({p.source})" for p in shown}


def _round_names(rounds: list[Round]) -> list[str]:
    """Name the first round of a phase its start, and count the others."""
    names: list[str] = []
    counted = 0
    for place, each in enumerate(rounds):
        if place == 0 or rounds[place - 1].phase != each.phase:
            names.append("Start")
        else:
            counted += 1
            names.append(f"Round {counted}")
    return names


def _ends(arm: ArmContent, rounds: list[Round]) -> list[int]:
    """Return where each round's shares end: at the next round, or with the phase or the run."""
    borders = sorted(
        {phase.tokens_seen for phase in arm.phases}
        | {each.tokens_seen for each in rounds}
        | {arm.tokens_seen}
    )
    return [
        next((border for border in borders if border > each.tokens_seen), each.tokens_seen)
        for each in rounds
    ]


def _decisions(each: Round, shown: tuple[Part, ...]) -> list[list[Any]]:
    """Return rows of [topic's place, before, now, factor, share before, share, note]."""
    places = {part.name: place for place, part in enumerate(shown)}
    return [
        [
            places[d.topic],
            d.perplexity_before,
            d.perplexity,
            d.factor,
            round(d.share_before, 5),
            round(d.share, 5),
            d.note,
        ]
        for d in each.decisions
    ]


def _where(arm: ArmContent, each: Round) -> str:
    place = f"at {tokens(each.tokens_seen)} tokens"
    begun = [phase.label for phase in arm.phases if phase.tokens_seen <= each.tokens_seen]
    return f"{place}, {begun[-1]}" if begun and len(arm.phases) > 1 else place


def _decides(each: Round) -> bool:
    return any(decision.factor is not None for decision in each.decisions)


def _ranked(each: Round) -> list[TopicDecision]:
    """Put what gained most first; in a round that only measures, the hardest topic."""
    if _decides(each):
        return sorted(each.decisions, key=lambda d: (-_growth(d), -(_change(d) or 0.0)))
    return sorted(each.decisions, key=lambda d: -_number(d.perplexity))


def _summary(each: Round, labels: Mapping[str, str]) -> str:
    if not _decides(each):
        known = [d for d in _ranked(each) if is_known(d.perplexity)]
        if not known:
            return "nothing measured"
        ends = dict.fromkeys([known[-1].topic, known[0].topic])
        named = {d.topic: perplexity(d.perplexity) for d in known}
        return "perplexity " + " to ".join(f"{named[t]} ({labels[t]})" for t in ends)
    ranked = _ranked(each)
    told = [d for d in (ranked[0], ranked[-1]) if d.share != d.share_before]
    return "; ".join(_told(d, labels[d.topic]) for d in told) or "no share moved"


def _told(decision: TopicDecision, label: str) -> str:
    moved = f"share {percent(decision.share_before)} to {percent(decision.share)}"
    change = _change(decision)
    told = moved if change is None else f"perplexity {signed_percent(change)}, {moved}"
    return f"{label}: {told.replace(' %', NO_BREAK_SPACE + '%')}"


def _row(
    decision: TopicDecision, part: Part, label: str, reach: tuple[float, float]
) -> DecisionRow:
    change = _change(decision)
    factor = decision.factor
    return DecisionRow(
        part=part,
        label=label,
        before=perplexity(decision.perplexity_before),
        now=perplexity(decision.perplexity),
        change=signed_percent(change),
        change_bar=_bar(change, reach[0]),
        factor=MISSING if factor is None else f"\N{MULTIPLICATION SIGN} {factor:.2f}",
        share_before=percent(decision.share_before),
        share=percent(decision.share),
        share_bar=_bar(decision.share - decision.share_before, reach[1]),
        note=decision.note,
    )


def _reach(rounds: Iterable[Round]) -> tuple[float, float]:
    """Return the largest changes of a perplexity and of a share: the bars' full lengths."""
    decisions = [decision for each in rounds for decision in each.decisions]
    changes = [abs(_change(decision) or 0.0) for decision in decisions]
    moves = [abs(decision.share - decision.share_before) for decision in decisions]
    return max(changes, default=0.0), max(moves, default=0.0)


def _bar(number: float | None, longest: float) -> str:
    return "" if not number or longest <= 0 else f"{number / longest:.3f}"


def _change(decision: TopicDecision) -> float | None:
    """Return the perplexity's relative change since the round before."""
    before, now = decision.perplexity_before, decision.perplexity
    if before is None or now is None or not before or not math.isfinite(now / before):
        return None
    return now / before - 1


def _growth(decision: TopicDecision) -> float:
    return decision.share / decision.share_before if decision.share_before > 0 else decision.share


def _number(number: float | None) -> float:
    return number if number is not None and math.isfinite(number) else -math.inf
