"""Text for the training benchmark: shipped documents, or random ids, in a token store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import zstandard

from gapless import assets
from gapless.ordering import Cut, Documents, DocumentStream, RunOrder, Shuffled
from gapless.packing import pack
from gapless.records.stretches import Stretch
from gapless.records.token_store import TokenStore, TokenStoreWriter
from gapless.seeds import stream
from gapless.tokenization import load_tokenizer
from gapless.tokenization.encode import plain_encoder

SOURCE = "web"
SEED, MEAN_LENGTH, SPREAD = 0, 500, 1.0


def write_shipped(folder: Path) -> None:
    """Write the corpora that ship with the package, in the tokens of its base model."""
    tokenizer = load_tokenizer(assets.fetch("base"))
    encoder, end = plain_encoder(tokenizer), tokenizer.eos_token_id
    folder.mkdir()
    with TokenStoreWriter(folder, vocabulary_size=len(tokenizer)) as writer:
        for name in ("encyclopedia-small", "novels-small", "speeches-small", "docs-small"):
            with zstandard.open(assets.fetch(name), "rt", encoding="utf-8") as lines:
                for line in lines:
                    ids = encoder.encode(json.loads(line)["text"], add_special_tokens=False).ids
                    writer.add(np.array([end, *ids, end]), held_out=False)


def write_random(folder: Path, vocabulary: int, num_tokens: int) -> None:
    """Write random ids in documents of lognormal lengths: nothing to learn, as much to do."""
    draw = stream(SEED, "benchmark", "tokens")
    folder.mkdir()
    with TokenStoreWriter(folder, vocabulary_size=vocabulary) as writer:
        total = 0
        while total < num_tokens:
            length = max(2, round(draw.lognormal(np.log(MEAN_LENGTH) - SPREAD**2 / 2, SPREAD)))
            writer.add(draw.integers(vocabulary, size=length), held_out=False)
            total += length


def order_of(
    folder: Path, context: int, num_rows: int
) -> tuple[RunOrder, Mapping[str, TokenStore]]:
    """Return the first rows of an epoch, shuffled, of everything in a store."""
    store = TokenStore.open(folder)
    documents = Documents(SOURCE, np.arange(len(store.lengths)), store.offsets)
    rows = DocumentStream(Shuffled(documents, seed=SEED), Cut(context), seed=SEED)
    return RunOrder([Stretch.whole(0, {SOURCE: num_rows})], {SOURCE: rows}), {SOURCE: store}


def write_rows(folder: Path, context: int, num_rows: int) -> None:
    """Write the rows that ours reads from its store, packed, for the others."""
    order, stores = order_of(folder / "store", context, num_rows)
    packed = pack(order.rows(0, num_rows), stores, context=context)
    for name in ("ids", "positions", "targets"):
        np.save(folder / f"{name}.npy", getattr(packed, name))
