"""How long to wait before a request is tried again."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC, datetime

from gapless.seeds import stream

FIRST_SECONDS = 0.5
MOST_SECONDS = 60.0
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]*)?")


def back_off(key: str, attempt: int) -> float:
    """Return the seconds before try ``attempt + 1``: uniform up to 0.5 s, 1 s, 2 s, ... 60 s.

    Full jitter (Brooker 2015, "Exponential Backoff and Jitter"): requests that failed together do
    not come back together.
    """
    most = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** (attempt - 1))
    return float(stream(0, "endpoints", "back-off", key, attempt).uniform(0, most))


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3), or None.

    It holds seconds, or a date. What is neither is as if it were not there.
    """
    if header is None:
        return None
    header = header.strip()
    if _SECONDS.fullmatch(header):
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())
