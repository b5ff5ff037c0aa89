"""The line to a server: its address and key, and one connection for each request under way."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from gapless.errors import DataError

if TYPE_CHECKING:
    from gapless.recipe.endpoints import Endpoint

MOST_BYTES = 64 << 20
"""Of a reply's body; it is not read further."""
OVERALL = 10
"""A try may take so many times ``timeout``, however steadily its bytes drip."""
_WANTED = ("retry-after", "location")
_LEAST_HIDDEN = 8
"""A shorter key is a placeholder (``EMPTY``), and might stand in any text."""


class LineError(Exception):
    """A reply did not come, or not whole."""


class TooLongError(Exception):
    """A reply had more than `MOST_BYTES`."""


@dataclass(frozen=True)
class Address:
    """Where a server is asked, and with which key; the key is not shown."""

    url: str
    """Of the chat completions."""
    key: str | None = field(default=None, repr=False)

    def hide(self, content: bytes) -> bytes:
        """Return a reply without the key, which a server may have repeated, escaped or not."""
        return content if self._pattern is None else self._pattern.sub(b"[key]", content)

    @cached_property
    def _pattern(self) -> re.Pattern[bytes] | None:
        if self.key is None or len(self.key) < _LEAST_HIDDEN:
            return None
        signs = ((re.escape(bytes([sign])), sign) for sign in self.key.encode())
        ways = (rb"(?:%s|\\%s|\\u00%02x)" % (plain, plain, sign) for plain, sign in signs)
        return re.compile(b"".join(ways), re.IGNORECASE)


@dataclass(frozen=True)
class Raw:
    """A reply as it came."""

    status: int
    headers: Mapping[str, str]
    """Those that are made use of, in small letters."""
    content: bytes


class Line(Protocol):
    """What carries one request at a time."""

    async def post(self, content: bytes) -> Raw:
        """Send a body and return the reply; `LineError` or `TooLongError` without one."""

    async def close(self) -> None:
        """Hang up."""


def find_address(endpoint: Endpoint, where: str) -> Address:
    """Return the address of an endpoint, with the key that the environment holds.

    Raises:
        DataError: the address cannot be used, or there is no such key.

    """
    url = urlsplit(endpoint.url)
    mend = "Write it like http://localhost:8000/v1; a key is named by `key`."
    try:
        fit = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        fit = False
    if not fit:
        what = "the address is none of http:// or https:// with a host"
        raise DataError(what, where=f"{where}.url", mend=mend)
    if url.query or url.fragment or url.username or url.password:
        what = "the address holds a name, a password, a query or a fragment"
        raise DataError(what, where=f"{where}.url", mend=mend)
    return Address(f"{endpoint.url.rstrip('/')}/chat/completions", _key(endpoint.key, where))


def _key(variable: str | None, where: str) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    where = f"{where}.key"
    if not key:
        mend = f"Set it, like: export {variable}=..., or leave `key` out if the server wants none."
        raise DataError(f"the environment variable {variable} is not set", where=where, mend=mend)
    if not (key.isascii() and key.isprintable()):
        what = f"the environment variable {variable} holds a character that no header can hold"
        raise DataError(what, where=where, mend="Set it to the key and nothing else.")
    return key


class HttpLine:
    """One kept connection; the pool of a client for all would be searched for every request."""

    def __init__(self, address: Address, timeout: float, context: ssl.SSLContext) -> None:
        import httpx2

        self._httpx2 = httpx2
        self._address = address
        self._timeout = timeout
        self._url = httpx2.URL(address.url)
        headers = {
            "Host": self._url.netloc.decode("ascii"),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "gapless",
        }
        if address.key is not None:
            headers["Authorization"] = f"Bearer {address.key}"
        self._headers = httpx2.Headers(headers)
        timeouts = {"connect": timeout, "read": timeout, "write": timeout, "pool": timeout}
        self._extensions = {"timeout": timeouts}
        # Redirects are not followed: no other host sees the key or the question.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=1)
        self._client = httpx2.AsyncClient(verify=context, limits=limits, follow_redirects=False)

    async def post(self, content: bytes) -> Raw:
        """Send a body and return the reply."""
        request: Any = self._httpx2.Request(
            "POST", self._url, headers=self._headers, content=content, extensions=self._extensions
        )
        try:
            async with asyncio.timeout(self._timeout * OVERALL):
                return await self._send(request)
        except TimeoutError:
            reason = f"no whole reply in {self._timeout * OVERALL:g} s"
        except self._httpx2.ConnectTimeout:
            reason = f"no connection in {self._timeout:g} s"
        except self._httpx2.TimeoutException:
            reason = f"no byte for {self._timeout:g} s"
        except self._httpx2.ConnectError as error:
            reason = f"no connection: {error}"
        except (self._httpx2.RequestError, self._httpx2.StreamError) as error:
            reason = f"the connection broke: {error or type(error).__name__}"
        raise LineError(reason) from None  # the cause holds the request and its key

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def _send(self, request: Any) -> Raw:
        response = await self._client.send(request, stream=True)
        try:
            blocks, size = [], 0
            async for block in response.aiter_bytes():
                size += len(block)
                if size > MOST_BYTES:
                    raise TooLongError
                blocks.append(block)
        finally:
            await response.aclose()
        headers = {
            name: self._address.hide(response.headers[name].encode()).decode()
            for name in _WANTED
            if name in response.headers
        }
        return Raw(response.status_code, headers, self._address.hide(b"".join(blocks)))


class HttpLines:
    """Makes the lines to one server; certificates are read once."""

    def __init__(self, address: Address, timeout: float) -> None:
        self._address, self._timeout = address, timeout
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> Line:
        """Return a new line."""
        import httpx2

        if self._context is None:
            self._context = httpx2.create_ssl_context()
        return HttpLine(self._address, self._timeout, self._context)
