"""Text to ids.

    folder --load_tokenizer--> tokenizer --encode_documents--> token store
    texts  --train_byte_bpe--> folder

`load.py` opens a tokenizer and says which of its ids begin and end a document, `encode.py` writes a
source's token store, `train.py` makes a tokenizer from text. Ids come from `fast.py` (gigatoken,
with `digits.py`) as long as `parity.py` finds them equal to those of `plain.py` (Hugging Face's
tokenizers), otherwise from `plain.py`.
"""

from gapless.tokenization.encode import encode_batches, encode_documents
from gapless.tokenization.load import check_matches, end_id, files, load_tokenizer, prefix_id
from gapless.tokenization.train import train_byte_bpe

__all__ = [
    "check_matches",
    "encode_batches",
    "encode_documents",
    "end_id",
    "files",
    "load_tokenizer",
    "prefix_id",
    "train_byte_bpe",
]
