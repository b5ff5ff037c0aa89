"""A run with a tracker: it is told, and nothing of the run is otherwise."""

from pathlib import Path

import pytest

from gapless.records.journal import Journal
from gapless.workflow import verbs

from .world import make_world


def test_a_tracked_run_has_the_bytes_of_one_that_is_not(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    plain = verbs.run(make_world(tmp_path / "plain"))
    recipe = make_world(tmp_path / "tracked")
    tracked = verbs.run(recipe, overrides=["logging=[{type: tensorboard}]"])
    assert sorted(plain.did) == sorted(tracked.did)  # the same labels ...
    names = {place.name for place in (plain.run_dir / "artifacts").iterdir()}
    assert names == {place.name for place in (tracked.run_dir / "artifacts").iterdir()}
    for arm in ("alone", "replay"):
        (ours,) = (plain.run_dir / "artifacts").glob(f"training.{arm}-*")
        theirs = tracked.run_dir / "artifacts" / ours.name
        for journal in ("steps.jsonl", "measurements.jsonl"):
            assert (ours / journal).read_bytes() == (theirs / journal).read_bytes()
        weights = "model/model.safetensors"
        assert (ours / weights).read_bytes() == (theirs / weights).read_bytes()
        assert list((tracked.run_dir / "tensorboard" / arm).glob("events*"))
        assert any(Journal(ours / "steps.jsonl").rows())
    # The same folder without the line, and with it: nothing is refused, nothing is made again.
    assert verbs.run(recipe).did == ()
