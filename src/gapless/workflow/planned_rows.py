"""How many rows each stratum gives to a phase, as planned."""

from collections.abc import Iterator, Mapping

import numpy as np

from gapless.mixing import PhasePlan, apportion
from gapless.ordering import rows_taken
from gapless.records.stretches import Draw


def planned_rows(phase: PhasePlan) -> dict[str, int]:
    """Return stratum to rows; where the mixture reacts, as if it never moved."""
    rows = dict.fromkeys(phase.strata, 0)
    for taken, _ in planned_stretches(phase):
        for stratum, count in taken.items():
            rows[stratum] = rows.get(stratum, 0) + count
    return rows


def planned_stretches(phase: PhasePlan) -> Iterator[tuple[dict[str, int], Mapping[str, Draw]]]:
    """Yield stratum to rows, and where they come from, for one stretch after the other."""
    if phase.readings:
        parts = apportion(phase.num_rows, list(phase.shares.values()))
        yield dict(zip(phase.shares, parts, strict=True)), phase.stretches[0].draws
        return
    for stretch in phase.stretches:
        taken = rows_taken(np.array(list(stretch.rows.values())), stretch.length)
        yield dict(zip(stretch.rows, taken.tolist(), strict=True)), stretch.draws
