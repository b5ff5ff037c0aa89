"""The card of an exported model."""

from collections.abc import Iterator, Sequence

from gapless.report.cards.facts import CardFacts
from gapless.report.cards.markdown import code, table, words
from gapless.report.cards.metadata import front_matter
from gapless.report.content import ArmContent, Content, GapRow
from gapless.report.numbers import (
    MISSING,
    amount,
    count,
    interval,
    metric_named,
    percent,
    plain_interval,
    signed,
    tokens,
    value,
)
from gapless.report.source_styles import is_topic
from gapless.report.verdict import in_order, verdict
from gapless.units import format_seconds

_MOST_ROWS = 60


def model_card(content: Content, arm: ArmContent, facts: CardFacts) -> str:
    """Return ``README.md`` for one model."""
    rows = tuple(row for row in in_order(arm.gaps) if not is_topic(row.name))
    lines = [
        *front_matter(facts, rows),
        f"# {code(facts.name)}",
        "",
        *_what(content, arm, facts),
        *_seen(arm, facts),
        *(_averaged(rows, facts) if facts.average else _results(rows)),
        *_settings(facts),
        *_cost(content, arm),
        *_limits(content, arm, facts),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _what(content: Content, arm: ArmContent, facts: CardFacts) -> Iterator[str]:
    average = "the average of the weights along " if facts.average else ""
    yield (
        f"This is {average}a continual pre-training of {code(facts.base)} "
        f"on {count(arm.tokens_seen)} tokens: arm {code(facts.arm)} of the run "
        f"{code(content.run_name)}, made with gapless."
    )
    yield ""
    if not facts.average:
        yield from (f"- {words(sentence)}" for sentence in verdict(arm).sentences)
        yield ""
    yield from (f"> **Note:** {words(warning)}\n" for warning in content.warnings)
    yield from ("## Use", "", "```python")
    yield "from transformers import AutoModelForCausalLM, AutoTokenizer"
    yield ""
    yield "tokenizer = AutoTokenizer.from_pretrained(FOLDER)"
    yield "model = AutoModelForCausalLM.from_pretrained(FOLDER)"
    yield from ("```", "")
    if facts.chat:
        yield from ("The tokenizer has a chat template.", "")


def _seen(arm: ArmContent, facts: CardFacts) -> Iterator[str]:
    yield from ("## What it was trained on", "")
    if arm.description:
        yield from (code(arm.description), "")
    yield from table(
        ("Source", "Tokens seen", "Share", "Times seen"),
        [
            (
                code(source.name),
                count(source.tokens),
                percent(source.share),
                MISSING if source.times is None else f"{source.times:.2f}",
            )
            for source in facts.seen
        ],
    )
    yield "Times seen: tokens seen for each token of the source that may be trained on; where a"
    yield "part was selected, that part is seen more often. DATA.md says where the text is from."
    yield ""


def _averaged(rows: Sequence[GapRow], facts: CardFacts) -> Iterator[str]:
    """Tabulate what the average was measured to be, once, at the end."""
    measured = {(name, metric): value for name, metric, value in facts.measured}
    own = [row for row in rows if (row.name, row.metric) in measured]
    if not own:
        return
    yield from ("## Results", "")
    cells = []
    for row in own[:_MOST_ROWS]:
        metric, final = metric_named(row.metric), measured[row.name, row.metric]
        name, label = code(row.name), words(metric.label)
        last = value(row.final, metric)
        cells.append((name, label, value(row.base, metric), last, value(final, metric)))
    yield from table(("Measured", "Metric", "Base", "Last weights", "This average"), cells)


def _results(rows: Sequence[GapRow]) -> Iterator[str]:
    if not rows:
        return
    yield from ("## Results", "")
    head = ("Measured", "Metric", "Base", "This model", "Change", "Fell by at most", "Back after")
    yield from table(head, [_result(row) for row in rows[:_MOST_ROWS]])
    if len(rows) > _MOST_ROWS:
        yield from (f"And {len(rows) - _MOST_ROWS} more in the run's report.", "")
    yield "Change: positive is better; below 0 on general text is forgetting. Brackets hold 95 %"
    yield "intervals over documents or questions, not over seeds. The stability gap is how far a"
    yield "metric fell below the base on the way, and after how many tokens it was back there."
    yield ""


def _result(row: GapRow) -> tuple[str, ...]:
    metric = metric_named(row.metric)
    span = interval(row.change_low, row.change_high, metric)
    depth = plain_interval(row.depth_low, row.depth_high, metric)
    fell = row.depth > 0
    name = f"{words(row.role)}, mean" if row.name == row.role else code(row.name)
    return (
        name,
        words(metric.label),
        value(row.base, metric),
        value(row.final, metric),
        signed(row.change, metric) + (f" ({span})" if span else ""),
        amount(row.depth, metric) + (f" ({depth})" if depth else "") if fell else "no drop",
        (tokens(row.tokens_to_recovery) if row.recovered else "never") if fell else MISSING,
    )


def _settings(facts: CardFacts) -> Iterator[str]:
    yield from ("## Settings", "")
    yield from table(("Setting", "Value"), [(words(k), code(v)) for k, v in facts.settings])


def _cost(content: Content, arm: ArmContent) -> Iterator[str]:
    yield from ("## Cost and environment", "")
    rows = [(words(name), code(text)) for name, text in content.environment.items()]
    if arm.seconds:
        rows.insert(0, ("Time of this training", format_seconds(arm.seconds)))
    yield from table(("", ""), rows)


def _limits(content: Content, arm: ArmContent, facts: CardFacts) -> Iterator[str]:
    yield from ("## Limits", "")
    yield f"- What {code(facts.base)} got wrong or was biased in is likely still so here."
    yield "- What was not measured above may have changed as well."
    if not facts.chat:
        yield "- It continues text; it was not trained to follow instructions, nor to refuse."
    if len(content.arms) > 1:
        names = ", ".join(code(other.name) for other in content.arms if other is not arm)
        yield f"- The run has other arms, which did otherwise: {names}."
    unlooked = [source for source in content.sources if source.contaminated is None]
    if any(source.role != "reference" for source in unlooked):
        yield "- Nobody looked for evaluation items in the training text."
    yield ""
