"""Hand-made arms: measurements and items, written as training writes them."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gapless.records.journal import Journal
from gapless.records.measurements import ItemValues, Measurement, items_path, write_items


def bits(values, seed=0, num_items=40, noise=0.05):
    """Items of a bits-per-byte probe at each point; a text's own difficulty stays over the run."""
    generator = np.random.Generator(np.random.Philox(seed))
    sizes = generator.integers(50, 150, num_items).astype(np.float64)
    difficulty = generator.normal(0, 0.3, num_items)
    return [
        ItemValues(
            numerators=sizes * (value + difficulty + generator.normal(0, noise, num_items)),
            denominators=sizes,
        )
        for value in values
    ]


@pytest.fixture
def write_arm(tmp_path):
    """Write an arm's folder from {(probe, role, metric): items at each point}."""

    def write(arm, tokens, probes):
        folder = tmp_path / arm
        folder.mkdir()
        for place, seen in enumerate(tokens):
            items = {f"{probe}/{metric}": p[place] for (probe, _, metric), p in probes.items()}
            write_items(items_path(folder, seen), items)
            rows = [
                Measurement(
                    arm=arm,
                    tokens_seen=seen,
                    probe=probe,
                    role=role,
                    metric=metric,
                    value=items[f"{probe}/{metric}"].value,
                    higher_is_better=metric == "accuracy",
                    num_items=len(items[f"{probe}/{metric}"].numerators),
                    standard_error=items[f"{probe}/{metric}"].standard_error,
                ).row()
                for probe, role, metric in probes
            ]
            Journal(folder / "measurements.jsonl").append(*rows)
        return folder

    return write


@pytest.fixture
def make_bits():
    return bits
