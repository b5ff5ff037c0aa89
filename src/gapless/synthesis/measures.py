"""Units of measure to SI: what "5 km/h", "5 km h^-1" and "5 kilometres per hour" have in common."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache

Unit = tuple[float, tuple[tuple[str, int], ...]]
"""Factor to base units, and base units with their powers, sorted."""

_BASE = "m kg s A K mol"
_UNITS: dict[str, tuple[float, str]] = {
    **{name: (1.0, name) for name in ("m", "s", "A", "K", "mol")},
    "g": (1e-3, "kg"),
    "Hz": (1.0, "s-1"),
    "N": (1.0, "kg m s-2"),
    "J": (1.0, "kg m2 s-2"),
    "W": (1.0, "kg m2 s-3"),
    "Pa": (1.0, "kg m-1 s-2"),
    "C": (1.0, "A s"),
    "V": (1.0, "kg m2 s-3 A-1"),
    "F": (1.0, "kg-1 m-2 s4 A2"),
    "\u03a9": (1.0, "kg m2 s-3 A-2"),
    "T": (1.0, "kg s-2 A-1"),
    "L": (1e-3, "m3"),
    "l": (1e-3, "m3"),
    "eV": (1.602176634e-19, "kg m2 s-2"),
    "bar": (1e5, "kg m-1 s-2"),
    "cal": (4.184, "kg m2 s-2"),
    "rad": (1.0, ""),
}
"""Those that take prefixes."""
_WHOLE: dict[str, tuple[float, str]] = {
    "kg": (1.0, "kg"),
    "min": (60.0, "s"),
    "h": (3600.0, "s"),
    "hr": (3600.0, "s"),
    "d": (86400.0, "s"),
    "atm": (101325.0, "kg m-1 s-2"),
    "M": (1e3, "mol m-3"),
    "ha": (1e4, "m2"),
    "%": (0.01, ""),
    "\u00b0": (math.pi / 180, ""),
    "\u00b0C": (1.0, "celsius"),
}
_PREFIXES = dict(
    zip(
        "fpn\u03bcumcdhkMGT",
        (1e-15, 1e-12, 1e-9, 1e-6, 1e-6, 1e-3, 1e-2, 0.1, 1e2, 1e3, 1e6, 1e9, 1e12),
        strict=True,
    )
)
_WORD_PREFIXES = {
    "nano": "n",
    "micro": "\u03bc",
    "milli": "m",
    "centi": "c",
    "deci": "d",
    "kilo": "k",
    "mega": "M",
    "giga": "G",
    "\u7eb3": "n",
    "\u5fae": "\u03bc",
    "\u6beb": "m",
    "\u5398": "c",
    "\u5206": "d",
    "\u5343": "k",
}
_WORDS = {
    **dict.fromkeys(("meter", "metre", "\u7c73"), "m"),
    **dict.fromkeys(("gram", "gramme", "\u514b"), "g"),
    **dict.fromkeys(("second", "sec", "\u79d2", "\u79d2\u949f"), "s"),
    **dict.fromkeys(("minute", "\u5206\u949f"), "min"),
    **dict.fromkeys(("hour", "\u5c0f\u65f6"), "h"),
    **dict.fromkeys(("day", "\u5929"), "d"),
    **dict.fromkeys(("newton", "\u725b", "\u725b\u987f"), "N"),
    **dict.fromkeys(("joule", "\u7126", "\u7126\u8033"), "J"),
    **dict.fromkeys(("watt", "\u74e6", "\u74e6\u7279"), "W"),
    **dict.fromkeys(("pascal", "\u5e15", "\u5e15\u65af\u5361"), "Pa"),
    **dict.fromkeys(("volt", "\u4f0f", "\u4f0f\u7279"), "V"),
    **dict.fromkeys(("amp", "ampere", "\u5b89", "\u5b89\u57f9"), "A"),
    **dict.fromkeys(("ohm", "\u6b27", "\u6b27\u59c6"), "\u03a9"),
    **dict.fromkeys(("coulomb", "\u5e93\u4ed1"), "C"),
    **dict.fromkeys(("hertz", "\u8d6b\u5179"), "Hz"),
    **dict.fromkeys(("kelvin", "\u5f00\u5c14\u6587"), "K"),
    **dict.fromkeys(("mole", "\u6469\u5c14"), "mol"),
    **dict.fromkeys(("liter", "litre", "\u5347"), "L"),
    **dict.fromkeys(("percent", "percentage"), "%"),
    **dict.fromkeys(("degree", "deg", "\u5ea6"), "\u00b0"),
    **dict.fromkeys(("celsius", "\u6444\u6c0f\u5ea6"), "\u00b0C"),
    "radian": "rad",
    "\u516c\u91cc": "km",
    "\u516c\u65a4": "kg",
}
_PART = re.compile(r"(/)|([^\W\d_]+|%|\u00b0[CF]?)(?:\s*\^?\s*\{?\s*([+-]?\d+)\s*\}?)?")
_BETWEEN = re.compile(r"[\s*\u00b7\u22c5().{}]+|\\cdot(?![A-Za-z])|\\times(?![A-Za-z])")
_PER = re.compile(r"\b(?:per)\b|\u6bcf")


def read_unit(text: str) -> Unit | None:
    """Return the unit that a text such as ``kg m/s^2`` names, or None for one not known here.

    All that follows a stroke is divided by, as in J/(mol K).
    """
    left = _PER.sub("/", text)
    factor, powers, sign = 1.0, Counter[str](), 1
    place = 0
    while place < len(left):
        if gap := _BETWEEN.match(left, place):
            place = gap.end()
            continue
        part = _PART.match(left, place)
        if part is None:
            return None
        place = part.end()
        if part.group(1):
            sign = -1
            continue
        known = _known(part.group(2))
        if known is None:
            return None
        power = sign * int(part.group(3) or 1)
        if abs(power) > 9:
            return None
        factor *= known[0] ** power
        for base, own in known[1]:
            powers[base] += own * power
    return factor, tuple(sorted((base, power) for base, power in powers.items() if power))


@cache
def _known(name: str) -> Unit | None:
    """Return the unit of a symbol or a word, with or without a prefix."""
    symbol = _symbol(name)
    if symbol in _WHOLE:
        return _spelled(_WHOLE[symbol])
    if symbol in _UNITS:
        return _spelled(_UNITS[symbol])
    if symbol[:1] in _PREFIXES and symbol[1:] in _UNITS:
        scale, base = _UNITS[symbol[1:]]
        return _spelled((_PREFIXES[symbol[0]] * scale, base))
    return None


def _symbol(name: str) -> str:
    """Return the symbol of a word: ``kilometres`` is km."""
    word = name.casefold()
    for form in (word, word.removesuffix("s")):
        if form in _WORDS:
            return _WORDS[form]
        for prefix, letter in _WORD_PREFIXES.items():
            if form.startswith(prefix) and form.removeprefix(prefix) in _WORDS:
                return letter + _WORDS[form.removeprefix(prefix)]
    return name


def _spelled(unit: tuple[float, str]) -> Unit:
    """Read ``kg m2 s-2``."""
    parts = [re.fullmatch(r"([A-Za-z]+)(-?\d+)?", part) for part in unit[1].split()]
    powers = [(part.group(1), int(part.group(2) or 1)) for part in parts if part]
    return unit[0], tuple(powers)
