"""Evidence: all that the advisor's rules may look at, and how they write what they saw."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.analysis.comparisons import Replicated
from gapless.records.arm_journals import OBSERVATIONS, STEPS
from gapless.records.journal import Journal
from gapless.units import format_tokens

STEERING = "nats_per_token"
"""What steers a mixture; findings tell of other metrics where there are any."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ArmEvidence:
    """What is known of one arm."""

    name: str
    rows: Sequence[Row]
    """Its rows of the analysis (see `conclusions`)."""
    curves: Sequence[Replicated] = ()
    steps: Sequence[Row] = ()
    """Of steps.jsonl, those that learnt."""
    observations: Sequence[Row] = ()
    """Of observations.jsonl."""

    def roles(self, role: str) -> Iterator[Row]:
        """Yield the rows of a role's mean, one for each metric that findings tell of."""
        yield from _told([r for r in self.rows if r["kind"] == "role" and r["role"] == role])

    def curve_of(self, row: Row) -> Replicated:
        """Return the curve that a row is about."""
        for each in self.curves:
            if (each.curve.kind, each.curve.name, each.curve.metric) == _key(row):
                return each
        raise AssertionError("every row has its curve")

    def general_share(self) -> float | None:
        """Return the share of general text in the tokens seen; None where it is not known.

        A source's role is that of the probe that has its name.
        """
        roles = {row["name"]: row["role"] for row in self.rows if row["kind"] == "probe"}
        seen: Counter[str | None] = Counter()
        for step in self.steps:
            for stratum, tokens in step["tokens"].items():
                seen[roles.get(stratum) or roles.get(stratum.partition("/")[0])] += tokens
        if not seen.total() or seen[None]:
            return None
        return seen["general"] / seen.total()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a run; each field as in `conclusions.Analysis`."""

    arms: Sequence[ArmEvidence]
    comparisons: Sequence[Row] = ()
    budgets: Sequence[Row] = ()
    trades: Sequence[Row] = ()
    turning_points: Sequence[Row] = ()
    repeats: Sequence[Row] = ()
    seeds_apart: Sequence[Row] = ()
    level: float = 0.95
    """Of the intervals that are told."""
    sure: float = 0.99
    """Of what rules judge by themselves: there are many of them, and each may err."""

    def groups(self) -> list[list[str]]:
        """Return the groups of arms that differ in their seed alone."""
        found = dict.fromkeys(tuple(row["arms"]) for row in self.repeats)
        return [list(names) for names in found]

    def told_pairs(self, rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
        """Return (arm, against) to their rows about roles."""
        found: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            if row["kind"] == "role":
                found.setdefault((row["arm"], row["against"]), []).append(row)
        return {pair: _told(own) for pair, own in found.items()}


def arm_evidence(
    name: str, folder: Path, rows: Sequence[Row], curves: Sequence[Replicated]
) -> ArmEvidence:
    """Read what an arm's folder holds beside its measurements; journals may be missing."""
    return ArmEvidence(
        name=name,
        rows=rows,
        curves=curves,
        steps=[row for row in Journal(folder / STEPS).rows() if row["loss"] is not None],
        observations=list(Journal(folder / OBSERVATIONS).rows()),
    )


def _told(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["metric"] != STEERING] or list(rows)


def _key(row: Row) -> tuple[str, str, str]:
    return row["kind"], row["name"], row["metric"]


def amount(size: float, row: Row) -> str:
    """Write the size of a difference with its unit: ``0.121 bits per byte``, ``2.1 points of acc``.

    Where higher is better a metric is a fraction (accuracy, F1, pass@1).
    """
    return f"{number(size, row)} {unit(row)}"


def number(size: float, row: Row) -> str:
    """Write the size of a difference without its unit."""
    return f"{100 * size:.1f}" if is_fraction(row) else f"{size:.3f}"


def is_fraction(row: Row) -> bool:
    """Whether a metric is written in points of a hundredth."""
    return bool(row["higher_is_better"])


def unit(row: Row) -> str:
    """Return what a difference of a metric is measured in."""
    name = row["metric"].replace("_", " ")
    return f"points of {name}" if is_fraction(row) else name


def span(estimate: Mapping[str, Any], row: Row, *, sign: float = 1.0) -> str:
    """Write an interval in brackets, signed: ``(-0.137 to -0.105)``; empty without one."""
    if estimate["low"] is None or estimate["high"] is None:
        return ""
    ends = sorted(sign * estimate[end] for end in ("low", "high"))
    low, high = (f"{'-' if end < 0 else '+'}{number(abs(end), row)}" for end in ends)
    return f" ({low} to {high})"


def sizes(estimate: Mapping[str, Any], row: Row, *, sign: float = 1.0) -> str:
    """Write the interval of a size in brackets, unsigned: ``(0.105 to 0.137)``."""
    if estimate["low"] is None or estimate["high"] is None:
        return ""
    low, high = sorted(sign * estimate[end] for end in ("low", "high"))
    return f" ({number(low, row)} to {number(high, row)})"


def token_span(estimate: Mapping[str, Any]) -> str:
    """Write an interval of tokens in brackets; an end that is not within the run says so."""
    if estimate["low"] is None:
        return ""
    high = estimate["high"]
    end = "not within the run" if high is None else format_tokens(round(high))
    return f" ({format_tokens(round(estimate['low']))} to {end})"


def place(row: Row) -> str:
    """Return how a sentence names what a row is about."""
    name = str(row["name"])
    return {"domain": "the domain", "general": "general text"}.get(name, name)


def group_words(names: Sequence[str]) -> str:
    """Name a group of arms that differ in their seed alone: ``the 3 seeds a, b, c``."""
    return names[0] if len(names) == 1 else f"the {len(names)} seeds {', '.join(names)}"


def ends(estimate: Mapping[str, Any], name: str) -> dict[str, float | None]:
    """Return an estimate's three numbers under a name."""
    return {
        name: estimate["value"],
        f"{name}_low": estimate["low"],
        f"{name}_high": estimate["high"],
    }
