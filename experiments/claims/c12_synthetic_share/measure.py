"""The mean gain over questions, abstracts and general text, share by share."""

from collections.abc import Mapping
from statistics import fmean

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    mean = {
        share: fmean(
            seen.curve(f"share_{share}", name).change for name in ("questions", "pubmed", "general")
        )
        for share in (0, 10, 20, 30, 40)
    }
    return {
        "against_none": mean[20] - mean[0],
        "against_ten": mean[20] - mean[10],
        "against_thirty": mean[20] - mean[30],
        "against_forty": mean[20] - mean[40],
    }
