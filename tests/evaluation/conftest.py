"""A tiny model and a tiny tokenizer, made on the spot."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LITERAL = "the cell divides; the wall of the cell holds. la cellule se divise, la paroi tient. " * 4
VOCABULARY = 300


@pytest.fixture(scope="session")
def tokenizer():
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([LITERAL], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>")  # noqa: S106 - a token of text


@pytest.fixture(scope="session")
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=64,
            initializer_range=0.5,  # so that tokens differ in likelihood, and context matters
            attention_dropout=0.5,  # so that a forgotten eval mode shows
        )
        return LlamaForCausalLM(config).train()


@pytest.fixture
def slow_nats(model):
    """The obvious way: one token at a time, each from the tokens before it."""

    def nats(ids, start=1):
        was_training = model.training
        model.eval()
        total = 0.0
        with torch.no_grad():
            for place in range(start, len(ids)):
                logits = model(input_ids=torch.tensor([ids[:place]])).logits[0, -1]
                total -= float(torch.log_softmax(logits.double(), dim=-1)[ids[place]])
        model.train(was_training)
        return total

    return nats
