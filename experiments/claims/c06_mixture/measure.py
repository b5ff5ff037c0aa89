"""With and without the base's mixture; drawn anew and drawn once."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    arms = ("mixture_dynamic", "mixture_fixed", "best_subset", "best_replay")
    domain = {arm: seen.curve(arm, "domain").peak for arm in arms}
    general = {arm: seen.curve(arm, "general").change for arm in arms}
    return {
        "general": general["mixture_dynamic"] - general["best_subset"],
        "domain": domain["mixture_dynamic"] - domain["best_subset"],
        "dynamic": domain["mixture_dynamic"] - domain["mixture_fixed"],
        "replay": general["mixture_dynamic"] - general["best_replay"],
    }
