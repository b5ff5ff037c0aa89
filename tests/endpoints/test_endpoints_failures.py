"""What a server may do wrong, and what becomes of it: each against a real one."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from gapless.endpoints import Answers, Request, ask, job, line
from gapless.endpoints.behaviours import Behaviour
from gapless.endpoints.scripted import (
    Broken,
    Cut,
    Drip,
    Long,
    NoChoices,
    RateLimited,
    Redirect,
    Refusal,
    Reply,
    ScriptedServer,
    Silence,
    TruncatedJson,
    WrongShape,
    completion,
)
from gapless.errors import DataError
from gapless.recipe.endpoints import Endpoint

At = Callable[..., Endpoint]
Some = Callable[..., list[Request]]
WITHOUT_MESSAGE = completion("yes") | {"choices": [{"index": 0}]}
TOO_LONG = "This model's maximum context length is 4096 tokens. However, you requested 5000."

PASSING: list[tuple[Behaviour, str]] = [
    (RateLimited(), "HTTP 429: slow down"),
    (RateLimited(0), "HTTP 429: slow down"),
    (Broken(408), "HTTP 408"),
    (Broken(409), "HTTP 409"),
    (Broken(500), "HTTP 500: the scripted server is broken"),
    (Broken(502, "<html>bad gateway</html>"), "HTTP 502"),
    (Broken(503), "HTTP 503"),
    (Broken(529), "HTTP 529"),
    (Silence(), "no byte for 0.2 s"),
    (Drip(0.02), "no whole reply in 0.4 s"),
    (Cut(), "the connection broke"),
    (Cut(0), "the connection broke"),
    (TruncatedJson(), "a body that is no JSON object"),
    (NoChoices(), "an answer without choices"),
    (WrongShape([]), "a body that is no JSON object"),
    (WrongShape({}), "an answer without choices"),
    (WrongShape(WITHOUT_MESSAGE), "an answer without a message"),
    (WrongShape(completion("") | {"choices": ["yes"]}), "an answer without a message"),
    (
        WrongShape({"error": {"message": "overloaded"}}),
        "an error in place of an answer: overloaded",
    ),
]


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setattr(line, "OVERALL", 2)
    return {"timeout": 0.2, "concurrency": 1}


@pytest.mark.parametrize("behaviour", [b for b, _ in PASSING], ids=lambda b: f"{b}"[:40])
def test_what_passes_is_tried_again(
    at: At, some: Some, answers: Answers, brief: dict[str, object], behaviour: Behaviour
) -> None:
    with ScriptedServer([behaviour, behaviour]) as server:
        done = ask(some(1), at(server, **brief), answers)
    assert (done.asked, done.tries, server.num_calls) == (1, 3, 3)
    answer = answers.get(some(1)[0].key)
    assert answer is not None
    assert answer.text == "yes"


@pytest.mark.parametrize(("behaviour", "reason"), PASSING, ids=lambda b: f"{b}"[:40])
def test_what_does_not_pass_stops_the_job_after_its_tries(
    at: At,
    some: Some,
    answers: Answers,
    brief: dict[str, object],
    behaviour: Behaviour,
    reason: str,
) -> None:
    with ScriptedServer(["one", behaviour, behaviour, behaviour]) as server:
        with pytest.raises(DataError) as caught:
            ask(some(5), at(server, tries=2, **brief), answers, where="synthesis.x.endpoint")
        assert "failed 2 times, at last by: " + reason in caught.value.what
        assert caught.value.what.endswith("; 1 answer was got and kept")
        assert caught.value.where == "synthesis.x.endpoint"
        assert "Run it again" in str(caught.value.mend)
        assert (server.num_calls, len(answers)) == (3, 1)


def test_a_job_that_has_stopped_goes_on_from_there(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer(["one", "two", Broken()]) as server:
        with pytest.raises(DataError):
            ask(some(5), at(server, tries=1, concurrency=1), answers)
        done = ask(some(5), at(server), answers)
    assert (done.asked, done.already, server.num_calls) == (3, 2, 6)


def test_those_under_way_are_finished_and_kept_before_the_job_stops(
    at: At, some: Some, answers: Answers
) -> None:
    def script(body: Mapping[str, Any]) -> Behaviour:
        first = body["messages"][0]["content"] == "question 0"
        return Broken(401) if first else Drip(0.002)

    with ScriptedServer(script) as server:
        with pytest.raises(DataError, match="; 3 answers were got and kept"):
            ask(some(100), at(server, concurrency=4), answers)
        assert server.num_calls == 4
    assert len(answers) == 3


def test_an_overall_limit_ends_a_slow_drip(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "OVERALL", 2)
    with ScriptedServer([Drip(0.05), Reply("done")]) as server:
        begun = time.monotonic()
        ask(some(1), at(server, timeout=0.2), answers)
    assert time.monotonic() - begun < 5  # its 200 bytes would take 10 s
    assert server.num_calls == 2


@pytest.mark.parametrize(("status", "as_date"), [(429, False), (503, False), (503, True)])
def test_a_server_is_left_alone_for_as_long_as_it_asks(
    at: At, some: Some, answers: Answers, status: int, as_date: bool
) -> None:
    header = "0.4"
    if as_date:  # of whole seconds, so it is a second off at most
        header = format_datetime(datetime.now(UTC) + timedelta(seconds=1.5), usegmt=True)
    with ScriptedServer([Broken(status, headers={"Retry-After": header})]) as server:
        ask(some(1), at(server), answers)
    first, second = server.calls
    assert second.at - first.at >= 0.4


def test_a_429_slows_everyone(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer(["a", "b", "c", RateLimited(0.5)], latency=0.01) as server:
        ask(some(40), at(server, concurrency=4), answers)
    times = [call.at for call in server.calls]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(server.calls) == 41
    assert max(pauses) >= 0.45  # nobody asked in that time
    assert pauses.index(max(pauses)) < 8


def test_a_server_that_limits_the_rate_has_not_failed_while_it_answers_others(
    at: At, some: Some, answers: Answers
) -> None:
    num_calls = 0

    def one_in_four(body: Mapping[str, Any]) -> Behaviour:
        nonlocal num_calls
        num_calls += 1
        return Reply() if num_calls % 4 == 0 else RateLimited(0)

    with ScriptedServer(one_in_four, latency=0.002) as server:
        done = ask(some(40), at(server, concurrency=8, tries=5), answers)
    assert done.asked == 40
    assert done.tries >= 120


def test_a_wait_of_more_than_an_hour_is_told_instead(at: At, some: Some, answers: Answers) -> None:
    with (
        ScriptedServer([RateLimited(86400)]) as server,
        pytest.raises(DataError, match="it asks to wait 86400 s"),
    ):
        ask(some(1), at(server), answers)


@pytest.mark.parametrize(
    ("behaviour", "where", "mend"),
    [
        (Broken(401, "no such key"), "endpoint.key", "as `key`"),
        (Broken(403, "not yours"), "endpoint.key", "as `key`"),
        (Broken(404, "no page"), "endpoint.url", "Look at the address"),
        (Broken(404, "The model `m` does not exist."), "endpoint.model", "the model's name, m,"),
        (Broken(400, "x", "model_not_found"), "endpoint.model", "the model's name, m,"),
        (Broken(400, "unknown parameter: seed"), "endpoint.structured", "text"),
        (Broken(405), "endpoint.url", "Look at the address"),
        (Broken(402), "endpoint", "your account"),
        (Broken(429, "You exceeded", "insufficient_quota"), "endpoint", "your account"),
        (Redirect("http://elsewhere.invalid/"), "endpoint.url", "Look at the address"),
    ],
    ids=lambda value: f"{value}"[:40],
)
def test_what_concerns_all_requests_stops_the_job_at_once(
    at: At, some: Some, answers: Answers, behaviour: Behaviour, where: str, mend: str
) -> None:
    with ScriptedServer(lambda _: behaviour) as server:
        with pytest.raises(DataError) as caught:
            ask(some(50), at(server), answers)
        assert server.num_calls <= 4
    assert caught.value.where == where
    assert mend in str(caught.value.mend)
    assert len(answers) == 0


@pytest.mark.parametrize(
    ("behaviour", "detail"),
    [
        (Refusal(), "content_filter"),
        (Refusal("I will not", by="message"), "I will not"),
        (
            Refusal("blocked by us", by="status"),
            "HTTP 400: blocked by us, content_filter, scripted",
        ),
        (Broken(400, TOO_LONG), f"HTTP 400: {TOO_LONG}, scripted"),
        (Broken(413, "big"), "HTTP 413: big, scripted"),
        (Broken(422, "odd"), "HTTP 422: odd, scripted"),
    ],
    ids=lambda value: f"{value}"[:40],
)
def test_a_single_refusal_is_kept_and_never_asked_again(
    at: At, some: Some, answers: Answers, behaviour: Behaviour, detail: str
) -> None:
    with ScriptedServer([behaviour]) as server:
        done = ask(some(10), at(server, concurrency=1), answers)
        again = ask(some(10), at(server, concurrency=1), answers)
    assert (done.asked, done.refused, again.asked, server.num_calls) == (10, 1, 0, 10)
    answer = answers.get(some(1)[0].key)
    assert answer is not None
    assert (answer.finish, answer.text, answer.detail) == ("refused", "", detail)
    assert answers.counts() == {"refused": 1, "stop": 9}


def test_a_server_that_refuses_everything_has_nothing_kept(
    at: At, some: Some, answers: Answers
) -> None:
    with ScriptedServer(lambda _: Broken(400, TOO_LONG)) as server:
        with pytest.raises(DataError, match="has refused 16 requests in a row"):
            ask(some(100), at(server), answers)
        assert server.num_calls <= 20
    assert len(answers) == 0


@pytest.mark.parametrize("words", ["odd", TOO_LONG])
def test_a_last_request_refused_alone_is_kept_only_if_others_were_ever_answered(
    at: At, some: Some, answers: Answers, words: str
) -> None:
    def only_nine(body: Mapping[str, Any]) -> Behaviour:
        return Broken(400, words) if body["messages"][0]["content"] == "question 9" else Reply()

    with ScriptedServer(only_nine) as server:
        with pytest.raises(DataError, match="has refused 1 request, none kept"):
            ask(some(10)[9:], at(server), answers)
        ask(some(9), at(server), answers)
        assert ask(some(10), at(server), answers).refused == 1
    assert answers.counts() == {"refused": 1, "stop": 9}


def test_a_server_that_refuses_all_in_another_job_has_nothing_kept(
    at: At, some: Some, answers: Answers
) -> None:
    with ScriptedServer(["yes"] * 5) as server:
        ask(some(5), at(server), answers)
        server.script = lambda _: Broken(400, TOO_LONG)  # it was started again, with less memory
        with pytest.raises(DataError, match="16 requests in a row"):
            ask(some(60), at(server), answers)
    assert answers.counts() == {"stop": 5}


def test_a_server_that_turns_to_refusing_all_stops_the_job(
    at: At, some: Some, answers: Answers
) -> None:
    odd = Broken(400, "odd")
    script: list[Behaviour | str] = [*["yes"] * 5, *[odd] * 40]
    told = f"{job.MOST_HELD} requests in a row"
    with ScriptedServer(script) as server, pytest.raises(DataError, match=told):
        ask(some(60), at(server, concurrency=1), answers)
    assert answers.counts() == {"stop": 5}


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (completion(None), ""),
        (
            completion(["no", {"type": "text", "text": " and "}, {"type": "image"}, "yes"]),
            "no and yes",
        ),
        (completion("half \ud800 a sign"), "half \ufffd a sign"),
        (completion("a\x00b\u2028c"), "a\x00b\u2028c"),
    ],
)
def test_content_of_other_shapes_is_read(
    at: At, some: Some, answers: Answers, payload: dict[str, Any], text: str
) -> None:
    with ScriptedServer([WrongShape(payload)]) as server:
        ask(some(1), at(server), answers)
    answer = answers.get(some(1)[0].key)
    assert answer is not None
    assert (answer.text, server.num_calls) == (text, 1)


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": "5"}, {"completion_tokens": -1}])
def test_tokens_that_are_not_counted_are_minus_one(
    at: At, some: Some, answers: Answers, usage: object
) -> None:
    with ScriptedServer([WrongShape(completion("yes") | {"usage": usage})]) as server:
        done = ask(some(2), at(server, concurrency=1), answers)
    answer = answers.get(some(1)[0].key)
    assert answer is not None
    assert (answer.prompt_tokens, answer.completion_tokens) == (-1, -1)
    assert (done.unmetered, done.prompt_tokens, done.completion_tokens) == (1, 10, 3)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("length", "length"), ("max_tokens", "length"), (None, "stop")],
)
def test_the_ends_of_answers(
    at: At, some: Some, answers: Answers, reason: str | None, finish: str
) -> None:
    with ScriptedServer([Reply("so", finish=reason)]) as server:
        ask(some(1), at(server), answers)
    assert answers.counts() == {finish: 1}


def test_a_long_answer_is_kept_whole(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer([Long(3_000_000)]) as server:
        ask(some(1), at(server), answers)
    answer = answers.get(some(1)[0].key)
    assert answer is not None
    assert answer.text == "x" * 3_000_000


def test_a_reply_over_the_limit_is_not_read_on(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST_BYTES", 1 << 20)
    with (
        ScriptedServer([Long(3_000_000)]) as server,
        pytest.raises(DataError, match="a reply is longer than"),
    ):
        ask(some(1), at(server), answers)
    assert len(answers) == 0
