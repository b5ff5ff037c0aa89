"""The question put to the annotator, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3040-\u30ff]")


def ask(topics: Sequence[str], text: str) -> str:
    """Return the prompt for a document's beginning: Chinese for Chinese text, else English."""
    language = "zh" if is_chinese(text) else "en"
    place = resources.files("gapless.scoring.topics").joinpath(f"prompt_{language}.txt")
    prompt = place.read_text(encoding="utf-8").strip()
    prompt = prompt.replace("{topics}", "\n".join(f"- {topic}" for topic in topics))
    return prompt.replace("{document}", text)


def is_chinese(text: str) -> bool:
    """Whether over half of the letters are ideographs and next to none are kana (Japanese)."""
    letters = sum(map(str.isalpha, text))
    ideographs = len(_IDEOGRAPH.findall(text))
    return 2 * ideographs > letters and 20 * len(_KANA.findall(text)) < letters


def read_answer(answer: str, topics: Sequence[str]) -> tuple[str | None, str]:
    """Return the topic that an answer names, or None, and then the reason why.

    An answer counts when it is a topic's name, whatever its case, or holds the name of exactly one
    topic. Reasons: ``empty``, ``no_topic``, ``several_topics``. What a model thinks aloud between
    ``<think>`` marks is no answer.
    """
    said = _plain(_THOUGHTS.sub(" ", answer))
    if not said:
        return None, "empty"
    names = {_plain(topic): topic for topic in topics}
    if said in names:
        return names[said], ""
    found = set()
    # Longest first, and taken out: "Law" stands in "Law and Policy" without being meant.
    for name in sorted(names, key=len, reverse=True):
        said, times = re.subn(_whole(name), "\n", said)
        if times:
            found.add(names[name])
    if len(found) == 1:
        return found.pop(), ""
    return None, "several_topics" if found else "no_topic"


def _plain(text: str) -> str:
    """Lower-case, spell '&' as 'and', and leave single spaces and no marks at the ends."""
    words = text.casefold().replace("&", " and ").split()
    return " ".join(words).strip(" .,:;!*_`'\"#-")


def _whole(name: str) -> str:
    """Match a name that no Latin letter or digit continues; ideographs have no such borders."""
    return rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])"
