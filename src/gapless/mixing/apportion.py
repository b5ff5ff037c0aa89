"""Exact apportionment of a whole number by shares."""

from collections.abc import Sequence
from fractions import Fraction


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Split ``total`` by ``shares`` (largest remainder, Hamilton 1792); the parts sum to it.

    Computed in rational numbers: exact at any size. Of equal remainders the earlier share wins.
    """
    assert total >= 0
    exact = [Fraction(share) for share in shares]
    scale = sum(exact)
    assert scale > 0
    assert min(exact) >= 0
    quotas = [total * share / scale for share in exact]
    parts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - quotas[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts
