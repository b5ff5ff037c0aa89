"""Each request is asked once, a few at a time, and what comes is kept."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from gapless.endpoints import Answer, Answers, Asked, Request, ask
from gapless.endpoints.scripted import Broken, Reply, ScriptedServer
from gapless.errors import DataError
from gapless.recipe.endpoints import Endpoint

At = Callable[..., Endpoint]
Some = Callable[..., list[Request]]


def question(body: dict) -> str:
    return body["messages"][-1]["content"]


def echo(body: dict) -> Reply:
    return Reply(question(body).upper())


def test_each_request_gets_its_own_answer(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer(echo) as server:
        done = ask(some(50), at(server), answers)
    assert len(server.calls) == 50
    for number, request in enumerate(some(50)):
        text = f"QUESTION {number}"
        assert answers.get(request.key) == Answer(request.key, text, "stop", "m", 10, len(text))
    spent = sum(len(f"question {n}") for n in range(50))
    expected = Asked(50, prompt_tokens=500, completion_tokens=spent, tries=50, seconds=done.seconds)
    assert done == expected


def test_where_an_event_loop_runs_already_it_asks_all_the_same(
    at: At, some: Some, answers: Answers
) -> None:
    async def cell() -> Asked:
        return ask(some(5), at(server), answers)

    with ScriptedServer(echo) as server:
        assert asyncio.run(cell()).asked == 5
    assert len(answers) == 5


def test_the_server_gets_the_request_as_it_is(at: At, answers: Answers) -> None:
    request = Request((("system", "be brief"), ("user", "\u6c34 \u00e9")), "m")
    with ScriptedServer() as server:
        ask([request], at(server), answers)
    (call,) = server.calls
    assert call.body == request.body()
    assert "authorization" not in call.headers


def test_what_has_an_answer_is_not_asked_again(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer(echo) as server:
        ask(some(20), at(server), answers)
        again = ask(some(30), at(server), answers)
    assert (again.asked, again.already) == (10, 20)
    assert Counter(question(c.body) for c in server.calls) == {
        f"question {n}": 1 for n in range(30)
    }


@pytest.mark.parametrize("concurrency", [1, 7])
def test_a_request_that_stands_twice_is_asked_once(
    at: At, some: Some, answers: Answers, concurrency: int
) -> None:
    twice = [request for request in some(150) for _ in range(2)] + some(150)
    with ScriptedServer(echo) as server:
        done = ask(twice, at(server, concurrency=concurrency), answers)
    assert (server.num_calls, done.asked, done.already) == (150, 150, 300)


def test_at_most_the_limit_is_under_way_and_all_of_it(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer(echo, latency=0.02) as server:
        ask(some(60), at(server, concurrency=6), answers)
    assert server.highest == 6


def test_requests_are_drawn_as_they_are_needed(at: At, answers: Answers) -> None:
    drawn = 0

    def endless() -> Iterator[Request]:
        nonlocal drawn
        while True:
            drawn += 1
            yield Request((("user", f"{drawn}"),), "m")

    with ScriptedServer(echo) as server:
        done = ask(endless(), at(server), answers, stop=lambda: len(server.calls) >= 300)
    assert done.stopped
    assert 300 <= done.asked <= 304
    assert drawn <= done.asked + 128


def test_a_job_without_requests_asks_nothing(at: At, answers: Answers) -> None:
    with ScriptedServer() as server:
        done = ask([], at(server), answers)
    assert (server.num_calls, done.asked, done.stopped) == (0, 0, False)


def test_stop_lets_those_under_way_end_and_keeps_them(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer(echo, latency=0.1) as server:
        done = ask(some(100), at(server), answers, stop=lambda: server.num_calls >= 4)
    assert done.stopped
    assert done.asked == len(answers) == server.num_calls == 4


def test_stop_does_not_wait_for_a_pause_to_end(at: At, some: Some, answers: Answers) -> None:
    stopped = threading.Event()

    def limited(body: dict) -> Broken:
        stopped.set()
        return Broken(429, headers={"Retry-After": "600"})

    with ScriptedServer(limited) as server:
        done = ask(some(1), at(server), answers, stop=stopped.is_set)
    assert done.stopped
    assert done.seconds < 60


def test_told_hears_of_answers_that_are_on_disk(at: At, some: Some, answers: Answers) -> None:
    heard: list[tuple[Asked, int]] = []
    with ScriptedServer(echo, latency=0.01) as server:
        done = ask(
            some(40), at(server), answers, told=lambda now: heard.append((now, len(answers)))
        )
    assert len(heard) > 2
    assert all(now.asked == on_disk for now, on_disk in heard)
    assert [now.asked for now, _ in heard] == sorted(now.asked for now, _ in heard)
    assert heard[-1][0].asked == done.asked == 40


def test_an_error_of_the_requests_ends_the_job_and_keeps_what_came(
    at: At, some: Some, answers: Answers
) -> None:
    def broken() -> Iterator[Request]:
        yield from some(128)  # a group of them
        raise ZeroDivisionError

    with ScriptedServer(echo) as server, pytest.raises(ZeroDivisionError):
        ask(broken(), at(server, concurrency=2), answers)
    assert len(answers) == server.num_calls >= 126


def test_a_store_that_fails_ends_the_job(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = answers.put_all

    def full(some_answers: list[Answer]) -> int:
        if len(answers) > 5:
            raise DataError("the disk is full", where="here", mend="Make room.")
        return kept(some_answers)

    monkeypatch.setattr(answers, "put_all", full)
    with ScriptedServer(echo) as server, pytest.raises(DataError, match="the disk is full"):
        ask(some(5000), at(server), answers)
    assert server.num_calls < 5000


def test_a_store_that_is_slow_to_fail_leaves_nobody_waiting(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: list[Answer]) -> int:
        for _ in range(3000):  # until each of the four workers has another answer to hand over
            if server.num_calls >= 8:
                break
            time.sleep(0.01)
        time.sleep(0.1)
        raise DataError("the disk is full", where="here", mend="Make room.")

    monkeypatch.setattr(answers, "put_all", failing)
    told = "the disk is full; 0 answers were got and kept"
    with ScriptedServer(echo) as server, pytest.raises(DataError, match=told):
        ask(some(100), at(server), answers)
    assert server.num_calls == 8
    assert len(answers) == 0


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("ftp://host/v1", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("localhost:8000/v1", "http:// or https://"),
        ("http:///v1", "http:// or https://"),
        ("http://host:99999/v1", "http:// or https://"),
        ("http://me:secret@host/v1", "a password"),
        ("http://host/v1?key=secret", "a query"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_unsaid(
    url: str, what: str, some: Some, answers: Answers
) -> None:
    endpoint = Endpoint(url=url, model="m")
    with pytest.raises(DataError, match=what) as caught:
        ask(some(1), endpoint, answers, where="synthesis.x.endpoint")
    assert caught.value.where == "synthesis.x.endpoint.url"
    assert "secret" not in str(caught.value)


def test_no_server_is_told_with_its_address(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer() as server:
        endpoint = at(server, tries=2)
    with pytest.raises(DataError, match="failed 2 times, at last by: no connection") as caught:
        ask(some(1), endpoint, answers)
    assert endpoint.url in str(caught.value.mend)


def test_the_proxies_of_the_environment_are_used(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        endpoint = Endpoint(url="http://model.invalid/v1", model="m", tries=1)
        with pytest.raises(DataError, match=r"HTTP 404: there is no http://model\.invalid/v1/chat"):
            ask(some(1), endpoint, answers)
