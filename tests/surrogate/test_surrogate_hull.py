import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.seeds import stream
from gapless.surrogate.hull import distance_to_hull

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize(
    ("point", "distance"),
    [
        ((0.5, 0.5), 0.0),
        ((1.0, 0.3), 0.0),
        ((0.0, 0.0), 0.0),
        ((2.0, 0.5), 1.0),
        ((2.0, 2.0), 2**0.5),
        ((-3.0, 0.0), 3.0),
    ],
)
def test_exact_distances_to_a_square(point, distance):
    assert distance_to_hull(SQUARE, np.array(point)) == pytest.approx(distance, abs=1e-9)


def test_a_point_and_a_segment_are_hulls():
    assert distance_to_hull(SQUARE[:1], np.array([3.0, 4.0])) == pytest.approx(5)
    assert distance_to_hull(SQUARE[:2], np.array([0.5, 2.0])) == pytest.approx(2)
    assert distance_to_hull(np.zeros((3, 2)), np.zeros(2)) == 0


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 12))
def test_what_is_mixed_from_corners_is_inside(seed, dimensions, count):
    generator = stream(seed, "test", "inside")
    corners = generator.normal(size=(count, dimensions))
    point = generator.dirichlet(np.ones(count)) @ corners
    assert distance_to_hull(corners, point) < 1e-7


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 12))
def test_inside_and_outside_are_those_of_a_linear_programme(seed, dimensions, count):
    optimize = pytest.importorskip("scipy.optimize")
    generator = stream(seed, "test", "outside")
    corners = generator.normal(size=(count, dimensions))
    point = generator.normal(size=dimensions)
    equal = np.vstack([corners.T, np.ones(count)])
    found = optimize.linprog(np.zeros(count), A_eq=equal, b_eq=np.append(point, 1.0))
    assert (distance_to_hull(corners, point) < 1e-7) == found.success


@given(st.integers(0, 10**6))
def test_no_corner_is_nearer_than_the_hull(seed):
    generator = stream(seed, "test", "nearest")
    corners, point = generator.normal(size=(9, 3)), 3 * generator.normal(size=3)
    nearest = np.linalg.norm(corners - point, axis=1).min()
    drawn = generator.dirichlet(np.full(9, 0.3), size=500) @ corners
    distance = distance_to_hull(corners, point)
    assert distance <= nearest + 1e-9
    assert distance <= np.linalg.norm(drawn - point, axis=1).min() + 1e-9
