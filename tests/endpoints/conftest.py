"""A store, a few requests, an endpoint at a scripted server, and short pauses."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from gapless.endpoints import Answers, Request, waiting
from gapless.endpoints.scripted import ScriptedServer
from gapless.recipe.endpoints import Endpoint


@pytest.fixture(scope="session")
def certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, certificates: ssl.SSLContext) -> None:
    monkeypatch.setattr(httpx2, "create_ssl_context", lambda: certificates)  # reads 150 of them
    monkeypatch.setattr(waiting, "FIRST_SECONDS", 0.01)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[Answers]:
    with Answers(tmp_path / "answers.sqlite") as store:
        yield store


@pytest.fixture
def some() -> Callable[..., list[Request]]:
    def requests(number: int, **fields: tuple[str, ...]) -> list[Request]:
        return [Request((("user", f"question {n}"),), "m", **fields) for n in range(number)]

    return requests


@pytest.fixture
def at() -> Callable[..., Endpoint]:
    def endpoint(server: ScriptedServer, **settings: object) -> Endpoint:
        told = {"url": server.url, "model": "m", "concurrency": 4, "timeout": 5, **settings}
        return Endpoint.model_validate(told)

    return endpoint
