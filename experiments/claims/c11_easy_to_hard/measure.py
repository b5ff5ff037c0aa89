"""The Chinese sources that were trained on, at the end of each order."""

from collections.abc import Mapping
from statistics import fmean

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    arms = ("at_random", "easy_to_hard", "hard_to_easy")
    saved = {
        arm: fmean(seen.curve(arm, source).change for source in ("news_zh", "reviews_zh"))
        for arm in arms
    }
    return {
        "easy_first": saved["easy_to_hard"] - saved["at_random"],
        "hard_first": saved["at_random"] - saved["hard_to_easy"],
    }
