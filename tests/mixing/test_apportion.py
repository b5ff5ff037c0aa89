from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.mixing import apportion, plan_phases, shares_of
from gapless.recipe.mixtures import DomainOnly, Replay, Shares
from gapless.recipe.schema import Order, Phase

ROLES = {"law": "domain", "books": "general", "wiki": "general"}
TOKENS = {"law": 1000, "books": 300, "wiki": 700}


def test_largest_remainders_get_the_rest() -> None:
    assert apportion(10, [0.5, 0.3, 0.2]) == [5, 3, 2]
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(7, [0.82, 0.18]) == [6, 1]
    assert apportion(0, [1.0, 2.0]) == [0, 0]


@given(
    st.integers(0, 10**13),
    st.lists(st.floats(1e-8, 1, allow_subnormal=False), min_size=1, max_size=50),
)
def test_parts_sum_to_the_total_and_are_within_one_of_the_quota(
    total: int, shares: list[float]
) -> None:
    parts = apportion(total, shares)
    assert sum(parts) == total
    scale = sum(map(Fraction, shares))
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - total * Fraction(share) / scale) < 1


def test_exact_at_1e13_with_a_share_of_1e_8() -> None:
    parts = apportion(10**13, [1e-8, 1 - 1e-8])
    assert sum(parts) == 10**13
    assert abs(parts[0] - 10**5) <= 1


def test_shares_of_each_mixture() -> None:
    def shares(mixture: Shares | DomainOnly | Replay) -> dict[str, float]:
        return shares_of(mixture, roles=ROLES, selected_tokens=TOKENS)

    assert shares(DomainOnly()) == {"law": 1.0}
    assert shares(Shares(shares={"law": 0.25, "wiki": 0.75, "books": 0})) == {
        "law": 0.25,
        "wiki": 0.75,
    }
    assert shares(Replay(general=0.2)) == pytest.approx({"law": 0.8, "books": 0.06, "wiki": 0.14})
    assert shares(Replay(general=0.18, like={"books": 1, "wiki": 2})) == pytest.approx(
        {"law": 0.82, "books": 0.06, "wiki": 0.12}
    )
    assert shares(Replay(general=0)) == {"law": 1.0}
    assert set(shares(Replay(general=1))) == {"books", "wiki"}


def test_a_role_with_a_share_and_no_text_is_an_error() -> None:
    empty = TOKENS | {"books": 0, "wiki": 0}
    with pytest.raises(DataError, match=r"gives general text a share of 0\.18, and no general"):
        shares_of(Replay(general=0.18), roles=ROLES, selected_tokens=empty)


def _plan(*phases: Phase, max_repetition: float = 8) -> list[dict[str, int]]:
    order = Order(context=10, phases=phases, max_repetition=max_repetition)
    return [p.rows for p in plan_phases(order, roles=ROLES, selected_tokens=TOKENS)]


def test_a_budget_becomes_rows() -> None:
    mixture = Replay(general=0.2, like={"wiki": 1})
    assert _plan(Phase(tokens=1000, mixture=mixture)) == [{"law": 80, "wiki": 20}]
    assert _plan(Phase(tokens=1009, mixture=mixture)) == [{"law": 80, "wiki": 20}]


def test_epochs_count_passes_over_the_domain_text() -> None:
    assert _plan(Phase(epochs=1)) == [{"law": 100}]
    assert _plan(Phase(epochs=2, mixture=Replay(general=0.5, like={"wiki": 1}))) == [
        {"law": 200, "wiki": 200}
    ]


def test_a_share_that_rounds_to_no_row_names_the_smallest_budget() -> None:
    mixture = Shares(shares={"law": 0.999, "wiki": 0.001})
    with pytest.raises(DataError, match=r"'wiki'.*0\.001.*less than one row") as caught:
        _plan(Phase(tokens=1000, mixture=mixture))
    assert "10,000 tokens" in str(caught.value)
    assert _plan(Phase(tokens=10_000, mixture=mixture), max_repetition=10)[0]["wiki"] == 1


def test_repetition_beyond_the_cap_is_refused_with_the_repetition_needed() -> None:
    with pytest.raises(DataError, match=r"repeated 9\.00 times.*max_repetition is 8"):
        _plan(Phase(tokens=9000))
    assert _plan(Phase(tokens=8000)) == [{"law": 800}]
    with pytest.raises(DataError, match=r"repeated 3\.00 times"):  # over all phases together
        _plan(Phase(tokens=1500), Phase(tokens=1500), max_repetition=2)
