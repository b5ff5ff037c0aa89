"""Rules of the advisor about one arm's curves. Each yields what it may say, or nothing."""

from collections.abc import Iterator

import numpy as np

from gapless.analysis.bootstrap import drop_is_real, interval
from gapless.analysis.evidence import (
    ArmEvidence,
    Evidence,
    Row,
    amount,
    ends,
    number,
    place,
    sizes,
    span,
    token_span,
    unit,
)
from gapless.analysis.findings import Said
from gapless.units import format_tokens

_LATE = 0.5
"""Share of the run: a recovery whose whole interval lies beyond it is late."""
_MANY_TIMES = 100
_TRIFLE = 0.02
"""Share of a drop, or of a gain: what is sure but smaller is not worth a line."""


def forgetting_lasts(evidence: Evidence) -> Iterator[Said]:
    """Find general ability that ended below the base."""
    for arm in evidence.arms:
        for row in arm.roles("general"):
            change = row["change"]
            if not row["change_is_real"] or change["value"] >= 0:
                continue
            share = arm.general_share()
            better = _least_forgetful(evidence, arm, row)
            yield Said(
                arm=arm.name,
                text=f"General text ended {amount(-change['value'], row)} worse than the base"
                f"{sizes(change, row, sign=-1.0)}{_seen(share)}.{better}",
                suggestion=_more_replay(share),
                numbers=ends(change, "change") | {"general_share": share},
            )


def _least_forgetful(evidence: Evidence, arm: ArmEvidence, row: Row) -> str:
    """Name the arm that kept most more of general text than this one, where one did for sure."""
    kept: list[tuple[float, str]] = []
    for each in evidence.comparisons:
        same = (each["kind"], each["name"], each["metric"]) == ("role", row["name"], row["metric"])
        if not same or arm.name not in (each["arm"], each["against"]):
            continue
        sign = -1.0 if each["arm"] == arm.name else 1.0
        other = each["against"] if sign < 0 else each["arm"]
        difference = each["differences"]["final"]
        if each["is_real"].get("final") and sign * difference["value"] > 0:
            more = sign * difference["value"]
            words = f"{amount(more, row)} more{sizes(difference, row, sign=sign)}"
            kept.append((more, f" The arm {other} kept {words}."))
    return max(kept)[1] if kept else ""


def _seen(share: float | None) -> str:
    if share is None:
        return ""
    return f", with {f'{share:.0%}' if share else 'no'} general text in what it saw"


def _more_replay(share: float | None) -> str:
    if share == 0:
        return (
            "Keep general text in the mixture: in the proportions of the base's own pre-training "
            "where they are known, and drawn anew in each epoch."
        )
    return (
        "Raise the share of general text, or bring its sources nearer to the proportions of the "
        "base's own pre-training; a lower peak learning rate also forgets less."
    )


def gap(evidence: Evidence) -> Iterator[Said]:
    """Find a drop that came back, soon or late, or is on its way back."""
    for arm in evidence.arms:
        for row in (*arm.roles("general"), *arm.roles("domain")):
            found = row["gap"]
            if not row["drop_is_real_among_all"]:
                continue
            bottom = format_tokens(round(found["tokens_to_bottom"]["value"]))
            depth = f"{amount(found['depth']['value'], row)}{sizes(found['depth'], row)}"
            name = place(row)
            fell = f"{name[0].upper()}{name[1:]} fell {depth} below the base by {bottom} tokens"
            numbers = ends(found["depth"], "depth") | ends(found["tokens_to_bottom"], "bottom")
            if found["recovered"]:
                back = found["tokens_to_recovery"]
                text = f"{fell}, and was back by {format_tokens(round(back['value']))}"
                yield Said(
                    arm=arm.name,
                    text=f"{text}{token_span(back)}.",
                    suggestion=_SMALLER if _is_late(row) else "",
                    numbers=numbers | ends(back, "recovery"),
                )
            elif row["rebound_is_real"] and _is_worth_telling(found):
                regained = f"had regained {number(found['rebound']['value'], row)}"
                regained += f"{sizes(found['rebound'], row)} by the end, not all of it"
                text = f"{fell}, and {regained}."
                yield Said(
                    arm=arm.name,
                    text=text,
                    suggestion=_SMALLER,
                    numbers=numbers | ends(found["rebound"], "rebound"),
                )


_SMALLER = (
    "Take a smaller subset of the domain's text for more epochs: the model has learnt most of it "
    "after the first, and comes back sooner."
)


def _is_late(row: Row) -> bool:
    low = row["gap"]["tokens_to_recovery"]["low"]
    return low is None or low > _LATE * row["curve"]["tokens"][-1]


def _is_worth_telling(found: Row) -> bool:
    """Whether what was regained is more than a trifle of the drop, by its whole interval."""
    return bool(found["rebound"]["low"] > _TRIFLE * found["depth"]["value"])


