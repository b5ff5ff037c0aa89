"""Problems of a pool to examples for a request, with a topic for the new problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import count

from gapless.errors import DataError
from gapless.seeds import stream
from gapless.synthesis.draft import Seed
from gapless.synthesis.problems import Problem

POOL, TOPICS = "problems", "topics"
"""Sources of seeds that are not documents."""


def demonstrations_of(
    pool: Sequence[Problem], number: int, languages: Sequence[str], names: tuple[int, str]
) -> Iterator[tuple[tuple[int], tuple[Seed, ...]]]:
    """Give, without end, a request's number and its seeds: different examples, then a topic.

    ``names`` are the recipe's seed and the synthesis. Languages take turns. A pool of fewer
    problems than examples is a `DataError`.
    """
    if len(pool) < number:
        raise DataError(
            f"{len(pool)} problems do not give {number} demonstrations",
            where="demonstrations",
            mend="Add problems to the pool, or ask for fewer demonstrations.",
        )
    seed, name = names
    for request in count():
        language = languages[request % len(languages)]
        topics = _topics(language)
        draws = stream(seed, "synthesis", name, "demonstrations", request)
        places = draws.choice(len(pool), number, replace=False)
        place = int(draws.integers(len(topics)))
        topic = Seed(TOPICS, str(place), 0, len(topics[place]), topics[place], "", language)
        examples = [_example(pool[place], language) for place in places.tolist()]
        yield (request,), (*examples, topic)


def _example(problem: Problem, language: str) -> Seed:
    """Return a problem as a model should write one."""
    text = (
        f"[Problem]\n{problem.problem}\n\n[Solution]\n```python\n{problem.solution}\n```\n\n"
        f"[Tests]\n```python\n{problem.tests}\n```"
    )
    return Seed(POOL, problem.id, 0, len(text), text, "", language)


@cache
def _topics(language: str) -> list[str]:
    import tomllib

    text = resources.files("gapless.synthesis").joinpath("topics.toml").read_text("utf-8")
    topics: list[str] = tomllib.loads(text)[language]
    return topics
