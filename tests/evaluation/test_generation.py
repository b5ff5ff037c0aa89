import copy
import warnings

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast

from gapless.evaluation.generation import Generator, before_first

PROMPTS = [
    "the cell",
    "",
    "la cellule se divise, la paroi tient. the wall",
    "the cell divides; the wall of the cell holds",
    "x",
    "zz",
]


def plain_answer(model, tokenizer, prompt, max_new_tokens):
    """One prompt at a time, without padding, by `transformers` itself."""
    ids = [tokenizer.eos_token_id, *tokenizer(prompt, add_special_tokens=False).input_ids]
    was_training = model.training
    model.eval()
    config = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    whole = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), generation_config=config
    )
    model.train(was_training)
    return tokenizer.decode(whole[0, len(ids) :], skip_special_tokens=True)


@pytest.mark.parametrize("batch_tokens", [1, 60, 16_384])
def test_answers_are_those_of_one_prompt_at_a_time(model, tokenizer, batch_tokens):
    generator = Generator(model, tokenizer, context=64, batch_tokens=batch_tokens)
    answers = generator.answers(PROMPTS, max_new_tokens=12)
    assert answers == [plain_answer(model, tokenizer, prompt, 12) for prompt in PROMPTS]
    assert len(set(answers)) > 3  # guard: the model does tell them apart


def test_an_answer_ends_before_the_first_stop_string(model, tokenizer):
    generator = Generator(model, tokenizer, context=64)
    whole = generator.answers(PROMPTS, max_new_tokens=20)
    stop = [whole[2][5:7], whole[0][4:5]]
    assert all(stop)
    answers = generator.answers(PROMPTS, max_new_tokens=20, stop=stop)
    assert answers == [before_first(text, stop) for text in whole]
    assert answers != whole


def test_a_space_at_the_beginning_of_an_answer_stays(model):
    """Indentation of code, for one: tokenizers of Llama 2's kind drop it where a text begins."""
    backend = Tokenizer(models.WordLevel({f"\u2581{i}": i for i in range(299)} | {"<end>": 299}))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    metaspace = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>")  # noqa: S106 - a token of text
    generator = Generator(model, metaspace, context=64)
    (answer,) = generator.answers(["7 8"], max_new_tokens=2)
    (bare,) = generator.answers_after([[299, 7, 8]], max_new_tokens=2)
    assert answer == f" {bare}"
    assert len(bare.split()) == 2


def test_stop_strings_save_work(model, tokenizer):
    generator = Generator(model, tokenizer, context=64)
    stop = [generator.answers(PROMPTS[:1], max_new_tokens=20)[0][:1]]
    calls = []
    handle = model.register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        assert generator.answers(PROMPTS[:1], max_new_tokens=20, stop=stop) == [""]
    finally:
        handle.remove()
    assert len(calls) == 1


def test_the_first_stop_string_is_the_one_that_comes_first():
    assert before_first("a b c", ["c", "b"]) == "a "
    assert before_first("a b c", ["d"]) == "a b c"


def test_a_long_prompt_loses_its_beginning(model, tokenizer):
    prompt = PROMPTS[3] * 20
    ids = tokenizer(prompt, add_special_tokens=False).input_ids[-24:]
    model.eval()
    whole = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, 24), max_new_tokens=8, do_sample=False,
        eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    model.train()
    expected = tokenizer.decode(whole[0, 24:], skip_special_tokens=True)
    answers = Generator(model, tokenizer, context=32).answers([prompt], max_new_tokens=8)
    assert answers == [expected]


def test_an_answer_ends_at_the_end_of_text(model, tokenizer):
    ended = copy.deepcopy(model)
    with torch.no_grad():  # every token is followed by the end of text
        ended.lm_head.weight.zero_()
        ended.lm_head.weight[0] = 1.0
        ended.model.norm.weight.zero_()
    generator = Generator(ended, tokenizer, context=64)
    assert generator.answers(PROMPTS, max_new_tokens=9) == [""] * len(PROMPTS)


def test_the_model_is_left_as_found(model, tokenizer):
    model.model.layers[0].eval()  # a mixture of modes, as frozen layers have
    modes = [module.training for module in model.modules()]
    configs = model.config.to_dict(), model.generation_config.to_dict()
    buffers = {name: each.clone() for name, each in model.named_buffers()}
    before = torch.random.get_rng_state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Generator(model, tokenizer, context=64).answers(PROMPTS, max_new_tokens=4)
        assert modes == [module.training for module in model.modules()]
    finally:
        model.train()
    assert True in modes
    assert False in modes
    assert configs == (model.config.to_dict(), model.generation_config.to_dict())
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(buffers[name], each) for name, each in model.named_buffers())
    loss = model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss
    loss.backward()  # nothing made under generation breaks the next backward pass
    model.zero_grad()


def test_a_models_own_ideas_of_generation_do_not_count(model, tokenizer):
    generator = Generator(model, tokenizer, context=64)
    plain = generator.answers(PROMPTS, max_new_tokens=12)
    own = model.generation_config
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=5.0, repetition_penalty=3.0, max_length=3
    )
    try:
        assert generator.answers(PROMPTS, max_new_tokens=12) == plain
    finally:
        model.generation_config = own


def test_no_prompts_no_answers(model, tokenizer):
    assert Generator(model, tokenizer, context=64).answers([], max_new_tokens=3) == []
