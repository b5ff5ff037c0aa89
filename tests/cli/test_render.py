from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from gapless.cli import render

from . import answers


def shown(show: Callable[..., None], answer: object) -> str:
    console = Console(width=80, record=True, file=None, quiet=False, highlight=False)
    with console.capture() as capture:
        show(answer, console)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def rows(text: str) -> list[str]:
    """Return the lines with runs of spaces made one."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_plan_shows_stages_sources_mixture_and_cost() -> None:
    lines = rows(shown(render.plan, answers.PLAN))
    for line in [
        "runs/demo (1 of 3 stages done)",
        "│ └── done web 3fa9c1e",
        "└── to do analysis 3fa9c1e",
        "pubmed domain 18,396 740 23 6.1M",
        "encyclopedia general - - - about 600k",
        "novelty pubmed 6M 5e+13 6 min",
        "subset_with_replay 1 pubmed 82.0% 240k 60k 4.00",
        "encyclopedia 18.0% 240k 60k 4.00",
        "together 1.2M 294 3e+13 6 min 40 times",
        "4.2M parameters; about 1.3 GB of memory while training, 340 MB of disk",
        "note: Counts are estimates.",
    ]:
        assert line in lines


def test_a_plan_of_one_arm_has_no_total() -> None:
    assert "together" not in shown(render.plan, replace(answers.PLAN, arms=answers.PLAN.arms[:1]))


@pytest.mark.parametrize(
    ("show", "answer"),
    [
        (render.plan, answers.PLAN),
        (render.run, answers.RESULT),
        (render.status, answers.STATUS),
        (render.fates, [answers.FATE]),
        (render.compare, answers.COMPARISON),
        (render.show, [answers.GLIMPSE]),
    ],
)
def test_everything_fits_80_columns_with_no_word_cut(
    show: Callable[..., None], answer: object
) -> None:
    text = shown(show, answer)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text
    assert len(text.splitlines()) > 3


def test_a_result_shows_every_arm_beside_the_base() -> None:
    lines = shown(render.run, answers.RESULT).splitlines()
    found = [line.split() for line in lines if line.startswith(("base", "subset"))]
    assert found == [
        ["base", "2.100", "1.750", "-", "-", "-", "-"],
        ["subset_with_replay", "1.900", "1.800", "+0.200", "-0.050", "0.120", "410k"],
    ]
    assert lines[-1] == "report: runs/demo/report.html"


def test_recovery_tells_never_from_no_gap() -> None:
    summary = (
        answers.ended("never", tokens_to_recovery=None),
        answers.ended("none", gap_depth=0.0, tokens_to_recovery=0),
    )
    lines = shown(render.run, replace(answers.RESULT, summary=summary)).splitlines()
    ends = {line.split()[0]: line.split("0 ")[-1].split() for line in lines if line[:1] == "n"}
    assert ends == {"never": ["never"], "none": ["no", "gap"]}


def test_a_run_that_had_nothing_to_do_or_was_asked_to_stop_says_so() -> None:
    result = replace(answers.RESULT, did=(), summary=(), report=None, stopped_at="order")
    assert shown(render.run, result).splitlines() == [
        "nothing was missing",
        "stopped after order, as asked; run: runs/demo",
    ]


def test_a_status_shows_how_far_each_arm_is() -> None:
    lines = rows(shown(render.status, answers.STATUS))
    assert "replay under way 150k 600k 25%" in lines
    assert "late not started 0 - -" in lines


def test_a_comparison_names_run_and_arm() -> None:
    text = shown(render.compare, answers.COMPARISON)
    assert "first/base" in text
    assert "second/main" in text


def test_a_document_can_neither_style_nor_steer_the_terminal() -> None:
    text = shown(render.show, [answers.GLIMPSE])
    assert "\x1b" not in text
    assert "A [bold]study[/] of \ufffd[31mred\ufffd[0m cells" in text
    assert "arm replay, phase 1, row 3" in text
    assert "abstracts.jsonl.gz:17, work PMID:1, document abcdef1" in text


def test_init_names_the_files_and_the_next_command() -> None:
    text = shown(render.init, [answers.RUN / "recipe.yaml", answers.RUN / "data"])
    assert text.splitlines() == [
        "wrote runs/demo/recipe.yaml",
        "wrote runs/demo/data",
        "next:  gapless plan runs/demo/recipe.yaml",
    ]
