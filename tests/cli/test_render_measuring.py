"""What a plan and a status say of the time that measuring takes."""

from dataclasses import replace

from rich.console import Console

from gapless.cli import render

from . import answers


def lines_of(show, answer) -> list[str]:
    console = Console(width=200, record=True, quiet=True, highlight=False)
    console.quiet = False
    with console.capture() as said:
        show(answer, console)
    return [line.strip() for line in said.get().splitlines()]


def test_a_plan_says_it_once_where_all_arms_agree_and_else_arm_by_arm() -> None:
    plan = answers.PLAN
    assert len(plan.arms) > 1
    alike = tuple(replace(arm, measuring="measuring: 4.1%") for arm in plan.arms)
    assert lines_of(render.plan, replace(plan, arms=alike)).count("measuring: 4.1%") == 1
    first, *others = alike
    unlike = (replace(first, measuring="measuring: 9%"), *others)
    said = lines_of(render.plan, replace(plan, arms=unlike))
    assert f"{first.name}: measuring: 9%" in said
    assert f"{others[0].name}: measuring: 4.1%" in said
    assert not any("measuring:" in line for line in lines_of(render.plan, plan))


def test_a_status_says_it_of_the_arms_that_were_measured() -> None:
    status = answers.STATUS
    first, *others = status.arms
    assert others
    told = replace(status, arms=(replace(first, measuring="measuring took 3%"), *others))
    assert f"{first.name}: measuring took 3%" in lines_of(render.status, told)
    assert not any("measuring" in line for line in lines_of(render.status, status))
