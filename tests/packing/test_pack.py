from pathlib import Path

import numpy as np
import pytest

from gapless.packing import IGNORED, pack
from gapless.records.rows import Pieces, Rows
from gapless.records.token_store import TokenStore, TokenStoreWriter


def rows_of(*rows: list[tuple[int, int, int]], names: tuple[str, ...] = ("law",)) -> Rows:
    """Rows of (document, begin, end), all of the first name."""
    slices = np.array([piece for row in rows for piece in row]).T
    offsets = np.cumsum([0, *map(len, rows)])
    zeros = np.zeros(len(rows), np.int64)
    pieces = Pieces(offsets, slices[0], slices[1], slices[2], np.zeros_like(slices[0]))
    return Rows(0, names, zeros, zeros, pieces)


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    writer = TokenStoreWriter(tmp_path, vocabulary_size=100)
    for ids in ([0, 11, 12, 13, 1], [0, 21, 1], [0, 31, 32, 33, 34, 35, 1]):
        writer.add(np.array(ids), held_out=False)
    writer.close()
    return TokenStore.open(tmp_path)


def test_a_row_of_two_documents(store: TokenStore) -> None:
    rows = rows_of([(0, 0, 5), (2, 0, 3)])
    packed = pack(rows, {"law": store}, context=8)
    assert packed.ids.tolist() == [[0, 11, 12, 13, 1, 0, 31, 32]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2]]
    assert packed.targets.tolist() == [[11, 12, 13, 1, IGNORED, 31, 32, IGNORED]]
    assert packed.num_targets == 6


def test_a_document_cut_by_a_row_starts_again_at_position_0(store: TokenStore) -> None:
    rows = rows_of([(2, 3, 7), (1, 0, 3)])
    packed = pack(rows, {"law": store}, context=7)
    assert packed.ids.tolist() == [[33, 34, 35, 1, 0, 21, 1]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 0, 1, 2]]
    assert packed.targets.tolist() == [[34, 35, 1, IGNORED, 21, 1, IGNORED]]


def test_what_a_row_has_left_is_padding(store: TokenStore) -> None:
    packed = pack(rows_of([(1, 0, 3)], [(0, 0, 5)]), {"law": store}, context=5)
    assert packed.ids.tolist() == [[0, 21, 1, 0, 0], [0, 11, 12, 13, 1]]
    assert packed.positions.tolist() == [[0, 1, 2, 0, 1], [0, 1, 2, 3, 4]]
    assert packed.targets[0].tolist() == [21, 1, IGNORED, IGNORED, IGNORED]
    assert packed.padding == 2


def test_tokens_that_are_not_to_be_learned_are_no_targets(tmp_path: Path) -> None:
    writer = TokenStoreWriter(tmp_path, vocabulary_size=100, masked=True)
    writer.add(np.array([0, 7, 8, 9, 1]), held_out=False, learned=np.array([0, 0, 0, 1, 1]))
    writer.add(np.array([0, 5, 1]), held_out=False)
    writer.close()
    packed = pack(rows_of([(0, 0, 5), (1, 0, 3)]), {"law": TokenStore.open(tmp_path)}, context=8)
    assert packed.ids.tolist() == [[0, 7, 8, 9, 1, 0, 5, 1]]
    assert packed.targets.tolist() == [[IGNORED, IGNORED, 9, 1, IGNORED, 5, 1, IGNORED]]


def test_strata_of_one_source_share_its_store(store: TokenStore) -> None:
    rows = rows_of([(1, 0, 3)], names=("law/a", "law/b"))
    assert pack(rows, {"law": store}, context=3).ids.tolist() == [[0, 21, 1]]
