"""An OpenAI-compatible endpoint: one question at a time, with patience."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from gapless.errors import DataError
from gapless.scoring.topics.answers import Reply

if TYPE_CHECKING:
    import httpx2

_TRIES = 6
_LONGEST_WAIT_S = 60.0
_KEPT_OF_MESSAGE = 200
_FATAL = {
    401: "the endpoint refuses the key",
    403: "the endpoint refuses the key",
    404: "the endpoint knows no such address or model",
    405: "the endpoint takes no chat completions",
}


class RefusedError(Exception):
    """The endpoint would not answer about this one document; ``reason`` is for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def key_from(variable: str | None) -> str | None:
    """Return the key in an environment variable; None when the endpoint needs no key."""
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        what = f"the environment variable {variable} is not set"
        mend = f"Put the endpoint's key there: export {variable}=..."
        raise DataError(what, where="annotator.key_from", mend=mend)
    return key


class ChatEndpoint:
    """Asks ``POST {url}/chat/completions``; threads may share it."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        concurrency: int = 1,
        timeout_s: float = 120.0,
        first_wait_s: float = 1.0,
    ) -> None:
        """Make the client. A try that fails is repeated after ``first_wait_s``, then twice that."""
        import httpx2

        self.url = f"{url.rstrip('/')}/chat/completions"
        self._first_wait_s = first_wait_s
        self._key = key
        self._stopped = threading.Event()
        try:
            self._client = httpx2.Client(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
                limits=httpx2.Limits(max_connections=concurrency),
            )
        except (ValueError, UnicodeError) as error:  # a key that no header can hold
            what = "the key holds a character that HTTP cannot send"
            raise DataError(what, where="annotator.key_from") from error

    def ask(self, body: dict[str, Any]) -> Reply:
        """Return the answer; 429, 5xx, a lost connection and a timeout are tried again.

        Raises:
            RefusedError: no answer to this body, after six tries; other bodies may fare better.
            DataError: no body will be answered: no server, no right to ask, no such model.

        """
        problem: Exception | None = None
        for attempt in range(_TRIES):
            if self._stopped.is_set():
                raise RefusedError("stopped")
            try:
                return self._once(body)
            except _TryAgainError as error:
                problem = error
                wait_s = min(self._first_wait_s * 2**attempt, _LONGEST_WAIT_S)
                if attempt + 1 < _TRIES:
                    self._stopped.wait(max(wait_s, error.wait_s))
        assert isinstance(problem, _TryAgainError)
        if problem.fatal:
            raise self._unusable(problem.reason, str(problem)) from problem
        raise RefusedError(problem.reason) from problem

    def stop(self) -> None:
        """Begin no more tries; those under way may end, for their answers are paid for."""
        self._stopped.set()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _once(self, body: dict[str, Any]) -> Reply:
        import httpx2

        try:
            response = self._client.post(self.url, json=body)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise self._unusable("the endpoint's url cannot be used", str(error)) from error
        except httpx2.ConnectError as error:
            what = "the endpoint cannot be reached"
            raise _TryAgainError(what, str(error), fatal=True) from error
        except httpx2.TimeoutException as error:
            raise _TryAgainError("timeout", type(error).__name__) from error
        except httpx2.TransportError as error:
            raise _TryAgainError("connection_lost", type(error).__name__) from error
        self._check(response)
        return _read(response)

    def _check(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status in _FATAL:
            # A server may repeat the key in its refusal of it: that message stays unread.
            said = "" if status in {401, 403} else self._message(response)
            raise self._unusable(f"{_FATAL[status]} (HTTP {status})", said)
        if status == 429:
            what = "the endpoint limits the rate (HTTP 429)"
            raise _TryAgainError(
                what, self._message(response), fatal=True, wait_s=_asked_wait(response)
            )
        if status >= 500 or status == 408:
            raise _TryAgainError(f"http_{status}", "", wait_s=_asked_wait(response))
        if status != 200:
            raise RefusedError(f"http_{status}")

    def _message(self, response: httpx2.Response) -> str:
        text = " ".join(response.text.split())[:_KEPT_OF_MESSAGE]
        return text.replace(self._key, "***") if self._key else text

    def _unusable(self, what: str, said: str) -> DataError:
        mend = (
            "Look at annotator.url, annotator.model and the key. "
            "Answers so far are kept: run again to go on."
        )
        return DataError(f"{what}: {said}" if said else what, where=self.url, mend=mend)


class _TryAgainError(Exception):
    def __init__(self, reason: str, said: str, *, fatal: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(said)
        self.reason, self.fatal, self.wait_s = reason, fatal, wait_s


def _asked_wait(response: httpx2.Response) -> float:
    """Return the seconds of Retry-After; 0 without, or when it gives a date."""
    try:
        return max(0.0, min(float(response.headers.get("retry-after", "0")), _LONGEST_WAIT_S))
    except ValueError:
        return 0.0


def _read(response: httpx2.Response) -> Reply:
    try:
        answer = response.json()
        text = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
        counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RefusedError("not_a_chat_completion") from error
    if text is not None and not isinstance(text, str):
        raise RefusedError("not_a_chat_completion")
    # No text: a model that spent its tokens thinking, or declined. It would do so again.
    return Reply(text or "", *(count if isinstance(count, int) else None for count in counts))
