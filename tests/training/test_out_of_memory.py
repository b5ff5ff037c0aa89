"""What is said when the memory is too small."""

import numpy as np
import pytest
import torch

from gapless.errors import RunError
from gapless.recipe.training import Training
from gapless.training.out_of_memory import memory_explained, memory_mend

GPU = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of "
    "which 1.20 GiB is free."
)


def told(error: Exception, training: Training, *, context: int = 1024, processes: int = 1) -> str:
    with (
        pytest.raises(RunError) as caught,
        memory_explained(
            memory_mend(training, context=context, processes=processes), "training.main"
        ),
    ):
        raise error
    assert caught.value.__cause__ is error
    return str(caught.value)


def test_the_message_names_the_settings_with_their_numbers() -> None:
    training = Training(batch_tokens=65_536, micro_batch_tokens=16_384)
    assert told(torch.OutOfMemoryError(GPU), training) == (
        "training.main: the memory is too small: CUDA out of memory. Tried to allocate 20.00 "
        "GiB\n"
        "  Set training.micro_batch_tokens: 8192 (16,384 tokens are read at once), or "
        "training.gradient_checkpointing: true (a third more time). What is learnt stays the same, "
        "but for rounding."
    )


@pytest.mark.parametrize(
    ("training", "processes", "half", "now"),
    [
        (Training(batch_tokens=65_536), 1, 32_768, "65,536"),
        (Training(batch_tokens=65_536), 4, 8192, "16,384"),
        (Training(batch_tokens=65_536, micro_batch_tokens=32_768), 8, 4096, "8,192"),
        (Training(batch_tokens=3072), 1, 1024, "3,072"),
    ],
)
def test_half_of_what_a_process_reads_at_once_is_proposed_in_whole_rows(
    training: Training, processes: int, half: int, now: str
) -> None:
    message = told(torch.OutOfMemoryError(GPU), training, processes=processes)
    assert f"training.micro_batch_tokens: {half} ({now} tokens are read at once)" in message


def test_all_logits_at_once_are_named_where_the_recipe_asks_for_them() -> None:
    assert "training.loss: auto" in told(MemoryError(), Training(loss="whole"))
    assert "training.loss" not in told(MemoryError(), Training())


def test_what_helps_no_more_is_not_proposed() -> None:
    one_row = Training(batch_tokens=4096, micro_batch_tokens=1024)
    assert "micro_batch_tokens" not in told(MemoryError(), one_row)
    least = Training(batch_tokens=4096, micro_batch_tokens=1024, gradient_checkpointing=True)
    message = told(MemoryError(), least)
    assert "shorter order.context (1,024 now)" in message
    assert "gradient_checkpointing" not in message


def test_a_cpu_without_memory_says_the_same() -> None:
    training = Training(batch_tokens=4096)
    with pytest.raises((RuntimeError, MemoryError)) as of_torch:
        torch.empty(2**50)
    with pytest.raises(MemoryError) as of_numpy:
        np.empty(2**50)
    for error in (of_torch.value, of_numpy.value):
        assert "training.micro_batch_tokens: 2048" in told(error, training)


def test_another_error_stays_what_it_is() -> None:
    with (
        pytest.raises(RuntimeError, match="size mismatch"),
        memory_explained("Set this.", "training.main"),
    ):
        raise RuntimeError("size mismatch")


@pytest.mark.gpu
def test_a_gpu_without_memory_says_the_same() -> None:
    with pytest.raises(torch.OutOfMemoryError) as caught:
        torch.empty(2**50, device="cuda")
    assert "training.micro_batch_tokens: 2048" in told(caught.value, Training(batch_tokens=4096))
