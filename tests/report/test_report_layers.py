"""The section on layers: which layers stand at either end, their rate, and what is said of them."""

from dataclasses import replace

import pytest
import sample
import sample_layers
from hostile import poisoned
from test_report_page import Parsed
from test_report_scores import specs

from gapless.report import ArmContent, GradientContent, PartMoves, Trace, render
from gapless.report.layers import ends_of, gradient_sentence, layers_sentences
from gapless.report.sections import layers


def moves(name: str, *values: float, tokens: tuple[int, ...] = (0, 10, 20)) -> PartMoves:
    layer = int(name) if name.isdigit() else None
    return PartMoves(name=name, layer=layer, update=Trace(tokens=tokens, values=values))


def arm_of(*parts: PartMoves, **changes) -> ArmContent:
    return replace(sample.content().arms[0], gaps=(), parts=parts, **changes)


def names(parts) -> list[str]:
    return [part.name for part in parts]


@pytest.mark.parametrize(
    ("number", "bottom", "top"),
    [
        (2, ["0"], ["1"]),
        (4, ["0"], ["3"]),
        (6, ["0", "1"], ["4", "5"]),
        (9, ["0", "1", "2"], ["6", "7", "8"]),
        (10, ["0", "1", "2", "3", "4"], ["5", "6", "7", "8", "9"]),
        (32, ["0", "1", "2", "3", "4"], ["27", "28", "29", "30", "31"]),
    ],
)
def test_the_ends_are_five_layers_or_a_third(number, bottom, top):
    parts = [moves(name, 0, 1, 1) for name in ("embeddings", *map(str, range(number)), "head")]
    ends = ends_of(arm_of(*reversed(parts)))
    assert (names(ends.bottom), names(ends.top)) == (bottom, top)


@pytest.mark.parametrize("parts", [(), ("embeddings",), ("0", "head")])
def test_one_layer_has_no_ends(parts):
    assert ends_of(arm_of(*(moves(name, 0, 1, 1) for name in parts))) is None


def test_the_rate_is_bottom_over_top_wherever_the_top_has_moved():
    ends = ends_of(arm_of(moves("0", 0, 0.3, 0.5), moves("1", 0, 0.2, 0.5)))
    rate = ends.rate()
    assert rate.tokens == (10, 20)
    assert rate.values == pytest.approx((1.5, 1.0))


def test_an_end_is_the_mean_of_its_layers():
    parts = [moves(str(k), 0, value, value) for k, value in enumerate((1, 2, 9, 9, 5, 6))]
    ends = ends_of(arm_of(*parts))
    assert ends.mean("bottom", "update").values == (0, 1.5, 1.5)
    assert ends.mean("top", "update").values == (0, 5.5, 5.5)


def test_the_words_say_what_was_measured_and_no_more():
    arm = arm_of(moves("0", 0, 0.3, 0.5), moves("1", 0, 0.2, 0.5))
    assert layers_sentences(arm, ends_of(arm)) == [
        "By the end the bottom layer had moved by 50 % of its norm, the top layer by 50 %.",
        "The rate of bottom to top was 1.5 at the first measurement (10 tokens) and 1 at the end.",
    ]


def test_the_rate_at_the_worst_of_general_text_is_said_when_the_drop_is_real():
    arm = sample_layers.content().arms[2]
    assert any(row.drop_is_real and row.role == "general" for row in arm.gaps)
    said = layers_sentences(arm, ends_of(arm))
    assert said[0].startswith("By the end the bottom 5 layers had moved by ")
    assert said[2].startswith("Where general text was at its worst (")
    unreal = tuple(replace(row, drop_is_real=False) for row in arm.gaps)
    assert len(layers_sentences(replace(arm, gaps=unreal), ends_of(arm))) == 2


def test_frozen_layers_have_no_rate():
    arm = arm_of(moves("0", 0, 0.3, 0.5), moves("1", 0, 0, 0))
    assert layers_sentences(arm, ends_of(arm))[1] == (
        "The top stayed as in the base: there is no rate."
    )
    page = render(replace(sample.content(), arms=(arm,)))
    assert "Rate of bottom to top" not in page


def test_gradients_are_counted_by_their_sign():
    trace = Trace(tokens=(10, 20, 30), values=(0.5, -0.25, 0.125))
    gradients = GradientContent(
        cosine=trace, domain_norm=trace, general_norm=trace, domain_tokens=1, general_tokens=1
    )
    assert gradient_sentence(arm_of(gradients=gradients)) == (
        "The gradients pointed apart (cosine below 0) at 1 of 3 measurements; "
        "the cosine lay between \N{MINUS SIGN}0.25 and 0.5."
    )
    assert gradient_sentence(arm_of()) == ""


def test_a_run_that_was_not_watched_has_no_such_section(content, page):
    assert layers.build(content) is None
    assert 'id="layers"' not in page


def test_every_chart_of_the_section_has_its_numbers():
    watched = sample_layers.content()
    section = layers.build(watched)
    charts = specs(str(section.html))
    assert [spec["title"] for spec in charts] == [
        "Bottom layers", "Top layers", "Rate of bottom to top", "General text",
        "Cosine of the gradients", "Domain's gradient",
        "Pace, bottom layers", "Pace, top layers", "Domain",
    ]  # fmt: skip
    first = watched.arms[0].parts[1:6]
    assert charts[0]["lines"][0]["y"][-1] == pytest.approx(
        100 * sum(part.update.values[-1] for part in first) / 5, rel=1e-5
    )
    assert str(section.html).count("<figure") == 9
    assert str(section.html).count('<details class="numbers">') == 10


def test_layers_alone_and_gradients_alone_make_a_section():
    arm = sample_layers.content().arms[0]
    for changed, titles in (
        (replace(arm, gradients=None), {"Bottom layers", "Rate of bottom to top"}),
        (replace(arm, parts=()), {"Cosine of the gradients", "Domain's gradient"}),
    ):
        section = layers.build(replace(sample.content(), arms=(changed,)))
        shown = {spec["title"] for spec in specs(str(section.html))}
        assert titles <= shown
        assert shown & {"Bottom layers", "Cosine of the gradients"} == titles & {
            "Bottom layers", "Cosine of the gradients",
        }  # fmt: skip


def test_hostile_names_make_no_markup():
    tags = {tag for tag, _ in Parsed(render(poisoned(sample_layers.content()))).tags}
    assert "img" not in tags
