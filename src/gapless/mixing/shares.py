"""From a recipe's mixture to each source's share."""

from collections.abc import Mapping

from gapless.recipe.mixtures import DomainOnly, Mixture, Shares


def shares_of(
    mixture: Mixture, *, roles: Mapping[str, str], selected_tokens: Mapping[str, int]
) -> dict[str, float]:
    """Return source name to share, summing to 1, for the sources that the phase draws from.

    Args:
        mixture: the phase's mixture.
        roles: source name to ``domain`` or ``general``.
        selected_tokens: source name to tokens of its selection.

    """
    if isinstance(mixture, Shares):
        return {name: share for name, share in mixture.shares.items() if share > 0}
    domain = _by_weight({s: float(selected_tokens[s]) for s in roles if roles[s] == "domain"}, 1.0)
    if isinstance(mixture, DomainOnly) or mixture.general == 0:
        return domain
    weights = mixture.like or {s: float(selected_tokens[s]) for s in roles if roles[s] == "general"}
    general = _by_weight(weights, mixture.general)
    if mixture.general == 1:
        return general
    return {name: share * (1 - mixture.general) for name, share in domain.items()} | general


def _by_weight(weights: Mapping[str, float], total: float) -> dict[str, float]:
    scale = sum(weights.values())
    return {name: total * weight / scale for name, weight in weights.items() if weight > 0}
