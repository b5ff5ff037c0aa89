"""The papers' recipes plan to their own numbers, without data, and their smoke tests run."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import gapless
from gapless.records.views import Plan

PAPERS = Path(__file__).parents[2] / "recipes" / "papers"
RECIPES = sorted(PAPERS.glob("*.yaml"))
BILLION = 10**9


@pytest.fixture(autouse=True)
def _not_beside_the_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness's index of tasks takes long, and is tested elsewhere."""
    monkeypatch.setattr("gapless.workflow.plan.harness_warnings", lambda *_: iter(()))


def planned(name: str, tmp_path: Path, *variants: str) -> Plan:
    return gapless.plan(PAPERS / f"{name}.yaml", variants=variants, run_dir=tmp_path / "run")


def tokens_of(plan: Plan) -> Mapping[str, int]:
    return {arm.name: arm.tokens for arm in plan.arms}


def shares(plan: Plan, arm: str, phase: int = 0) -> Mapping[str, float]:
    rows = [row for row in plan.mixture if (row.arm, row.phase) == (arm, phase)]
    return {row.source: row.share for row in rows}


def volumes(plan: Plan, arm: str) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for row in plan.mixture:
        if row.arm == arm:
            found[row.source] = found.get(row.source, 0) + row.tokens
    return found


def whole_rows(tokens: int, context: int) -> int:
    """A budget's rest below one row is not trained on."""
    return tokens // context * context


def test_paper_1_on_openllama(tmp_path: Path) -> None:
    plan = planned("stability_gap_openllama3b", tmp_path)
    full, strategy = whole_rows(50 * BILLION, 2048), whole_rows(20 * BILLION, 2048)
    arms = tokens_of(plan)
    once = ("full_pass", "rewarm_redecay", "replay_10", "freeze_top_5", "freeze_bottom_5")
    assert {arms.pop(name) for name in once} == {full}
    assert len(arms) == 5
    # Four epochs of 5B, each of whole rows.
    for name, tokens in arms.items():
        assert strategy - 4 * 2048 <= tokens <= strategy, name
    assert arms["mixture_dynamic"] / full == pytest.approx(0.4, abs=1e-6)  # "40 % of the tokens"
    for name in ("mixture_fixed", "mixture_dynamic"):
        got = shares(plan, name)
        assert got["medical"] == pytest.approx(0.82, abs=1e-6)  # CommonCrawl's 67 % and C4's 15 %
        general = {
            "github": 4.5,
            "wikipedia": 4.5,
            "books": 4.5,
            "arxiv": 2.5,
            "stackexchange": 2.0,
        }
        assert {k: round(100 * got[k], 4) for k in general} == general
    assert shares(plan, "replay_10")["web"] == pytest.approx(0.1, abs=1e-6)
    assert 3.4e9 < plan.parameters < 3.5e9


def test_paper_1_on_tinyllama_and_pythia(tmp_path: Path) -> None:
    plan = planned("stability_gap_openllama3b", tmp_path, "tinyllama")
    assert 1.09e9 < plan.parameters < 1.11e9
    plan = planned("stability_gap_pythia410m", tmp_path / "pythia")
    arms = tokens_of(plan)
    assert arms["full_pass"] == whole_rows(100 * BILLION, 2048)
    assert arms["subset_random"] == whole_rows(77 * BILLION, 2048)
    [row] = [row for row in plan.mixture if row.arm == "subset_random"]
    assert row.repetition == pytest.approx(7, abs=1e-6)  # 11B tokens, seven times
    assert 4.0e8 < plan.parameters < 4.1e8


def test_paper_1s_physician(tmp_path: Path) -> None:
    plan = planned("llama3_physician_8b", tmp_path)
    arms = tokens_of(plan)
    assert arms["full_pass"] == whole_rows(50 * BILLION, 8192)
    assert whole_rows(20 * BILLION, 8192) - 4 * 8192 <= arms["physician"] <= 20 * BILLION
    assert shares(plan, "physician")["medical"] == pytest.approx(0.82, abs=1e-5)
    assert plan.parameters == 8_030_261_248


def test_paper_1s_instructions_are_parts_of_the_whole(tmp_path: Path) -> None:
    arms = tokens_of(planned("llama3_physician_8b_instructions", tmp_path))
    whole = arms["everything"]
    for percent in (25, 50, 75):
        assert arms[f"tokens_{percent}"] == pytest.approx(whole * percent / 100, abs=2 * 1024)


def test_paper_2_on_llama(tmp_path: Path) -> None:
    plan = planned("llama3_syne_8b", tmp_path)
    [arm] = plan.arms
    assert whole_rows(100 * BILLION, 8192) - 8192 <= arm.tokens <= 100 * BILLION
    phases = [sum(row.tokens for row in plan.mixture if row.phase == phase) for phase in (0, 1)]
    assert phases == [whole_rows(92_500_000_000, 8192), whole_rows(7_500_000_000, 8192)]
    # Section 3.4 of our notes: total tokens by kind, in billions.
    wanted = {
        ("web_cn", "web_en"): 45.175,
        ("encyclopedia_cn", "encyclopedia_en"): 4.925,
        ("books_cn", "books_en"): 15.7375,
        ("qa_cn", "qa_en"): 4.925,
        ("papers_en",): 7.925,
        ("math_en",): 7.925,
        ("code_en",): 11.8875,
        ("science_qa", "code_qa"): 1.5,
    }
    got = volumes(plan, "main")
    assert sorted(got) == sorted(name for names in wanted for name in names)
    for names, billions in wanted.items():
        # To a row for each source and phase, and one for each round of feedback.
        assert sum(got[n] for n in names) == pytest.approx(billions * BILLION, abs=40 * 8192), names
    chinese = sum(tokens for name, tokens in got.items() if name.endswith("_cn"))
    assert chinese == pytest.approx(19.25 * BILLION, abs=100 * 8192)


def test_paper_2_on_tinyllama(tmp_path: Path) -> None:
    plan = planned("llama3_syne_tinyllama", tmp_path)
    assert set(tokens_of(plan).values()) == {whole_rows(5 * BILLION, 2048)}
    for percent in (10, 20, 30, 40):
        assert shares(plan, f"share_{percent}")["science"] == pytest.approx(percent / 100, abs=1e-6)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)
def test_the_smoke_variant_plans_with_what_ships(recipe: Path, tmp_path: Path) -> None:
    plan = gapless.plan(recipe, variants=["smoke"], run_dir=tmp_path / "run")
    assert not any("assumed" in warning for warning in plan.warnings)
    assert sum(arm.tokens for arm in plan.arms) < 500_000


@pytest.mark.parametrize("name", ["llama3_syne_8b"])  # the others: 20 to 132 s each
def test_the_smoke_variant_runs_to_its_report(name: str, tmp_path: Path) -> None:
    done = gapless.run(PAPERS / f"{name}.yaml", variants=["smoke"], run_dir=tmp_path / "run")
    assert done.report is not None
    assert done.report.is_file()
    assert all(row.tokens_seen > 20_000 for row in done.summary[1:])
