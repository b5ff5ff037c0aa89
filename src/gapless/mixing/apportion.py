"""Exact apportionment of a whole number by shares."""

from collections.abc import Sequence


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Split ``total`` by ``shares`` (largest remainder, Hamilton 1792); the parts sum to it.

    Exact at any size: a float is a whole number over a power of two, so all of it is done in whole
    numbers. Of equal remainders the earlier share wins.
    """
    assert total >= 0
    ratios = [share.as_integer_ratio() for share in map(float, shares)]
    denominator = max(below for _, below in ratios)
    weights = [above * (denominator // below) for above, below in ratios]
    scale = sum(weights)
    assert scale > 0
    assert min(weights) >= 0
    parts, remainders = zip(*(divmod(total * weight, scale) for weight in weights), strict=True)
    missing = total - sum(parts)
    chosen = sorted(range(len(parts)), key=lambda i: (-remainders[i], i))[:missing]
    answer = list(parts)
    for i in chosen:
        answer[i] += 1
    return answer
