"""How many rows each stratum gives to a phase, as planned."""

from collections.abc import Iterator, Mapping

import numpy as np

from gapless.mixing import PhasePlan, apportion
from gapless.ordering import rows_taken
from gapless.records.stretches import Draw


def planned_rows(phase: PhasePlan, num_rows: int) -> dict[str, int]:
    """Return stratum to those of a phase's first rows; where its mixture reacts, as if unmoved."""
    rows = dict.fromkeys(phase.strata, 0)
    for taken, _ in planned_stretches(phase, num_rows):
        for stratum, count in taken.items():
            rows[stratum] = rows.get(stratum, 0) + count
    return rows


def planned_stretches(
    phase: PhasePlan, num_rows: int
) -> Iterator[tuple[dict[str, int], Mapping[str, Draw]]]:
    """Yield stratum to rows, and where they come from, of one stretch after the other."""
    if phase.readings:
        parts = apportion(num_rows, list(phase.shares.values()))
        yield dict(zip(phase.shares, parts, strict=True)), phase.stretches[0].draws
        return
    for stretch in phase.stretches:
        length = min(stretch.length, num_rows)
        num_rows -= length
        taken = rows_taken(np.array(list(stretch.rows.values())), length)
        yield dict(zip(stretch.rows, taken.tolist(), strict=True)), stretch.draws
