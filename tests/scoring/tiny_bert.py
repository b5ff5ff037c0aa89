"""A random BERT of a few thousand weights, built on the spot."""

from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from gapless.tokenization import train_byte_bpe


def build(folder: Path, texts: list[str], *, positions: int = 64) -> Path:
    """Write a model folder with a tokenizer trained on ``texts``."""
    from transformers import AutoTokenizer

    train_byte_bpe(texts, 300, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder
