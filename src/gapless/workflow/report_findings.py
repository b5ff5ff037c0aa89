"""What the report and `status` say of an analysis besides its curves: findings, arms in pairs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gapless.errors import RunError
from gapless.records.artifact import ArtifactFolder
from gapless.records.views import Advice
from gapless.report import (
    AtFlops,
    FindingContent,
    PairRow,
    SeedPairRow,
    SeedsRow,
    TaskTurn,
    TurningRow,
)

_STEERING = "nats_per_token"
"""What steers a mixture: pairs of arms are told in other metrics."""


def findings(rows: Sequence[Mapping[str, Any]], prefix: str = "") -> Iterator[FindingContent]:
    """Yield the findings of an analysis; ``prefix`` is put before the names of arms."""
    several = f"{prefix.rstrip('/')}: between the arms" if prefix else "Between the arms"
    for row in rows:
        yield FindingContent(
            about=several if row["arm"] is None else prefix + row["arm"],
            rule=row["rule"],
            text=row["text"],
            suggestion=row["suggestion"],
            source=row["source"],
        )


def advice(analysis: ArtifactFolder) -> tuple[Advice, ...]:
    """Return the findings of a run, if it has come so far; of an unreadable analysis, that it is.

    How far a run is can be said of a run of any version.
    """
    from gapless.analysis import read_analysis

    if not analysis.exists():
        return ()
    try:
        rows = read_analysis(analysis.path).findings
    except RunError as error:
        text = f"{error.where}: {error.what}"
        return (Advice(about="analysis", text=text, suggestion=error.mend or ""),)
    return tuple(
        Advice(about=each.about, text=each.text, suggestion=each.suggestion)
        for each in findings(rows)
    )


def side_by_side(analysis: Any, prefix: str = "") -> dict[str, Any]:
    """Return what `Content` says of several arms side by side, by the names of its fields."""
    return {
        "pairs": tuple(pairs(analysis, prefix)),
        "seeds": tuple(_seeds(analysis, prefix)),
        "seed_pairs": tuple(_seed_pairs(analysis, prefix)),
        "turning_points": tuple(_turning(analysis, prefix)),
        "flops": {prefix + arm: flops for arm, flops in _spent(analysis).items()},
    }


def _spent(analysis: Any) -> dict[str, float]:
    """Return the operations that each arm took, of those that say."""
    found: dict[str, float] = {}
    for row in analysis.rows:
        flops = row["curve"].get("flops")  # analyses of before have none
        if flops is not None:
            found[row["arm"]] = max(found.get(row["arm"], 0.0), flops[-1])
    return found


def _told(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows about roles, but for what steers a mixture."""
    for row in rows:
        if row["kind"] == "role" and row["metric"] != _STEERING:
            yield row


def _seeds(analysis: Any, prefix: str) -> Iterator[SeedsRow]:
    for row in _told(analysis.repeats):
        final = row["means"]["final"]
        yield SeedsRow(
            arms=tuple(prefix + name for name in row["arms"]),
            name=row["name"],
            metric=row["metric"],
            change=final["value"],
            low=final["low"],
            high=final["high"],
            spread=row["spread"]["final"],
            depth=row["means"]["depth"]["value"],
        )


def _seed_pairs(analysis: Any, prefix: str) -> Iterator[SeedPairRow]:
    for row in _told(analysis.seeds_apart):
        equal = row["at_equal_tokens"]
        yield SeedPairRow(
            arms=tuple(prefix + name for name in row["arms"]),
            against=tuple(prefix + name for name in row["against"]),
            name=row["name"],
            metric=row["metric"],
            tokens=round(equal["budget"]),
            difference=equal["value"],
            low=equal["low"],
            high=equal["high"],
            at_flops=_at_flops(row, 1.0),
        )


def _at_flops(row: Mapping[str, Any], sign: float) -> AtFlops | None:
    found = row.get("at_equal_flops")
    if found is None:
        return None
    low, high = _turned(found["low"], found["high"], sign)
    return AtFlops(flops=found["budget"], difference=sign * found["value"], low=low, high=high)


def _turned(
    low: float | None, high: float | None, sign: float
) -> tuple[float | None, float | None]:
    if sign > 0:
        return low, high
    return None if high is None else -high, None if low is None else -low


def _turning(analysis: Any, prefix: str) -> Iterator[TurningRow]:
    """Yield where perplexity and tasks turned; of arms whose tasks were asked."""
    for row in analysis.turning_points:
        loss, tasks = row["loss"], (row["domain_task"], row["general_task"])
        if loss["metric"] == _STEERING or tasks == (None, None):
            continue
        domain, general = (None if task is None else _task(task) for task in tasks)
        yield TurningRow(
            arm=prefix + row["arm"],
            loss_metric=loss["metric"],
            change=loss["change"]["value"],
            low=loss["change"]["low"],
            high=loss["change"]["high"],
            steadily=loss["steadily"],
            domain=domain,
            general=general,
            as_in_paper=row["as_in_paper_1"],
        )


def _task(task: Mapping[str, Any]) -> TaskTurn:
    recovery = task["recovery"]
    return TaskTurn(
        metric=task["metric"],
        depth=task["depth"],
        bottom=task["bottom"],
        recovery=None if recovery is None else round(recovery),
        dip_is_real=task["dip_is_real"],
    )


def pairs(analysis: Any, prefix: str = "") -> Iterator[PairRow]:
    """Yield every two arms at the same cost, on the means over the roles, both ways.

    Arms that differ in their seed alone are told of together instead.
    """
    ends = {
        (row["arm"], row["name"], row["metric"]): row["curve"]["tokens"][-1]
        for row in analysis.rows
        if row["kind"] == "role"
    }
    groups = [set(row["arms"]) for row in analysis.repeats]
    for row in _told(analysis.budgets):
        if any({row["arm"], row["against"]} <= group for group in groups):
            continue
        yield _pair(row, ends, prefix, "arm", "against")
        yield _pair(row, ends, prefix, "against", "arm")


def _pair(
    row: Mapping[str, Any],
    ends: Mapping[tuple[str, str, str], int],
    prefix: str,
    first: str,
    second: str,
) -> PairRow:
    equal, reached = row["at_equal_tokens"], row["tokens_to_equal"][first]
    sign = 1.0 if first == "arm" else -1.0
    low, high = _turned(equal["low"], equal["high"], sign)
    return PairRow(
        arm=prefix + row[first],
        against=prefix + row[second],
        name=row["name"],
        metric=row["metric"],
        tokens=round(equal["budget"]),
        difference=sign * equal["value"],
        low=low,
        high=high,
        tokens_to_equal=reached["value"],
        tokens_low=reached["low"],
        tokens_high=reached["high"],
        of_tokens=ends[row[second], row["name"], row["metric"]],
        at_flops=_at_flops(row, sign),
    )
