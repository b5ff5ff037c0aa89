"""Quotas: one budget divided over labels."""

from bisect import bisect_right
from collections.abc import Mapping
from fractions import Fraction


def divide(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Split ``total`` tokens by ``shares``; the parts sum to it, and none shrinks as it grows.

    By highest averages (Jefferson's method): each part is at least its exact quota rounded down,
    and the few tokens left go one by one to the label with the highest share / (part + 1), of
    equals to the earlier. Largest remainders would not do: there a larger total can take a token
    away from a label (the Alabama paradox), and a smaller selection would not be nested in a
    larger. Balinski and Young (2001), chapters 4 and 6. Computed in rational numbers, the shares
    as the decimals they are written as. Labels with a share of 0 are left out.
    """
    exact = {label: Fraction(str(share)) for label, share in shares.items() if share > 0}
    scale = sum(exact.values())
    parts = {label: int(total * share / scale) for label, share in exact.items()}
    for _ in range(total - sum(parts.values())):
        label = max(exact, key=lambda each: exact[each] / (parts[each] + 1))
        parts[label] += 1
    return parts


def largest_total(
    shares: Mapping[str, float], available: Mapping[str | None, int], *, below: int
) -> int:
    """Return the largest total under ``below`` whose every part is available."""

    def beyond(total: int) -> bool:
        return any(part > available[label] for label, part in divide(total, shares).items())

    return bisect_right(range(below), 0, key=beyond) - 1
