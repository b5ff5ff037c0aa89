import math

import pytest

from gapless.analysis.student import t_quantile


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [  # printed tables of the distribution
        (0.975, 1, 12.706205),
        (0.975, 2, 4.302653),
        (0.975, 10, 2.228139),
        (0.95, 5, 2.015048),
        (0.995, 30, 2.749996),
        (0.975, 1e9, 1.959964),
        (0.5, 3, 0.0),
    ],
)
def test_quantiles_are_those_of_the_tables(probability, degrees, expected):
    assert t_quantile(probability, degrees) == pytest.approx(expected, abs=1e-6)


def test_one_degree_is_the_cauchy_distribution():
    assert t_quantile(0.9, 1) == pytest.approx(math.tan(math.pi * 0.4))


def test_few_degrees_go_over_into_many_without_a_jump():
    assert t_quantile(0.975, 200.0) == pytest.approx(t_quantile(0.975, 200.001), abs=1e-5)
    degrees = [1, 1.3, 2, 3.7, 50, 199, 201, 1000]
    quantiles = [t_quantile(0.975, each) for each in degrees]
    assert quantiles == sorted(quantiles, reverse=True)
