"""Amounts with a unit: tokens and bytes as people write them (``5B``, ``20MB``)."""

import re

_TOKEN_SCALES: dict[str, int] = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
_AMOUNT = re.compile(
    r"^\s*([0-9][0-9_]*(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?e[0-9]+)\s*([kmbt]?)\s*$", re.IGNORECASE
)


def parse_tokens(amount: str | float) -> int:
    """Return the number of tokens that ``amount`` names: ``"2.5B"``, ``"500k"``, ``4096``.

    Raises:
        ValueError: the text is no amount, or it is not a whole number of tokens.

    """
    if isinstance(amount, bool):
        raise ValueError(f"{amount!r} is not an amount of tokens")  # noqa: TRY004 - pydantic's way
    if isinstance(amount, float) and amount.is_integer():
        amount = int(amount)
    tokens = amount if isinstance(amount, int) else _parse_text(str(amount))
    if tokens < 0:
        raise ValueError(f"{amount!r} tokens is negative")
    return tokens


def _parse_text(text: str) -> int:
    match = _AMOUNT.match(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not an amount of tokens; write it like 4096, 500k, 2.5B or 1T"
        )
    number, scale = match.group(1).replace("_", ""), _TOKEN_SCALES[match.group(2).lower()]
    whole, _, fraction = number.partition(".")
    if "e" in number.lower():
        value = float(number) * scale
        if value != int(value):
            raise ValueError(f"{text!r} is not a whole number of tokens")
        return int(value)
    scaled_fraction = int(fraction or 0) * scale
    divisor = 10 ** len(fraction)
    if scaled_fraction % divisor:
        raise ValueError(f"{text!r} is not a whole number of tokens")
    tokens: int = int(whole) * scale + scaled_fraction // divisor
    return tokens


def format_tokens(tokens: int) -> str:
    """Return a short human form: ``819_200`` becomes ``"819k"``."""
    return _scaled(tokens, (("T", 10**12), ("B", 10**9), ("M", 10**6), ("k", 10**3)), "")


def format_bytes(num_bytes: int) -> str:
    """Return a short human form of a size: ``20_000_000`` becomes ``"20 MB"``."""
    return _scaled(
        num_bytes, ((" TB", 10**12), (" GB", 10**9), (" MB", 10**6), (" kB", 10**3)), " B"
    )


def format_seconds(seconds: float) -> str:
    """Return a short human form of a duration: ``3725`` becomes ``"1 h 2 min"``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 100 else f"{hours} h"


def _scaled(amount: int, scales: tuple[tuple[str, int], ...], plain: str) -> str:
    """Give three digits in the largest scale that leaves at least 1 before the point, rounded."""
    for suffix, scale in scales:
        if abs(amount) >= scale * 0.9995:
            return f"{amount / scale:.3g}{suffix}"
    return f"{amount}{plain}"
