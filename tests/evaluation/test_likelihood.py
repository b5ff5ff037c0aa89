import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gapless.evaluation import likelihood
from gapless.evaluation.likelihood import Scorer, TokenSequence, cut_windows


def sequence(length, seed=0, start=1):
    ids = np.random.Generator(np.random.Philox(seed)).integers(0, 300, length).tolist()
    return TokenSequence(ids, start)


@given(st.integers(0, 300), st.integers(0, 320), st.integers(2, 40))
def test_each_token_is_counted_once_after_at_least_one_token(length, start, context):
    counted = []
    for window in cut_windows(length, start, context):
        assert window.num_tokens <= context
        assert window.begin < window.start < window.end <= length
        counted += range(window.start, window.end)
    assert counted == list(range(max(1, start), length))


def test_windows_are_full_and_overlap_in_one_token():
    windows = [(window.begin, window.end) for window in cut_windows(10, 1, 4)]
    assert windows == [(0, 4), (3, 7), (6, 10)]


def test_windows_before_the_first_counted_token_are_left_out():
    windows = [(window.begin, window.start, window.end) for window in cut_windows(10, 6, 4)]
    assert windows == [(3, 6, 7), (6, 7, 10)]


def test_nats_are_those_of_the_slow_loop(model, tokenizer, slow_nats):
    sequences = [sequence(length, length, start) for length, start in [(9, 1), (2, 1), (30, 7)]]
    nats = Scorer(model, tokenizer, context=32).nats(sequences)
    assert nats.dtype == np.float64
    expected = [slow_nats(each.ids, each.start) for each in sequences]
    np.testing.assert_allclose(nats, expected, rtol=1e-5)
    assert len(set(nats)) == 3  # guard: the model does tell them apart


def test_a_long_sequence_is_the_sum_of_its_windows(model, tokenizer, slow_nats):
    ids = sequence(20).ids
    nats = Scorer(model, tokenizer, context=8).nats([TokenSequence(ids)])
    expected = slow_nats(ids[0:8]) + slow_nats(ids[7:15]) + slow_nats(ids[14:20])
    np.testing.assert_allclose(nats, [expected], rtol=1e-5)


def test_nothing_to_count_is_zero_nats(model, tokenizer):
    sequences = [TokenSequence([]), TokenSequence([5]), TokenSequence([5, 6], start=2)]
    assert Scorer(model, tokenizer, context=8).nats(sequences).tolist() == [0.0, 0.0, 0.0]
    assert Scorer(model, tokenizer, context=8).nats([]).shape == (0,)


@pytest.mark.parametrize("batch_tokens", [1, 40, 16_384])
def test_a_sequence_does_not_feel_its_batch(model, tokenizer, batch_tokens):
    sequences = [sequence(length, length) for length in (3, 31, 12, 2, 32, 17)]
    together = Scorer(model, tokenizer, context=32, batch_tokens=batch_tokens).nats(sequences)
    alone = [Scorer(model, tokenizer, context=32).nats([each])[0] for each in sequences]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_the_order_of_sequences_is_kept(model, tokenizer):
    sequences = [sequence(length, length) for length in (3, 31, 12)]
    scorer = Scorer(model, tokenizer, context=32)
    np.testing.assert_allclose(
        scorer.nats(sequences)[::-1], scorer.nats(sequences[::-1]), rtol=1e-5
    )


def test_two_calls_agree_to_the_last_bit(model, tokenizer):
    sequences = [sequence(length, length) for length in (3, 50, 12)]
    scorer = Scorer(model, tokenizer, context=16)
    assert scorer.nats(sequences).tobytes() == scorer.nats(sequences).tobytes()


