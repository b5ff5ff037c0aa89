from pathlib import Path

import pytest

from gapless.tokenization import load_tokenizer, train_byte_bpe

TEXTS = [
    "The cell divides. The cell wall holds; the cell's wall is 12 nm thick.",
    "La cellule se divise en 2024. Les parois tiennent.",
    "def divide(cell):\n    return cell / 2\n",
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("tokenizer")
    train_byte_bpe(TEXTS * 5, 320, out)
    return out


@pytest.fixture(scope="session")
def tokenizer(folder):
    return load_tokenizer(folder)
