from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gapless.selection.quotas import divide, largest_total

SHARES = st.dictionaries(
    st.sampled_from("abcdefgh"), st.integers(0, 10**6).map(lambda n: n / 10**6), min_size=1
).filter(lambda shares: sum(shares.values()) > 0)


def highest_averages(total: int, shares: dict[str, float]) -> dict[str, int]:
    """Give out ``total`` one by one, each to the highest share / (given + 1)."""
    exact = {label: Fraction(str(share)) for label, share in shares.items() if share}
    given_out = dict.fromkeys(exact, 0)
    for _ in range(total):
        averages = {label: share / (given_out[label] + 1) for label, share in exact.items()}
        given_out[next(each for each in exact if averages[each] == max(averages.values()))] += 1
    return given_out


def test_shares_of_a_budget() -> None:
    assert divide(100, {"a": 0.3, "b": 0.7}) == {"a": 30, "b": 70}
    assert divide(10, {"a": 0.5, "b": 0.5, "c": 0}) == {"a": 5, "b": 5}
    assert divide(3, {"a": 0.5, "b": 0.5}) == {"a": 2, "b": 1}
    assert divide(10**13, {"a": 1e-8, "b": 1 - 1e-8}) == {"a": 10**5, "b": 10**13 - 10**5}


def test_no_part_shrinks_where_largest_remainders_would() -> None:
    # The Alabama paradox: of 10 and 11 by 6 : 6 : 2, largest remainders give the last 2, then 1.
    shares = {"a": 6.0, "b": 6.0, "c": 2.0}
    assert divide(10, shares) == {"a": 5, "b": 4, "c": 1}
    assert divide(11, shares) == {"a": 5, "b": 5, "c": 1}


@given(st.integers(0, 60), SHARES)
def test_equal_to_giving_out_one_by_one(total: int, shares: dict[str, float]) -> None:
    assert divide(total, shares) == highest_averages(total, shares)


@given(st.integers(0, 10**13), st.integers(0, 20), SHARES)
def test_parts_sum_to_the_total_and_never_shrink(
    total: int, more: int, shares: dict[str, float]
) -> None:
    small, large = divide(total, shares), divide(total + more, shares)
    assert sum(small.values()) == total
    assert sum(large.values()) == total + more
    assert all(small[label] <= large[label] for label in small)
    scale = sum(Fraction(str(share)) for share in shares.values())
    for label, part in small.items():
        assert part > total * Fraction(str(shares[label])) / scale - 1


@given(SHARES, st.lists(st.integers(0, 40), min_size=8, max_size=8), st.integers(1, 400))
def test_the_largest_total_is_the_last_that_every_label_can_serve(
    shares: dict[str, float], tokens: list[int], below: int
) -> None:
    available = dict(zip("abcdefgh", tokens, strict=True))

    def served(total: int) -> bool:
        return all(part <= available[label] for label, part in divide(total, shares).items())

    expected = max(total for total in range(below) if served(total))
    assert largest_total(shares, dict(available), below=below) == expected
