"""Questions on medical abstracts: the last word of a conclusion, and which conclusion it has."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from gapless.assets.passages import Entry
from gapless.assets.suites.english_prose import last_word, sentences
from gapless.assets.suites.items import Draft, drawn, generator

_CONCLUSION = re.compile(r"^Conclusions?: (.+)$", re.MULTILINE)
_RESULTS = re.compile(r"^(?:Results|Findings|Main results): (.+)$", re.MULTILINE)
_NAME = re.compile(r"[a-z]{4,}")
_NEAREST, _WRONG = 12, 3
_ALIKE = 0.3


def last_words(entries: Sequence[Entry]) -> Iterator[Draft]:
    """Yield the end of an abstract without its last word, which stands in it before."""
    for entry in entries:
        own = sentences(entry.text.rsplit("\n\n", 1)[-1])
        title = entry.text.split("\n\n")[0]
        held = own[-3:]
        while len(held) > 2 and sum(len(s.split()) for s in held) > 80:
            held = held[1:]
        if len(held) < 2 or not 25 <= sum(len(s.split()) for s in held) <= 80:
            continue
        draft = last_word(entry.id, held)
        if draft is not None:
            fields = {"title": title, **draft.fields}
            yield Draft(source=entry.id, fields=fields, right=draft.right)


def conclusions(entries: Sequence[Entry], task: str) -> Iterator[Draft]:
    """Yield which of four conclusions an abstract has; the others are of the nearest titles."""
    draws = generator("choices", task)
    found = [each for entry in entries if (each := _parts(entry)) is not None]
    nearest = _nearest([title for _, title, _, _ in found])
    for number, (key, title, results, conclusion) in enumerate(found):
        near = [found[i][3] for i in nearest(number)]
        fit = [t for t in near if abs(len(t) - len(conclusion)) <= _ALIKE * len(conclusion)]
        wrong = drawn(draws, list(dict.fromkeys(t for t in fit if t != conclusion)), _WRONG)
        if wrong:
            fields = {"title": title, "results": results}
            yield Draft(source=key, fields=fields, right=conclusion, wrong=wrong)


def _parts(entry: Entry) -> tuple[str, str, str, str] | None:
    """Return key, title, the beginning of the results and that of the conclusion."""
    conclusion, results = _CONCLUSION.search(entry.text), _RESULTS.search(entry.text)
    if conclusion is None or results is None:
        return None
    first = sentences(conclusion[1])[0]
    shown = " ".join(sentences(results[1])[:2])
    if not 10 <= len(first.split()) <= 35 or not 10 <= len(shown.split()) <= 60:
        return None
    return entry.id, entry.text.split("\n\n")[0], shown, first


def _nearest(titles: Sequence[str]) -> Callable[[int], list[int]]:
    """Return what gives the titles that share the most and the rarest words with one."""
    words = [set(_NAME.findall(title.casefold())) for title in titles]
    counts = Counter(word for own in words for word in own)
    having: dict[str, list[int]] = defaultdict(list)
    for number, own in enumerate(words):
        for word in own:
            having[word].append(number)
    weight = {word: math.log(len(titles) / count) for word, count in counts.items()}

    def nearest(number: int) -> list[int]:
        scores: dict[int, float] = defaultdict(float)
        for word in sorted(words[number]):
            for other in having[word]:
                scores[other] += weight[word]
        scores.pop(number, None)
        return sorted(scores, key=lambda other: (-scores[other], other))[:_NEAREST]

    return nearest
