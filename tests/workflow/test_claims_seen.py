"""Claims over runs that are there already: which runs they look at, and when they refuse to."""

import json
import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from gapless.analysis.conclusions import Analysis, write_analysis
from gapless.errors import RecipeError, RunError, Terminated
from gapless.recipe import load
from gapless.recipe.decode import dump
from gapless.records.artifact import ArtifactFolder
from gapless.records.claim_views import ClaimRow, PartRow
from gapless.records.views import Silent
from gapless.workflow import claim_runs, claim_table, claims
from gapless.workflow.results import ANALYSIS
from gapless.workflow.run_folder import REPORT_FILE
from gapless.workflow.seen import Seen
from tests.workflow.world import make_world

CLAIM = """
id: T1
hypothesis: It is so.
source: a book
seeds: 1
exact: true
recipes: [{recipes}]
parts: {{learnt: {{says: bits saved, unit: bits/byte, above: 0}}}}
"""


def write_claim(place: Path, *recipes: str, name: str = "T1", measure: str = "") -> None:
    place.mkdir(parents=True)
    claim = CLAIM.format(recipes=", ".join(recipes)).replace("T1", name)
    (place / "claim.yaml").write_text(claim)
    (place / "measure.py").write_text(textwrap.dedent(measure))


def write_run(folder: Path, change: float, *, arm: str = "main", tokens: int = 100) -> Path:
    """Write what `Seen` reads of a run with one arm."""
    place = ArtifactFolder(folder / "artifacts", ANALYSIS, "0" * 32)
    place.path.mkdir(parents=True)
    curve = {"tokens": [0, tokens], "values": [2, 1], "changes": [0, change], "flops": [0, 7.0]}
    row = {"arm": arm, "name": "domain", "metric": "bits_per_byte", "curve": curve}
    write_analysis(place.path, Analysis(rows=[{**row, "change": {"value": change}}]))
    tree = {ANALYSIS: {"kind": ANALYSIS, "subject": "", "fingerprint": "0" * 32}}
    (folder / "tree.json").write_text(json.dumps(tree))
    (folder / REPORT_FILE).write_text("")
    return folder


def test_arms_of_one_name_in_two_recipes_are_told_apart_and_both_count(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "large-seed1", 1.0),
        write_run(tmp_path / "small-seed1", 2.0, tokens=30),
    ]
    seen = Seen(1, runs)
    assert seen.of("large").curve("main", "domain").change == 1
    assert seen.of("small").curve("main", "domain").change == 2
    assert sorted(tokens for tokens, _ in seen.looked_at.values()) == [30, 100]
    with pytest.raises(RunError, match="large-seed1, small-seed1"):
        seen.curve("main", "domain")


def test_recipes_go_by_their_names_at_another_scale_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = """
    def measure(seen):
        return {"learnt": seen.of("gap").curve("main", "domain").change}
    """
    write_claim(tmp_path / "t1", "../gap.yaml", measure=measure)
    write_run(tmp_path / "runs" / "gap-seed1", 1.0)
    write_run(tmp_path / "runs" / "gap-big-seed1", 2.0)
    monkeypatch.setattr(claims, "refuse_another", lambda _: None)  # there is no recipe
    [plain] = claims.judge_claims(tmp_path, rerun=False)
    assert plain.parts[0].values == (1.0,)
    rows = claims.judge_claims(tmp_path, variant="big", rerun=False)
    assert {row.scale: row.parts[0].values for row in rows} == {"embedded": (1.0,), "big": (2.0,)}


