import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gapless.analysis import Analysis, Named, analyse, read_analysis, write_analysis
from gapless.errors import RunError
from gapless.records.journal import Journal
from gapless.records.measurements import ItemValues

TOKENS = [0, 10, 20, 40]
NUMBERS = {"value", "low", "high"}


@pytest.fixture
def probes(make_bits):
    return {
        ("law", "domain", "bits_per_byte"): make_bits([1.5, 1.4, 1.2, 1.0], seed=1),
        ("web", "general", "bits_per_byte"): make_bits([1.0, 1.4, 1.2, 0.9], seed=2),
    }


@pytest.fixture
def analysis(write_arm, probes, make_bits):
    gentle = probes | {("web", "general", "bits_per_byte"): make_bits([1.0, 1.1, 1.0, 0.8], seed=2)}
    folders = [write_arm("plain", TOKENS, probes), write_arm("replay", TOKENS, gentle)]
    return analyse(folders, replicates=200)


def find(rows, **wanted):
    [row] = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return row


def test_there_is_a_row_for_each_arm_role_and_probe(analysis):
    keys = [(row["arm"], row["kind"], row["name"]) for row in analysis.rows]
    assert keys == [
        (arm, kind, name)
        for arm in ("plain", "replay")
        for kind, name in [
            ("role", "domain"),
            ("role", "general"),
            ("probe", "law"),
            ("probe", "web"),
        ]
    ]


def test_a_gain_of_the_domain_and_a_gap_of_the_general_role(analysis):
    domain = find(analysis.rows, arm="plain", name="domain")
    assert domain["change"]["name"] == "gain"
    assert domain["change"]["value"] == pytest.approx(0.5, abs=0.05)
    assert domain["change"]["low"] < domain["change"]["value"] < domain["change"]["high"]
    assert domain["change_is_real"] is True
    assert domain["drop_is_real"] is False
    general = find(analysis.rows, arm="plain", name="general")
    assert general["change"]["name"] == "forgetting"
    assert general["base"] - general["final"] == pytest.approx(general["change"]["value"])
    assert general["gap"]["depth"]["value"] == pytest.approx(0.4, abs=0.05)
    assert general["gap"]["tokens_to_bottom"] == {"value": 10, "low": 10.0, "high": 10.0}
    assert 20 < general["gap"]["tokens_to_recovery"]["value"] < 40
    assert general["gap"]["recovered"] is True
    assert general["drop_is_real"] is True
    assert general["change_at_bottom"]["high"] < 0
    assert general["curve"]["tokens"] == TOKENS
    assert general["curve"]["low"][0] == general["curve"]["high"][0] == 0


def test_every_quantity_has_a_value_and_an_interval(analysis):
    for row in analysis.rows:
        quantities = dict(row["gap"])
        assert isinstance(quantities.pop("recovered"), bool)
        assert {frozenset(each) for each in quantities.values()} == {frozenset(NUMBERS)}
        assert len(quantities) == 8


def test_a_role_of_one_probe_says_what_the_probe_says(analysis):
    role = find(analysis.rows, arm="plain", kind="role", name="general")
    probe = find(analysis.rows, arm="plain", kind="probe", name="web")
    assert {**role, "kind": 0, "name": 0} == {**probe, "kind": 0, "name": 0}


def test_drops_are_judged_together_within_roles_and_within_probes(analysis):
    for kind in ("role", "probe"):
        rows = [row for row in analysis.rows if row["kind"] == kind]
        real = [(row["arm"], row["role"]) for row in rows if row["drop_is_real_among_all"]]
        assert real == [("plain", "general"), ("replay", "general")]
        assert all(row["rebound_is_real"] is True for row in rows if row["role"] == "general")


def test_what_is_lowest_at_the_end_has_regained_nothing(write_arm, make_bits):
    probes = {
        ("web", "general", "bits_per_byte"): make_bits([1.0, 1.2, 1.3, 1.5], seed=2),
        ("wiki", "general", "bits_per_byte"): make_bits([1.0, 1.5, 1.3, 1.2], seed=3),
    }
    rows = analyse([write_arm("main", TOKENS, probes)], replicates=100).rows
    fell, came_back = find(rows, name="web"), find(rows, name="wiki")
    assert (fell["drop_is_real"], fell["rebound_is_real"]) == (True, False)
    assert (came_back["drop_is_real"], came_back["rebound_is_real"]) == (True, True)


