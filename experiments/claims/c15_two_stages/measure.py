"""What two stages taught, and what they cost."""

from collections.abc import Mapping
from statistics import fmean

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    chinese = [
        seen.curve("main", f"{kind}_zh").change
        for kind in ("news", "reviews", "guides", "kernel", "classics", "manuals", "office")
    ]
    english = seen.curve("main", "general")
    return {
        "chinese": fmean(chinese),
        "questions": seen.curve("main", "questions").change,
        "english": -english.change / float(english.values[0]),
    }
