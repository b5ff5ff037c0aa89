"""The report of a sweep: its page, its charts, and what it says of them."""

import re
from dataclasses import replace

import chromium
import pytest
from hostile import HOSTILE

from gapless.records.sweep_views import FittedLaw, ProposedSettings, TrialRow
from gapless.report.figures import draw, gather
from gapless.report.sweeps import SweepContent, render_sweep
from gapless.report.sweeps.front import non_dominated

RATE, KIND, SHARE = "training.learning_rate", "training.optimizer", "share of prose"


def trial(setting: int, seed: int, gain: float, loss: float) -> TrialRow:
    settings = {RATE: 1e-5 * 4**setting, KIND: "ab"[setting % 2], SHARE: 0.1 * setting}
    return TrialRow(
        name=f"t{setting:03d}-{seed}",
        setting=setting,
        seed=seed,
        settings=settings,
        state="done",
        tokens_seen=1024,
        gain=gain,
        forgetting=loss,
        values={"medicine": 1.0},
        base={"medicine": 2.0},
    )


def law(metric: str) -> FittedLaw:
    return FittedLaw(
        law="mixing",
        metric=metric,
        parameters={"a": 1.0},
        scale=0.1,
        agreeing="1 of 32",
        unread=(RATE,),
        at_bounds=(),
        num_settings=4,
        rank_correlation=(0.9, 0.5, 1.0),
        error=(0.01, 0.005, 0.02),
        against_mean=(0.4, 0.2, 0.6),
        against_regression=None,
        passes=True,
        bar="a held-out rank",
        settings=(0, 1, 2, 3),
        observed=(2.0, 1.9, 1.8, 1.7),
        predicted=(2.01, 1.88, 1.8, 1.72),
    )


@pytest.fixture
def content() -> SweepContent:
    rows = [
        trial(number, seed, 0.1 * number + 0.01 * seed, 0.02 * number**2)
        for number in range(4)
        for seed in range(2)
    ]
    rows.append(replace(trial(4, 0, 0.0, 0.0), state="failed", gain=None, why="diverged"))
    ranked = [(2, 0.205, 0.08, 0.125), (1, 0.105, 0.02, 0.085), (3, 0.305, 0.18, -1.0)]
    return SweepContent(
        name="rates",
        created="2026-01-01",
        general_loss=0.1,
        trials=tuple(rows),
        ranking=(*ranked, (0, 0.005, 0.0, -2.0)),
        laws=(law("domain"), law("general")),
        proposal=ProposedSettings(
            settings={"share/medicine": 0.7, "share/prose": 0.3, "tokens": 2e10},
            gain=(0.2, 0.1, 0.3),
            forgetting=(0.05, 0.02, 0.08),
            kept=0.9,
            extrapolated=("tokens 2e10 (tried 1024 to 1024)",),
            outside_hull=True,
            unread=(RATE,),
            file=None,
            law="mixing",
            general_loss=0.05,
            tokens=2e10,
        ),
        environment={"python": "3.11"},
        warnings=("one of them",),
    )


def test_the_ranking_shows_every_setting_and_what_failed(content):
    page = render_sweep(content)
    shown = re.findall(r'<th scope="row">(?:<bdi>)?(t\d{3}(?:-\d)?)(?:</bdi>)?</th>', page)
    ranking = shown[: shown.index("t004-0") + 1]
    assert ranking == ["t002", "t001", "t003", "t000", "t004-0"]
    assert "diverged" in page
    assert "t002 ranks first of 5 settings" in page
    assert page.count("beyond the bound") == 1  # the third loses more than 0.1


def test_the_same_content_gives_the_same_bytes_and_nothing_outside_is_called(content):
    page = render_sweep(content)
    assert page == render_sweep(content)
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "connect-src" not in page
    assert "default-src 'none'" in page.replace("&#39;", "'")


def test_every_axis_has_its_chart_with_dots_and_means(content):
    charts = {figure.title: figure.spec for figure in gather(render_sweep(content))}
    rate = charts["learning rate"]
    assert rate["xlog"]
    gain = rate["series"][0]
    assert len(gain["points"]) == 8
    assert [y for _, y in gain["line"]] == pytest.approx([0.005, 0.105, 0.205, 0.305])
    balance = rate["series"][2]["line"]
    assert [y for _, y in balance] == pytest.approx([0.005, 0.085, 0.125, 0.125])
    assert charts["optimizer"]["names"] == ["a", "b"]
    assert [x for x, _ in charts["optimizer"]["series"][0]["line"]] == [0, 1]
    share = charts["share of prose"]["series"][0]
    assert [x for x, _ in share["line"]] == pytest.approx([0, 10, 20, 30])  # percent


