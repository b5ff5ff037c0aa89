"""Asking a real HTTP server on loopback: caching, retries, and every way it can go wrong."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from chat_server import Response, document_of, serve

from gapless.errors import DataError
from gapless.recipe.scores import Annotator
from gapless.scoring.topics import SampleDocument, annotate
from gapless.scoring.topics.endpoint import ChatEndpoint, RefusedError

TOPICS = ("Law", "Medicine", "Others")
KEY = "sk-very-secret-0123"
DOCUMENTS = tuple(
    SampleDocument(f"id{i}", "web" if i % 2 else "books", f"{TOPICS[i % 3]} {i} \u00e9")
    for i in range(12)
)


@pytest.fixture(autouse=True)
def quick_and_direct(monkeypatch) -> None:
    """No proxy stands between a test and its server, and no test waits for real."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(
        "gapless.scoring.topics.annotation.ChatEndpoint",
        lambda *args, **settings: ChatEndpoint(*args, first_wait_s=0.01, **settings),
    )


def annotator(url: str, **settings) -> Annotator:
    return Annotator(url=url, model="m", **settings)


def run(spec: Annotator, folder: Path, documents=DOCUMENTS):
    return annotate(
        documents,
        TOPICS,
        annotator=spec,
        answers_path=folder / "answers.jsonl",
        labels_path=folder / "labels.jsonl",
    )


def truth(request, _before) -> Response:
    return Response(document_of(request).split()[0])


def test_every_document_gets_its_topic_in_order_and_is_asked_once(tmp_path) -> None:
    with serve(truth) as server:
        first = run(annotator(server.url + "/", answer_tokens=9), tmp_path)
        again = run(annotator(server.url, answer_tokens=9), tmp_path)
    assert first.topics == again.topics == tuple(d.text.split()[0] for d in DOCUMENTS)
    assert len(server.requests) == 12
    assert first.facts == {
        "documents": 12,
        "asked": 12,
        "answered": 12,
        "rejected": {},
        "by_topic": {"Law": 4, "Medicine": 4, "Others": 4},
        "prompt_tokens": 1200,
        "completion_tokens": 36,
    }
    assert again.facts == {**first.facts, "asked": 0}
    rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert rows[1] == {"id": "id1", "source": "web", "topic": "Medicine"}
    assert len(rows) == 12
    request = server.requests[0]
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("m", 0, 9)
    assert server.keys == [None] * 12


def test_equal_texts_are_one_question_and_long_ones_are_cut(tmp_path) -> None:
    text = "Law " + "x" * 300
    same = [SampleDocument("a", "s", text), SampleDocument("b", "s", text + "y")]
    with serve(truth) as server:
        found = run(annotator(server.url, characters=100), tmp_path, same)
    assert found.topics == ("Law", "Law")
    assert len(server.requests) == 1
    assert document_of(server.requests[0]) == text[:100]


def test_answers_that_name_no_topic_are_counted_and_kept(tmp_path) -> None:
    said = {"0": "Law", "1": "", "2": "Chemistry", "3": "Law or Medicine", "4": None}

    def answer(request, _before):
        return Response(said.get(document_of(request).split()[1], "Others"), usage=False)

    with serve(answer) as server:
        found = run(annotator(server.url), tmp_path)
        again = run(annotator(server.url), tmp_path)
    assert found.topics == ("Law", None, None, None, None, *["Others"] * 7)
    assert found.facts["rejected"] == {"empty": 2, "no_topic": 1, "several_topics": 1}
    assert found.facts["answered"] == 8
    assert found.facts["prompt_tokens"] is None
    assert (again.facts["asked"], again.topics) == (0, found.topics)
    assert len((tmp_path / "labels.jsonl").read_text().splitlines()) == 8


def test_garbage_from_every_document_is_an_error(tmp_path) -> None:
    expected = pytest.raises(DataError, match=r"no answer of m named a topic.*'no_topic': 12")
    with serve(lambda *_: Response("I like trains")) as server, expected:
        run(annotator(server.url), tmp_path)
    assert not (tmp_path / "labels.jsonl").exists()


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_a_passing_error_is_tried_again(tmp_path, status) -> None:
    def answer(request, before):
        if before < 2:
            return Response(status=status, headers={"retry-after": "0"})
        return truth(request, before)

    with serve(answer) as server:
        found = run(annotator(server.url), tmp_path)
    assert found.facts["answered"] == 12
    assert len(server.requests) == 36


def test_a_slow_answer_is_given_up_and_asked_again(tmp_path) -> None:
    def answer(request, before):
        return replace(truth(request, before), wait_s=0 if before else 1.0)

    with serve(answer) as server:
        found = run(annotator(server.url, timeout_s=0.3, concurrency=3), tmp_path, DOCUMENTS[:3])
    assert found.facts["answered"] == 3
    assert len(server.requests) >= 6


def test_a_document_that_always_fails_is_counted_and_asked_again_next_time(tmp_path) -> None:
    broken = {"3": Response(status=500), "5": Response(status=400), "7": Response(body=b"<html>")}

    def answer(request, before):
        return broken.get(document_of(request).split()[1]) or truth(request, before)

    with serve(answer) as server:
        found = run(annotator(server.url), tmp_path)
        assert found.facts["rejected"] == {
            "http_400": 1,
            "http_500": 1,
            "not_a_chat_completion": 1,
        }
        assert found.facts["answered"] == 9
        assert len(server.requests) == 9 + 6 + 1 + 1
        broken.clear()
        again = run(annotator(server.url), tmp_path)
    assert (again.facts["asked"], again.facts["answered"]) == (3, 12)


