"""The scripted server does what its script says, and tells what it saw."""

# ruff: noqa: S310 - the addresses are those of the servers that the tests start

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from gapless.endpoints import scripted
from gapless.endpoints.scripted import (
    Broken,
    Cut,
    Drip,
    Long,
    RateLimited,
    Refusal,
    ScriptedServer,
    Silence,
)


def post(server: ScriptedServer, text: str = "q", **headers: str) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(
        f"{server.url}/chat/completions", json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        answer: dict[str, Any] = json.loads(reply.read())
    return answer


def text(answer: dict[str, Any]) -> Any:
    return answer["choices"][0]["message"]["content"]


def test_a_list_goes_by_the_number_of_the_call_and_then_all_is_well() -> None:
    with ScriptedServer(["one", Broken(500), RateLimited(7)]) as server:
        assert text(post(server)) == "one"
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(server)
        assert caught.value.code == 500
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(server)
        assert (caught.value.code, caught.value.headers["Retry-After"]) == (429, "7")
        assert text(post(server)) == "yes"


def test_a_function_goes_by_the_body() -> None:
    with ScriptedServer(lambda body: body["messages"][0]["content"] * 2) as server:
        assert text(post(server, "ab")) == "abab"


def test_it_tells_what_it_was_sent() -> None:
    with ScriptedServer() as server:
        post(server, "hello", Authorization="Bearer k")
    (call,) = server.calls
    assert call.headers["authorization"] == "Bearer k"
    assert call.body["messages"] == [{"role": "user", "content": "hello"}]


def test_refusals_and_long_answers_have_openai_s_shape() -> None:
    with ScriptedServer([Refusal(), Refusal("no", by="message"), Long(10**6)]) as server:
        assert post(server)["choices"][0]["finish_reason"] == "content_filter"
        assert post(server)["choices"][0]["message"]["refusal"] == "no"
        assert text(post(server)) == "x" * 10**6


def test_cut_silent_and_dripping_answers() -> None:
    with ScriptedServer([Cut(), Cut(0), Drip(0.001)]) as server:
        with pytest.raises(http.client.IncompleteRead):
            post(server)
        with pytest.raises(
            (ConnectionError, http.client.RemoteDisconnected, urllib.error.URLError)
        ):
            post(server)
        begun = time.monotonic()
        assert text(post(server)) == "yes"
        assert time.monotonic() - begun > 0.2
    with ScriptedServer([Silence()]) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.1)
        client.request("POST", "/v1/chat/completions", "{}")
        with pytest.raises(TimeoutError):
            client.getresponse()
        client.close()


def test_connections_are_kept_and_bodies_may_come_in_pieces() -> None:
    with ScriptedServer() as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        for _ in range(3):
            client.putrequest("POST", "/v1/chat/completions")
            client.putheader("Content-Length", "2")
            client.endheaders()
            client.send(b"{")
            client.send(b"}")
            assert text(json.loads(client.getresponse().read())) == "yes"
        client.request("POST", "/v1/chat/completions", "no json")
        assert client.getresponse().status == 400
        client.close()
    assert server.num_calls == 4


def test_models_and_unknown_pages() -> None:
    with ScriptedServer(models=("a", "b")) as server:
        with urllib.request.urlopen(f"{server.url}/models") as page:
            assert [model["id"] for model in json.loads(page.read())["data"]] == ["a", "b"]
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.url}/nothing")
        assert caught.value.code == 404
        caught.value.close()


def test_it_sees_how_many_calls_are_under_way() -> None:
    with ScriptedServer(latency=0.1) as server:
        threads = [threading.Thread(target=post, args=(server,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        numbers = server.numbers()
    assert server.highest == 5
    assert numbers["num_answered"] == 5
    assert 0 < numbers["mean"] <= 5


def test_it_works_on_as_many_at_once_as_it_may() -> None:
    with ScriptedServer(latency=0.05, at_once=2) as server:
        threads = [threading.Thread(target=post, args=(server,)) for _ in range(6)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert time.monotonic() - begun >= 0.14  # three turns of two
    assert server.highest > 2


def test_two_servers_live_side_by_side_and_a_port_is_free_again() -> None:
    with ScriptedServer(["one"]) as one, ScriptedServer(["two"]) as two:
        assert (text(post(one)), text(post(two))) == ("one", "two")
        port = one.port
        with pytest.raises(OSError, match="in use"):
            ScriptedServer(port=port).__enter__()
    with ScriptedServer(port=port) as server:
        assert text(post(server)) == "yes"


def test_it_runs_by_itself() -> None:
    command = [sys.executable, "-m", "gapless.endpoints.scripted", "--text", "so", "--latency", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        body = b'{"model": "m", "messages": []}'
        with urllib.request.urlopen(f"{url}/chat/completions", body, timeout=5) as reply:
            assert text(json.loads(reply.read())) == "so"
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/scripted", timeout=5) as page:
            assert json.loads(page.read())["num_calls"] == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert json.loads(out)["num_answered"] == 1
    assert err == ""


def test_its_names_are_those_it_shows() -> None:
    for name in scripted.__all__:
        assert getattr(scripted, name) is not None
