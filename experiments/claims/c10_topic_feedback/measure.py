"""The rule of the recipe, on the three perplexities that figure 1 prints."""

from collections.abc import Mapping
from math import fsum

from gapless.mixing.feedback import topic_moves
from gapless.recipe.mixtures import Shares, TopicFeedback
from gapless.workflow.seen import Seen

BEFORE = {"rose_little": 1.26, "fell": 1.82, "rose": 1.54}
NOW = {"rose_little": 1.32, "fell": 1.45, "rose": 1.60}


def measure(_: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    start = Shares(shares={"web": 1.0})
    rule = TopicFeedback(start=start, interval=4_000_000_000, sources=("web",))
    moves = topic_moves(rule, dict.fromkeys(BEFORE, 1 / 3), BEFORE, NOW)
    change = {move.topic: move.share - move.share_before for move in moves}
    return {**change, "whole": fsum(move.share for move in moves) - 1}
