"""A run that is killed at random moments is as if it had never been; `scripts/stress_kills.py`
does it fifty times."""

from pathlib import Path

import pytest

from gapless.seeds import stream
from gapless.workflow import verbs
from tests.workflow.kills import VARIANTS, Moment, differences, killed, results

KILLS = 5


@pytest.mark.parametrize("name", ["feedback, bad batches left out"])
def test_killed_at_random_moments_it_ends_as_if_never_killed(name: str, tmp_path: Path) -> None:
    variant, draw = VARIANTS[name], stream(0, "kills", name)
    whole, recipe = variant.make(tmp_path / "whole"), variant.make(tmp_path / "killed")
    verbs.run(whole, overrides=variant.overrides)
    kills = sum(
        killed(recipe, variant.overrides, Moment.drawn(draw, most_changes=30)) for _ in range(KILLS)
    )
    assert kills >= 3, "most of the kills must have come in time"
    verbs.run(recipe, overrides=variant.overrides)
    expected = results(whole)
    assert any(file.endswith("faults.jsonl") and rows for file, rows in expected.items())
    assert any(file.endswith("mixture.jsonl") and rows for file, rows in expected.items())
    assert differences(expected, results(recipe)) == []
