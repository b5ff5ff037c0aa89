"""Out of memory: which setting to change, with the recipe's own numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

from gapless.errors import RunError
from gapless.recipe.training import Training

_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC")
"""How a GPU, PyTorch's allocators of a CPU, and a GPU's libraries tell it."""


@contextmanager
def memory_explained(mend: str, where: str) -> Iterator[None]:
    """Turn what is raised when the memory is too small into what to change.

    Raises:
        RunError: it was too small.

    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not _is_of_memory(error):
            raise
        told = ". ".join(str(error).split(". ")[:2]).removesuffix(".")
        raise RunError(
            f"the memory is too small: {told or 'there is no more'}",
            where=where,
            mend=mend,
        ) from error


def _is_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS)


def memory_mend(training: Training, *, context: int, processes: int) -> str:
    """Name what helps, cheapest first; without one of them, what is left."""
    rows = training.batch_tokens // context
    whole = -(-rows // processes) * context  # of one process, as `Processes.share` divides them
    at_once = min(training.micro_batch_tokens or whole, whole)
    ways = []
    if at_once > context:
        half = max(context, at_once // 2 // context * context)
        ways.append(f"training.micro_batch_tokens: {half} ({at_once:,} tokens are read at once)")
    if training.loss == "whole":
        ways.append("training.loss: auto (never all logits at once)")
    if not training.gradient_checkpointing:
        ways.append("training.gradient_checkpointing: true (a third more time)")
    if not ways:
        return f"Take a shorter order.context ({context:,} now), or more processes (`torchrun`)."
    return f"Set {', or '.join(ways)}. What is learnt stays the same, but for rounding."
