"""Why a job of requests stops, in words for who has written the recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gapless.endpoints.replies import Again, Hopeless
from gapless.errors import DataError

if TYPE_CHECKING:
    from gapless.recipe.endpoints import Endpoint


def hopeless(verdict: Hopeless, endpoint: Endpoint, where: str) -> DataError:
    """Return the error for a server that will answer nothing."""
    field, mend = {
        "key": (".key", _about_key(endpoint.key)),
        "address": (".url", f"Look at the address, {endpoint.url}."),
        "model": (
            ".model",
            f"Look at the model's name, {endpoint.model}, and at {_models(endpoint)}.",
        ),
        "format": (".structured", "If it is about the format of the answer, set it to text."),
        "quota": (
            "",
            "Run it again when the server's limit is lifted or your account is in order.",
        ),
    }[verdict.about]
    return DataError(f"the server answers {verdict.what}", where=where + field, mend=mend)


def failed(verdict: Again, endpoint: Endpoint, where: str, *, formatted: bool) -> DataError:
    """Return the error for a request that was tried as often as it may be."""
    times = "once" if endpoint.tries == 1 else f"{endpoint.tries} times"
    mend = f"Look whether the server at {endpoint.url} runs and keeps up: concurrency, timeout."
    if formatted:
        mend += " If it fails at answers held to a JSON schema, set structured: text."
    return DataError(
        f"a request failed {times}, at last by: {verdict.reason}", where=where, mend=mend
    )


def all_refused(detail: str, number: int, where: str) -> DataError:
    """Return the error for a server that refuses one request after the other."""
    requests = "1 request" if number == 1 else f"{number} requests in a row"
    what = f"the server answers nothing and has refused {requests}, none kept: {detail}"
    mend = "Look at what it says: the model's context, max_tokens, the format of the answer."
    return DataError(what, where=where, mend=mend)


def too_long(most_bytes: int, where: str) -> DataError:
    """Return the error for a reply that does not end."""
    what = f"a reply is longer than {most_bytes >> 20} MiB and was not read further"
    return DataError(what, where=f"{where}.url", mend="Look whether a chat server answers there.")


def with_count(error: DataError, kept: int) -> DataError:
    """Return the error with what has been got until then."""
    count = "1 answer was" if kept == 1 else f"{kept} answers were"
    mend = f"{error.mend or ''} Run it again: what has an answer is not asked again.".strip()
    return DataError(f"{error.what}; {count} got and kept", where=error.where, mend=mend)


def _about_key(variable: str | None) -> str:
    if variable is None:
        return "Name the environment variable with your key as `key`."
    return (
        f"Look at the key in the environment variable {variable}, and at what it may be used for."
    )


def _models(endpoint: Endpoint) -> str:
    return f"{endpoint.url.rstrip('/')}/models"
