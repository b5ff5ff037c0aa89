r"""Placeholders in place of e-mail addresses, IP addresses and phone numbers.

The placeholders are addresses and numbers reserved for examples, so text stays text, nobody is
reached by them, and masking twice changes nothing:

    e-mail  email@example.com     (RFC 2606; FineWeb's own)
    IPv4    192.0.2.1             (RFC 5737)
    IPv6    2001:db8::1           (RFC 3849)
    phone   +1-202-555-0100       (reserved for fiction by the North American plan)

What is found is meant to be personal, so little else is touched: addresses at reserved names and
file names with an @ stay; IP addresses that are not global stay, networks (with a slash) too, and
so do four-part numbers that look like a version, a section or an enzyme (EC 3.4.21.115): those
after such a word, those without a part above 99, and those with but one that begin below 10.

Phone numbers are found in three shapes: with a plus sign and a country code (10 to 15 digits; 11
when no marks stand between them); as (212) 555-0123, 212-555-0123 and 212.555.0123; and of 8 to 15
digits after a word like "tel" or "fax". A kernel marks the texts that may hold any, and only they
meet the expressions.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.cleaners.answer import Answer, with_texts
from gapless.words.compiled import compiled
from gapless.words.split import text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import MaskPersonalData

EMAIL, IPV4, IPV6, PHONE = "email@example.com", "192.0.2.1", "2001:db8::1", "+1-202-555-0100"

_EMAIL_BIT, _IP_BIT, _PHONE_BIT = 1, 2, 4

_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@((?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.)+"
    r"[A-Za-z]{2,24})(?![\w@-])"
)
_RESERVED = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local)$", re.IGNORECASE
)
_FILE_NAME = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|css|js|ts|html?|pdf|json|txt|py|service|so|conf|in|md)$"
)
_IPV4 = re.compile(r"(?<![\w.+/-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w+-]|[./][0-9])")
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:/]|\.[0-9])")
_NOT_AN_ADDRESS = re.compile(
    r"(?:\b(?:EC|versions?|ver|v|release|build|firmware|driver|sections?|sec|chapter|rule|part|"
    r"clause|figure|fig|table|oid)\.?|\u00a7)\s*$",
    re.IGNORECASE,
)

_SEPARATOR = r"(?:[ .\-\u00a0\u2010\u2011\u2013]|\) ?| ?\(| ?/ ?)"
_INTERNATIONAL = re.compile(
    rf"(?<![\w+.)\]/-])\+[1-9][0-9]{{0,3}}(?:{_SEPARATOR}?[0-9]{{1,4}}){{2,7}}(?![\w)]|[.,/:%][0-9]|\u00b0)"
)
_NORTH_AMERICAN = re.compile(
    r"(?<![\w./:+=-])(?:1[-. ])?(?:\([2-9][0-9][0-9]\) ?|(?<!\()[2-9][0-9][0-9](?P<mark>[-.]))"
    r"[2-9][0-9][0-9](?(mark)(?P=mark)|[-. ])[0-9]{4}(?![\w-]|[.,/:%][0-9])"
)
_AFTER_A_CUE = re.compile(
    r"(?P<cue>(?<![\w.])(?:tele?phone|phone|tel|fax|mobile)(?: ?(?:no|number|nr)\b)?[.:]{0,2} ?)"
    rf"(?P<number>\(?[0-9]{{1,5}}(?:{_SEPARATOR}?[0-9]{{1,5}}){{1,6}})(?![\w)]|[.,/:%][0-9])",
    re.IGNORECASE,
)


def build_mask_personal_data(spec: MaskPersonalData) -> Cleaner:
    """Return the cleaner that masks what the spec names."""
    maskers: tuple[tuple[int, Callable[[str], str]], ...] = (
        (_EMAIL_BIT * spec.email, mask_emails),
        (_IP_BIT * spec.ip, mask_ips),
        (_PHONE_BIT * spec.phone, mask_phones),
    )
    wanted = sum(bit for bit, _ in maskers)

    def clean(texts: pa.LargeStringArray) -> Answer:
        data, borders = text_bytes(texts)
        found = np.zeros(len(texts), dtype=np.uint8)
        mark_candidates(data, borders, found)
        changed = {}
        for place in np.flatnonzero(found & wanted):
            text = masked = texts[int(place)].as_py()
            for bit, mask in maskers:
                if bit & int(found[place]):
                    masked = mask(masked)
            if masked != text:
                changed[int(place)] = masked
        return Answer(with_texts(texts, changed))

    return clean


def mask_emails(text: str) -> str:
    """Return a text with a placeholder for every e-mail address."""

    def placeholder(match: re.Match[str]) -> str:
        stays = _RESERVED.search(match[1]) or _FILE_NAME.search(match[1])
        return match[0] if stays else EMAIL

    return _EMAIL.sub(placeholder, text)


def mask_ips(text: str) -> str:
    """Return a text with a placeholder for every global IP address."""

    def placeholder_4(match: re.Match[str]) -> str:
        parts = [int(part) for part in match[0].split(".")]
        is_numbering = sum(part > 99 for part in parts) < 1 + (parts[0] < 10)
        if is_numbering or not _is_global(match[0]):
            return match[0]
        before = text[max(match.start() - 12, 0) : match.start()]
        return match[0] if _NOT_AN_ADDRESS.search(before) else IPV4

    masked = _IPV4.sub(placeholder_4, text)
    return _IPV6.sub(lambda match: IPV6 if _is_global(match[0]) else match[0], masked)


def _is_global(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def mask_phones(text: str) -> str:
    """Return a text with a placeholder for every phone number."""

    def international(match: re.Match[str]) -> str:
        # Without marks, +2147483647 is a number.
        min_digits = 11 if match[0][1:].isdigit() else 10
        return PHONE if _is_phone(match[0], min_digits) else match[0]

    def after_a_cue(match: re.Match[str]) -> str:
        return match["cue"] + PHONE if _is_phone(match["number"], 8) else match[0]

    text = _INTERNATIONAL.sub(international, text)
    text = _NORTH_AMERICAN.sub(PHONE, text)
    return _AFTER_A_CUE.sub(after_a_cue, text)


def _is_phone(number: str, min_digits: int) -> bool:
    """Whether a run of digits and separators can be dialled and is no decimal and no date."""
    digits = sum(character.isdigit() for character in number)
    marks = re.sub("[0-9+]", "", number)
    balanced = number.count("(") == number.count(")")
    return min_digits <= digits <= 15 and marks != "." and balanced


@compiled
def mark_candidates(data: np.ndarray, borders: np.ndarray, found: np.ndarray) -> None:
    """Set the bits of what each text may hold."""
    for document in range(len(borders) - 1):
        begin, end = borders[document], borders[document + 1]
        bits, digits, dots = 0, 0, 0
        for place in range(begin, end):
            byte = data[place]
            if 0x30 <= byte <= 0x39:
                if digits == 0 and place > begin:
                    bits |= _before_digits(data, begin, place)
                digits += 1
                if digits == 4 and place - begin >= 7:
                    bits |= _PHONE_BIT * _ends_a_phone(data, place)
                continue
            dots = dots + 1 if byte == 0x2E and digits > 0 else 0
            digits = 0
            if dots == 3:
                bits |= _IP_BIT
            if byte == 0x40:
                bits |= _EMAIL_BIT
            if byte == 0x3A and place - begin >= 4 and _hex_before(data, place):
                bits |= _IP_BIT
        found[document] = bits


@compiled
def _before_digits(data: np.ndarray, begin: int, place: int) -> int:
    """Return the phone bit if a plus sign, or a cue and up to four marks, stand before a digit."""
    before = place - 1
    if data[before] == 0x2B:
        return _PHONE_BIT
    while before >= begin and place - before <= 4 and data[before] in (0x20, 0x28, 0x2E, 0x3A):
        before -= 1
    if before == place - 1 and data[before] < 0x41:
        return 0
    if before - begin < 1:
        return 0
    last, last_but_one = data[before] | 0x20, data[before - 1] | 0x20
    # tel, fax, phone, mobile, no, number, nr
    is_cue = (
        (last == 0x6C and last_but_one == 0x65)
        or (last == 0x78 and last_but_one == 0x61)
        or (last == 0x65 and last_but_one in (0x6E, 0x6C))
        or (last == 0x6F and last_but_one == 0x6E)
        or (last == 0x72 and last_but_one in (0x65, 0x6E))
    )
    return _PHONE_BIT if is_cue else 0


@compiled
def _ends_a_phone(data: np.ndarray, place: int) -> bool:
    """Whether the fourth digit of a run stands as in ``555-0123`` with a mark before it."""
    for back in range(5, 8):
        if not 0x30 <= data[place - back] <= 0x39:
            return False
    return data[place - 4] in (0x2D, 0x2E, 0x20)


@compiled
def _hex_before(data: np.ndarray, place: int) -> bool:
    """Whether four hexadecimal digits, the first of them 2 or 3, stand before a colon."""
    for back in range(1, 5):
        byte = data[place - back] | 0x20
        if not (0x30 <= byte <= 0x39 or 0x61 <= byte <= 0x66):
            return False
    return data[place - 4] in (0x32, 0x33)
