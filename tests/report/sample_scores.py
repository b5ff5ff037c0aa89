"""Scores and labels with numbers as real text gives them: medicine apart from general text."""

import numpy as np

from gapless.report import (
    ClassifierContent,
    LabelContent,
    LabelledSource,
    ScoreContent,
    ScoredExample,
    ScoredSource,
    SelectedContent,
)
from gapless.report.distribution import (
    bin_counts,
    bin_edges,
    lower_share,
    nearest_ranks,
    quantiles,
)
from gapless.seeds import stream

ROLES = {"cardiology": "domain", "pharmacology": "domain", "web": "general", "books": "general"}
ARMS = ("baseline", "subset x 4 epochs", "subset + replay")
PERPLEXITIES = {
    name: np.exp(stream(0, "perplexity", name).normal(middle, spread, size))
    for name, middle, spread, size in (
        ("cardiology", 4.2, 0.5, 4000),
        ("pharmacology", 4.6, 0.6, 2500),
        ("web", 6.6, 0.8, 8000),
        ("books", 6.1, 0.4, 1000),
    )
}
CUT = float(np.sort(PERPLEXITIES["cardiology"])[999])
HIGH_CUT = float(np.sort(PERPLEXITIES["cardiology"])[-1000])
WORDS = {"cardiology": stream(0, "words").gamma(3.0, 90.0, 4000)}
LIMIT = 400.0


def selection(arms, description, taken, edges, *, cuts=()):
    return SelectedContent(
        arms=arms,
        description=description,
        counts=tuple(bin_counts(taken, edges).tolist()),
        tokens=400_000,
        quantiles=quantiles(taken),
        cuts=cuts,
    )


def source(name, values, edges, selections=()):
    return ScoredSource(
        name=name,
        role=ROLES[name],
        unscored=7,
        counts=tuple(bin_counts(values, edges).tolist()),
        quantiles=quantiles(values),
        selections=tuple(selections),
        examples=tuple(
            ScoredExample(
                quantile=place,
                score=float(values[at]),
                origin=f"{name}-00.jsonl.gz:{at + 1}",
                beginning="The left ventricle was dilated and its wall moved little; ejection "
                "fraction 25 %. Beta blockade was begun at a low dose and raised every two weeks.",
                arms=ARMS if not selections else ARMS[1:] if values[at] <= CUT else (),
            )
            for place, at in nearest_ranks(values, (0.05, 0.25, 0.5, 0.75, 0.95)).items()
        ),
    )


def perplexity():
    edges, log = bin_edges(list(PERPLEXITIES.values()))
    values = PERPLEXITIES["cardiology"]
    lowest = selection(
        ("subset x 4 epochs", "subset + replay"),
        "the lowest perplexity, to 400,000 tokens",
        values[values <= CUT],
        edges,
        cuts=(("", CUT),),
    )
    highest = selection(
        ("baseline",),
        "the highest perplexity, to 400,000 tokens",
        values[values >= HIGH_CUT],
        edges,
        cuts=(("", HIGH_CUT),),
    )
    domain = np.concatenate([PERPLEXITIES[name] for name in ("cardiology", "pharmacology")])
    general = np.concatenate([PERPLEXITIES[name] for name in ("web", "books")])
    return ScoreContent(
        name="perplexity",
        about="perplexity under a 5-gram model of textbooks",
        edges=tuple(edges.tolist()),
        log=log,
        sources=tuple(
            source(name, own, edges, (lowest, highest) if name == "cardiology" else ())
            for name, own in PERPLEXITIES.items()
        ),
        domain_lower=lower_share(domain, general),
        note="All documents of books to choose from have the same perplexity: it prefers none.",
    )


def words():
    values = WORDS["cardiology"]
    edges, log = bin_edges([values])
    chosen = selection(
        ARMS,
        f"words at most {LIMIT:g}",
        values[values <= LIMIT],
        edges,
        cuts=(("at most", LIMIT),),
    )
    return ScoreContent(
        name="words",
        about="words of a document",
        edges=tuple(edges.tolist()),
        log=log,
        sources=(source("cardiology", values, edges, (chosen,)),),
    )


TOPICS = ("Medicine and Health", "Biology and Chemistry", "Law and Policy", "Others")
CONFUSION = ((90, 9, 0, 1), (12, 40, 0, 8), (0, 0, 20, 5), (2, 3, 4, 31))


def topic():
    return LabelContent(
        name="topic",
        about="one of 4 topics, by a classifier",
        labels=TOPICS,
        others=2,
        sources=(
            LabelledSource(
                name="cardiology",
                role="domain",
                unlabelled=12,
                counts=(3000, 800, 20, 160, 8),
                selections=(
                    SelectedContent(
                        arms=("subset + replay",),
                        description="at random, to 400,000 tokens divided by topic",
                        counts=(600, 200, 10, 0, 0),
                        tokens=400_000,
                    ),
                ),
            ),
            LabelledSource(
                name="web", role="general", unlabelled=0, counts=(90, 200, 900, 1800, 10)
            ),
        ),
        classifier=ClassifierContent(
            topics=TOPICS,
            labels=1125,
            held_out=225,
            accuracy=181 / 225,
            majority=100 / 225,
            macro_f1=0.7654,
            mean_confidence=0.79,
            confusion=CONFUSION,
        ),
    )
