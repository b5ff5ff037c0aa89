"""Counts to probabilities: interpolated modified Kneser-Ney, as KenLM's lmplz computes it.

    tokens --count--> grams_1 .. grams_N --discounts, smooth--> model_n and contexts_n

Chen and Goodman 1998 (section 3.5 and equation 26); Heafield et al. 2013. The words of an n-gram
are the columns w1 .. wn, its last word wn. Every sum is of integers, so that neither the order of
rows nor the number of threads changes a result; only the last division leaves the integers.

grams_n     w1 .. wn, seen (how often), adjusted, kept (not pruned)
contexts_n  w1 .. w(n-1), total (sum of adjusted), gamma (what the context leaves to order n - 1)
model_n     w1 .. wn, p
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gapless.scoring.ngram.word_ids import BEGIN, END, UNKNOWN

if TYPE_CHECKING:
    import duckdb

Discounts = tuple[float, float, float]

FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""D1, D2, D3+ where an order's counts give none: the default of lmplz's --discount_fallback."""


def names(size: int, table: str = "", first: int = 1) -> list[str]:
    """Return the names of ``size`` columns of words, from the ``first`` on."""
    return [f"{table}w{place}" for place in range(first, first + size)]


def count(con: duckdb.DuckDBPyConnection, thresholds: Sequence[int]) -> None:
    """Turn the table ``tokens`` (w1 .. wN: every n-gram once for each time it is seen) into grams.

    An order's adjusted count is in how many contexts of one word more an n-gram was seen; at the
    top order, and of n-grams that begin a document, which nothing stands before, the plain count.
    An n-gram seen no more often than its order's threshold is pruned.
    """
    order = len(thresholds)
    words = ", ".join(names(order))
    con.execute(
        f"CREATE TABLE counts_{order} AS FROM tokens "
        f"SELECT {words}, count(*) AS seen, count(*) AS adjusted GROUP BY {words}"
    )
    con.execute("DROP TABLE tokens")
    for n in range(order - 1, 0, -1):
        suffix = ", ".join(f"w{place + 1} AS w{place}" for place in range(1, n + 1))
        con.execute(
            f"CREATE TABLE counts_{n} AS FROM counts_{n + 1} "
            f"SELECT {suffix}, sum(seen)::BIGINT AS seen, "
            f"CASE WHEN w2 = {BEGIN} THEN sum(seen)::BIGINT ELSE count(*) END AS adjusted "
            f"GROUP BY {', '.join(names(n, first=2))}"
        )
    con.execute("INSERT INTO counts_1 VALUES (?, 0, 0), (?, 0, 0)", [UNKNOWN, BEGIN])
    for n, threshold in enumerate(thresholds, start=1):
        # No threshold prunes the three special words. Repeated <s> only served to count.
        kept = f"seen > {threshold}" + (f" OR w1 <= {END}" if n == 1 else "")
        where = f"WHERE w2 <> {BEGIN}" if n > 1 else ""
        con.execute(f"CREATE VIEW grams_{n} AS FROM counts_{n} SELECT *, {kept} AS kept {where}")


def discounts(con: duckdb.DuckDBPyConnection, order: int) -> list[Discounts]:
    """Return D1, D2, D3+ of every order, from how many of its n-grams have a count of 1 .. 4."""
    answers = []
    mistaken = _last_grams(con, order)
    for n in range(1, order + 1):
        rows = con.execute(
            f"FROM grams_{n} SELECT adjusted, count(*) WHERE adjusted BETWEEN 1 AND 4 GROUP BY ALL"
        ).fetchall()
        counts = [0] * 5
        for adjusted, number in rows:
            counts[adjusted] = number
        if n in mistaken:
            seen, adjusted = mistaken[n]
            for value, change in ((adjusted, -1), (seen, 1)):
                if value <= 4:
                    counts[value] += change
        answers.append(chen_goodman(counts))
    return answers