def test_the_other_tables_are_there_and_survive_the_file(analysis, tmp_path):
    assert {row["metric"] for row in analysis.trades} == {"bits_per_byte"}
    assert [row["arm"] for row in analysis.turning_points] == ["plain", "replay"]
    assert len(analysis.budgets) == len(analysis.comparisons) == 4
    assert analysis.repeats == []
    assert {"gap", "better on both"} & {finding["rule"] for finding in analysis.findings}
    write_analysis(tmp_path, analysis)
    assert read_analysis(tmp_path).findings == json.loads(json.dumps(analysis.findings))


def test_seeds_are_what_the_caller_says_and_costs_what_the_steps_say(write_arm, probes):
    folders = [write_arm("one", TOKENS, probes), write_arm("two", TOKENS, probes)]
    for folder, cost in zip(folders, (2.0, 4.0), strict=True):
        step = {"phase": 0, "loss": 1.0, "gradient_norm": 1.0, "tokens": {}, "flops": 10 * cost}
        rows = [step | {"tokens_seen": seen} for seen in (10, 20, 30, 40)]
        Journal(folder / "steps.jsonl").append(*rows)
    analysis = analyse(folders, replicates=50, seeds=[["one", "two"]])
    assert {row["num_seeds"] for row in analysis.repeats} == {2}
    assert {row["at_equal_flops"]["budget"] for row in analysis.budgets} == {80.0}
    assert analysis.rows[0]["curve"]["flops"] == [2.0 * seen for seen in TOKENS]


def test_arms_of_two_runs_go_by_other_names_and_other_items_are_drawn_apart(write_arm, probes):
    folders = [write_arm("main", TOKENS, probes)] * 2
    same = [Named(name=name) for name in ("one/main", "two/main")]
    other = [same[0], replace(same[1], items=dict.fromkeys((probe for probe, *_ in probes), "x"))]
    found = [analyse(folders, replicates=50, named=each) for each in (same, other)]
    rows = [find(each.comparisons, kind="role", name="general") for each in found]
    assert [(row["arm"], row["against"]) for row in rows] == [("two/main", "one/main")] * 2
    together, apart = (row["differences"]["final"] for row in rows)
    assert together == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert apart["low"] < 0 < apart["high"]


def test_arms_are_compared_with_their_items_drawn_together(analysis):
    row = find(analysis.comparisons, kind="role", name="general")
    assert (row["arm"], row["against"]) == ("replay", "plain")
    depth = row["differences"]["depth"]
    assert depth["value"] == pytest.approx(-0.3, abs=0.06)
    assert depth["low"] < depth["value"] < depth["high"] < 0
    assert row["is_real"]["depth"] is True
    domain = find(analysis.comparisons, kind="role", name="domain")
    assert domain["differences"]["final"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert domain["is_real"]["final"] is False


def test_a_recovery_that_does_not_come_is_null(write_arm, make_bits):
    probes = {("web", "general", "bits_per_byte"): make_bits([1.0, 1.4, 1.3, 1.2])}
    row = analyse([write_arm("main", TOKENS, probes)], replicates=50).rows[0]
    assert row["gap"]["tokens_to_recovery"] == {"value": None, "low": None, "high": None}
    assert row["gap"]["recovered"] is False


def test_a_probe_of_one_item_has_values_without_intervals(write_arm):
    points = [
        ItemValues(numerators=np.array([value]), denominators=np.ones(1)) for value in (1.0, 0.5)
    ]
    folders = [
        write_arm(arm, [0, 10], {("law", "domain", "bits_per_byte"): points}) for arm in "ab"
    ]
    analysis = analyse(folders, replicates=50)
    row = analysis.rows[0]
    assert row["change"] == {"name": "gain", "value": 0.5, "low": None, "high": None}
    assert row["change_is_real"] is None
    assert row["drop_is_real"] is None
    assert row["curve"]["low"] == [None, None]
    assert analysis.comparisons[0]["differences"]["final"] == {
        "value": 0,
        "low": None,
        "high": None,
    }
    assert analysis.comparisons[0]["is_real"] == {}


def test_the_analysis_is_the_same_each_time_and_the_seed_matters(write_arm, probes):
    folder = write_arm("main", TOKENS, probes)
    first = analyse([folder], replicates=50)
    assert analyse([folder], replicates=50) == first
    assert analyse([folder], replicates=50, seed=1) != first


def test_another_arm_changes_nothing_of_the_first(write_arm, probes):
    first, second = write_arm("a", TOKENS, probes), write_arm("b", TOKENS, probes)
    alone = analyse([first], replicates=50)
    assert analyse([first, second], replicates=50).rows[: len(alone.rows)] == alone.rows
    assert alone.comparisons == []


def test_it_reads_back_as_written_and_is_strict_json(tmp_path, analysis):
    path = write_analysis(tmp_path, analysis)
    assert read_analysis(tmp_path) == analysis
    assert "NaN" not in path.read_text()
    assert "Infinity" not in path.read_text()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"other": 1}'])
