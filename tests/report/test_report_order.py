"""The mixture seen, the topics of a mixture that reacts, and the curricula."""

import math
import re
from dataclasses import replace

import pytest
import sample_order
from hostile import HOSTILE, poisoned
from test_report_page import Parsed
from test_report_scores import specs
from test_report_words import cells

from gapless.report import (
    Content,
    CurriculumTrace,
    CurveContent,
    MixturePoint,
    PhaseMark,
    Round,
    render,
)
from gapless.report.decisions import reactions
from gapless.report.numbers import perplexity, signed_percent
from gapless.report.sections import curriculum, curves, gap, mixture, topics
from gapless.report.source_styles import is_topic, part_groups, parts_of, source_styles
from gapless.report.stretches import merged, stretches
from gapless.report.verdict import headline_rows

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture(scope="module")
def ordered() -> Content:
    return sample_order.content()


def only(content: Content, **changes) -> Content:
    """The content with its reacting arm alone, changed."""
    return replace(content, arms=(replace(content.arms[1], **changes),))


def two_sources(shares):
    """Points at 10, 20, ...: ``a`` has the share, ``b`` the rest."""
    return tuple(
        MixturePoint(tokens_seen=10 * place, source=source, share=part)
        for place, share in enumerate(shares, start=1)
        for source, part in (("a", share), ("b", 1 - share))
    )


# Stretches


def test_neighbours_with_equal_shares_are_one_stretch():
    found = stretches(two_sources([0.25, 0.25, 0.75, 0.25]))
    assert [(s.start, s.end, s.shares["a"]) for s in found] == [
        (0, 20, 0.25), (20, 30, 0.75), (30, 40, 0.25),
    ]  # fmt: skip


def test_a_point_at_the_start_of_a_run_is_no_stretch():
    assert stretches((MixturePoint(tokens_seen=0, source="a", share=1.0),)) == []


def test_many_stretches_merge_without_changing_the_whole():
    shares = [0.25 + 0.001 * (k % 7) if k < 33 else 0.75 - 0.001 * (k % 5) for k in range(100)]
    found = stretches(two_sources(shares))
    assert len(found) == 100
    few = merged(found, parts=8, marks=(330,))
    assert [s.end for s in few] == [125, 250, 330, 375, 500, 625, 750, 875, 1000]
    assert sum(s.shares["a"] * (s.end - s.start) for s in few) == pytest.approx(10 * sum(shares))
    assert all(sum(s.shares.values()) == pytest.approx(1.0) for s in few)
    assert few[2].shares["a"] < 0.26, "the step at 330 is still a step"
    assert few[3].shares["a"] > 0.74
    assert merged(found, parts=100) == found


# Colours


def test_topics_of_a_source_lie_together_and_no_two_look_the_same(ordered):
    styles = source_styles(ordered)
    topics_ = [name for name in styles if is_topic(name)]
    assert topics_ == list(sample_order.TOPICS), "domain first, each source's topics in their order"
    assert len({styles[name] for name in topics_}) == len(topics_)
    for name in topics_:
        assert styles[name].startswith("warm" if name.startswith("medicine") else "cool")
    assert styles["medicine"] == "d0"
    assert styles["web"] == "g0"


@pytest.mark.parametrize("number", [1, 2, 22, 24, 60])
def test_every_number_of_topics_has_colours_that_are_there(ordered, number):
    points = tuple(
        MixturePoint(tokens_seen=1, source=f"web/{k}", share=1 / number) for k in range(number)
    )
    parts = parts_of(replace(only(ordered, mixture=points, curves=(), rounds=(), curricula=())))
    styles = [part.style for part in parts.values() if part.source]
    assert len(set(styles)) == number
    for style in styles:
        half, hue, light = style.split()
        assert half == "cool"
        assert 0 <= int(hue[1:]) < 24
        assert light in {"l0", "l1", "l2"}
    assert [part.index for part in parts.values()] == list(range(len(parts)))


def test_a_legend_gathers_topics_under_their_source(ordered):
    groups = part_groups(part for part in parts_of(ordered).values() if part.source)
    assert [group.source for group in groups] == ["medicine", "web"]
    assert [part.label for part in groups[0].parts][:2] == ["Cardiology", "Oncology"]


# The mixture


