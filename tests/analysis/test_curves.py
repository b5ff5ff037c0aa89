import numpy as np
import pytest

from gapless.analysis.curves import load_arm
from gapless.errors import RunError
from gapless.records.journal import Journal
from gapless.records.measurements import ItemValues, items_path, read_items, write_items

TOKENS = [0, 10, 30]


def exact(*values):
    """One point per value: two items that give exactly it."""
    return [
        ItemValues(numerators=np.array([value, 3 * value]), denominators=np.array([1.0, 3.0]))
        for value in values
    ]


PROBES = {
    ("law", "domain", "bits_per_byte"): exact(1.0, 0.75, 0.5),
    ("notes", "domain", "bits_per_byte"): exact(2.0, 1.75, 1.0),
    ("web", "general", "bits_per_byte"): exact(1.0, 1.5, 1.25),
    ("exam", "general", "accuracy"): exact(0.5, 0.25, 0.75),
}


def test_a_role_is_the_plain_mean_of_its_probes_metric_by_metric(write_arm):
    arm = load_arm(write_arm("main", TOKENS, PROBES))
    assert arm.name == "main"
    assert [
        (curve.role, curve.metric, curve.probes, curve.values.tolist()) for curve in arm.roles
    ] == [
        ("domain", "bits_per_byte", ("law", "notes"), [1.5, 1.25, 0.75]),
        ("general", "bits_per_byte", ("web",), [1.0, 1.5, 1.25]),
        ("general", "accuracy", ("exam",), [0.5, 0.25, 0.75]),
    ]


def test_changes_are_positive_where_the_model_got_better(write_arm):
    arm = load_arm(write_arm("main", TOKENS, PROBES))
    assert [curve.changes.tolist() for curve in arm.roles] == [
        [0, 0.25, 0.75],
        [0, -0.5, -0.25],
        [0, -0.25, 0.25],
    ]


def test_probes_keep_their_items_point_by_point(write_arm):
    law = load_arm(write_arm("main", TOKENS, PROBES)).probes[0]
    assert law.curve.name == "law"
    assert law.curve.tokens.dtype == np.int64
    assert law.num_items == 2
    assert law.numerators.tolist() == [[1, 3], [0.75, 2.25], [0.5, 1.5]]
    assert law.denominators.tolist() == [[1, 3]] * 3


def test_a_run_without_its_base_is_refused(write_arm):
    with pytest.raises(RunError, match="measurement zero is missing"):
        load_arm(write_arm("main", [5, 10, 30], PROBES))


def without(folder, probe, *tokens):
    """Leave out some points of a probe, as when it is a rare one."""
    journal = Journal(folder / "measurements.jsonl")
    gone = {(probe, seen) for seen in tokens}
    rows = [row for row in journal.rows() if (row["probe"], row["tokens_seen"]) not in gone]
    journal.path.unlink()
    journal.append(*rows)
    return folder


def test_a_role_stands_at_the_points_that_all_of_its_probes_share(write_arm):
    arm = load_arm(without(write_arm("main", TOKENS, PROBES), "notes", 10))
    own = {h.curve.name: h.curve.tokens.tolist() for h in arm.probes}
    assert own == {"law": [0, 10, 30], "notes": [0, 30], "web": [0, 10, 30], "exam": [0, 10, 30]}
    curves = [(c.role, c.metric, c.tokens.tolist(), c.values.tolist()) for c in arm.roles]
    assert curves == [
        ("domain", "bits_per_byte", [0, 30], [1.5, 0.75]),
        ("general", "bits_per_byte", [0, 10, 30], [1.0, 1.5, 1.25]),
        ("general", "accuracy", [0, 10, 30], [0.5, 0.25, 0.75]),
    ]


def test_a_rare_probe_without_its_base_is_refused(write_arm):
    folder = without(write_arm("main", TOKENS, PROBES), "notes", 0)
    with pytest.raises(RunError, match="measurement zero is missing") as caught:
        load_arm(folder)
    assert caught.value.where == "probe notes, bits_per_byte"


def test_a_folder_of_nothing_or_of_two_arms_is_refused(write_arm, tmp_path):
    with pytest.raises(RunError, match="it holds no measurement"):
        load_arm(tmp_path)
    folder = write_arm("main", TOKENS, PROBES)
    other = write_arm("other", TOKENS, PROBES)
    Journal(folder / "measurements.jsonl").append(*Journal(other / "measurements.jsonl").rows())
    with pytest.raises(RunError, match="the measurements of 2 arms"):
        load_arm(folder)


def test_a_row_that_stands_twice_is_refused(write_arm):
    folder = write_arm("main", TOKENS, PROBES)
    journal = Journal(folder / "measurements.jsonl")
    journal.append(*list(journal.rows())[-1:])
    with pytest.raises(RunError, match="twice"):
        load_arm(folder)


def test_missing_items_are_named(write_arm):
    folder = write_arm("main", TOKENS, PROBES)
    items_path(folder, 10).unlink()
    with pytest.raises(RunError, match="items of law/bits_per_byte cannot be read") as caught:
        load_arm(folder)
    assert caught.value.where == str(items_path(folder, 10))


@pytest.mark.parametrize(
    "wrong", [exact(9.0)[0], ItemValues(numerators=np.ones(3), denominators=np.ones(3))]
)
def test_items_of_another_value_or_number_are_refused(write_arm, wrong):
    folder = write_arm("main", TOKENS, PROBES)
    path = items_path(folder, 10)
    write_items(path, read_items(path) | {"law/bits_per_byte": wrong})
    with pytest.raises(RunError, match="are not those of its measurements"):
        load_arm(folder)
