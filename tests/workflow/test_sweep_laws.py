"""Laws of a sweep's trials: fitted, tested on held-out settings, and asked for a proposal."""

import json
import math
import textwrap
from pathlib import Path

import pytest

from gapless.errors import DataError, RunError
from gapless.recipe import load
from gapless.recipe.sweep_trials import share_of
from gapless.seeds import stream
from gapless.workflow import sweep as sweeps
from gapless.workflow.laws import fit_laws, propose_settings, trials_of_run
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.sweep_report import write_sweep_report
from gapless.workflow.sweep_saved import saved_laws
from tests.workflow.world import make_world

SWEEP = """
name: small
recipe: recipe.yaml
arm: alone
changes: {"order.phases": [{tokens: 1024}], "probing.every": 512, "probing.first": 512}
axes:
  - {type: mixtures, shares: {medicine: [10%, 90%], prose: [10%, 90%]}, points: 2}
"""

BASE = {"medicine": 3.0, "prose": 2.0}


def law(medicine: float) -> dict[str, float]:
    """What the made-up trials obey: medicine learns with its share, prose forgets with it."""
    return {
        "medicine": 2.0 + 0.9 * math.exp(-2.0 * medicine),
        "prose": 1.9 + 0.05 * math.exp(2.5 * medicine),
    }


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sweep's folder whose trials are replaced by ones that obey a law."""
    folder = tmp_path_factory.mktemp("world")
    make_world(folder)
    file = folder / "sweep.yaml"
    file.write_text(textwrap.dedent(SWEEP))
    result = sweeps.sweep(file)
    real = json.loads(result.file.read_text().splitlines()[0])
    rows = []
    for number in range(14):
        medicine = 0.1 + 0.8 * number / 13
        noise = stream(1, "noise", number).normal(0, 0.002, 2)
        values = {n: v + e for (n, v), e in zip(law(medicine).items(), noise, strict=True)}
        shares = {share_of("medicine"): medicine, share_of("prose"): 1 - medicine}
        rows.append(
            real | {"name": f"t{number:03d}-0", "setting": number, "settings": shares}
            | {"values": values, "base": BASE}
        )  # fmt: skip
    result.file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return result.run_dir


def test_trials_become_shares_and_outcomes_by_role(swept: Path) -> None:
    trials, base = trials_of_run(swept)
    assert len(trials) == 14
    assert trials.domain == ("medicine",)
    assert base == {**BASE, "domain": 3.0, "general": 2.0}
    first = trials.rows[0]
    assert first.settings["share/medicine"] == pytest.approx(0.1)
    assert first.outcomes["domain"].value == first.outcomes["medicine"].value


def test_a_law_that_the_trials_obey_ranks_held_out_settings(swept: Path) -> None:
    for fitted in fit_laws(swept):
        assert fitted.passes
        assert fitted.rank_correlation[0] > 0.9
        assert fitted.error[0] < 0.01
        assert fitted.against_mean[0] < 0.5
        assert fitted.num_settings == 14


def test_the_proposal_is_the_most_domain_that_the_bound_allows(swept: Path, tmp_path: Path) -> None:
    allowed = 0.1
    found = propose_settings(swept, general_loss=allowed, tokens=4096, out=tmp_path / "big.yaml")

    grid = [share / 1000 for share in range(100, 901)]
    best = max(share for share in grid if law(share)["prose"] - BASE["prose"] <= allowed)
    assert found.settings["share/medicine"] == pytest.approx(best, abs=0.03)
    gain = BASE["medicine"] - law(best)["medicine"]
    assert found.gain[1] <= gain <= found.gain[2]
    assert any("tokens" in each for each in found.extrapolated)

    assert found.file is not None
    recipe = load(found.file)
    (phase,) = recipe.order.phases
    assert phase.tokens == 4096
    assert phase.mixture.shares["medicine"] == pytest.approx(best, abs=0.03)


def test_what_was_fitted_and_proposed_is_in_the_report_until_the_trials_change(
    swept: Path,
) -> None:
    fitted = fit_laws(swept)
    fit_laws(swept, law="regression")
    propose_settings(swept, general_loss=0.1)
    folder = RunFolder(swept)
    assert saved_laws(folder)[: len(fitted)] == fitted
    assert {law.law for law in saved_laws(folder)} == {"mixing", "regression"}
    assert fitted[0].settings == tuple(range(14))
    trials, _ = trials_of_run(swept)
    measured = [trial.outcomes["domain"].value for trial in trials]
    assert fitted[0].observed == pytest.approx(measured)  # one seed of each
    page = (swept / "report.html").read_text()
    for key in ("ranking", "responses", "front", "laws", "proposal"):
        assert f'id="{key}"' in page
    assert "regression" in page

    kept = (swept / "trials.jsonl").read_bytes()
    try:
        (swept / "trials.jsonl").write_bytes(kept + kept.splitlines(keepends=True)[-1])
        assert saved_laws(folder) == []
        page = write_sweep_report(folder).read_text()
        assert 'id="laws"' not in page
        assert "made by other trials" in page
    finally:
        (swept / "trials.jsonl").write_bytes(kept)


def test_a_folder_of_before_sweeps_were_written_down_says_what_to_do(swept: Path) -> None:
    kept = (swept / "sweep.json").read_bytes()
    (swept / "sweep.json").unlink()
    try:
        fit_laws(swept)  # needs no report
        with pytest.raises(RunError, match="gapless sweep"):
            write_sweep_report(RunFolder(swept))
    finally:
        (swept / "sweep.json").write_bytes(kept)


def test_a_bound_that_no_settings_keep_to_names_the_nearest(swept: Path) -> None:
    with pytest.raises(DataError, match="nearest"):
        propose_settings(swept, general_loss=-0.5)


def test_trials_without_a_law_propose_nothing(swept: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (swept / "trials.jsonl").read_text().splitlines()]
    kept = (swept / "trials.jsonl").read_bytes()
    try:
        for number, row in enumerate(rows):
            noise = stream(2, "noise", number).normal(0, 1, 2)
            row["values"] = {n: 2.5 + e for n, e in zip(BASE, noise, strict=True)}
        (swept / "trials.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert not all(fitted.passes for fitted in fit_laws(swept))
        with pytest.raises(DataError, match="held-out"):
            propose_settings(swept, general_loss=1.0)
    finally:
        (swept / "trials.jsonl").write_bytes(kept)


def test_a_folder_without_a_sweep_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="gapless sweep"):
        fit_laws(tmp_path)