def _last_grams(con: duckdb.DuckDBPyConnection, order: int) -> dict[int, tuple[int, int]]:
    """Return the count and adjusted count of each lower order's very last n-gram.

    Sorted by last word, then last but one, and so on. lmplz takes the count of this single n-gram
    for its adjusted count when it estimates the discounts, which shows in small texts.
    """
    backwards = ", ".join(f"{name} DESC" for name in reversed(names(order)))
    last = con.execute(
        f"FROM counts_{order} SELECT {', '.join(names(order))} ORDER BY {backwards} LIMIT 1"
    ).fetchall()[0]
    answers: dict[int, tuple[int, int]] = {}
    for n in range(1, order):
        gram = last[order - n :]
        if BEGIN in gram[1:]:
            break
        where = " AND ".join(f"{name} = {word}" for name, word in zip(names(n), gram, strict=True))
        answers[n] = con.execute(f"FROM grams_{n} SELECT seen, adjusted WHERE {where}").fetchall()[
            0
        ]
    return answers


def chen_goodman(counts: Sequence[int]) -> Discounts:
    """Return D1, D2, D3+, ``counts[i]`` n-grams having the count i (Chen and Goodman, eq. 26)."""
    n1, n2, n3, n4 = counts[1:5]
    if 0 in (n1, n2, n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    amounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    if all(0 <= amount <= most for most, amount in enumerate(amounts, start=1)):
        return amounts
    return FALLBACK


def smooth(con: duckdb.DuckDBPyConnection, amounts: Sequence[Discounts]) -> None:
    """Turn the grams of every order into its contexts and its interpolated probabilities."""
    # Order 0 is uniform over all words that can be predicted: <s> cannot.
    con.execute(
        "CREATE TABLE model_0 AS FROM grams_1 SELECT 1.0::DOUBLE / (count(*) - 1) AS p WHERE kept"
    )
    for n, discount in enumerate(amounts, start=1):
        _contexts(con, n, discount)
        _shares(con, n, discount)
        con.execute(f"DROP VIEW grams_{n}")
        con.execute(f"DROP TABLE counts_{n}")
        _interpolate(con, n)
        con.execute(f"DROP TABLE shares_{n}")


def _contexts(con: duckdb.DuckDBPyConnection, n: int, discount: Discounts) -> None:
    """Sum up each context: what discounts and pruning take goes to the lower order."""
    con.execute(
        f"CREATE TABLE contexts_{n} AS FROM grams_{n} "
        f"SELECT {''.join(name + ', ' for name in names(n - 1))}"
        "sum(adjusted)::DOUBLE AS total, ("
        "$d1 * count(*) FILTER (kept AND adjusted = 1) "
        "+ $d2 * count(*) FILTER (kept AND adjusted = 2) "
        "+ $d3 * count(*) FILTER (kept AND adjusted >= 3) "
        "+ coalesce(sum(adjusted) FILTER (NOT kept), 0)::DOUBLE) / total AS gamma "
        "GROUP BY ALL",
        _parameters(discount),
    )


def _shares(con: duckdb.DuckDBPyConnection, n: int, discount: Discounts) -> None:
    """Give each n-gram its discounted share of its context, and its context's gamma."""
    same = " AND ".join(f"g.{name} = c.{name}" for name in names(n - 1)) or "true"
    con.execute(
        f"CREATE TABLE shares_{n} AS FROM grams_{n} g JOIN contexts_{n} c ON {same} "
        f"SELECT {', '.join(names(n, 'g.'))}, gamma, (adjusted - CASE adjusted "
        "WHEN 0 THEN 0 WHEN 1 THEN $d1 WHEN 2 THEN $d2 ELSE $d3 END) / total AS share WHERE kept",
        _parameters(discount),
    )


def _interpolate(con: duckdb.DuckDBPyConnection, n: int) -> None:
    """Make p(w | h) = share + gamma(h) * p(w | h without its first word).

    This is a statement of its own because two joins in one keep both tables in memory.
    """
    same = " AND ".join(f"s.w{place + 1} = l.w{place}" for place in range(1, n)) or "true"
    con.execute(
        f"CREATE TABLE model_{n} AS FROM shares_{n} s JOIN model_{n - 1} l ON {same} "
        f"SELECT {', '.join(names(n, 's.'))}, share + gamma * p AS p"
    )
    if n == 1:
        # Nothing predicts <s>; KenLM gives it 1, so that a text may name it at no cost.
        con.execute("UPDATE model_1 SET p = 1 WHERE w1 = ?", [BEGIN])


def _parameters(discount: Discounts) -> dict[str, float]:
    return dict(zip(("d1", "d2", "d3"), discount, strict=True))
