"""At which points a model writes for people to read, and what becomes of the answers."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.evaluation import sample_points, write_samples
from gapless.recipe.probes import Probing, Samples
from gapless.records.samples import Sample

PLAIN = Samples(prompts=("a",))


def test_two_early_points_the_middle_and_the_end() -> None:
    measured = [1, 2, 4, 8, 16, 32, 64, *range(100, 2001, 100)]
    assert sample_points(PLAIN, measured, 2000) == {16, 100, 1000, 2000}


def test_a_run_that_is_hardly_measured_has_what_there_is() -> None:
    assert sample_points(PLAIN, [500], 500) == {500}
    assert sample_points(PLAIN, [100, 500], 500) == {500}


def test_every_and_at_take_the_first_measured_point_from_there_on() -> None:
    measured = [10, 30, 50, 70, 100]
    assert sample_points(Samples(prompts=("a",), every=40), measured, 100) == {50, 100}
    assert sample_points(Samples(prompts=("a",), at=(30, 31, 5000)), measured, 100) == {30, 50, 100}


rising = st.lists(st.integers(1, 10**12), min_size=2, max_size=40, unique=True).map(sorted)


@given(measured=rising, cut=st.integers(0, 38), ways=st.sampled_from(["", "every", "at"]))
def test_points_are_few_and_shared_by_an_arm_that_ends_earlier(
    measured: list[int], cut: int, ways: str
) -> None:
    total = measured[-1]
    settings = {"every": max(1, total // 7)} if ways == "every" else {}
    settings |= {"at": tuple(measured[::3])} if ways == "at" else {}
    wanted = Samples.model_validate({"prompts": ["a"], **settings})
    whole = sample_points(wanted, measured, total)
    assert total in whole
    assert whole <= set(measured)
    assert ways or len(whole) <= 4, "with the base, five"
    shared = measured[: min(cut, len(measured) - 1)]
    if shared:
        end = shared[-1] + 1
        own = sample_points(wanted, [*shared, end], total)
        assert own - {end} == whole & set(shared)


@pytest.mark.parametrize(("context", "asked", "length"), [(512, 60, 60), (32, 60, 16)])
def test_an_answer_leaves_room_for_its_prompt(context: int, asked: int, length: int) -> None:
    told = []

    def answers(prompts: tuple[str, ...], *, max_new_tokens: int) -> list[str]:
        told.append(max_new_tokens)
        return [prompt.upper() for prompt in prompts]

    generator = SimpleNamespace(context=context, answers=answers)
    wanted = Samples(prompts=("a", "b"), max_new_tokens=asked)
    assert write_samples(generator, wanted, 7) == [  # type: ignore[arg-type]
        Sample(tokens_seen=7, prompt="a", answer="A"),
        Sample(tokens_seen=7, prompt="b", answer="B"),
    ]
    assert told == [length]


def test_a_list_of_prompts_is_short_for_them() -> None:
    short = Probing.model_validate({"samples": ["a", "b"]})
    assert short == Probing.model_validate({"samples": {"prompts": ["a", "b"]}})
    assert short == Probing.model_validate(short.model_dump())
    assert Probing().samples is None
