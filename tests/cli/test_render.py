from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from gapless.cli import render
from gapless.records.views import Advice

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
        "runs/demo",
        "1 of 3 stages done",
        "│ └── done web 3fa9c1e",
        "└── to do analysis 3fa9c1e",
        "pubmed domain 18,396 740 23 6.1M",
        "encyclopedia general - - - about 600k",
        "novelty pubmed 6M 5e+13 6 min",
        "science 50 of 200,000 130M 41.50 USD 3 h 6 min 50 62%",
        "code - of 1,000 up to 1.02M - - - -",
        "together 1.2M 294 3e+13 6 min 40 times",
        "4.2M parameters; about 1.3 GB of memory while training, 340 MB of disk",
        "note: Counts are estimates.",
    ]:
        assert line in lines


def test_a_long_run_folder_stays_on_one_line_to_be_copied() -> None:
    folder = Path("/a/long/way/to", *("another folder",) * 9)
    for show, answer in (render.plan, answers.PLAN), (render.status, answers.STATUS):
        assert shown(show, replace(answer, run_dir=folder)).splitlines()[0] == str(folder)


def test_a_plan_draws_the_mixture_in_columns() -> None:
    lines = shown(render.plan, answers.PLAN).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("Mixture"))
    assert lines[first : first + 18] == [
        "Mixture                                                       of  times",
        "                                         share  tokens  selected   seen     from",
        "subset_with_replay                                294k                   b3b8852",
        "└── phase 1                                       294k",
        "      4 epochs, topic feedback every 20k tokens on pubmed, web, wiki, 4 more,",
        "      from replay of 18 % general text",
        "      by ease, ascending",
        "    ├── domain                           81.6%    240k       60k   4.00",
        "    │   └── pubmed                       81.6%    240k       60k   4.00  6324cf0",
        "    │       ├── Security and             47.6%    140k       60k   2.33",
        "    │       │   International",
        "    │       │   Relations",
        "    │       └── ... 17 more              34.0%    100k       60k   1.67",
        "    │             smallest share 2e-05 %",
        "    └── general                          18.4%     54k       60k   0.90",
        "        └── web                         2e-05%      54       60k   0.00",
        "again  as subset_with_replay                      294k                   0f378f1",
        "",
    ]


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
        (render.audit, [answers.AUDIT]),
        (render.synthesized, answers.SYNTHESIZED),
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


def test_a_status_ends_with_what_was_found_arm_by_arm() -> None:
    long = "General text ended 0.278 bits per byte worse than the base (0.265 to 0.292), "
    long += "and more."
    findings = (
        Advice(about="late", text="First.", suggestion=""),
        Advice(about="replay", text=long, suggestion="Keep it \x1b[31m[bold]."),
        Advice(about="late", text="Second.", suggestion=""),
    )
    text = shown(render.status, replace(answers.STATUS, findings=findings))
    lines = text.splitlines()
    assert lines[lines.index("late:") :] == [
        "late:",
        "  First.",
        "  Second.",
        "",
        "replay:",
        "  General text ended 0.278 bits per byte worse than the base (0.265 to 0.292),",
        "  and more.",
        "    To try: Keep it \ufffd[31m[bold].",
    ]


def test_a_comparison_names_run_and_arm() -> None:
    text = shown(render.compare, answers.COMPARISON)
    assert "first/base" in text
    assert "second/main" in text


def test_a_comparison_tells_seeds_together_and_what_is_compared_at_which_cost() -> None:
    text = shown(render.compare, answers.COMPARISON)
    lines = text.splitlines()
    [mean] = [line.split() for line in lines if line.startswith("med-1/one_pass")]
    assert mean == ["med-1/one_pass", "3", "+0.461", "-0.123"]
    assert "-0.201 to -0.046" in text
    [pair] = [line for line in lines if line.startswith("replay/subset")]
    assert pair.split()[2:5] == ["1.2e+18", "-0.010", "+0.091"]
    assert "noise of items alone" in text
    assert "FLOPs" in text
    assert "note: The runs began from different base models" in text
    assert "\x1b" not in text


def test_a_document_can_neither_style_nor_steer_the_terminal() -> None:
    text = shown(render.show, [answers.GLIMPSE])
    assert "\x1b" not in text
    assert "A [bold]study[/] of \ufffd[31mred\ufffd[0m cells" in text
    assert "arm replay, phase 1, row 3" in text
    assert "abstracts.jsonl.gz:17, work PMID:1, document abcdef1" in text


