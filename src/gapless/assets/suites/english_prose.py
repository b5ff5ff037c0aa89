"""Questions on English prose: what comes next, the last word, agreement, the order of words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from gapless.assets.passages import Entry
from gapless.assets.suites.items import Draft, drawn, generator, shuffled

_SENTENCE = re.compile(r"(?<=[a-z0-9][.!?])\s+(?=[A-Z])")
_TITLE = re.compile(r"(?:Mr|Mrs|Dr|St|Messrs|Capt|Col|Gen|No|vs|Jr|Sr|U\.S)\.$")
_WORD = re.compile(r"[a-z]{4,}$")
_LAST = re.compile(r"[\"')\u201d\u2019]*[.!?][\"')\u201d\u2019]*$")
_BETWEEN = 3
"""Words that two swapped ones must have before them."""
_WINDOWS = 2000
"""Passages that are tried; more would take long in a work of many sentences."""
_ALIKE = 0.2
"""Wrong next sentences differ by at most so much in length."""
_NUMBER = {"is": "are", "was": "were", "has": "have", "are": "is", "were": "was", "have": "has"}
_PLURAL = frozenset({"are", "were", "have"})
_SUBJECT = re.compile(
    r"^(?:[A-Z][\w ]*, )?(The|This|That|These|Those|His|Her|Their|Our|Its) "
    r"((?:[a-z]+ ){0,2}?)([a-z]{3,}) ((?:of (?:the|his|her|their|our|a|an|all) [a-z]+ )?)"
    r"(is|are|was|were|has|have) (?!to\b)([^,;:]+)"
)
_NO_NOUN = frozenset([
    "there", "which", "what", "who", "that", "it", "all", "and", "or", "news", "means", "often",
    "also", "now", "then", "still", "never", "always", "instead", "alone", "itself",
    "themselves", "however", "therefore", "further", "ever", "here", "today", "too", "such",
])  # fmt: skip
_NO_ANSWER = frozenset([
    "that", "this", "these", "those", "them", "they", "their", "there", "then", "than", "with",
    "from", "have", "been", "were", "will", "would", "could", "should", "must", "what", "which",
    "when", "where", "whom", "your", "yours", "mine", "more", "most", "much", "such", "some",
    "very", "upon", "into", "over", "before", "after", "again", "himself", "herself", "itself",
    "themselves", "myself",
])  # fmt: skip


def sentences(text: str) -> list[str]:
    """Cut a paragraph into sentences; after Mr. and the like none ends."""
    found: list[str] = []
    for piece in _SENTENCE.split(" ".join(text.split())):
        if found and _TITLE.search(found[-1]):
            found[-1] += f" {piece}"
        else:
            found.append(piece)
    return found


def windows(text: str, fewest: int, most: int) -> Iterator[list[str]]:
    """Yield, for each sentence of a text's paragraphs, it and as many before it as make a passage.

    A passage has ``fewest`` to ``most`` words, of one paragraph.
    """
    for paragraph in text.split("\n\n"):
        own = sentences(paragraph)
        sizes = [len(sentence.split()) for sentence in own]
        for end in range(1, len(own) + 1):
            begin, count = end, 0
            while begin and count < fewest:
                begin -= 1
                count += sizes[begin]
            if fewest <= count <= most:
                yield own[begin:end]


def next_sentences(entries: Sequence[Entry], task: str) -> Iterator[Draft]:
    """Yield which of four sentences follows; the others are of other chapters, and as long."""
    draws = generator("choices", task)
    by_work: dict[str, list[tuple[str, str]]] = defaultdict(list)
    found = []
    for entry in entries:
        work = entry.id.split("/")[0]
        for paragraph in entry.text.split("\n\n"):
            own = sentences(paragraph)
            by_work[work] += [(entry.id, s) for s in own if 8 <= len(s.split()) <= 25]
        found += [(entry, work, held) for held in windows(entry.text, 30, 60)]
    for entry, work, held in islice(shuffled(found, "windows", task), _WINDOWS):
        if len(held) < 2 or not 8 <= len(held[-1].split()) <= 25:
            continue
        right = held[-1]
        fit = [
            s
            for key, s in by_work[work]
            if key.split("/")[1] != entry.id.split("/")[1]
            and abs(len(s) - len(right)) <= _ALIKE * len(right)
        ]
        wrong = drawn(draws, list(dict.fromkeys(fit)), 3)
        if wrong:
            yield Draft(
                source=entry.id, fields={"text": " ".join(held[:-1])}, right=right, wrong=wrong
            )


def last_words(entries: Iterable[Entry], fewest: int = 40, most: int = 100) -> Iterator[Draft]:
    """Yield passages without their last word, which stands before the last sentence too.

    After LAMBADA (Paperno et al. 2016), where people guess the word from the passage alone; here
    no one was asked: that it was said before stands for that.
    """
    for entry in entries:
        for held in windows(entry.text, fewest, most):
            draft = last_word(entry.id, held)
            if draft is not None:
                yield draft


def last_word(source: str, held: Sequence[str]) -> Draft | None:
    """Return sentences without the last word, if an earlier sentence has it."""
    if len(held) < 2 or not _LAST.search(held[-1]):
        return None
    words = _LAST.sub("", held[-1]).split()
    if len(words) < 5 or not words[-1].isalpha() or not _WORD.match(words[-1].casefold()):
        return None
    last = words[-1]
    if last.casefold() in _NO_ANSWER:
        return None
    before = " ".join(held[:-1])
    if not re.search(rf"\b{last}\b", before):
        return None
    text = " ".join([*held[:-1], *words[:-1]])
    return Draft(source=source, fields={"text": text}, right=last)


def agreement(entries: Iterable[Entry]) -> Iterator[Draft]:
    """Yield sentences cut before a verb, which goes on in the right and in the wrong number.

    After BLiMP (Warstadt et al. 2020), but of real sentences. The noun's number is told by its
    ending, and only what the sentence itself confirms is taken.
    """
    for entry in entries:
        for paragraph in entry.text.split("\n\n"):
            for sentence in sentences(paragraph):
                match = _SUBJECT.match(sentence)
                if match is None or not _confirmed(*match.group(1, 2, 3, 5)):
                    continue
                verb = match[5]
                rest = " ".join(match[6].split()[:6])
                if len(rest.split()) >= 3:
                    yield Draft(
                        source=entry.id,
                        fields={"text": sentence[: match.start(5)].strip()},
                        right=f"{verb} {rest}",
                        wrong=(f"{_NUMBER[verb]} {rest}",),
                        key=sentence,
                    )


def word_order(entries: Iterable[Entry]) -> Iterator[Draft]:
    """Yield sentences that go on as they are, or with two neighbouring words changed over."""
    draws = generator("places", "word_order")
    for entry in entries:
        for paragraph in entry.text.split("\n\n"):
            for sentence in sentences(paragraph):
                words = _LAST.sub("", sentence).split()
                if not 9 <= len(words) <= 25:
                    continue
                at = int(draws.integers(_BETWEEN, len(words) - 4))
                one, other = words[at : at + 2]
                if one == other or not (one + other).isalpha() or not (one + other).islower():
                    continue
                rest = words[at + 2 : at + 6]
                yield Draft(
                    source=entry.id,
                    fields={"text": " ".join(words[:at])},
                    right=" ".join([one, other, *rest]),
                    wrong=(" ".join([other, one, *rest]),),
                    key=sentence,
                )


def titles(entries: Sequence[Entry], task: str) -> Iterator[Draft]:
    """Yield which of four titles an article has; its text does not say the title."""
    draws = generator("choices", task)
    names = {e.id: e.text.split("\n\n")[0] for e in entries}
    every = list(dict.fromkeys(names.values()))
    for entry in entries:
        title, _, body = entry.text.partition("\n\n")
        plain = re.sub(r"\s*\(.*?\)", "", title).casefold()
        held: list[str] = []
        for sentence in sentences(body.split("\n\n")[0]):
            held.append(sentence)
            if len(" ".join(held).split()) >= 40:
                break
        text = " ".join(held)
        if not 40 <= len(text.split()) <= 90 or plain in text.casefold():
            continue
        wrong = drawn(draws, [t for t in every if t != title], 3)
        if wrong:
            yield Draft(source=entry.id, fields={"text": text}, right=title, wrong=wrong)


def _confirmed(determiner: str, between: str, noun: str, verb: str) -> bool:
    """Say whether determiner, ending and verb agree on a number."""
    is_plural = noun.endswith("s") and not noun.endswith(("ss", "us", "is"))
    if noun in _NO_NOUN or noun.endswith(("ing", "ly", "ed")) or _NO_NOUN & set(between.split()):
        return False
    if determiner in {"These", "Those"} and not is_plural:
        return False
    if determiner in {"This", "That"} and is_plural:
        return False
    return is_plural == (verb in _PLURAL)