def test_the_layers_are_the_contents_shares(ordered):
    still, reacting = specs(str(mixture.build(ordered).html))
    assert still["edges"] == [0, sample_order.TOTAL]
    assert still["phases"] == still["rounds"] == []
    assert reacting["edges"] == [0, *(sample_order.TOTAL * k // 60 for k in range(1, 61))]
    assert [layer["source"] for layer in reacting["layers"]] == ["medicine"] * 4 + ["web"] * 7
    points = {(p.tokens_seen, p.source): p.share for p in ordered.arms[1].mixture}
    for layer in reacting["layers"]:
        name = f"{layer['source']}/{layer['name']}"
        expected = [points[end, name] for end in reacting["edges"][1:]]
        assert layer["shares"] == pytest.approx(expected, abs=6e-5)


def test_phases_are_marked_only_where_there_are_several(ordered):
    _, reacting = specs(str(mixture.build(ordered).html))
    assert reacting["phases"] == [
        {"at": phase.tokens_seen, "label": phase.label} for phase in sample_order.PHASES
    ]
    one = only(ordered, phases=(PhaseMark(tokens_seen=0, label="all"),))
    assert specs(str(mixture.build(one).html))[0]["phases"] == []


def test_only_rounds_that_decide_are_marked(ordered):
    _, reacting = specs(str(mixture.build(ordered).html))
    assert reacting["rounds"] == list(sample_order.ROUNDS[1:])


def test_a_mixture_of_many_points_stays_small_and_keeps_its_steps(ordered):
    points = tuple(
        replace(point, tokens_seen=1000 * k + 500, share=point.share * (1 + 1e-4 * (k % 3)))
        for k in range(3000)
        for point in ordered.arms[0].mixture
    )
    (spec,) = specs(str(mixture.build(only(ordered, mixture=points, phases=(), rounds=())).html))
    assert len(spec["edges"]) - 1 == mixture.MAX_SHARES // len(sample_order.TOPICS)
    step = ordered.arms[1].rounds[1]
    marked = only(ordered, mixture=points, phases=(), rounds=(replace(step, tokens_seen=777_777),))
    assert 777_777 in specs(str(mixture.build(marked).html))[0]["edges"]


# The topics


def decision_tables(markup: str) -> list[list[list[str]]]:
    found = re.findall(r'<table class="decisions.*?</table>', markup, flags=re.DOTALL)
    return [cells(table)[1:] for table in found]


def test_every_decision_is_in_its_rounds_table(ordered):
    start, *decided = decision_tables(str(topics.build(ordered).html))
    first, *rounds = ordered.arms[1].rounds
    by_name = {d.topic.partition("/")[2]: d for d in first.decisions}
    assert {line[0] for line in start} == set(by_name)
    for name, now, share, note in start:
        decision = by_name[name]
        assert (now, share) == (perplexity(decision.perplexity), f"{100 * decision.share:.1f} %")
        assert note == ""
    assert len(decided) == len(rounds) == 3
    for table, each in zip(decided, rounds, strict=True):
        assert len(table) == len(sample_order.TOPICS)
        by_name = {d.topic.partition("/")[2]: d for d in each.decisions}
        for name, before, now, change, factor, share_before, share, note in table:
            d = by_name[name]
            assert (before, now) == (perplexity(d.perplexity_before), perplexity(d.perplexity))
            assert change == signed_percent(d.perplexity / d.perplexity_before - 1)
            assert factor == f"{TIMES} {d.factor:.2f}"
            assert share_before == f"{100 * d.share_before:.1f} %"
            assert share == f"{100 * d.share:.1f} %"
            assert note == d.note


def test_what_gained_most_stands_first(ordered):
    for table in decision_tables(str(topics.build(ordered).html))[1:]:
        growth = [float(line[6][:-2]) / float(line[5][:-2]) for line in table]
        assert growth[0] > 1 > growth[-1]
        assert growth == pytest.approx(sorted(growth, reverse=True), rel=0.02)


def test_a_summary_tells_which_perplexity_moved_which_share(ordered):
    (reaction,) = reactions(ordered.arms[1], 1, parts_of(ordered))
    assert [table.name for table in reaction.tables] == ["Start", "Round 1", "Round 2", "Round 3"]
    assert [table.decides for table in reaction.tables] == [False, True, True, True]
    start, first = (" ".join(table.summary.split()) for table in reaction.tables[:2])
    assert start == "perplexity 9.20 (Cardiology) to 27.40 (Art and Entertainment)"
    assert first == (
        "Law and Policy: perplexity +5.0 %, share 5.0 % to 6.2 %; "
        f"Cardiology: perplexity {MINUS}5.0 %, share 16.0 % to 12.5 %"
    )
    assert reaction.tables[1].where == "at 8.6M tokens, react"


def test_shares_hold_until_the_next_round_or_the_end_of_the_phase(ordered):
    (reaction,) = reactions(ordered.arms[1], 1, parts_of(ordered))
    ends = [each["end"] for each in reaction.spec["rounds"]]
    assert ends == [*sample_order.ROUNDS[1:], sample_order.PHASES[2].tokens_seen]
    last = replace(ordered.arms[1], phases=())
    (reaction,) = reactions(last, 1, parts_of(ordered))
    assert reaction.spec["rounds"][-1]["end"] == sample_order.TOTAL
    assert reaction.tables[1].where == "at 8.6M tokens"


def test_the_longest_bar_is_the_largest_change(ordered):
    (reaction,) = reactions(ordered.arms[1], 1, parts_of(ordered))
    rows = [row for table in reaction.tables for row in table.rows]
    for bars in ([row.change_bar for row in rows], [row.share_bar for row in rows]):
        lengths = [float(bar) for bar in bars if bar]
        assert max(map(abs, lengths)) == 1.0
        assert min(lengths) < 0 < max(lengths)


def test_each_group_of_parts_is_a_figure_of_its_own(ordered):
    halves = {
        source: tuple(topic for topic in sample_order.TOPICS if topic.startswith(source))
        for source in ("medicine", "web")
    }
    grouped = [sample_order.rounds(of, group=name, cap=1.0) for name, of in halves.items()]
    mixed = tuple(each for pair in zip(*grouped, strict=True) for each in pair)
    found = reactions(replace(ordered.arms[1], rounds=mixed), 0, parts_of(ordered))
    assert [(r.group, len(r.parts), len(r.tables)) for r in found] == [
        ("medicine", 4, 4), ("web", 7, 4),
    ]  # fmt: skip
    markup = str(topics.build(only(ordered, rounds=mixed)).html)
    assert markup.count('<figure class="plot topics">') == 2


def test_a_second_phase_starts_anew_and_rounds_count_on(ordered):
    later = tuple(
        replace(each, phase=2, tokens_seen=each.tokens_seen + 15_000_000)
        for each in ordered.arms[1].rounds[:2]
    )
    arm = replace(ordered.arms[1], rounds=(*ordered.arms[1].rounds, *later))
    (reaction,) = reactions(arm, 0, parts_of(ordered))
    assert [t.name for t in reaction.tables][3:] == ["Round 3", "Start", "Round 4"]


def test_one_topic_of_two_sources_is_named_with_its_source(ordered):
    def renamed(name: str) -> str:
        return name.replace("medicine/Cardiology", "medicine/News")

    rounds = tuple(
        replace(each, decisions=tuple(replace(d, topic=renamed(d.topic)) for d in each.decisions))
        for each in ordered.arms[1].rounds
    )
    changed = only(ordered, rounds=rounds)
    (reaction,) = reactions(changed.arms[0], 0, parts_of(changed))
    names = [topic["name"] for topic in reaction.spec["topics"]]
    assert {"News (medicine)", "News (web)", "Sports"} <= set(names)
    assert "News" not in names


def test_unknown_perplexities_are_dashes(ordered):
    rounds = tuple(
        replace(
            each,
            decisions=tuple(
                replace(d, perplexity=None, perplexity_before=math.nan) for d in each.decisions
            ),
        )
        for each in ordered.arms[1].rounds
    )
    markup = str(topics.build(only(ordered, rounds=rounds)).html)
    assert decision_tables(markup)[1][0][1:4] == ["\N{EN DASH}"] * 3
    assert "nothing measured" in markup
    assert "nan" not in markup.lower()


def test_no_section_without_rounds_or_curricula(ordered):
    bare = only(ordered, rounds=(), curricula=())
    assert topics.build(bare) is None
    assert curriculum.build(bare) is None
    page = render(bare)
    for key in ("topics", "curriculum"):
        assert f'id="{key}"' not in page
        assert f'href="#{key}"' not in page
    assert 'href="#topics"' in render(ordered)


# The curricula


def test_a_curriculum_is_drawn_as_it_is_and_grey_lies_behind(ordered):
    (spec,) = specs(str(curriculum.build(ordered).html))
    assert [line["name"] for line in spec["lines"]] == [
        "web, shuffled", "medicine/Oncology", "medicine/Cardiology",
    ]  # fmt: skip
    assert spec["lines"][0]["style"] == "shuffled"
    assert "part" not in spec["lines"][0]
    oncology = next(t for t in ordered.arms[1].curricula if t.name == "medicine/Oncology")
    assert spec["lines"][1]["style"] == source_styles(ordered)["medicine/Oncology"]
    for key, values in (("low", oncology.low), ("y", oncology.median), ("high", oncology.high)):
        assert spec["lines"][1][key] == pytest.approx(values, rel=1e-3)
    assert spec["ylog"], "the scores span a factor of more than thirty"


def test_each_score_is_a_chart_of_its_own(ordered):
    one = CurriculumTrace(
        name="web", column="words", tokens=(1, 2), low=(0.0, 1.0), median=(1.0, 2.0), high=(3, 4)
    )
    changed = only(ordered, curricula=(*ordered.arms[1].curricula, one))
    first, second = specs(str(curriculum.build(changed).html))
    assert (first["y"], second["y"]) == ("perplexity", "words")
    assert not second["ylog"], "a log scale has no place for 0"


def test_what_is_all_shuffled_or_empty_is_no_curriculum(ordered):
    first, _, shuffled = ordered.arms[1].curricula
    empty = replace(first, tokens=(), low=(), median=(), high=())
    assert curriculum.build(only(ordered, curricula=(shuffled, empty))) is None


def test_a_long_trace_is_thinned(ordered):
    values = tuple(float(k) for k in range(1, 10_001))
    long = CurriculumTrace(
        name="web", column="x", tokens=tuple(range(1, 10_001)), low=values, median=values,
        high=values,
    )  # fmt: skip
    (spec,) = specs(str(curriculum.build(only(ordered, curricula=(long,))).html))
    assert 200 <= len(spec["lines"][0]["x"]) <= curriculum.MAX_POINTS
    assert spec["lines"][0]["x"][-1] == 10_000


# The rest of the page with topics


def test_the_curves_of_topics_are_folded_by_source_with_their_colours(ordered):
    markup = str(curves.build(ordered).html)
    assert markup.count('<details class="fold">') == 2
    assert re.search(r"<bdi>medicine</bdi>: 4 topics", markup)
    assert re.search(r"<bdi>web</bdi>: 7 topics", markup)
    for name, style in source_styles(ordered).items():
        if is_topic(name):
            title = name.partition("/")[2]
            assert f'<i class="dot {style}"></i><bdi class="plot-title">{title}</bdi>' in markup


def test_the_gaps_of_topics_are_folded(ordered):
    markup = str(gap.build(ordered).html)
    before, _, folded = markup.partition('<details class="fold">')
    assert "web/Sports" not in before
    assert folded.count('class="group"') == len(sample_order.TOPICS)


def test_the_headline_tells_of_no_topic_where_there_is_anything_else(ordered):
    rows = ordered.arms[1].gaps
    whole = replace(rows[0], name="web")
    topic = replace(rows[0], name="web/News")
    assert {row.name for row in headline_rows(rows)} == {"domain", "general"}
    assert headline_rows((topic, whole)) == (whole,)
    assert headline_rows((topic,)) == (topic,)


def test_a_hostile_text_in_the_order_makes_no_markup(ordered):
    page = render(poisoned(ordered))
    clean, hostile = Parsed(render(ordered)), Parsed(page)
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in clean.tags}
    for _, attributes in hostile.tags:
        assert not any(name.startswith("on") for name in attributes)
    assert HOSTILE not in page


def test_every_chart_of_the_order_has_its_numbers_as_a_table(ordered):
    figures = re.findall(r"<figure.*?</figure>", render(ordered), flags=re.DOTALL)
    assert len(figures) == 2 + 11 + 1 + 2 + 2 + 1 + 1 + 2
    for figure in figures:
        assert "<table" in figure
        assert "<td" in figure


def test_the_order_of_two_arms_and_eleven_topics_stays_small(ordered):
    assert len(render(ordered).encode()) < 260_000


def test_twenty_two_topics_of_three_arms_stay_readable_in_size(ordered):
    names = [f"web/{name}" for name in "ABCDEFGHIJKLMNOPQRSTUV"]
    template = ordered.arms[1]

    def spread(each: Round) -> Round:
        first = each.decisions[0]
        return replace(
            each, decisions=tuple(replace(first, topic=name, share=1 / 22) for name in names)
        )

    points = tuple(
        MixturePoint(tokens_seen=sample_order.TOTAL * k // 400, source=name, share=(1 + k % 3) / 50)
        for k in range(1, 401)
        for name in names
    )
    topic: CurveContent = template.curves[2]
    arm = replace(
        template,
        curves=(*template.curves[:2], *(replace(topic, name=name) for name in names)),
        gaps=template.gaps[:2],
        mixture=points,
        rounds=tuple(spread(each) for each in template.rounds),
        curricula=tuple(replace(template.curricula[0], name=name) for name in names),
    )
    arms = tuple(replace(arm, name=f"arm {k}") for k in range(3))
    assert len(render(replace(ordered, arms=arms)).encode()) < 600_000