def test_a_damaged_file_is_an_error_with_the_mend(tmp_path, content):
    if content is not None:
        (tmp_path / "analysis.json").write_text(content)
    with pytest.raises(RunError, match="Delete the folder"):
        read_analysis(tmp_path)


def test_a_file_of_another_version_is_refused(tmp_path):
    path = write_analysis(tmp_path, Analysis(rows=[]))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))
    with pytest.raises(RunError, match="schema version 99"):
        read_analysis(tmp_path)


def test_an_arm_given_twice_is_refused(write_arm, probes):
    folder = write_arm("main", TOKENS, probes)
    with pytest.raises(RunError, match="there twice"):
        analyse([folder, folder], replicates=10)


def test_arms_that_measured_different_items_are_not_compared(write_arm, probes, make_bits):
    others = probes | {
        ("law", "domain", "bits_per_byte"): make_bits([1.5, 1.4, 1.2, 1.0], num_items=9)
    }
    folders = [write_arm("a", TOKENS, probes), write_arm("b", TOKENS, others)]
    with pytest.raises(RunError, match="did not measure the same items"):
        analyse(folders, replicates=10)


def test_importing_analysis_loads_no_torch():
    code = "import sys, gapless.analysis; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_rare_probe_is_concluded_on_at_its_own_points(write_arm, make_bits):
    """Its role's mean stands at the points that both share; the other keeps all of its own."""
    levels = {"law": [1.5, 1.4, 1.2, 1.0], "notes": [1.0, 1.6, 1.2, 0.9]}
    probes = {
        (name, "domain", "bits_per_byte"): make_bits(own, seed=place)
        for place, (name, own) in enumerate(levels.items())
    }
    folder = write_arm("plain", TOKENS, probes)
    whole = analyse([folder], replicates=200)
    journal = Journal(folder / "measurements.jsonl")
    rows = [r for r in journal.rows() if r["probe"] == "law" or r["tokens_seen"] in (0, 20, 40)]
    journal.path.unlink()
    journal.append(*rows)
    found = analyse([folder], replicates=200)
    points = {row["name"]: row["curve"]["tokens"] for row in found.rows}
    assert points == {"domain": [0, 20, 40], "law": TOKENS, "notes": [0, 20, 40]}
    assert find(found.rows, name="law") == find(whole.rows, name="law")
    role, before = find(found.rows, name="domain"), find(whole.rows, name="domain")
    for key in ("values", "changes", "low", "high"):
        assert role["curve"][key] == [before["curve"][key][place] for place in (0, 2, 3)]
    assert find(found.rows, name="notes")["gap"]["tokens_to_bottom"]["value"] == 20
    assert find(whole.rows, name="notes")["gap"]["tokens_to_bottom"]["value"] == 10
