"""From a recipe's mixture to each stratum's share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gapless.errors import DataError
from gapless.recipe.mixtures import (
    DomainOnly,
    FixedMixture,
    Groups,
    Law,
    PretrainingLike,
    Replay,
    Shares,
)
from gapless.strata import source_of


@dataclass(frozen=True)
class Supply:
    """What a mixture divides: the strata of the sources, and the tokens that each has."""

    roles: Mapping[str, str]
    """Source name to ``domain`` or ``general``."""
    tokens: Mapping[str, int]
    """Stratum to the tokens of its selection, as rows hold them."""

    @cached_property
    def strata(self) -> dict[str, list[str]]:
        """Source name to its strata."""
        found: dict[str, list[str]] = {source: [] for source in self.roles}
        for name in self.tokens:
            found[source_of(name)].append(name)
        return found

    def by_role(self, role: str) -> dict[str, float]:
        """Return the tokens of each source of a role."""
        sizes = {source: 0.0 for source in self.roles if self.roles[source] == role}
        for name, tokens in self.tokens.items():
            if source_of(name) in sizes:
                sizes[source_of(name)] += tokens
        return sizes


def shares_of(mixture: FixedMixture, supply: Supply) -> dict[str, float]:
    """Return stratum to share, summing to 1, for the strata that the phase draws from.

    A source's share is divided over its strata in proportion to their tokens.

    Raises:
        DataError: what has a share has no text to train on.

    """
    shares: dict[str, float] = {}
    for name, share in _shares_of_sources(mixture, supply).items():
        strata = [name] if name in supply.tokens else _strata_of(name, supply)
        sizes = {stratum: float(supply.tokens[stratum]) for stratum in strata}
        for stratum, part in _by_weight(sizes, share, f"source {name!r}").items():
            shares[stratum] = shares.get(stratum, 0.0) + part
    return shares


def _strata_of(name: str, supply: Supply) -> list[str]:
    if name in supply.strata:
        return supply.strata[name]
    source = source_of(name)
    known = ", ".join(sorted(stratum.partition("/")[2] for stratum in supply.strata[source]))
    raise DataError(
        f"the mixture gives {name!r} a share, and no selected document has that label",
        where=f"order.strata.{source}",
        mend=f"Its labels are {known}.",
    )


def _shares_of_sources(mixture: FixedMixture, supply: Supply) -> dict[str, float]:
    assert not isinstance(mixture, Law), "a law's file is read before"
    if isinstance(mixture, Shares):
        return {name: share for name, share in mixture.shares.items() if share > 0}
    if isinstance(mixture, Groups):
        return _of_groups(mixture)
    if isinstance(mixture, PretrainingLike):
        return _like_pretraining(mixture, supply)
    domain, general = supply.by_role("domain"), supply.by_role("general")
    if isinstance(mixture, DomainOnly):
        return _by_weight(domain, 1.0, "domain text")
    return _with_replay(mixture, domain, general)


def _with_replay(
    mixture: Replay, domain: Mapping[str, float], general: Mapping[str, float]
) -> dict[str, float]:
    if mixture.general == 0:
        return _by_weight(domain, 1.0, "domain text")
    replayed = _by_weight(mixture.like or general, mixture.general, "general text")
    if mixture.general == 1:
        return replayed
    return _by_weight(domain, 1 - mixture.general, "domain text") | replayed


def _of_groups(mixture: Groups) -> dict[str, float]:
    shares: dict[str, float] = {}
    weights = {name: group.weight for name, group in mixture.groups.items()}
    for name, part in _by_weight(weights, 1.0, "groups").items():
        sources = mixture.groups[name].sources
        for source, share in _by_weight(sources, part, f"group {name!r}").items():
            shares[source] = shares.get(source, 0.0) + share
    return shares


def _like_pretraining(mixture: PretrainingLike, supply: Supply) -> dict[str, float]:
    kept = {name: weight for name, weight in mixture.table.items() if name not in mixture.left_out}
    scale = sum(kept.values())
    web = sum(kept[name] for name in mixture.replaced) / scale
    shares = _by_weight(supply.by_role("domain"), web, "domain text")
    for entry, source in mixture.sources.items():
        shares[source] = shares.get(source, 0.0) + kept[entry] / scale
    return shares


def _by_weight(weights: Mapping[str, float], total: float, what: str) -> dict[str, float]:
    scale = sum(weights.values())
    if scale == 0:
        raise DataError(
            f"the mixture gives {what} a share of {total:.3g}, and it has nothing left to train on",
            where="sources",
            mend="Add text, loosen the cleaning, hold out less, or change the mixture.",
        )
    return {name: total * weight / scale for name, weight in weights.items() if weight > 0}
