from pathlib import Path

import numpy as np
import pytest

from gapless.packing import IGNORED, pack
from gapless.records.rows import Row, Segment
from gapless.records.token_store import TokenStore, TokenStoreWriter


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    writer = TokenStoreWriter(tmp_path, vocabulary_size=100)
    for ids in ([0, 11, 12, 13, 1], [0, 21, 1], [0, 31, 32, 33, 34, 35, 1]):
        writer.add(np.array(ids), held_out=False)
    writer.close()
    return TokenStore.open(tmp_path)


def test_a_row_of_two_documents(store: TokenStore) -> None:
    row = Row(0, 0, "law", (Segment(0, 0, 5, 0), Segment(2, 0, 3, 0)))
    packed = pack([row], {"law": store}, context=8)
    assert packed.ids.tolist() == [[0, 11, 12, 13, 1, 0, 31, 32]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2]]
    assert packed.targets.tolist() == [[11, 12, 13, 1, IGNORED, 31, 32, IGNORED]]
    assert packed.num_targets == 6


def test_a_document_cut_by_a_row_starts_again_at_position_0(store: TokenStore) -> None:
    row = Row(0, 0, "law", (Segment(2, 3, 7, 1), Segment(1, 0, 3, 1)))
    packed = pack([row], {"law": store}, context=7)
    assert packed.ids.tolist() == [[33, 34, 35, 1, 0, 21, 1]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 0, 1, 2]]
    assert packed.targets.tolist() == [[34, 35, 1, IGNORED, 21, 1, IGNORED]]


def test_a_row_that_is_not_full_is_our_own_fault(store: TokenStore) -> None:
    with pytest.raises(AssertionError):
        pack([Row(0, 0, "law", (Segment(1, 0, 3, 0),))], {"law": store}, context=4)
