import pytest
from replicas import replicated

from gapless.analysis.turning import turning_points

TOKENS = [0, 10, 20, 40]


def world(loss=(0, 0.1, 0.2, 0.3), domain=(0, -0.2, 0.0, 0.2), general=(0, -0.1, -0.3, 0.0)):
    """Changes, positive is better; the noise of all of them is 0.01."""
    curves = [replicated("main", TOKENS, loss, role="domain", metric="bits_per_byte", drawn=0.01)]
    if domain:
        curves.append(replicated("main", TOKENS, domain, role="domain", drawn=0.01, seed=1))
    if general:
        curves.append(replicated("main", TOKENS, general, role="general", drawn=0.01, seed=2))
    return curves


def test_perplexity_falls_while_both_tasks_dip():
    [row] = turning_points(world(), level=0.95)
    assert row["as_in_paper_1"] is True
    assert row["loss"]["improved"] is row["loss"]["steadily"] is True
    assert row["loss"]["largest_rise"] == {"value": 0, "from_tokens": None, "to_tokens": None}
    assert row["domain_task"]["bottom"] == 10
    assert row["domain_task"]["depth"] == pytest.approx(0.2)
    assert row["domain_task"]["recovery"] == pytest.approx(20)
    assert row["general_task"]["bottom"] == 20
    assert row["general_task"]["dip_is_real"] is True


def test_a_loss_that_rises_on_the_way_is_not_steady():
    [row] = turning_points(world(loss=(0, 0.3, 0.1, 0.4)), level=0.95)
    assert row["loss"]["improved"] is True
    assert row["loss"]["largest_rise"]["value"] == pytest.approx(0.2)
    assert row["loss"]["largest_rise"]["from_tokens"] == 10
    assert row["loss"]["largest_rise"]["to_tokens"] == 20
    assert (row["loss"]["rise_is_real"], row["loss"]["steadily"]) == (True, False)
    assert row["as_in_paper_1"] is False


def test_a_rise_within_noise_is_still_steady():
    noisy = replicated(
        "main",
        TOKENS,
        [0, 0.2, 0.195, 0.4],
        role="domain",
        metric="bits_per_byte",
        drawn=[[0, 0.2, 0.19 + 0.002 * k, 0.4] for k in range(6)],
    )
    [row] = turning_points([noisy], level=0.95)
    assert row["loss"]["largest_rise"]["value"] == pytest.approx(0.005)
    assert row["loss"]["rise_is_real"] is False
    assert row["loss"]["steadily"] is True


def test_a_task_that_does_not_dip_is_not_as_in_the_paper():
    [row] = turning_points(world(general=(0, 0.1, 0.1, 0.1)), level=0.95)
    assert row["general_task"]["dip_is_real"] is False
    assert row["as_in_paper_1"] is False


@pytest.mark.parametrize("missing", ["domain", "general"])
def test_what_was_not_measured_is_null(missing):
    [row] = turning_points(world(**{missing: None}), level=0.95)
    assert row[f"{missing}_task"] is None
    assert row["as_in_paper_1"] is None


def test_without_a_loss_there_is_no_row_and_the_base_alone_has_no_turn():
    assert turning_points(world()[1:], level=0.95) == []
    alone = replicated("main", [0], [0], role="domain", metric="bits_per_byte", drawn=[[0]] * 3)
    [row] = turning_points([alone], level=0.95)
    assert row["loss"]["improved"] is False
    assert row["loss"]["rise_is_real"] is False


def test_without_replicates_nothing_is_called_real():
    bare = replicated("main", TOKENS, [0, 1, 0, 2], role="domain", metric="bits_per_byte")
    [row] = turning_points([bare], level=0.95)
    assert row["loss"]["steadily"] is row["loss"]["rise_is_real"] is None
