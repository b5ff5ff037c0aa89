"""Requests go out as a file and come back as one; nothing is asked or stored twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gapless.endpoints import Answer, Answers, Read, Request, read_responses, write_requests
from gapless.endpoints.behaviours import completion
from gapless.errors import DataError

Some = Callable[..., list[Request]]


def response(key: str, body: Any, status: int = 200) -> dict[str, Any]:
    inner = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": key, "response": inner, "error": None}


def write(path: Path, *lines: Any) -> Path:
    told = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(line + "\n" for line in told))
    return path


def test_the_file_has_what_openai_asks_for(answers: Answers, tmp_path: Path) -> None:
    request = Request((("user", "\u6c34"),), "m", fields=("problem",))
    path = tmp_path / "requests.jsonl"
    assert write_requests([request], answers, path) == 1
    (line,) = map(json.loads, path.read_text().splitlines())
    assert line == {
        "custom_id": request.key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": request.body(),
    }
    write_requests([request], answers, path, structured=True)
    body = json.loads(path.read_text())["body"]
    schema = body.pop("response_format")["json_schema"]["schema"]
    assert schema["required"] == ["problem"]
    assert body == request.body()


def test_only_requests_without_an_answer_are_written_each_once(
    answers: Answers, some: Some, tmp_path: Path
) -> None:
    answers.put_all(Answer(r.key, "x", "stop", "m", 1, 1) for r in some(2000)[::2])
    path = tmp_path / "requests.jsonl"
    assert write_requests([*some(2000), *some(2000)], answers, path) == 1000
    keys = [json.loads(line)["custom_id"] for line in path.read_text().splitlines()]
    assert keys == [r.key for r in some(2000)[1::2]]
    assert [p.name for p in tmp_path.glob("requests*")] == ["requests.jsonl"]


def test_a_file_that_cannot_be_written_or_read_is_told(answers: Answers, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_requests([], answers, tmp_path / "none" / "x")
    with pytest.raises(DataError, match="cannot be read"):
        read_responses(tmp_path / "none", answers)


def test_responses_are_read_once_and_nothing_is_overwritten(
    answers: Answers, some: Some, tmp_path: Path
) -> None:
    keys = [request.key for request in some(1500)]
    answers.put(Answer(keys[0], "first", "stop", "m", 1, 1))
    lines = [response(key, completion(f"text {n}")) for n, key in enumerate(keys)]
    path = write(tmp_path / "responses.jsonl", *lines, lines[3])
    assert read_responses(path, answers) == Read(new=1499, already=2)
    assert read_responses(path, answers) == Read(new=0, already=1501)
    assert len(answers) == 1500
    first, second = answers.get(keys[0]), answers.get(keys[1])
    assert first is not None
    assert first.text == "first"
    assert second == Answer(keys[1], "text 1", "stop", "scripted", 10, 6)


def test_bad_lines_are_counted_by_reason_with_their_numbers(
    answers: Answers, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "responses.jsonl",
        "",
        '{"custom_id": "a", ',
        "[]",
        {"response": {}},
        {"custom_id": "b", "response": None, "error": {"code": "batch_expired", "message": "m"}},
        {"custom_id": "c"},
        response("d", {"error": {"message": "broken"}}, 500),
        response("e", {"error": {"message": "slow down"}}, 429),
        response("f", {"error": {"message": "odd"}}, 400),
        response("g", completion("") | {"choices": []}),
        response("h", None),
        {"custom_id": "i", "response": {"status_code": "ok"}},
        response("j", completion("yes")),
    )
    read = read_responses(path, answers)
    assert read.new == len(answers) == 1
    assert read.bad_lines == {
        "no JSON": (2,),
        "no custom_id": (3, 4),
        "error: batch_expired": (5,),
        "no response": (6,),
        "HTTP 500": (7,),
        "HTTP 429": (8,),
        "HTTP 400": (9,),
        "an answer without choices": (10,),
        "a body that is no JSON object": (11,),
        "no status": (12,),
    }
    assert read.bad == {reason: len(lines) for reason, lines in read.bad_lines.items()}


def test_refusals_that_are_surely_of_one_request_are_answers(
    answers: Answers, tmp_path: Path
) -> None:
    too_long = {"error": {"message": "m", "code": "context_length_exceeded"}}
    path = write(
        tmp_path / "responses.jsonl",
        response("a", too_long, 400),
        response("b", completion(None, finish="content_filter")),
    )
    assert read_responses(path, answers) == Read(new=2, refused=2)
    assert answers.counts() == {"refused": 2}


def test_a_response_without_tokens_or_of_no_known_request_is_kept(
    answers: Answers, tmp_path: Path
) -> None:
    body = completion("yes")
    del body["usage"]
    read_responses(write(tmp_path / "r.jsonl", response("nobody asked", body)), answers)
    assert answers.get("nobody asked") == Answer("nobody asked", "yes", "stop", "scripted", -1, -1)


def test_a_batch_and_a_server_are_asked_the_same(
    answers: Answers, some: Some, tmp_path: Path
) -> None:
    path = tmp_path / "requests.jsonl"
    write_requests(some(3), answers, path)
    told = [json.loads(line) for line in path.read_text().splitlines()]
    back = [response(line["custom_id"], completion(line["body"]["model"])) for line in told]
    read_responses(write(tmp_path / "responses.jsonl", *back), answers)
    assert write_requests(some(3), answers, path) == 0
    assert path.read_text() == ""