def test_an_endpoint_that_refuses_everything_is_an_error(tmp_path) -> None:
    many = [SampleDocument(str(i), "s", f"text {i}") for i in range(40)]
    expected = pytest.raises(DataError, match="20 documents in a row, the last: http_400")
    with serve(lambda *_: Response(status=400)) as server, expected:
        run(annotator(server.url, concurrency=1), tmp_path, many)
    assert len(server.requests) < 40


@pytest.mark.parametrize(
    ("status", "what"),
    [(401, "refuses the key"), (403, "refuses the key"), (404, "knows no such.*no model m")],
)
def test_what_no_retry_mends_ends_the_work_at_once(tmp_path, monkeypatch, status, what) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    body = b"no model m" if status == 404 else f"wrong key {KEY}".encode()
    expected = pytest.raises(DataError, match=what)
    with serve(lambda *_: Response(status=status, body=body)) as server, expected as caught:
        run(annotator(server.url, key_from="MY_KEY", concurrency=1), tmp_path)
    assert len(server.requests) < 12
    assert KEY not in str(caught.value)
    assert caught.value.where == f"{server.url}/chat/completions"


def test_the_key_is_sent_and_written_nowhere(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level("DEBUG")
    with serve(truth) as server:
        found = run(annotator(server.url, key_from="MY_KEY"), tmp_path)
    assert set(server.keys) == {f"Bearer {KEY}"}
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert written
    assert KEY.encode() not in written
    assert KEY not in caplog.text + str(found.facts)


def test_a_rate_limit_message_does_not_repeat_the_key(monkeypatch) -> None:
    body = f"{KEY} has spent its quota".encode()
    with serve(lambda *_: Response(status=429, body=body)) as server:
        endpoint = ChatEndpoint(server.url, KEY, first_wait_s=0.0)
        with pytest.raises(DataError, match=r"HTTP 429\): \*\*\* has spent"):
            endpoint.ask({})
        endpoint.close()
    assert len(server.requests) == 6


@pytest.mark.parametrize("value", [None, " "])
def test_a_missing_key_is_named_before_anything_is_asked(tmp_path, monkeypatch, value) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    with serve(truth) as server, pytest.raises(DataError, match="MY_KEY is not set"):
        run(annotator(server.url, key_from="MY_KEY"), tmp_path)
    assert server.requests == []


def test_a_key_that_no_header_can_hold_is_refused_without_showing_it() -> None:
    with pytest.raises(DataError) as caught:
        ChatEndpoint("http://127.0.0.1:1/v1", "k\u00e9y\u4e2d")
    assert "k\u00e9y" not in str(caught.value)


def test_an_endpoint_that_is_not_there_is_named(tmp_path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(DataError, match="cannot be reached") as caught:
            run(annotator(url), tmp_path)
    assert caught.value.where == f"{url}/chat/completions"


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://x/v1", "http://[::1", ""])
def test_a_url_that_is_none_is_named(tmp_path, url) -> None:
    with pytest.raises(DataError, match="url cannot be used"):
        run(annotator(url), tmp_path)


def test_what_was_answered_before_an_error_is_not_asked_again(tmp_path) -> None:
    down = True

    def answer(request, before):
        if down and int(document_of(request).split()[1]) >= 6:
            return Response(status=401)
        return truth(request, before)

    with serve(answer) as server:
        with pytest.raises(DataError, match="401"):
            run(annotator(server.url, concurrency=1), tmp_path)
        kept = (tmp_path / "answers.jsonl").read_bytes()
        assert kept.count(b"\n") == 6
        # A kill leaves half a line.
        (tmp_path / "answers.jsonl").write_bytes(kept + b'{"request": "12')
        down = False
        server.requests.clear()
        found = run(annotator(server.url), tmp_path)
    assert (found.facts["asked"], found.facts["answered"]) == (6, 12)
    assert len(server.requests) == 6
    assert (tmp_path / "answers.jsonl").read_bytes().count(b"\n") == 12


def test_a_damaged_file_of_answers_is_refused(tmp_path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"text": "Law"}\n')
    with pytest.raises(DataError, match="line 1 or after is not a kept answer"):
        run(annotator("http://127.0.0.1:1/v1"), tmp_path)


def test_questions_are_open_at_once_but_no_more_than_allowed(tmp_path) -> None:
    with serve(lambda *a: replace(truth(*a), wait_s=0.05)) as server:
        run(annotator(server.url, concurrency=4), tmp_path)
    assert 1 < server.most_at_once <= 4


def test_another_model_or_prompt_is_another_question(tmp_path) -> None:
    with serve(truth) as server:
        run(annotator(server.url), tmp_path, DOCUMENTS[:2])
        run(annotator(server.url).model_copy(update={"model": "n"}), tmp_path, DOCUMENTS[:2])
    assert [request["model"] for request in server.requests] == ["m", "m", "n", "n"]


def test_a_stopped_endpoint_begins_nothing_more() -> None:
    with serve(truth) as server:
        endpoint = ChatEndpoint(server.url)
        endpoint.stop()
        with pytest.raises(RefusedError, match="stopped"):
            endpoint.ask({})
        endpoint.close()
    assert server.requests == []
