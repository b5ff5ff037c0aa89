"""The key goes to its server and nowhere else."""

import logging
import pickle
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gapless.endpoints import Answers, Request, ask
from gapless.endpoints.behaviours import Behaviour, Performance
from gapless.endpoints.line import HttpLines, find_address
from gapless.endpoints.scripted import (
    Broken,
    Cut,
    Redirect,
    Refusal,
    Reply,
    ScriptedServer,
    WrongShape,
    completion,
)
from gapless.errors import DataError
from gapless.recipe.endpoints import Endpoint

KEY = "sk-Sec+ret/12345<67>"
At = Callable[..., Endpoint]
Some = Callable[..., list[Request]]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED_KEY", KEY)


def test_the_key_goes_to_the_server(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer() as server:
        ask(some(1), at(server, key="SCRIPTED_KEY"), answers)
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_key_is_told_by_its_variable(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("SCRIPTED_KEY")
    if value is not None:
        monkeypatch.setenv("SCRIPTED_KEY", value)
    with ScriptedServer() as server:
        with pytest.raises(DataError, match="SCRIPTED_KEY is not set") as caught:
            ask(some(1), at(server, key="SCRIPTED_KEY"), answers, where="synthesis.x.endpoint")
        assert server.num_calls == 0
    assert caught.value.where == "synthesis.x.endpoint.key"


@pytest.mark.parametrize("value", ["caf\u00e9-hush", "two\nlines-hush", "a\tb-hush"])
def test_a_key_that_no_header_holds_is_not_shown(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SCRIPTED_KEY", value)
    with ScriptedServer() as server, pytest.raises(DataError, match="SCRIPTED_KEY") as caught:
        ask(some(1), at(server, key="SCRIPTED_KEY"), answers)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_key_is_told_by_its_variable(at: At, some: Some, answers: Answers) -> None:
    with (
        ScriptedServer(lambda _: Broken(401, f"Incorrect API key provided: {KEY}")) as server,
        pytest.raises(DataError) as caught,
    ):
        ask(some(1), at(server, key="SCRIPTED_KEY"), answers)
    assert "in the environment variable SCRIPTED_KEY" in str(caught.value.mend)
    assert "Incorrect API key provided: [key]" in caught.value.what


class Echo:
    """A body as it stands, with the key in another spelling."""

    def __init__(self, content: bytes, status: int = 200) -> None:
        self.content, self.status = content, status

    def performance(self, body: Mapping[str, Any]) -> Performance:
        return Performance(self.content, self.status)


ESCAPED = KEY.replace("/", "\\/").replace("<", "\\u003c").replace(">", "\\u003E")
LEAKS: list[Behaviour] = [
    Reply(f"the key is {KEY}"),
    Refusal(f"not with {KEY}", by="message"),
    Refusal(f"not with {KEY}", by="status"),
    WrongShape(completion("yes", model=KEY)),
    WrongShape({"error": {"message": "x" * 292 + KEY}}),
    WrongShape({"choices": [], KEY: KEY}),
    Broken(400, KEY),
    Broken(403, KEY),
    Broken(404, KEY, KEY),
    Broken(429, KEY, headers={"Retry-After": KEY}),
    Broken(500, "x" * 284 + KEY),
    Redirect(f"http://elsewhere.invalid/{KEY}"),
    Cut(),
    Echo(b'{"choices":[{"message":{"content":"' + ESCAPED.encode() + b'"}}]}'),
    Echo(b"<html>" + KEY.encode(), 500),
]


@pytest.mark.parametrize("behaviour", LEAKS, ids=lambda b: type(b).__name__)
def test_a_server_that_repeats_the_key_gets_it_nowhere(
    at: At,
    some: Some,
    answers: Answers,
    behaviour: Behaviour,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)  # below it httpcore2 tells all headers that a server sends
    seen: list[str] = []
    with ScriptedServer(["fine", behaviour, behaviour]) as server:
        endpoint = at(server, key="SCRIPTED_KEY", tries=2, concurrency=1)
        try:
            ask(some(3), endpoint, answers, told=lambda now: seen.append(repr(now)))
        except DataError as error:
            seen += traceback.format_exception(error)
            seen.append(repr(pickle.dumps(error)))
        assert all(call.headers["authorization"].endswith(KEY) for call in server.calls)
        assert len(server.calls) >= 2
    answers.close()
    seen += [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()]
    seen += [caplog.text, *capfd.readouterr(), repr(endpoint)]
    assert len(answers_of(tmp_path)) >= 1
    for text in seen:
        for piece in (KEY, KEY[:12], KEY[8:]):
            assert piece not in text


def answers_of(folder: Path) -> list[Path]:
    return list(folder.glob("answers.sqlite*"))


def test_what_holds_the_key_does_not_show_it(at: At) -> None:
    with ScriptedServer() as server:
        address = find_address(at(server, key="SCRIPTED_KEY"), "endpoint")
    assert address.key == KEY
    assert KEY not in repr(address)
    line = HttpLines(address, 1)()
    assert KEY not in repr(line)
    assert KEY not in repr(vars(line))


def test_no_log_shows_what_is_sent(
    at: At, some: Some, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer([Broken(), Reply(KEY)]) as server:
        ask(some(3), at(server, key="SCRIPTED_KEY"), answers)
    assert "chat/completions" in caplog.text
    assert KEY not in caplog.text


def test_a_redirect_is_not_followed(at: At, some: Some, answers: Answers) -> None:
    with ScriptedServer() as elsewhere:
        target = f"{elsewhere.url}/chat/completions"
        told = r"it sends us on to http://127\.0\.0\.1"
        with (
            ScriptedServer(lambda _: Redirect(target)) as server,
            pytest.raises(DataError, match=told),
        ):
            ask(some(1), at(server, key="SCRIPTED_KEY"), answers)
        assert elsewhere.num_calls == 0


def test_a_placeholder_for_a_key_does_not_change_answers(
    at: At, some: Some, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_KEY", "EMPTY")
    with ScriptedServer(lambda _: "the set is EMPTY") as server:
        ask(some(1), at(server, key="SCRIPTED_KEY"), answers)
    answer = answers.get(some(1)[0].key)
    assert answer is not None
    assert answer.text == "the set is EMPTY"
