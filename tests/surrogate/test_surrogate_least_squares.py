import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.seeds import stream
from gapless.surrogate.forms import Form, Parameter
from gapless.surrogate.least_squares import (
    Problems,
    from_free,
    minimise,
    solve_linear,
    to_free,
)

X = np.linspace(0.1, 3, 20)
DECAY = Form(
    parameters=(
        Parameter(name="c", linear=True),
        Parameter(name="k", low=0.0, linear=True),
        Parameter(name="t", low=0.0, high=9.0, start=(0.1, 5.0)),
    ),
    reads=("x",),
    formula=lambda p, x: p["c"] + p["k"] * np.exp(-p["t"] * x["x"]),
)
LINE = Form(
    parameters=(Parameter(name="a", linear=True), Parameter(name="b", linear=True, ridge=1.0)),
    reads=("x",),
    formula=lambda p, x: p["a"] + p["b"] * x["x"],
)
START = np.array([[0.5, 0.5, 1.0]])


def problems(form, values, *, weights=None, delta=1e9):
    weights = np.ones((1, len(values))) if weights is None else weights
    count = len(weights)
    return Problems(form, {"x": X}, values, weights, np.full(count, delta), np.full(count, 0.5))


def decaying(outlier=0.0):
    values = 1 + 2 * np.exp(-1.5 * X) + stream(0, "test", "decay").normal(0, 0.01, len(X))
    values[7] += outlier
    return values


@pytest.mark.parametrize("outlier", [0.0, 3.0])
def test_the_end_is_that_of_scipy(outlier):
    optimize = pytest.importorskip("scipy.optimize")
    values = decaying(outlier)
    theta, cost = minimise(problems(DECAY, values, delta=0.02), START)
    other = optimize.least_squares(
        lambda t: DECAY.predict(t, {"x": X}) - values,
        START[0],
        bounds=(DECAY.low, DECAY.high),
        loss="huber",
        f_scale=0.02,
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    np.testing.assert_allclose(theta[0], other.x, rtol=1e-5)
    assert cost[0] == pytest.approx(other.cost, rel=1e-9)


def test_one_row_astray_moves_little():
    plain, robust = (
        minimise(problems(DECAY, decaying(3.0), delta=delta), START)[0][0] for delta in (1e9, 0.02)
    )
    truth = np.array([1, 2, 1.5])
    assert np.abs(robust - truth).max() < 0.1 < np.abs(plain - truth).max()


def test_a_ridge_line_is_that_of_the_normal_equations():
    values = decaying()
    design = np.stack([np.ones(len(X)), X], axis=1)
    exact = np.linalg.solve(design.T @ design + np.diag([0, 0.5]), design.T @ values)
    theta, _ = minimise(problems(LINE, values), np.zeros((1, 2)))
    np.testing.assert_allclose(theta[0], exact, rtol=1e-7)


def test_a_row_of_weight_0_is_as_if_it_were_not_there():
    values = decaying()
    changed = values.copy()
    changed[3] = 100.0
    weights = np.ones((1, len(X)))
    weights[0, 3] = 0.0
    ends = [minimise(problems(DECAY, y, weights=weights), START)[0] for y in (values, changed)]
    np.testing.assert_array_equal(*ends)


def test_no_problem_depends_on_its_neighbours(monkeypatch):
    values = decaying()
    weights = stream(0, "test", "weights").exponential(size=(5, len(X)))
    starts = np.repeat(START, 5, axis=0)
    together = minimise(problems(DECAY, values, weights=weights, delta=0.02), starts)[0]
    alone = [
        minimise(problems(DECAY, values, weights=own[None], delta=0.02), START)[0][0]
        for own in weights
    ]
    np.testing.assert_array_equal(together, alone)
    monkeypatch.setattr("gapless.surrogate.least_squares._MOST_NUMBERS", 1)
    parts = minimise(problems(DECAY, values, weights=weights, delta=0.02), starts)[0]
    np.testing.assert_array_equal(together, parts)
    assert len(np.unique(together[:, 2])) == 5


def test_a_start_without_a_finite_prediction_costs_infinity():
    form = Form(
        parameters=(Parameter(name="a", low=0.0, start=(1.0, 2.0)),),
        reads=("x",),
        formula=lambda p, x: p["a"] * np.log(x["x"] - 1),
    )
    _, cost = minimise(problems(form, decaying()), np.ones((1, 1)))
    assert cost[0] == np.inf


def test_linear_parameters_of_a_start_are_exact_where_bounds_allow():
    values = 1 + 2 * np.exp(-1.5 * X)
    found = solve_linear(problems(DECAY, values), np.array([[0.0, 0.0, 1.5]]))
    np.testing.assert_allclose(found, [[1, 2, 1.5]], rtol=1e-5)
    below = solve_linear(problems(DECAY, 1 - 2 * np.exp(-1.5 * X)), np.array([[0.0, 0.0, 1.5]]))
    assert below[0, 1] > 0


@given(st.floats(-15, 15), st.floats(-15, 15), st.floats(-15, 15))
def test_bounds_hold_and_free_numbers_come_back(c, k, t):
    free = np.array([c, k, t])
    theta = from_free(DECAY, free)
    assert theta[1] > 0
    assert 0 < theta[2] < 9
    np.testing.assert_allclose(to_free(DECAY, theta), free, rtol=1e-6, atol=1e-8)
