"""What belongs in no document: that a model will not, what it was shown, blanks it left."""

from __future__ import annotations

import re

from gapless.synthesis.draft import Draft
from gapless.synthesis.prose import prose_of

_SHORT = 200
"""Characters; in a text so short a refusal may stand anywhere."""

_WILL = (
    r"(?:provide|help|assist|create|generate|fulfil|answer|write|comply|complete|produce|offer|do"
    r"|give|continue|discuss|access|process|see|view|respond|solve|engage)"
)
_REFUSAL = (
    r"(?:i(?:'m| am)\s+(?:very\s+|so\s+)?sorry,?\s*(?:but\b|i\b)"
    r"|(?:sorry|apologies|unfortunately),?\s+(?:but\s+)?i(?:'m| am)?\s*"
    r"(?:can(?:'t|not| not)|unable|not able|won't|do not|don't)"
    r"|i\s+apologi[sz]e,?\s*(?:but\b|for\b)"
    rf"|i\s+(?:can(?:'t|not| not)|won't|will not|could not|couldn't)\s+(?:\w+ly\s+)?{_WILL}"
    r"|i(?:'m| am)\s+(?:unable|not able)\s+to"
    r"|(?:as|i(?:'m| am))\s+(?:just\s+|only\s+)?an?\s+"
    r"(?:(?:ai|artificial intelligence)(?=\s*(?:,|i\b|(?:language )?model|assistant|chatbot))"
    r"|(?:large\s+)?language model)"
    "|(?:\u975e\u5e38|\u5f88|\u6df1\u611f)?(?:\u62b1\u6b49|\u5bf9\u4e0d\u8d77)"
    "[,\uff0c]?(?:\u4f46|\u6211)"
    "|(?:\u62b1\u6b49|\u5bf9\u4e0d\u8d77)[,\uff0c]?(?:\u65e0\u6cd5|\u4e0d\u80fd)"
    "|\u4f5c\u4e3a(?:\u4e00\u4e2a|\u4e00\u540d|\u4e00\u6b3e)?"
    "(?:AI|\u4eba\u5de5\u667a\u80fd|(?:\u5927\u578b?)?\u8bed\u8a00\u6a21\u578b)"
    "|\u6211(?:\u65e0\u6cd5|\u4e0d\u80fd|\u4e0d\u4f1a)(?:\u4e3a\u60a8|\u4e3a\u4f60)?"
    "(?:\u63d0\u4f9b|\u56de\u7b54|\u5e2e\u52a9|\u751f\u6210|\u521b\u5efa|\u5b8c\u6210|\u6ee1\u8db3|\u7f16\u5199|\u534f\u52a9))"
)
_ANYWHERE = re.compile(_REFUSAL, re.IGNORECASE)
_AT_START = re.compile(r"[\s>*_#`\"'-]*" + _REFUSAL, re.IGNORECASE)

