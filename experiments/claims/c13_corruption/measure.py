"""How much less is learnt of right questions from spoiled ones."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    gain = {
        arm: seen.curve(arm, "questions").change - seen.curve("share_0", "questions").change
        for arm in ("share_20", "spoiled_30", "spoiled_50", "spoiled_70")
    }
    lost = {arm: 1 - value / gain["share_20"] for arm, value in gain.items()}
    return {
        "thirty": lost["spoiled_30"],
        "seventy": lost["spoiled_70"],
        "more": lost["spoiled_70"] - lost["spoiled_50"],
    }
