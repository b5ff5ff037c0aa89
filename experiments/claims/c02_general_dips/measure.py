"""General accuracy in the first fifth and at the end, and bits per byte beside it."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    accuracy = seen.curve("one_pass", "general", "accuracy")
    fifth = accuracy.tokens[-1] / 5
    early = accuracy.changes[(accuracy.tokens > 0) & (accuracy.tokens <= fifth)].mean()
    return {
        "early_accuracy": float(early),
        "late_accuracy": accuracy.change - float(early),
        "early_bits": seen.curve("one_pass", "general").change_at(fifth),
    }