_SHOWN = r"(?:snippet|excerpt|passage)"
_READ = r"(?:snippet|excerpt|passage|text|article|document|paragraph)"
_GIVEN = r"(?:given|provided|above|following|accompanying|supplied|source|original|reference)"
_GIVEN_ZH = (
    "(?:\u4e0a\u8ff0|\u4e0a\u9762\u7684?|\u4ee5\u4e0a|\u6240\u7ed9\u7684?|\u7ed9\u51fa\u7684"
    "|\u7ed9\u5b9a\u7684|\u63d0\u4f9b\u7684|\u8fd9\u6bb5|\u8fd9\u7bc7|\u8be5|\u672c)"
)
_READ_ZH = (
    "(?:\u7247\u6bb5|\u6587\u672c|\u6587\u7ae0|\u6bb5\u843d|\u77ed\u6587|\u539f\u6587|\u7f51\u9875)"
)
_ABOUT_PROMPT = re.compile(
    # "passage of time" and "code snippet" are about other things.
    rf"\b(?:the|this|that)\s+(?:{_GIVEN}\s+)?(?:web\s*page|{_SHOWN})\b(?!\s+of\s+(?:time|the\s+code))"
    rf"\s*(?:above|below|provided|given|mentions?|states?|says?|describes?|discusses|explains?"
    rf"|suggests?|tells?|shows?|,|\.|\?|'s)"
    rf"|\b(?:in|from|by|of|on|to)\s+(?:the|this)\s+(?:{_GIVEN}\s+)?{_SHOWN}\b(?!\s+of\s)"
    rf"|\b(?:the|this)\s+(?:provided|above|accompanying|supplied)\s+{_READ}\b"
    rf"|\b(?:according to|based on|as per|inspired by)\s+(?:the|this)\s+(?:{_GIVEN}\s+)?{_READ}\b"
    rf"|\bas\s+(?:stated|mentioned|described|discussed|explained|noted|said|shown|outlined)\s+in"
    rf"\s+the\s+(?:{_GIVEN}\s+)?{_READ}\b"
    rf"|\b(?:text|article|document|paragraph)\s+(?:above|provided|mentions|states|says)\b"
    # According to the snippet; the text given above; the snippet says.
    "|(?:\u6839\u636e|\u4f9d\u636e|\u57fa\u4e8e|\u7ed3\u5408|\u6309\u7167|\u6b63\u5982|\u5982|\u4ece)"
    f"(?:{_GIVEN_ZH}{_READ_ZH}|\u7247\u6bb5|\u539f\u6587|\u6587\u4e2d|\u77ed\u6587)"
    "|(?:\u4e0a\u8ff0|\u4ee5\u4e0a|\u6240\u7ed9|\u63d0\u4f9b)\u7684?"
    f"(?:{_READ_ZH}|\u6750\u6599(?!\u7684))"
    "|(?:\u7247\u6bb5|\u539f\u6587|\u6587\u4e2d|\u77ed\u6587|\u6587\u7ae0[\u4e2d\u91cc])"
    "(?:\u63d0\u5230|\u6307\u51fa|\u6240\u8ff0|\u6240\u8bf4|\u63cf\u8ff0|\u8bf4\u660e|\u8ba4\u4e3a)",
    re.IGNORECASE,
)

_PLACEHOLDER = re.compile(
    # [topic], [Problem1], [solution_here], [insert your name]; not a[1], nor [text](address).
    r"(?<![\w\])])\[ ?(?:(?>placeholder|instruction|statement|solution|response|question|section"
    r"|problem|address|insert|answer|topic|title|your|text|name|here|goes|the|of|an|a|\d{1,3})"
    r"[ _#.-]*+)++\](?![(\[:\w])"
    # Problem, exercise, solution, answer; here, please fill in and your, with what belongs there.
    "|[\\[\u3010](?:\u95ee\u9898|\u9898\u76ee|\u89e3\u7b54|\u7b54\u6848"
    "|(?:\u6b64\u5904|\u8bf7\u586b\u5199|\u60a8\u7684)[\u4e00-\u9fff]{0,8})\\d{0,2}[\\]\u3011]",
    re.IGNORECASE,
)
_OFTEN_MEANT = re.compile(
    r"[^a-z]*(?:(?:question|section|title|name|address|text|statement|here|the|of|an|a)[^a-z]*)*",
    re.IGNORECASE,
)
"""In brackets once, these may be meant: the [section] of a file, a [name] left out; so may [12]."""


def refusal(draft: Draft) -> str | None:
    """Return the words by which a model declines, at the start of a section or in a short draft."""
    for text in draft.sections.values():
        if match := _AT_START.match(_plain(text)):
            return match.group().strip()
    whole = "\n".join(draft.sections.values())
    if len(whole) < _SHORT and (match := _ANYWHERE.search(_plain(whole))):
        return match.group()
    return None


def talk_about_prompt(draft: Draft) -> str | None:
    """Return the words that speak of a text the reader does not have: the snippet.

    A programming problem may well be about a text or an article, never about a snippet.
    """
    is_code = draft.form == "code_qa"
    for text in (draft.sections.get("problem", ""),) if is_code else draft.sections.values():
        for match in _ABOUT_PROMPT.finditer(_plain(text)):
            if not is_code or re.search(_SHOWN, match.group(), re.IGNORECASE):
                return match.group()
    return None


def placeholder(draft: Draft) -> str | None:
    """Return a blank in the prose that was never filled: ``[topic]``, ``[insert your name]``."""
    found = [match.group() for match in _PLACEHOLDER.finditer(prose_of(draft))]
    named = [blank for blank in found if re.search(r"[^\W\d_]", blank)]
    if len(named) == 1 and named[0].isascii() and _OFTEN_MEANT.fullmatch(named[0]):
        return None
    return named[0] if named else None


def _plain(text: str) -> str:
    return text.replace("\u2019", "'")
