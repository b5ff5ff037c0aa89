"""Scattered reads of arrays on the disk."""

import mmap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.ordering.mapped import _mapping, taken


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    path = tmp_path_factory.mktemp("mapped") / "numbers.npy"
    np.save(path, np.arange(100_000, dtype=np.int64) ** 2)
    return np.load(path, mmap_mode="r")


@given(st.data())
def test_elements_of_a_mapped_part_are_those_of_the_array(numbers, data):
    begin = data.draw(st.integers(0, 99_000))
    part = numbers[begin:].view(np.ndarray)
    assert isinstance(_mapping(part), mmap.mmap)
    places = np.array(data.draw(st.lists(st.integers(0, len(part) - 1), max_size=200)), np.int64)
    assert taken(part, places).tolist() == [(begin + place) ** 2 for place in places.tolist()]


def test_an_array_in_memory_is_read_as_it_is():
    array = np.arange(1000)
    assert _mapping(array) is None
    assert taken(array, np.arange(0, 1000, 7)).tolist() == list(range(0, 1000, 7))
