"""The general gap of one pass, of the subset, and of one pass over as many tokens."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float | None]:
    """Return the parts of the claim."""
    one_pass, subset = seen.curve("one_pass", "general"), seen.curve("subset", "general")
    short = seen.curve("one_pass_short", "general")
    sooner = None  # where neither recovers, nothing is sooner
    if one_pass.recovers or subset.recovers:
        sooner = one_pass.gap("tokens_to_recovery") - subset.gap("tokens_to_recovery")
    return {
        "recovery": sooner,
        "depth": one_pass.gap("depth") - subset.gap("depth"),
        "depth_control": short.gap("depth") - subset.gap("depth"),
    }
