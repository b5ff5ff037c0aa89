"""A chosen quarter against all, and against a quarter at random."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    arms = ("quarter_with_general", "all", "quarter_at_random")
    domain = {arm: seen.curve(arm, "domain").change for arm in arms}
    quarter, whole = (seen.curve(arm, "general").change for arm in arms[:2])
    return {
        "domain": domain["quarter_with_general"] - domain["all"],
        "general": quarter - whole,
        "domain_control": domain["quarter_with_general"] - domain["quarter_at_random"],
    }
