"""Indexed data sets: what is written is what independent readers read."""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.interchange import IndexedWriter
from gapless.interchange.megatron import id_type
from tests.interchange.slow_reader import read_indexed

SEQUENCES = [[1, 2, 3], [65535], [7, 0, 7, 0]]


def write(prefix: Path, sequences: list[list[int]], dtype: str = "<u2") -> None:
    with IndexedWriter(prefix, np.dtype(dtype)) as writer:
        for low in range(0, len(sequences), 2):  # in portions
            part = sequences[low : low + 2]
            writer.add(np.concatenate([*map(np.int64, part)]), [len(each) for each in part])


@pytest.mark.parametrize("dtype", ["<u2", "<i4"])
def test_a_reader_of_the_published_format_reads_what_was_written(
    tmp_path: Path, dtype: str
) -> None:
    write(tmp_path / "it", SEQUENCES, dtype)
    assert read_indexed(tmp_path / "it") == (SEQUENCES, [0, 1, 2, 3])


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=9), max_size=9))
def test_any_sequences_come_back(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[list[int]]
) -> None:
    prefix = tmp_path_factory.mktemp("any") / "it"
    write(prefix, sequences, "<i4")
    assert read_indexed(prefix) == (sequences, list(range(len(sequences) + 1)))


def test_ids_that_do_not_fit_are_not_written(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError),
        IndexedWriter(tmp_path / "it", np.dtype("<u2")) as writer,
    ):
        writer.add(np.array([65536]), [1])
    assert not (tmp_path / "it.idx").exists()


def test_the_type_goes_by_that_of_the_store() -> None:
    assert id_type(np.dtype("<u2")) == np.dtype("<u2")
    assert id_type(np.dtype("<u4")) == np.dtype("<i4")


def megatron() -> Any:
    """Megatron's own reader; its import warns of what is not installed."""
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    finally:
        logging.disable(logging.NOTSET)
    return module.IndexedDataset


@pytest.mark.parametrize("dtype", ["<u2", "<i4"])
def test_megatron_core_reads_what_was_written(tmp_path: Path, dtype: str) -> None:
    reader = megatron()
    write(tmp_path / "it", SEQUENCES, dtype)
    found = reader(str(tmp_path / "it"))
    assert [each.tolist() for each in (found[i] for i in range(len(found)))] == SEQUENCES
    assert found.document_indices.tolist() == [0, 1, 2, 3]
    assert found.sequence_lengths.tolist() == [3, 1, 4]
    assert np.dtype(found.index.dtype) == np.dtype(dtype)
    assert found.get(2, offset=1, length=2).tolist() == [0, 7]
