"""Whether a server is held to a JSON schema is found out once, and noted."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gapless.endpoints import Answers, Request, ask
from gapless.endpoints.behaviours import Behaviour
from gapless.endpoints.scripted import Broken, Reply, ScriptedServer
from gapless.errors import DataError
from gapless.recipe.endpoints import Endpoint

At = Callable[..., Endpoint]
Some = Callable[..., list[Request]]
FIELDS = ("problem", "solution")
SCHEMA = {
    "type": "object",
    "properties": {"problem": {"type": "string"}, "solution": {"type": "string"}},
    "required": ["problem", "solution"],
    "additionalProperties": False,
}


def holds(body: Mapping[str, Any]) -> Behaviour:
    """Do as a server that can be held to a schema."""
    if "response_format" in body:
        return Reply(json.dumps(dict.fromkeys(FIELDS, "text")))
    return Reply("free")


def ignores(body: Mapping[str, Any]) -> Behaviour:
    """Do as a server that knows no formats and takes all."""
    return Reply("free")


def refuses(body: Mapping[str, Any]) -> Behaviour:
    """Do as a server that knows no formats and says so."""
    known = "response_format" not in body
    return Reply("free") if known else Broken(400, "response_format is not supported")


def formatted(server: ScriptedServer) -> list[bool]:
    return ["response_format" in call.body for call in server.calls]


def test_auto_asks_one_request_alone_and_then_holds_the_server_to_it(
    at: At, some: Some, answers: Answers
) -> None:
    with ScriptedServer(holds, latency=0.05) as server:
        ask(some(9, fields=FIELDS), at(server), answers)
    assert formatted(server) == [True] * 9
    sent = server.calls[0].body["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"] == SCHEMA
    assert sent["json_schema"]["strict"] is True
    assert server.calls[1].at - server.calls[0].at >= 0.05
    assert server.calls[2].at - server.calls[1].at < 0.05


@pytest.mark.parametrize(("script", "num_tries"), [(ignores, 9), (refuses, 10)])
def test_auto_does_without_where_the_server_cannot(
    at: At, some: Some, answers: Answers, script: Any, num_tries: int
) -> None:
    with ScriptedServer(script) as server:
        done = ask(some(9, fields=FIELDS), at(server), answers)
    assert formatted(server) == [True] + [False] * (num_tries - 1)
    assert (done.asked, done.refused, done.tries) == (9, 0, num_tries)


@pytest.mark.parametrize("script", [holds, ignores, refuses])
def test_what_was_found_out_is_not_asked_again(
    at: At, some: Some, answers: Answers, script: Any
) -> None:
    with ScriptedServer(script) as server:
        ask(some(5, fields=FIELDS), at(server), answers)
        server.calls.clear()
        ask(some(10, fields=FIELDS), at(server), answers)
        assert formatted(server) == [script is holds] * 5
        server.calls.clear()
        other = [Request((("user", "q"),), "another", fields=FIELDS)]
        ask(other, at(server, model="another"), answers)
    assert formatted(server)[0]  # of another model nothing is known


def test_json_schema_insists(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer(ignores) as server:
        ask(some(5, fields=FIELDS), at(server, structured="json_schema"), answers)
    assert formatted(server) == [True] * 5
    with ScriptedServer(refuses) as server, pytest.raises(DataError) as caught:
        ask(some(9, fields=FIELDS), at(server, structured="json_schema"), answers)
    assert formatted(server)[-1]
    assert caught.value.where == "endpoint.structured"
    assert "set it to text" in str(caught.value.mend)


def test_text_never_asks_and_requests_without_fields_never_do(
    at: At, some: Some, answers: Answers
) -> None:
    with ScriptedServer(holds) as server:
        ask(some(3, fields=FIELDS), at(server, structured="text"), answers)
        ask(some(3), at(server, structured="json_schema"), answers)
    assert formatted(server) == [False] * 6


def test_an_answer_cut_at_its_limit_shows_nothing(at: At, some: Some, answers: Answers) -> None:
    cut = Reply('{"problem": "wh', finish="length")
    whole = Reply(json.dumps(dict.fromkeys(FIELDS, "text")))
    with ScriptedServer([cut, cut, whole, whole, whole]) as server:
        ask(some(5, fields=FIELDS), at(server), answers)
        assert formatted(server) == [True] * 5
    assert answers.counts() == {"length": 2, "stop": 3}
    with ScriptedServer(lambda _: cut) as server:
        ask(some(15, fields=FIELDS)[5:], at(server), answers)
    assert formatted(server) == [True] * 3 + [False] * 7


def test_a_request_that_is_refused_either_way_shows_nothing(
    at: At, some: Some, answers: Answers
) -> None:
    def first_is_odd(body: Mapping[str, Any]) -> Behaviour:
        return Broken(400, "odd") if "question 0" in str(body["messages"]) else holds(body)

    with ScriptedServer(first_is_odd) as server:
        done = ask(some(4, fields=FIELDS), at(server), answers)
    assert (done.asked, done.refused) == (4, 1)
    assert formatted(server) == [True, False, True, True, True]


def test_a_server_that_forgets_its_formats_is_served_without(
    at: At, some: Some, answers: Answers
) -> None:
    with ScriptedServer(holds) as server:
        ask(some(2, fields=FIELDS), at(server), answers)
        server.script = refuses
        server.calls.clear()
        done = ask(some(12, fields=FIELDS), at(server, concurrency=1), answers)
    assert (done.asked, done.refused) == (10, 0)
    assert formatted(server) == [True, False] * 3 + [False] * 7


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"problem": "a"}', '{"problem":1,"solution":"b"}', "{"]
)
def test_what_is_not_such_an_object_shows_that_the_server_does_not_hold(
    at: At, some: Some, answers: Answers, text: str
) -> None:
    with ScriptedServer(lambda _: text) as server:
        ask(some(3, fields=FIELDS), at(server), answers)
    assert formatted(server) == [True, False, False]
