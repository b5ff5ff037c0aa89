"""Compare the base model with n-gram models and compressors on the held-out text of its sources.

    python experiments/base_model/compare.py                          the model that ships
    python experiments/base_model/compare.py --model DIR --tokenizer DIR

Prints Markdown: bits per byte of the probe's items (lower is better). The n-gram models read the
tokenizer's ids of exactly the training documents, each once ("as read": only those that the base
had time to read); the compressors read nothing before.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ngram import NGram

from gapless import assets
from gapless.assets import store
from gapless.evaluation import Scorer, build_bits_per_byte_items
from gapless.evaluation.bits_per_byte import bits_per_byte
from gapless.mixing import plan_phases
from gapless.modeling import load_model
from gapless.ordering import DocumentStream
from gapless.recipe import Recipe, load
from gapless.records.documents import is_held_out
from gapless.records.measurements import ItemValues
from gapless.tokenization import end_id, load_tokenizer, prefix_id
from gapless.tokenization.encode import encode_texts, plain_encoder

RECIPE = Path(__file__).parents[2] / "recipes" / "base.yaml"
COMPRESSORS = {
    "`xz -9e`": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
    "`gzip -9`": lambda data: gzip.compress(data, 9, mtime=0),
}


@dataclass(frozen=True)
class Text:
    """One source: the documents to train on, and the probe's items."""

    training: list[str]
    items: list[str]

    @property
    def num_bytes(self) -> np.ndarray:
        """UTF-8 bytes of each item."""
        return np.array([len(item.encode()) for item in self.items], dtype=np.float64)


def read_text(recipe: Recipe, name: str) -> Text:
    """Split a source's asset as the recipe does."""
    path = assets.locate(name)
    if path is None:
        sys.exit(f"asset {name!r} is not here yet; run: gapless assets fetch {name}")
    fraction = recipe.sources[name].held_out
    training: list[str] = []
    works: list[str] = []
    held_out: list[str] = []
    for document in store.read(path):
        if is_held_out(document["id"], fraction):
            works.append(document["id"])
            held_out.append(document["text"])
        else:
            training.append(document["text"])
    items = build_bits_per_byte_items(
        works, held_out, probe=recipe.probing.probes[0], source=name, seed=recipe.seed
    )
    return Text(training, items)


def model_values(
    model: Path, tokenizer: Any, context: int, texts: dict[str, Text]
) -> dict[str, ItemValues]:
    """Measure the model as a run does, in fp32."""
    scorer = Scorer(load_model(model), tokenizer, context=context)
    return {
        name: bits_per_byte(scorer, text.items)["bits_per_byte"] for name, text in texts.items()
    }


def ngram_values(
    documents: list[np.ndarray], order: int, tokenizer: Any, texts: dict[str, Text]
) -> dict[str, ItemValues]:
    """Train an n-gram model and measure it on the tokens that the model is measured on."""
    ngram = NGram.train(documents, order=order, vocabulary_size=len(tokenizer))
    for length, level in enumerate(ngram.levels, start=1):
        print(
            f"{order}-gram: {len(level.keys):>10,} of length {length}, D {level.discounts.round(3)}"
        )
    values = {}
    for name, text in texts.items():
        items = [ids[:-1] for ids in encode(tokenizer, text.items)]
        values[name] = ItemValues(numerators=ngram.bits(items), denominators=text.num_bytes)
    return values


def encode(tokenizer: Any, texts: list[str]) -> list[np.ndarray]:
    """Return texts as documents: prefix, ids, end."""
    prefix, end = prefix_id(tokenizer), end_id(tokenizer)
    return encode_texts(plain_encoder(tokenizer), texts, prefix=prefix, end=end)


