"""Ask a chat server for the answers that the store does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from gapless.endpoints.job import Asked, ask_through
from gapless.endpoints.line import HttpLines, find_address
from gapless.endpoints.request import Request
from gapless.endpoints.store import Answers

if TYPE_CHECKING:
    from gapless.recipe.endpoints import Endpoint


def ask(
    requests: Iterable[Request],
    endpoint: Endpoint,
    answers: Answers,
    *,
    where: str = "endpoint",
    told: Callable[[Asked], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Asked:
    """Get an answer into the store for each request that has none there.

    Requests are drawn a few at a time, and at most ``endpoint.concurrency`` are
    under way. ``told`` hears of each group of answers when it is on disk, and of the end. Once
    ``stop()`` is true no request is sent any more, and those under way are finished and kept.
    ``where`` is the endpoint's place in the recipe, for errors. Where an event loop runs already,
    as in a notebook, all of this is in a thread of its own.

    Raises:
        DataError: the server cannot be used, or failed ``endpoint.tries`` times on a request. What
            was got until then is kept.

    """
    lines = HttpLines(find_address(endpoint, where), endpoint.timeout)
    return ask_through(lines, requests, endpoint, answers, where=where, told=told, stop=stop)


def check_endpoint(endpoint: Endpoint, where: str) -> None:
    """Look at an endpoint's settings without asking it anything.

    Raises:
        DataError: its address is none, or the variable of its key is not set.

    """
    find_address(endpoint, where)
