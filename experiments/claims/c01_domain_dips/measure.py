"""Accuracy in the first fifth and at the end; bits per byte in between."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    accuracy = seen.curve("one_pass", "domain", "accuracy")
    bits = seen.curve("one_pass", "domain")
    fifth = accuracy.tokens[-1] / 5
    early = accuracy.changes[(accuracy.tokens > 0) & (accuracy.tokens <= fifth)].mean()
    return {
        "early_accuracy": float(early),
        "late_accuracy": accuracy.change - float(early),
        "early_bits": bits.change_at(fifth),
        "late_bits": bits.change - bits.change_at(fifth),
    }
