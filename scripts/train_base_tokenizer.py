"""Train the tokenizer of the base model on the training text of its recipe.

    python scripts/train_base_tokenizer.py OUT     write tokenizer.json and tokenizer_config.json

A source gives documents in their order until they have more than its share of 20 million
characters; held-out documents are skipped. The same assets give the same files, byte for byte. The
tokenizer that ships was made in this way from an earlier extraction of the assets: 31 of its 4,096
tokens differ (experiments/base_model/README.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from gapless import assets
from gapless.assets import store
from gapless.recipe import Recipe, load
from gapless.records.documents import is_held_out
from gapless.tokenization import train_byte_bpe

RECIPE = Path(__file__).parent.parent / "recipes" / "base.yaml"
VOCABULARY_SIZE = 4096
CHARACTERS = 20e6


def training_texts(recipe: Recipe) -> Iterator[str]:
    """Yield the texts to learn from, source after source in the recipe's order."""
    shares = recipe.order.phases[0].mixture.shares
    for name, source in recipe.sources.items():
        path = assets.locate(name)
        if path is None:
            sys.exit(f"asset {name!r} is not here yet; run: gapless assets fetch {name}")
        num_characters = 0
        for document in store.read(path):
            if is_held_out(document["id"], source.held_out):
                continue
            num_characters += len(document["text"])
            yield document["text"]
            if num_characters > shares[name] * CHARACTERS:
                break


def main() -> None:
    """Write the tokenizer's folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write into")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    print(train_byte_bpe(training_texts(load(RECIPE)), VOCABULARY_SIZE, out), "ids")


if __name__ == "__main__":
    main()
