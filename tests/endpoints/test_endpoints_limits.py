"""Buckets, guesses and pauses are arithmetic: on clocks that the tests set."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.endpoints import Answers, Request, ask, waiting
from gapless.endpoints.limits import Bucket, TokenGuess
from gapless.endpoints.scripted import ScriptedServer
from gapless.endpoints.waiting import back_off, retry_after
from gapless.recipe.endpoints import Endpoint

AMOUNTS = st.floats(0, 1e4)
TAKES = st.lists(st.tuples(st.floats(0, 100), AMOUNTS), min_size=1, max_size=40)


def starts(bucket: Bucket, takes: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return when each amount may be used, for takers that come after these pauses."""
    now, found = 0.0, []
    for pause, amount in takes:
        now += pause
        found.append((now + bucket.wait(bucket.take(amount, now), now), amount))
    return found


@given(st.floats(1, 1e6), TAKES)
def test_no_stretch_of_time_has_more_than_its_share(
    per_minute: float, takes: list[tuple[float, float]]
) -> None:
    bucket = Bucket(per_minute)
    used = starts(bucket, takes)
    for (earlier, _), (later, _) in pairwise(used):
        assert earlier <= later * (1 + 1e-9) + 1e-9  # first come, first served
    slack = 1e-9 * (1 + sum(amount for _, amount in takes) + bucket.rate * used[-1][0])
    for first in range(len(used)):
        for last in range(first, len(used)):
            seconds = used[last][0] - used[first][0]
            amount = sum(a for _, a in used[first:last]) + min(used[last][1], bucket.burst)
            assert amount <= bucket.rate * seconds + bucket.burst + slack


@given(st.floats(1, 1e6), TAKES)
def test_nobody_waits_longer_than_filling_takes(
    per_minute: float, takes: list[tuple[float, float]]
) -> None:
    bucket, now, taken = Bucket(per_minute), 0.0, 0.0
    for pause, amount in takes:
        now += pause
        wait = bucket.wait(bucket.take(amount, now), now)
        most = (taken + min(amount, bucket.burst) - bucket.burst) / bucket.rate
        assert wait <= max(0, most) * (1 + 1e-9) + 1e-6
        taken += amount


@given(st.floats(1, 1e6), AMOUNTS, AMOUNTS)
def test_what_is_given_back_is_as_if_it_had_not_been_taken(
    per_minute: float, much: float, little: float
) -> None:
    one, two = Bucket(per_minute), Bucket(per_minute)
    one.take(much, 0)
    waiting = one.take(1, 0)
    one.give(much - little, 0)
    two.take(little, 0)
    wait = two.wait(two.take(1, 0), 0)
    assert much < little or one.wait(waiting, 0) <= wait + 1e-6  # who waits gains from it
    assert one.wait(one.take(1, 5), 5) == pytest.approx(two.wait(two.take(1, 5), 5), abs=1e-6)


def test_a_bucket_of_sixty_a_minute_lets_one_a_second_through() -> None:
    bucket = Bucket(60)
    assert [bucket.wait(bucket.take(1, 0), 0) for _ in range(4)] == [0, 1, 2, 3]
    assert bucket.wait(bucket.take(1, 100), 100) == 0
    assert bucket.wait(bucket.take(1, 100), 100) == 1


def test_what_is_larger_than_the_bucket_goes_when_it_is_full_and_the_next_pays() -> None:
    bucket = Bucket(600)  # ten a second, ten at most
    assert bucket.wait(bucket.take(1000, 0), 0) == 0
    ticket = bucket.take(5, 0)
    assert bucket.wait(ticket, 0) == pytest.approx(99.5)
    bucket.give(900, 3)
    assert bucket.wait(ticket, 3) == pytest.approx(6.5)


def test_a_guess_is_what_has_been_counted() -> None:
    guess = TokenGuess()
    assert guess.tokens(400, 50) == 150
    guess.learn(300, 100, 30)
    guess.learn(300, 100, 10)
    assert guess.tokens(600, 50) == 200 + 20
    assert guess.tokens(600, 5) == 200 + 5


def test_back_off_is_drawn_anew_below_a_limit_that_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_SECONDS", 0.5)
    for attempt in range(1, 12):
        most = min(60.0, 0.5 * 2 ** (attempt - 1))
        waits = [back_off(f"{key}", attempt) for key in range(200)]
        assert all(0 <= wait <= most for wait in waits)
        assert max(waits) > 0.9 * most
        assert min(waits) < 0.1 * most
        assert waits == [back_off(f"{key}", attempt) for key in range(200)]


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        (" 0.25 ", 0.25),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Fri, 02 Jan 2026 03:04:00 GMT", 0),
        ("Friday, 02-Jan-26 03:04:15 GMT", 10),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def pauses(server: ScriptedServer) -> list[float]:
    return [later.at - earlier.at for earlier, later in pairwise(server.calls)]


def test_a_job_keeps_to_requests_per_minute(
    at: Callable[..., Endpoint], some: Callable[..., list[Request]], answers: Answers
) -> None:
    with ScriptedServer() as server:
        ask(some(14), at(server, requests_per_minute=600), answers)  # ten a second, ten at first
    assert sum(pauses(server)) >= 0.35
    with ScriptedServer() as server:
        ask(some(40)[14:], at(server, requests_per_minute=600_000), answers)
    assert server.num_calls == 26


def test_a_job_keeps_to_tokens_per_minute_as_the_server_counts_them(
    at: Callable[..., Endpoint], some: Callable[..., list[Request]], answers: Answers
) -> None:
    with ScriptedServer(lambda _: "x" * 90) as server:  # 100 tokens each
        done = ask(some(14), at(server, concurrency=1, tokens_per_minute=60_000), answers)
    assert (done.prompt_tokens, done.completion_tokens) == (140, 1260)
    assert sum(pauses(server)) >= 0.3  # a thousand a second, a thousand at first
