import numpy as np
import pytest

from gapless.records.token_store import TokenStore, TokenStoreWriter

ROWS = [[1, 2, 3], [], [4], [65_535]]
HELD_OUT = [False, True, True, False]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def one_by_one(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    writer = TokenStoreWriter(folder, vocabulary_size=1 << 16)
    for ids, held_out in zip(ROWS, HELD_OUT, strict=True):
        writer.add(np.array(ids, dtype=np.int64), held_out=held_out)
    writer.close()
    return folder


@pytest.mark.parametrize("cut", range(len(ROWS) + 1))
def test_documents_added_at_once_make_the_same_files(tmp_path, one_by_one, cut):
    folder = tmp_path / "many"
    folder.mkdir()
    with TokenStoreWriter(folder, vocabulary_size=1 << 16) as writer:
        for rows, held_out in ((ROWS[:cut], HELD_OUT[:cut]), (ROWS[cut:], HELD_OUT[cut:])):
            flat = np.array([i for ids in rows for i in ids], np.uint32)
            lengths = np.array([len(ids) for ids in rows], np.int64)
            writer.add_many(flat, lengths, np.array(held_out, dtype=bool))
    assert contents(folder) == contents(one_by_one)
    store = TokenStore.open(folder)
    assert [store.document(i).tolist() for i in range(len(ROWS))] == ROWS


def test_an_error_leaves_no_table_that_would_make_it_a_store(tmp_path):
    with (
        pytest.raises(KeyError),
        TokenStoreWriter(tmp_path, vocabulary_size=10) as writer,
    ):
        writer.add(np.array([1]), held_out=False)
        raise KeyError
    assert sorted(contents(tmp_path)) == ["tokens.bin"]


def test_an_id_that_the_vocabulary_has_not_is_never_written(tmp_path):
    writer = TokenStoreWriter(tmp_path, vocabulary_size=10)
    with pytest.raises(AssertionError):
        writer.add(np.array([10]), held_out=False)
    writer.close()
