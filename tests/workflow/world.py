"""A whole run in seconds: real words, a byte-level tokenizer, a few thousand weights."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gapless.modeling import new_model, save_model
from gapless.seeds import stream
from gapless.tokenization import load_tokenizer
from gapless.tokenization.train import train_byte_bpe

PROSE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
WORDS = PROSE.split()

QUESTIONS: list[dict[str, Any]] = [
    {"question": "A row is what the model sees", "choices": ["at once", "zzqx zzqx"], "answer": 0},
    {"question": "A document is a text with", "choices": ["qzzx", "an id", "xxzq"], "answer": 1},
]


def documents(count: int, *, first: int) -> list[dict[str, Any]]:
    """Words of real prose at random: no document holds a stretch of another."""

    def text(number: int) -> str:
        return " ".join(stream(0, "document", first + number).choice(WORDS, 20 + number % 30))

    return [{"id": f"work-{first + number}", "text": text(number)} for number in range(count)]


def write_source(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_base(folder: Path) -> None:
    """A base model that `transformers` would load: weights, config and tokenizer."""
    train_byte_bpe([PROSE], 300, folder)
    tokenizer = load_tokenizer(folder)
    shape = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    save_model(new_model("llama", shape, vocabulary_size=len(tokenizer), seed=0), folder)


RECIPE = """
name: tiny
seed: 5
model: {type: pretrained, path: base}
sources:
  medicine: {role: domain, path: medicine.jsonl, id: id, held_out: 20%}
  prose: {role: general, path: prose.jsonl, id: id, held_out: 20%}
order:
  context: 32
  phases: [{epochs: 2}]
training:
  batch_tokens: 128
  learning_rate: 1.0e-2
  precision: fp32
  device: cpu
  checkpoints: {every: 512}
probing:
  probes:
    - {type: bits_per_byte, bytes_per_source: 2000}
    - {type: multiple_choice, name: exam, path: exam.jsonl, role: domain}
arms:
  alone: {}
  replay:
    selection: {medicine: {type: random, tokens: 1k}}
    order: {phases: [{epochs: 2, mixture: {type: replay, general: 25%}}]}
"""


def make_world(folder: Path) -> Path:
    """Write a base, two sources and a recipe; return the recipe's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "base").mkdir()
    write_base(folder / "base")
    write_source(folder / "medicine.jsonl", documents(60, first=0))
    write_source(folder / "prose.jsonl", documents(60, first=70))
    write_source(folder / "exam.jsonl", QUESTIONS)
    recipe = folder / "recipe.yaml"
    recipe.write_text(textwrap.dedent(RECIPE))
    return recipe
