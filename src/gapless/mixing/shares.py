"""From a recipe's mixture to each source's share."""

from collections.abc import Mapping

from gapless.errors import DataError
from gapless.recipe.mixtures import DomainOnly, Mixture, Shares


def shares_of(
    mixture: Mixture, *, roles: Mapping[str, str], selected_tokens: Mapping[str, int]
) -> dict[str, float]:
    """Return source name to share, summing to 1, for the sources that the phase draws from.

    Raises:
        DataError: a role that has a share has no text to train on.

    Args:
        mixture: the phase's mixture.
        roles: source name to ``domain`` or ``general``.
        selected_tokens: source name to tokens of its selection.

    """
    if isinstance(mixture, Shares):
        return {name: share for name, share in mixture.shares.items() if share > 0}
    sizes = {
        role: {s: float(selected_tokens[s]) for s in roles if roles[s] == role}
        for role in ("domain", "general")
    }
    if isinstance(mixture, DomainOnly) or mixture.general == 0:
        return _by_weight(sizes["domain"], 1.0, "domain")
    general = _by_weight(mixture.like or sizes["general"], mixture.general, "general")
    if mixture.general == 1:
        return general
    return _by_weight(sizes["domain"], 1 - mixture.general, "domain") | general


def _by_weight(weights: Mapping[str, float], total: float, role: str) -> dict[str, float]:
    scale = sum(weights.values())
    if scale == 0:
        raise DataError(
            f"the mixture gives {role} text a share of {total:.3g}, and no {role} source has any "
            "left to train on",
            where="sources",
            mend="Add text, loosen the cleaning, hold out less, or change the mixture.",
        )
    return {name: total * weight / scale for name, weight in weights.items() if weight > 0}
