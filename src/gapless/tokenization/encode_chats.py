"""A source's conversations as a token store that knows which tokens are answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.errors import DataError
from gapless.records import documents
from gapless.records.token_store import TokenStoreWriter
from gapless.tokenization.chat import ChatEncoder, EncodedChat
from gapless.tokenization.load import largest_id

if TYPE_CHECKING:
    import pyarrow as pa
    from transformers import PreTrainedTokenizerFast


def encode_conversations(
    folder: Path,
    out: Path,
    tokenizer: PreTrainedTokenizerFast,
    *,
    template: str,
    only_answers: bool,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the token store of a folder of conversations into ``out`` and return its counts.

    The ids are those of the template, with no token before or after them. ``learned_tokens`` are
    those to be predicted, held-out ones left out; ``with_control_names`` counts the conversations
    that hold the name of a control token as text. ``progress`` is called with (documents done,
    documents in all).

    Raises:
        DataError: the template cannot be used, or refuses a conversation, or leaves it no answer.

    """
    encoder, total = ChatEncoder(tokenizer, template), int(documents.first_documents(folder)[-1])
    names = ("documents", "tokens", "held_out_documents", "held_out_tokens", "bytes")
    counts = dict.fromkeys((*names, "learned_tokens", "with_control_names"), 0)
    size = largest_id(tokenizer) + 1
    with TokenStoreWriter(out, vocabulary_size=size, masked=only_answers) as writer:
        for part in documents.parts(folder):
            for rows in documents.batches(part, ["text", "messages", "origin", "held_out"]):
                _add(writer, rows, _encoded(encoder, rows), counts, only_answers=only_answers)
                if progress is not None:
                    progress(counts["documents"], total)
    return counts | {"encoder": f"tokenizers {version('tokenizers')}"}


def _encoded(encoder: ChatEncoder, rows: pa.RecordBatch) -> list[EncodedChat]:
    """Encode a batch; a refused conversation is told by where it stands in the source's files."""
    origins = rows.column("origin").to_pylist()
    conversations = [json.loads(each) for each in rows.column("messages").to_pylist()]
    try:
        found = list(encoder.encode(conversations))
    except DataError as error:
        place = origins[int(error.where or 0)]
        raise DataError(error.what, where=place, mend=error.mend) from error
    for chat, origin in zip(found, origins, strict=True):
        if not chat.learned[1:].any():  # the first token is never predicted
            what = "the chat template leaves the conversation no answer to learn"
            raise DataError(what, where=origin, mend="Give the source another `chat.template`.")
    return found


def _add(
    writer: TokenStoreWriter,
    rows: pa.RecordBatch,
    chats: list[EncodedChat],
    counts: dict[str, int],
    *,
    only_answers: bool,
) -> None:
    import pyarrow.compute as pc

    held_out = rows.column("held_out").to_numpy(zero_copy_only=False)
    for chat, is_out in zip(chats, held_out.tolist(), strict=True):
        learned = chat.learned if only_answers else None
        writer.add(chat.ids, held_out=is_out, learned=learned)
        counts["documents"] += 1
        counts["tokens"] += len(chat.ids)
        counts["with_control_names"] += chat.has_names
        counts["held_out_documents"] += is_out
        counts["held_out_tokens"] += is_out * len(chat.ids)
        if not is_out:
            counts["learned_tokens"] += (
                int(np.count_nonzero(chat.learned)) if only_answers else len(chat.ids)
            )
    counts["bytes"] += int(pc.sum(pc.binary_length(rows.column("text"))).as_py() or 0)
