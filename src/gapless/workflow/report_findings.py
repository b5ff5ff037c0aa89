"""What the report and `status` say of an analysis besides its curves: findings, arms in pairs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gapless.errors import RunError
from gapless.records.artifact import ArtifactFolder
from gapless.records.views import Advice
from gapless.report import content as shown

_STEERING = "nats_per_token"
"""What steers a mixture: pairs of arms are told in other metrics."""


def findings(rows: Sequence[Mapping[str, Any]], prefix: str = "") -> Iterator[shown.FindingContent]:
    """Yield the findings of an analysis; ``prefix`` is put before the names of arms."""
    several = f"{prefix.rstrip('/')}: between the arms" if prefix else "Between the arms"
    for row in rows:
        yield shown.FindingContent(
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


def pairs(analysis: Any, prefix: str = "") -> Iterator[shown.PairRow]:
    """Yield every two arms at the same cost, on the means over the roles, both ways."""
    ends = {
        (row["arm"], row["name"], row["metric"]): row["curve"]["tokens"][-1]
        for row in analysis.rows
        if row["kind"] == "role"
    }
    for row in analysis.budgets:
        if row["kind"] != "role" or row["metric"] == _STEERING:
            continue
        yield _pair(row, ends, prefix, "arm", "against")
        yield _pair(row, ends, prefix, "against", "arm")


def _pair(
    row: Mapping[str, Any],
    ends: Mapping[tuple[str, str, str], int],
    prefix: str,
    first: str,
    second: str,
) -> shown.PairRow:
    equal, reached = row["at_equal_tokens"], row["tokens_to_equal"][first]
    low, high, sign = equal["low"], equal["high"], 1.0
    if first == "against":
        sign = -1.0
        low, high = (None if end is None else -end for end in (high, low))
    return shown.PairRow(
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
    )
