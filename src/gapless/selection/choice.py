"""What a selection chose, and the figures that say why."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Portion:
    """A choice, or the part of it with one label."""

    label: str | None
    """None where the selection has no quotas."""
    budget: int | None
    """Tokens to fill; None where all candidates are taken."""
    candidates: int
    """Documents that stood for choice: eligible, scored, within the limits, with the label."""
    documents: int
    """How many of them were taken."""
    tokens: int
    """What those have."""
    cut: float | None
    """The score of the last one taken; None where the order was drawn or there is none."""


@dataclass(frozen=True)
class Choice:
    """The documents a selection chose."""

    documents: np.ndarray
    """Their indices, most preferred first: int64."""
    portions: tuple[Portion, ...]
    """One, or one per label of the quotas in their order."""
    eligible: int
    """Documents of the source that may be chosen at all."""
    unscored: int = 0
    """Eligible documents left out because they have no number in a column."""
    equal: tuple[str, ...] = ()
    """Columns that are the same for all documents, and so had no say."""

    @property
    def tokens(self) -> int:
        """Tokens of the chosen documents."""
        return sum(portion.tokens for portion in self.portions)

    def portion(self, label: str | None) -> Portion:
        """Return the part with a label of the quotas; for None, the only one."""
        return next(portion for portion in self.portions if portion.label == label)

    def facts(self) -> dict[str, Any]:
        """Return everything but the documents, as JSON values."""
        return {
            "tokens": self.tokens,
            "portions": [asdict(portion) for portion in self.portions],
            "eligible": self.eligible,
            "unscored": self.unscored,
            "equal": list(self.equal),
        }

    @classmethod
    def from_facts(cls, documents: np.ndarray, facts: Mapping[str, Any]) -> "Choice":
        """Return the choice that gave these documents and ``facts``."""
        return cls(
            documents,
            portions=tuple(Portion(**portion) for portion in facts["portions"]),
            eligible=facts["eligible"],
            unscored=facts["unscored"],
            equal=tuple(facts["equal"]),
        )