def test_batches_stay_within_their_tokens_unless_of_one_row(model, tokenizer):
    shapes = []
    handle = model.register_forward_pre_hook(
        lambda _, __, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    try:
        Scorer(model, tokenizer, context=32, batch_tokens=24).nats(
            [sequence(length) for length in (30, 12, 11, 3, 3, 3)]
        )
    finally:
        handle.remove()
    assert shapes == [(1, 29), (2, 11), (3, 2)]


def test_a_large_vocabulary_makes_batches_smaller(model, tokenizer, monkeypatch):
    sequences = [sequence(length, length) for length in (12, 12, 12)]
    expected = Scorer(model, tokenizer, context=32).nats(sequences)
    monkeypatch.setattr(likelihood, "_MOST_LOGITS", 300 * 24)
    scorer, shapes = Scorer(model, tokenizer, context=32), []
    handle = model.register_forward_hook(lambda _, __, out: shapes.append(out.logits.shape))
    try:
        np.testing.assert_allclose(scorer.nats(sequences), expected, rtol=1e-5)
    finally:
        handle.remove()
    assert [tuple(shape) for shape in shapes] == [(2, 11, 300), (1, 11, 300)]


def test_the_model_is_left_as_it_was_found(model, tokenizer):
    model.train()
    model.model.layers[0].eval()
    modes = [module.training for module in model.modules()]
    random_state = torch.get_rng_state()
    try:
        Scorer(model, tokenizer, context=8).nats([sequence(20)])
        assert [module.training for module in model.modules()] == modes
        assert torch.equal(torch.get_rng_state(), random_state)
        assert all(parameter.grad is None for parameter in model.parameters())
    finally:
        model.train()


def test_the_modes_come_back_after_a_failure(model, tokenizer):
    model.train()
    with pytest.raises(IndexError):
        Scorer(model, tokenizer, context=8).nats([TokenSequence([1, 10_000])])
    assert all(module.training for module in model.modules())


def test_training_goes_on_after_a_measurement(model, tokenizer):
    Scorer(model, tokenizer, context=8).nats([sequence(20)])
    model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
    model.zero_grad()


def test_bf16_is_near_fp32(model, tokenizer):
    exact = Scorer(model, tokenizer, context=32).nats([sequence(30)])
    rounded = Scorer(model, tokenizer, context=32, precision="bf16").nats([sequence(30)])
    np.testing.assert_allclose(rounded, exact, rtol=0.05)
    assert rounded[0] != exact[0]


def test_a_special_tokens_name_in_a_text_is_text(model, tokenizer):
    [ids] = Scorer(model, tokenizer, context=32).encode(["a<|end|>b"])
    assert tokenizer.eos_token_id not in ids


def test_importing_evaluation_loads_no_torch():
    code = "import sys, gapless.evaluation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_greedy_is_what_the_model_would_write_itself(model, tokenizer):
    scorer = Scorer(model, tokenizer, context=32, batch_tokens=70)
    context = sequence(9).ids
    model.eval()
    with torch.no_grad():
        written = model.generate(
            torch.tensor([context]),
            attention_mask=torch.ones(1, 9),
            max_new_tokens=4,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )[0].tolist()
    model.train()
    other = [*written[:-1], (written[-1] + 1) % 300]  # alike up to the last token
    early = [*written[:9], (written[9] + 1) % 300, *written[10:]]
    sequences = [TokenSequence(ids, 9) for ids in (written, other, early, written[:11])]
    sequences += [TokenSequence(written, 1), TokenSequence(other, 12), TokenSequence(written, 12)]
    nats, greedy = scorer.nats_and_greedy(sequences)
    assert greedy.tolist() == [True, False, False, True, False, False, True]
    np.testing.assert_allclose(nats, scorer.nats(sequences), rtol=1e-5)


def test_sequences_alike_up_to_their_last_token_are_read_once(model, tokenizer):
    rows = []
    handle = model.register_forward_pre_hook(
        lambda _, __, kwargs: rows.append(kwargs["input_ids"].shape[0]), with_kwargs=True
    )
    try:
        ids = sequence(9).ids
        scorer = Scorer(model, tokenizer, context=32)
        scorer.nats_and_greedy([TokenSequence([*ids, last], 9) for last in (1, 2, 3, 4)])
        assert scorer.nats_and_greedy([])[0].shape == (0,)
    finally:
        handle.remove()
    assert rows == [1]