def test_a_run_of_a_recipe_that_has_changed_since_is_not_judged(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    measure = 'def measure(seen): return {"learnt": seen.curve("main", "domain").change}'
    write_claim(tmp_path / "t1", "../recipe.yaml", measure=measure)
    folder = write_run(tmp_path / "runs" / "recipe-seed1", 1.0)
    (folder / "recipe.yaml").write_text(dump(load(recipe, ["seed=1"])))
    (folder / "artifacts" / "training.main-0").mkdir()
    assert len(claims.judge_claims(tmp_path, rerun=False)) == 1
    (folder / "recipe.yaml").write_text(
        dump(load(recipe, ["seed=1", "training.learning_rate=0.5"]))
    )
    with pytest.raises(RunError, match=r"learning_rate: 0\.5 there"):
        claims.judge_claims(tmp_path, rerun=False)


def test_two_claims_or_two_recipes_of_one_name_are_refused(tmp_path: Path) -> None:
    write_claim(tmp_path / "t1", "recipe.yaml")
    write_claim(tmp_path / "t2", "../t1/recipe.yaml", name="T2")
    assert len(claims.find_claims(tmp_path)) == 2
    write_claim(tmp_path / "t3", "recipe.yaml", name="T3")
    with pytest.raises(RecipeError, match="two recipes are called 'recipe'"):
        claims.find_claims(tmp_path)
    (tmp_path / "t3" / "claim.yaml").write_text(CLAIM.format(recipes=""))
    with pytest.raises(RecipeError, match="two claims are called 'T1'"):
        claims.find_claims(tmp_path)


def sleeping(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Make every run a process that does something else."""
    monkeypatch.setattr(claim_runs.Run, "command", lambda _: [sys.executable, "-c", code])


def test_each_run_has_a_log_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping(monkeypatch, "raise SystemExit('no text')")
    run = claim_runs.Run(tmp_path / "gap-0.5b.yaml", 2, None, tmp_path)
    with pytest.raises(RunError, match=r"the run failed: no text") as error:
        claim_runs.do_all([run], jobs=1, minutes=None, progress=Silent())
    assert error.value.where == str(tmp_path / "gap-0.5b-seed2.log")


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_who_is_stopped_stops_the_runs_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: type[BaseException]
) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    sleeping(
        monkeypatch,
        f"import pathlib, signal, sys, time\n"
        f"def end(*_):\n pathlib.Path({str(ended)!r}).touch(); sys.exit(143)\n"
        f"signal.signal(signal.SIGTERM, end)\n"
        f"pathlib.Path({str(begun)!r}).touch(); time.sleep(60)",
    )
    run = claim_runs.Run(tmp_path / "gap.yaml", 1, None, tmp_path)

    def stop_us() -> None:
        while not begun.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop_us, daemon=True).start()
    with pytest.raises(raised):
        claim_runs.do_all([run], jobs=2, minutes=None, progress=Silent())
    assert ended.exists()


def test_a_run_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_runs, "_GRACE_SECONDS", 0.1)
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    sleeping(monkeypatch, ignore)
    run = claim_runs.Run(tmp_path / "gap.yaml", 1, None, tmp_path)
    begin = time.monotonic()
    claim_runs.do_all([run], jobs=1, minutes=0.03, progress=Silent())
    assert time.monotonic() - begin < 50  # it would sleep for 60 s


def test_measure_may_count_with_numpy_and_must_be_there(tmp_path: Path) -> None:
    measure = "import numpy as np\ndef measure(_): return {'learnt': np.float32(0.5)}"
    write_claim(tmp_path / "t1", measure=measure)
    [row] = claims.judge_claims(tmp_path)
    assert row.parts[0].values == (0.5,)
    (tmp_path / "t1" / "measure.py").write_text("")
    with pytest.raises(RunError, match="no function `measure`"):
        claims.judge_claims(tmp_path)


def test_a_row_of_a_table_is_one_line_with_its_cells() -> None:
    part = PartRow(
        name="x", says="a|b", unit="u", wanted="> 0", values=(1.0,),
        mean=1.0, low=1.0, high=1.0, verdict="reproduced",
    )  # fmt: skip
    row = ClaimRow(
        id="T1", scale="embedded", hypothesis="It is\nso.\n", source="", verdict="reproduced",
        parts=(part,), seeds=(1,), tokens=0, flops=0.0, small="",
    )  # fmt: skip
    lines = list(claim_table.table([row]))
    assert any(line.startswith("| T1 | It is so. |") for line in lines)
    assert any(line.startswith("| T1 | a\\|b | 1 ") for line in lines)
    assert not any("\n" in line for line in lines)
