"""Rules of the advisor about several arms side by side."""

from collections.abc import Iterator

from gapless.analysis.evidence import (
    STEERING,
    Evidence,
    Row,
    amount,
    ends,
    group_words,
    number,
    place,
    sizes,
    span,
    token_span,
    unit,
)
from gapless.analysis.findings import Said
from gapless.units import format_tokens


def better_on_both(evidence: Evidence) -> Iterator[Said]:
    """Find an arm that ended better than another on the domain and on general text."""
    pairs = evidence.told_pairs(evidence.comparisons)
    for trade in evidence.trades:
        for row in trade["arms"]:
            for winner in row["beaten_by"]:
                sides = _sides(pairs, winner, row["arm"], trade["metric"])
                if not sides:
                    continue
                yield Said(
                    arm=None,
                    text=f"The arm {winner} ended better than {row['arm']} on both sides: "
                    f"{' and '.join(text for text, _ in sides)}.",
                    suggestion=f"Of the two, take {winner}.",
                    numbers={key: value for _, own in sides for key, value in own.items()},
                )


def _sides(
    pairs: dict[tuple[str, str], list[Row]], winner: str, loser: str, metric: str
) -> list[tuple[str, dict[str, float | None]]]:
    sign = 1.0 if (winner, loser) in pairs else -1.0
    rows = pairs.get((winner, loser)) or pairs[loser, winner]
    sides = []
    for row in sorted(rows, key=lambda row: row["role"] != "domain"):
        if row["metric"] == metric:
            final = row["differences"]["final"]
            better = sign * final["value"]
            words = f"{place(row)} by {amount(better, row)}{sizes(final, row, sign=sign)}"
            sides.append((words, {row["role"]: better}))
    return sides


def cannot_be_told_apart(evidence: Evidence) -> Iterator[Said]:
    """Find two arms that ended alike within noise, on every role."""
    for (arm, against), rows in evidence.told_pairs(evidence.comparisons).items():
        if any(arm in group and against in group for group in evidence.groups()):
            continue  # they differ in their seed alone: several seeds say more
        judged = [row for row in rows if row["is_real"]]
        if not judged or any(row["is_real"]["final"] for row in judged):
            continue
        if all(row["differences"]["final"]["value"] == 0 for row in judged):
            words = "not at all"
        else:
            words = ", ".join(_difference(row) for row in judged)
        yield Said(
            arm=None,
            text=f"The ends of {arm} and {against} cannot be told apart: they differ {words}.",
            suggestion="Take the cheaper one; or measure with more items, and repeat both with "
            "other seeds, before believing in an order.",
            numbers={
                f"{row['role']}_{row['metric']}": row["differences"]["final"]["value"]
                for row in judged
            },
        )


def _difference(row: Row) -> str:
    final = row["differences"]["final"]
    sign = "-" if final["value"] < 0 else "+"
    size = f"{sign}{number(abs(final['value']), row)} {unit(row)}"
    return f"on {place(row)} by {size}{span(final, row)}"


def reached_earlier(evidence: Evidence) -> Iterator[Said]:
    """Find an arm that had, after fewer tokens, what another one ended with on the domain."""
    arms = {arm.name: arm for arm in evidence.arms}
    for (arm, against), rows in evidence.told_pairs(evidence.budgets).items():
        for row in rows:
            if row["role"] != "domain":
                continue
            for side, fast, slow in (("arm", arm, against), ("against", against, arm)):
                reached = row["tokens_to_equal"][side]
                ended = next(r for r in arms[slow].roles("domain") if r["metric"] == row["metric"])
                total = ended["curve"]["tokens"][-1]
                gained = ended["change_is_real"] and ended["change"]["value"] > 0
                if not gained or reached["high"] is None or reached["high"] >= total:
                    continue
                yield Said(
                    arm=None,
                    text=f"The arm {fast} had what {slow} ended with on the domain "
                    f"({ended['metric'].replace('_', ' ')}) after "
                    f"{format_tokens(round(reached['value']))} tokens{token_span(reached)}: "
                    f"{reached['value'] / total:.0%} of the {format_tokens(total)} of {slow}.",
                    suggestion="",
                    numbers=ends(reached, "tokens") | {"of_tokens": total},
                )


def over_seeds(evidence: Evidence) -> Iterator[Said]:
    """Say what several seeds say together, where it is clear, or where single seeds say more."""
    arms = {arm.name: arm for arm in evidence.arms}
    for row in evidence.repeats:
        if row["kind"] != "role" or row["change_is_real"] is None:
            continue
        alone = [
            own["change_is_real"]
            for name in row["arms"]
            for own in arms[name].roles(row["role"])
            if own["metric"] == row["metric"]
        ]
        if not row["change_is_real"] and not any(alone):
            continue
        final = row["means"]["final"]
        sign = "-" if final["value"] < 0 else "+"
        mean = f"{sign}{amount(abs(final['value']), row)}{span(final, row)}"
        spread = f"between seeds it differs by {number(row['spread']['final'], row)}"
        said = (
            f"Over the {row['num_seeds']} seeds {', '.join(row['arms'])}, {place(row)} changed by "
        )
        if row["change_is_real"]:
            text, suggestion = f"{said}{mean}; {spread}.", ""
        else:
            text = f"{said}{mean}, which is no clear change; {spread}, more than items explain."
            suggestion = "Do not believe what one of these arms says alone; add seeds."
        yield Said(
            arm=None,
            text=text,
            suggestion=suggestion,
            numbers=ends(final, "change") | {"spread": row["spread"]["final"]},
        )


def seeds_apart(evidence: Evidence) -> Iterator[Said]:
    """Say where two ways of training differ by more than seeds and items make of them."""
    for row in evidence.seeds_apart:
        if row["kind"] != "role" or row["metric"] == STEERING:
            continue
        found = row["at_equal_tokens"]
        if not found["is_real"]:
            continue
        first, second = ("arms", "against") if found["value"] > 0 else ("against", "arms")
        sign = 1.0 if found["value"] > 0 else -1.0
        yield Said(
            arm=None,
            text=f"After {format_tokens(round(found['budget']))} tokens, {group_words(row[first])} "
            f"did better on {place(row)} than {group_words(row[second])}, by "
            f"{amount(abs(found['value']), row)}{sizes(found, row, sign=sign)}: beyond what items "
            "and seeds make.",
            suggestion="",
            numbers=ends(found, "difference") | {"tokens": found["budget"]},
        )
