"""Text to ids.

    folder --load_tokenizer--> tokenizer --encode_documents--> token store
    conversations, template --encode_conversations--> token store that knows the answers
    texts  --train_byte_bpe--> folder

`load.py` opens a tokenizer and says which of its ids begin and end a document, `encode.py` writes a
source's token store, `train.py` makes a tokenizer from text. Ids come from `fast.py` (gigatoken,
with `digits.py`) as long as `parity.py` finds them equal to those of `plain.py` (Hugging Face's
tokenizers), otherwise from `plain.py`. `encode_chats.py` writes the store of a source of
conversations: `chat_template.py` finds the template, `chat.py` tells answers from questions,
`control_names.py` keeps what people wrote from becoming control tokens.
"""

from gapless.tokenization.chat_template import (
    PLAIN_TEMPLATE,
    TEMPLATE_FILE,
    check_has_template,
    own_template,
    template_files,
)
from gapless.tokenization.encode import encode_batches, encode_documents
from gapless.tokenization.encode_chats import encode_conversations
from gapless.tokenization.load import check_matches, end_id, files, load_tokenizer, prefix_id
from gapless.tokenization.train import train_byte_bpe

__all__ = [
    "PLAIN_TEMPLATE",
    "TEMPLATE_FILE",
    "check_has_template",
    "check_matches",
    "encode_batches",
    "encode_conversations",
    "encode_documents",
    "end_id",
    "files",
    "load_tokenizer",
    "own_template",
    "prefix_id",
    "template_files",
    "train_byte_bpe",
]
