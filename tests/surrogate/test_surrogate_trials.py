import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from surrogate_worlds import mixtures, trial

from gapless.errors import DataError
from gapless.surrogate.trials import (
    Outcome,
    Trial,
    Trials,
    read_trials,
    with_domain_share,
    write_trials,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(
        st.builds(
            Trial,
            settings=st.dictionaries(st.sampled_from(["tokens", "rate", "schedule"]), FINITE),
            outcomes=st.dictionaries(
                st.text(max_size=4),
                st.builds(Outcome, value=FINITE, standard_error=st.none() | FINITE),
            ),
            seed=st.integers(0, 9),
            domain=st.just(("law",)),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read_back_and_written_the_same(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("trials") / "trials.jsonl"
    write_trials(Trials(tuple(rows)), path)
    first = path.read_bytes()
    again = read_trials(path)
    assert again.rows == tuple(rows)
    write_trials(again, path)
    assert path.read_bytes() == first


def test_the_order_of_settings_is_not_in_the_bytes(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, names in zip(paths, [("b", "a"), ("a", "b")], strict=True):
        write_trials(Trials((trial(dict.fromkeys(names, 1.0), loss=2.0),)), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_columns_are_settings_and_the_share_of_the_domain():
    trials = Trials(
        (
            trial({"share/law": 0.25, "share/web": 0.75, "schedule": "wsd"}, loss=1),
            trial({"share/law": 0.5, "share/med": 0.5, "schedule": "cosine"}, loss=2),
        )
    )
    columns = trials.columns()
    assert list(columns) == ["schedule", "share/law", "share/med", "share/web", "domain_share"]
    assert columns["share/web"].tolist() == [0.75, 0.0]
    assert columns["domain_share"].tolist() == [0.25, 0.5]
    assert columns["schedule"].tolist() == ["wsd", "cosine"]
    both = with_domain_share(columns, ("law", "med"))
    assert both["domain_share"].tolist() == [0.25, 1.0]


def test_a_domain_share_may_be_given_where_no_share_is():
    trials = Trials((trial({"domain_share": 0.3}, loss=1),))
    assert trials.columns()["domain_share"].tolist() == [0.3]


def test_seeds_of_one_setting_are_one_group():
    trials = mixtures(3, num_seeds=2)
    assert trials.groups().tolist() == [0, 0, 1, 1, 2, 2]


def test_points_of_one_run_are_one_group():
    rows = [trial({"rate": r, "forward_area": s}, loss=1) for r in (1.0, 2.0) for s in (0.1, 0.2)]
    trials = Trials(tuple(rows))
    assert trials.groups().tolist() == [0, 1, 2, 3]
    assert trials.groups(along={"forward_area"}).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("value", [math.nan, math.inf, True])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(DataError, match="rate"):
        trial({"rate": value})
    with pytest.raises(DataError, match="loss"):
        Trial(settings={}, outcomes={"loss": Outcome(value=value)})


@pytest.mark.parametrize("shares", [(0.5, 0.4), (1.2, -0.2)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(DataError, match="shares are"):
        trial({"share/a": shares[0], "share/b": shares[1]})


def test_trials_that_do_not_fit_together_are_refused():
    with pytest.raises(DataError, match="do not agree"):
        Trials((trial({}, domain=("law",)), trial({}, domain=("med",))))
    with pytest.raises(DataError, match="trial 2 has no 'tokens'"):
        Trials((trial({"tokens": 1.0}), trial({}))).columns()
    with pytest.raises(DataError, match="no trial has the metric 'loss'") as caught:
        Trials((trial({}, accuracy=1.0),)).with_metric("loss")
    assert "accuracy" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "no trial"),
        ("[]", "no trial"),
        ('{"schema_version": 9}', "version 9"),
        (json.dumps(trial({"rate": 1.0}).row()).replace("1.0", "NaN"), "rate"),
    ],
)
def test_a_line_that_is_no_trial_is_named(tmp_path, line, what):
    path = tmp_path / "trials.jsonl"
    path.write_text(json.dumps(trial({"rate": 1.0}).row()) + "\n" + line + "\n")
    with pytest.raises(DataError, match=what) as caught:
        read_trials(path)
    assert caught.value.where == f"{path}:2"


def test_values_are_those_of_the_trials_that_have_the_metric():
    trials = Trials((trial({}, a=1.0), trial({}, b=2.0), trial({}, a=3.0)))
    np.testing.assert_array_equal(trials.with_metric("a").values("a"), [1.0, 3.0])
