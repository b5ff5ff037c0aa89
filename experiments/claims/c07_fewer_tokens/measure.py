"""All three strategies against the full pass, and against as many tokens."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    arms = ("mixture_dynamic", "one_pass", "one_pass_short")
    domain, general = (
        {arm: seen.curve(arm, role).change for arm in arms} for role in ("domain", "general")
    )
    ours = "mixture_dynamic"
    return {
        "domain": domain[ours] - domain["one_pass"],
        "general": general[ours] - general["one_pass"],
        "domain_control": domain[ours] - domain["one_pass_short"],
        "general_control": general[ours] - general["one_pass_short"],
    }