def test_many_values_are_joined_by_means_of_neighbours(content):
    rows = tuple(trial(number, 0, float(number), 0.0) for number in range(12))
    many = replace(content, trials=rows)
    charts = {figure.title: figure.spec for figure in gather(render_sweep(many))}
    line = charts["learning rate"]["series"][0]["line"]
    assert [y for _, y in line] == pytest.approx([1, 4, 7, 10])


def test_the_front_is_what_no_other_beats_at_both():
    at = [(0.1, 0.0), (0.1, 0.1), (0.3, 0.2), (0.2, 0.2), (0.3, 0.3), (0.5, 0.4), (0.05, -0.1)]
    rows = [trial(number, 0, gain, loss) for number, (gain, loss) in enumerate(at)]
    slowly = [
        one
        for one in rows
        if not any(
            other.gain >= one.gain
            and other.forgetting <= one.forgetting
            and (other.gain, other.forgetting) != (one.gain, one.forgetting)
            for other in rows
        )
    ]
    found = non_dominated(rows)
    assert {row.setting for row in found} == {row.setting for row in slowly} == {0, 2, 5, 6}
    assert [row.forgetting for row in found] == sorted(row.forgetting for row in found)


def test_predictions_stand_against_what_was_measured_and_residuals_are_the_rest(content):
    charts = {figure.title: figure.spec for figure in gather(render_sweep(content))}
    points = charts["domain: mixing"]["series"][0]["points"]
    rest = charts["domain: mixing, residuals"]["series"][0]["points"]
    assert [name for *_, name in points] == ["t000", "t001", "t002", "t003"]
    for (x, y, _), (at, off, _) in zip(points, rest, strict=True):
        assert at == x
        assert off == pytest.approx(y - x)
    assert charts["domain: mixing"]["diagonal"]


def test_the_proposal_says_what_is_beyond_the_trials(content):
    page = render_sweep(content)
    assert "70.0 %" in page
    assert "tried 1024 to 1024" in page
    assert "beyond the trials" in page.lower()
    inside = replace(content.proposal, extrapolated=(), outside_hull=False, unread=())
    assert "lies among the trials" in render_sweep(replace(content, proposal=inside))
    alone = render_sweep(replace(content, proposal=None, laws=()))
    assert 'id="proposal"' not in alone
    assert 'id="laws"' not in alone


def test_a_sweep_of_which_nothing_is_done_has_a_page(content):
    rows = tuple(replace(row, state="failed", why="no") for row in content.trials)
    empty = replace(content, trials=rows, ranking=(), laws=(), proposal=None)
    assert "none of them done" in render_sweep(empty)


def hostile(content: SweepContent) -> SweepContent:
    rows = tuple(
        replace(
            row,
            name=HOSTILE,
            why=HOSTILE,
            settings={HOSTILE: row.setting, KIND: f"{HOSTILE}{row.setting}"},
        )
        for row in content.trials
    )
    laws = tuple(replace(each, law=HOSTILE, unread=(HOSTILE,)) for each in content.laws)
    names = {f"share/{HOSTILE}": 0.5, HOSTILE: HOSTILE}
    proposal = replace(content.proposal, settings=names, law=HOSTILE, extrapolated=(HOSTILE,))
    known = {HOSTILE: HOSTILE}
    changed = {"trials": rows, "laws": laws, "proposal": proposal, "environment": known}
    return replace(content, name=HOSTILE, warnings=(HOSTILE,), **changed)


def test_no_text_becomes_markup(content):
    page = render_sweep(hostile(content))
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 1 + page.count("application/json")


def test_every_chart_is_drawn_for_a_paper_too(content):
    figures = gather(render_sweep(content))
    assert len(figures) == 3 + 1 + 4
    for figure in [*figures, *gather(render_sweep(hostile(content)))]:
        svg = draw(figure)
        assert "nan" not in svg.lower().replace("dominant", "")
        assert svg.count("<path") >= 4


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("change", [lambda content: content, hostile])
def test_every_chart_is_drawn_in_a_browser_and_nothing_overflows(content, tmp_path, width, change):
    seen = chromium.open_page(render_sweep(change(content)), tmp_path, width=width)
    assert seen.console == []
    assert int(seen.facts["overflow"]) <= width
    assert seen.facts["ready"] == seen.facts["drawn"] == seen.facts["charts"]
    assert int(seen.facts["charts"]) >= 7
    assert seen.facts["broken"] == "0"
    assert seen.facts["hacked"] == "undefined"


@pytest.mark.browser
def test_a_pointer_reads_the_nearest_trial(content, tmp_path):
    act = """const svg = inner.querySelector("svg.chart"), box = svg.getBoundingClientRect();
    const at = { clientX: box.right - 12, clientY: box.top + 24 };
    svg.dispatchEvent(new inner.defaultView.PointerEvent("pointermove", at));"""
    seen = chromium.open_page(render_sweep(content), tmp_path, width=800, act=act)
    assert seen.console == []
    assert seen.facts["readouts"] == "t003-1learning rate6.4e-4domain gain0.310"