def test_an_audit_shows_every_phase_and_the_rest_of_many_sources_in_one_row() -> None:
    lines = rows(shown(render.audit, [answers.AUDIT]))
    for line in [
        "phase source planned seen padding share seen",
        "2 pubmed/Security and 400,000 399,900 100 66.7% 6.67",
        "web/0 14,000 13,900 100 2.3% 0.23",
        "... 3 more 41,940 41,640 300 7.0%",
        "pubmed/Security and 2,741 11 never, 29 once, 1 2,000",
        "International Relations 1,400 twice, 1,300 13",
        "web/0 9 - 9 2",
        "... 3 more 24 - 27 6",
        "arm subset_with_replay: as planned (1,254,000 of 2,508,000 tokens, 3,000 of",
    ]:
        assert line in lines
    assert "web/21" not in " ".join(lines)


def test_an_audit_says_what_differs_or_that_there_is_nothing_yet() -> None:
    none = replace(
        answers.AUDIT, arm="none", rows=(), documents=(), tokens_seen=0, padding_tokens=0
    )
    done = replace(answers.AUDIT, tokens_seen=2_508_000, rows=(), documents=(), padding_tokens=0)
    odd = replace(done, differences=tuple(f"step {i}: [b]odd[/]\x1b" for i in range(10)))
    lines = shown(render.audit, [none, done, odd]).splitlines()[-12:]
    assert lines == [
        "arm none: nothing seen yet (0 of 2,508,000 tokens)",
        "arm subset_with_replay: as planned (2,508,000 tokens)",
        "arm subset_with_replay: not as planned (2,508,000 tokens)",
        *(f"  step {i}: [b]odd[/]\ufffd" for i in range(8)),
        "  and 2 more differences",
    ]


def test_a_synthesis_shows_why_answers_were_thrown_away_and_what_waits() -> None:
    text = shown(render.synthesized, answers.SYNTHESIZED)
    lines = rows(text)
    assert "431 documents of 600 requests; 300k tokens, 0.40 USD" in text
    assert "no sections 120 20.0%" in lines
    assert "repetition 49 8.2%" in lines
    assert "code: 300 requests wait for answers: asked/code.jsonl" in lines
    assert "\x1b" not in text


def test_a_sweep_ranks_settings_and_tells_what_failed() -> None:
    text = shown(render.sweep, answers.SWEEP)
    lines = rows(text)
    assert "2 trials done, 1 trials failed" in lines
    ranked = [line for line in lines if line.startswith("t00") and "pubmed" in line]
    assert [line.split()[0] for line in ranked] == ["t002", "t000"]
    assert "+0.2100 +0.0400" in ranked[0]
    assert any(line.startswith("t001-0 failed: loss is not finite") for line in lines)
    assert "\x1b" not in text


def test_laws_show_what_they_are_worth_and_a_proposal_what_it_expects() -> None:
    lines = rows(shown(render.laws, answers.LAWS))
    assert "general 0.91 (0.70 to 0.98) 0.0040 30%" in lines
    assert "the trials do not determine k" in lines
    assert any(line.startswith("general: may propose") for line in lines)
    lines = rows(shown(render.proposal, answers.PROPOSAL))
    assert "share/pubmed: 0.7123" in lines
    assert "expected gain of a run: +0.2100 (+0.1900 to +0.2300)" in lines
    assert "the bound on forgetting holds in 66% of the replicates" in lines
    assert "wrote big.yaml" in lines


def test_a_search_of_rates_shows_every_rate_and_the_proposal() -> None:
    text = shown(render.rates, answers.RATES)
    lines = rows(text)
    for line in [
        "Changes in bits per byte after 164k tokens",
        "1.00e-05 +0.0123 -0.0004 2.500 fell",
        "1.00e-03 +0.5000 - 1.250 rose",
        "1.00e-01 - - - diverged, step 8",
        "training.learning_rate: 1.00e-05",
        "The best domain gain.",
        "runs: runs/demo-rates",
    ]:
        assert line in lines
    none = replace(answers.RATES, proposal=None)
    assert "training.learning_rate" not in shown(render.rates, none)


def test_init_names_the_files_and_the_next_command() -> None:
    text = shown(render.init, [answers.RUN / "recipe.yaml", answers.RUN / "data"])
    assert text.splitlines() == [
        "wrote runs/demo/recipe.yaml",
        "wrote runs/demo/data",
        "next:  gapless plan runs/demo/recipe.yaml",
    ]