def still_rising(evidence: Evidence) -> Iterator[Said]:
    """Find a domain that was still improving when the run ended."""
    for arm in evidence.arms:
        for row in arm.roles("domain"):
            curve = arm.curve_of(row)
            tokens, changes = curve.curve.tokens, curve.curve.changes
            begin = int(np.searchsorted(tokens, 0.75 * tokens[-1]))
            if curve.changes is None or not 0 < begin < len(tokens) - 1:
                continue
            drawn = curve.changes[:, -1] - curve.changes[:, begin]
            if interval(drawn, evidence.sure)[0] <= max(0.0, _TRIFLE * float(changes[-1])):
                continue
            low, high = interval(drawn, evidence.level)
            rise = {"value": float(changes[-1] - changes[begin]), "low": low, "high": high}
            stretch = format_tokens(int(tokens[-1] - tokens[begin]))
            yield Said(
                arm=arm.name,
                text=f"The domain was still improving: by {amount(rise['value'], row)}"
                f"{sizes(rise, row)} over the last {stretch} tokens.",
                suggestion=f"More tokens or one more epoch may pay: {stretch} more would add about "
                f"{number(rise['value'], row)} at this pace, less where the curve bends or the "
                "learning rate was falling.",
                numbers=ends(rise, "rise") | {"tokens": int(tokens[-1] - tokens[begin])},
            )


def past_its_best(evidence: Evidence) -> Iterator[Said]:
    """Find a domain that ended below its best point."""
    for arm in evidence.arms:
        for row in arm.roles("domain"):
            curve = arm.curve_of(row)
            changes = curve.curve.changes
            if curve.changes is None or len(changes) < 3:
                continue
            behind = changes[-1] - changes
            drawn = curve.changes[:, -1:] - curve.changes
            if not drop_is_real(behind, drawn, level=evidence.sure):
                continue
            best = int(changes.argmax())
            lost = float(-behind[best])
            seen = int(curve.curve.tokens[best])
            if seen == 0:
                continue  # never better than the base: not a matter of one epoch too many
            yield Said(
                arm=arm.name,
                text=f"The domain was at its best at {format_tokens(seen)} tokens and ended "
                f"{amount(lost, row)} below that.",
                suggestion="Fewer epochs, or more text for the same tokens; or take the checkpoint "
                "of the best point.",
                numbers={"lost": lost, "tokens_to_peak": seen},
            )


def no_clear_gain(evidence: Evidence) -> Iterator[Said]:
    """Find a domain whose change is within the noise of the items."""
    for arm in evidence.arms:
        for row in arm.roles("domain"):
            change = row["change"]
            if row["change_is_real"] is not False:
                continue
            half = (change["high"] - change["low"]) / 2
            size = abs(change["value"])
            times = (half / size) ** 2 if size else np.inf
            about = (
                f"about {times:.2g} times" if times <= _MANY_TIMES else "far more than 100 times"
            )
            sign = "-" if change["value"] < 0 else "+"
            yield Said(
                arm=arm.name,
                text=f"No clear change on the domain: {sign}{amount(size, row)}{span(change, row)} "
                f"over {row['num_items']:,} items.",
                suggestion=f"To tell a change of this size from none takes {about} the items, or "
                "further probes.",
                numbers=ends(change, "change") | {"num_items": row["num_items"]},
            )


def _of(some: int, total: int) -> str:
    return f"All {total}" if some == total else f"{some} of {total}"


def probes_that_fell(evidence: Evidence) -> Iterator[Said]:
    """Say which general probes fell, all probes of all arms judged together."""
    for arm in evidence.arms:
        by_metric: dict[str, list[Row]] = {}
        told = {row["metric"] for row in arm.roles("general")}
        for row in arm.rows:
            if row["kind"] == "probe" and row["role"] == "general" and row["metric"] in told:
                by_metric.setdefault(row["metric"], []).append(row)
        for rows in by_metric.values():
            judged = [row for row in rows if row["drop_is_real_among_all"] is not None]
            fell = [row for row in judged if row["drop_is_real_among_all"]]
            if len(judged) < 2 or not fell:
                continue
            deepest = max(fell, key=lambda row: row["gap"]["depth"]["value"])
            names = ", ".join(row["name"] for row in fell)
            depth = deepest["gap"]["depth"]
            size = f"{number(depth['value'], deepest)}{sizes(depth, deepest)}"
            yield Said(
                arm=arm.name,
                text=f"{_of(len(fell), len(judged))} general probes in {unit(judged[0])} fell "
                f"below the base on the way, all judged together: {names}. Deepest: "
                f"{deepest['name']}, by {size}.",
                suggestion="",
                numbers={"probes": len(judged), "fell": len(fell)},
            )