def documents_read(recipe: Recipe, documents: dict[str, list[np.ndarray]]) -> list[np.ndarray]:
    """Return the documents that the recipe's budget of tokens reaches, each once."""
    lengths = {name: np.array([len(ids) for ids in rows]) for name, rows in documents.items()}
    tokens = {name: int(values.sum()) for name, values in lengths.items()}
    (phase,) = plan_phases(
        recipe.order, roles=dict.fromkeys(documents, "general"), selected_tokens=tokens
    )
    chosen = []
    for name, rows in documents.items():
        everything = DocumentStream(
            name, documents=np.arange(len(rows)), lengths=lengths[name], seed=recipe.seed
        )
        segments = everything.segments(0, phase.rows[name] * recipe.order.context)
        reached = sorted({segment.document for segment in segments})
        chosen += [rows[index] for index in reached]
        print(f"{name}: the base read {len(reached):,} of {len(rows):,} documents")
    return chosen


def compressed(name: str, items: list[str]) -> float:
    """Return the bits per byte of all items end to end in one compressed file."""
    data = "".join(items).encode()
    return 8 * len(COMPRESSORS[name](data)) / len(data)


def table(texts: dict[str, Text], values: dict[str, dict[str, ItemValues]]) -> str:
    """Return one line per source, then the mean over sources, then all text in one file."""
    heads = ["source", "items", "bytes", *values, "base minus 5-gram", *COMPRESSORS]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    columns: dict[str, list[float]] = {head: [] for head in [*values, *COMPRESSORS]}
    gaps = []
    for source, text in texts.items():
        for head, by_source in values.items():
            columns[head].append(by_source[source].value)
        for head in COMPRESSORS:
            columns[head].append(compressed(head, text.items))
        gaps.append(paired(values["base"][source], values["5-gram"][source]))
        line = {head: f"{column[-1]:.3f}" for head, column in columns.items()}
        gap = f"{gaps[-1].value:+.3f} \N{PLUS-MINUS SIGN} {gaps[-1].standard_error:.3f}"
        lines.append(_line(source, len(text.items), int(text.num_bytes.sum()), line, gap))
    means = {head: f"{np.mean(column):.3f}" for head, column in columns.items()}
    error = math.hypot(*(gap.standard_error for gap in gaps)) / len(gaps)
    gap = f"{np.mean([gap.value for gap in gaps]):+.3f} \N{PLUS-MINUS SIGN} {error:.3f}"
    num_items = sum(len(text.items) for text in texts.values())
    num_bytes = int(sum(text.num_bytes.sum() for text in texts.values()))
    lines.append(_line("**mean over sources**", num_items, num_bytes, means, gap))
    together = [item for text in texts.values() for item in text.items]
    line = dict.fromkeys(columns, "") | {
        head: f"{compressed(head, together):.3f}" for head in COMPRESSORS
    }
    lines.append(_line("all in one file", num_items, num_bytes, line, ""))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def paired(first: ItemValues, second: ItemValues) -> ItemValues:
    """Return the difference of two models on the same items."""
    return ItemValues(
        numerators=first.numerators - second.numerators, denominators=first.denominators
    )


def _line(source: str, num_items: int, num_bytes: int, line: dict[str, str], gap: str) -> list[str]:
    cells = list(line.values())
    cells[-len(COMPRESSORS) : -len(COMPRESSORS)] = [gap]
    return [source, f"{num_items}", f"{num_bytes:,}", *cells]


def main() -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="model folder; the one that ships by default")
    parser.add_argument("--tokenizer", type=Path, help="tokenizer folder; the model's by default")
    chosen = parser.parse_args()
    model = chosen.model or assets.shipped("base")
    tokenizer = load_tokenizer(chosen.tokenizer or model)
    recipe = load(RECIPE)
    begin = time.perf_counter()

    texts = {name: read_text(recipe, name) for name in recipe.sources}
    documents = {name: encode(tokenizer, text.training) for name, text in texts.items()}
    every = [ids for rows in documents.values() for ids in rows]
    print(f"{len(every):,} training documents, {sum(map(len, every)):,} tokens")
    values = {
        "base": model_values(model, tokenizer, recipe.order.context, texts),
        "unigram": ngram_values(every, 1, tokenizer, texts),
        "5-gram": ngram_values(every, 5, tokenizer, texts),
        "5-gram, as read": ngram_values(documents_read(recipe, documents), 5, tokenizer, texts),
    }
    print(f"\n{table(texts, values)}\n\n{time.perf_counter() - begin:.0f} seconds")


if __name__ == "__main__":
    main()
