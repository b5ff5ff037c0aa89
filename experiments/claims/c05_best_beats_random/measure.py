"""Best against random: four epochs, and the control of one pass."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    best, random = seen.curve("best_subset", "domain"), seen.curve("subset", "domain")
    best_once, once = seen.curve("best_once", "domain"), seen.curve("one_pass_short", "domain")
    forgot = [seen.curve(arm, "general").gap("depth") for arm in ("subset", "best_subset")]
    return {
        "peak": best.peak - random.peak,
        "depth": forgot[0] - forgot[1],
        "peak_once": best_once.peak - once.peak,
    }
