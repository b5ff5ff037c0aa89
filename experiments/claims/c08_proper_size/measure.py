"""Three sizes of the best subset, each trained on for as many tokens."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    tiny, proper, large = (
        seen.curve(arm, "domain") for arm in ("tiny_subset", "best_subset", "best_once")
    )
    depths = [seen.curve(arm, "general").gap("depth") for arm in ("best_once", "best_subset")]
    return {
        "over_fits": tiny.peak - tiny.change,
        "better_than_small": proper.peak - tiny.peak,
        "better_than_large": proper.peak - large.peak,
        "gap_of_large": depths[0] - depths[1],
    }
