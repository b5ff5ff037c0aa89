"""A run of several seeds: the analysis groups them, the report and `status` tell what was found."""

from pathlib import Path

import pytest

from gapless.analysis import read_analysis
from gapless.recipe import arms, load
from gapless.workflow import verbs
from gapless.workflow.results import seed_groups
from tests.workflow.world import make_world

ARMS = "arms={one: {seed: 1}, two: {seed: 2}, gentle: {seed: 1, training: {learning_rate: 1.0e-3}}}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is done."""
    recipe = make_world(tmp_path_factory.mktemp("world"))
    verbs.run(recipe, overrides=[ARMS])
    return recipe.parent / "runs" / "tiny"


def test_arms_that_differ_in_their_seed_alone_are_a_group(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    assert seed_groups(arms(load(recipe, overrides=[ARMS]))) == [["one", "two"]]
    assert seed_groups(arms(load(recipe))) == []


def test_the_analysis_tells_what_the_seeds_say_together(finished: Path) -> None:
    (folder,) = (finished / "artifacts").glob("analysis-????????????")
    analysis = read_analysis(folder)
    assert {tuple(row["arms"]) for row in analysis.repeats} == {("one", "two")}
    row = next(
        r for r in analysis.repeats if (r["role"], r["metric"]) == ("domain", "bits_per_byte")
    )
    finals = [
        each["change"]["value"]
        for each in analysis.rows
        if each["arm"] in {"one", "two"}
        and (each["kind"], each["name"], each["metric"]) == ("role", "domain", row["metric"])
    ]
    assert finals[0] != finals[1], "another seed is another run"
    assert row["means"]["final"]["value"] == pytest.approx(sum(finals) / 2)
    assert row["means"]["final"]["low"] < min(finals)


def test_status_of_a_run_of_an_earlier_version_says_so(finished: Path) -> None:
    (folder,) = (finished / "artifacts").glob("analysis-????????????")
    path = folder / "analysis.json"
    now = path.read_text()
    path.write_text(now.replace('"schema_version": 2', '"schema_version": 1'))
    try:
        [found] = verbs.status(finished).findings
    finally:
        path.write_text(now)
    assert "schema version 1; this version reads 2" in found.text
    assert found.suggestion.startswith("Delete the folder")


def test_status_and_report_say_what_was_found(finished: Path) -> None:
    findings = verbs.status(finished).findings
    assert {finding.about for finding in findings} >= {"one", "two"}
    page = (finished / "report.html").read_text()
    assert '<section id="findings"' in page
    assert "Arm against arm" in page
    assert all(finding.text.split(" (")[0] in page for finding in findings)
