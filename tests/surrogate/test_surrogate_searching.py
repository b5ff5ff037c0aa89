import numpy as np
import pytest
from surrogate_worlds import trial

from gapless.seeds import stream
from gapless.surrogate.searching import search, space_of
from gapless.surrogate.trials import Trials

NAMES = [f"share/{letter}" for letter in "abcd"]


def world(seed, num_settings=20):
    generator = stream(seed, "test", "search")
    shares = generator.dirichlet(np.ones(4), size=num_settings)
    rows = [trial(dict(zip(NAMES, map(float, r), strict=True)), domain=("a",)) for r in shares]
    return shares, Trials(tuple(rows)), *generator.normal(0, 1.5, size=(2, 4))


def total(x, slopes):
    return sum(x[name] * slope for name, slope in zip(NAMES, slopes, strict=True))


@pytest.mark.parametrize("seed", [0, 1, 3])
@pytest.mark.parametrize("part", [0.1, 0.5])
def test_the_best_on_the_bound_is_that_of_a_linear_programme(seed, part):
    """Exponentials of sums have their best where the sums have."""
    optimize = pytest.importorskip("scipy.optimize")
    shares, trials, gains, costs = world(seed)
    bound = np.quantile(shares @ costs, part)
    exact = optimize.linprog(
        -(shares @ gains),
        A_ub=(shares @ costs)[None],
        b_ub=[bound],
        A_eq=np.ones((1, len(shares))),
        b_eq=[1.0],
    )
    found = search(
        space_of(trials, set(NAMES), {}),
        lambda x: -np.exp(-total(x, gains)),
        lambda x: np.exp(total(x, costs)),
        most_forgetting=float(np.exp(bound)),
        seed=0,
    )
    assert found.excess == 0
    assert -np.log(-found.gain) == pytest.approx(-exact.fun, abs=1e-4)


def test_a_bound_that_cannot_be_kept_is_missed_by_as_little_as_can_be():
    shares, trials, gains, costs = world(0)
    least = (shares @ costs).min()
    found = search(
        space_of(trials, set(NAMES), {}),
        lambda x: total(x, gains),
        lambda x: total(x, costs),
        most_forgetting=float(least - 0.5),
        seed=0,
    )
    assert found.excess == pytest.approx(0.5, abs=1e-4)


def test_what_is_not_finite_is_never_the_best():
    shares, trials, gains, _ = world(1)
    found = search(
        space_of(trials, set(NAMES), {}),
        lambda x: np.where(total(x, gains) > 0, np.nan, total(x, gains)),
        lambda x: np.zeros(len(x[NAMES[0]])),
        most_forgetting=0.0,
        seed=0,
    )
    assert (shares @ gains).max() > 0
    assert -0.01 < found.gain <= 0


def test_numbers_above_0_are_mixed_by_their_logarithm_and_given_ones_stay():
    rows = [trial({"rate": rate, "tokens": 10.0}, domain=()) for rate in (1e-4, 1e-2)]
    space = space_of(Trials(tuple(rows)), {"rate", "tokens"}, {"tokens": 99.0})
    x = space.columns(np.array([[0.5, 0.5], [1.0, 0.0]]), {})
    np.testing.assert_allclose(x["rate"], [1e-3, 1e-4])
    assert x["tokens"].tolist() == [99.0, 99.0]
