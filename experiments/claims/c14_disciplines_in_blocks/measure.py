"""Four disciplines mixed, and in blocks."""

from collections.abc import Mapping

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    mixed, blocks = seen.curve("mixed", "domain"), seen.curve("in_blocks", "domain")
    first = [seen.curve(arm, "abstracts").change for arm in ("mixed", "in_blocks")]
    return {"domain": mixed.change - blocks.change, "first": first[0] - first[1]}
