"""Where everything ended, in one look; and what the models wrote, as text and nothing else."""

from dataclasses import replace

import chromium
import pytest

from gapless.report import Content, CurveContent, SampleContent, render
from gapless.report.sections import profile, samples

MINUTES = (0, 100, 200)


def curve(name: str, role: str, metric: str, values: tuple[float, float]) -> CurveContent:
    first, last = values
    return CurveContent(
        name=name,
        role=role,
        metric=metric,
        higher_is_better=metric == "accuracy",
        tokens=MINUTES,
        values=(first, first, last),
        low=(first, first, last - 0.02),
        high=(first, first, last + 0.02),
    )


ENDS = {
    "exam": ("domain", "accuracy", (0.30, 0.35)),
    "notes": ("domain", "accuracy", (0.50, 0.61)),
    "books": ("general", "bits_per_byte", (2.0, 2.5)),
    "web": ("general", "bits_per_byte", (2.2, 2.1)),
    "web/law": ("general", "nats_per_token", (2.2, 2.1)),
    "domain": ("domain", "accuracy", (0.40, 0.48)),
}


@pytest.fixture
def small(content: Content) -> Content:
    curves = tuple(curve(name, *end) for name, end in ENDS.items())
    return replace(content, arms=tuple(replace(arm, curves=curves) for arm in content.arms[:2]))


def plots(content: Content) -> list[profile.Plot]:
    keys: dict[tuple[str, str], list] = {}
    for (name, metric), curves in profile.curves_named(content.arms).items():
        if name in {"exam", "notes", "books", "web"}:
            keys.setdefault((curves[0].curve.role, metric), []).append(curves)
    return [profile._plot(key, probes, content) for key, probes in keys.items()]


def test_a_chart_per_role_and_metric_has_what_gained_most_on_top(small: Content) -> None:
    domain, general = plots(small)
    assert (domain.title, domain.subtitle) == ("Domain: accuracy", "higher is better")
    assert (general.title, general.subtitle) == ("General: bits per byte", "lower is better")
    assert [row["name"] for row in domain.spec["rows"]] == ["notes", "exam"]
    assert [row["name"] for row in general.spec["rows"]] == ["web", "books"]
    row = domain.spec["rows"][1]
    assert row["base"] == [{"arm": None, "x": 30.0}]
    assert [point["arm"] for point in row["points"]] == [0, 1]
    assert row["points"][0] | {"x": 0} == {
        "arm": 0,
        "name": small.arms[0].name,
        "x": 0,
        "low": pytest.approx(33),
        "high": pytest.approx(37),
    }
    assert domain.table.head == ("Measured", "Base", *(arm.name for arm in small.arms))
    assert domain.table.rows[1] == ("exam", "30.0 %", *["35.0 % (33.0 to 37.0)"] * 2)


def test_arms_of_different_bases_have_a_line_each(small: Content) -> None:
    one, other = small.arms
    moved = tuple(replace(c, values=(c.values[0] + 0.1, *c.values[1:])) for c in other.curves)
    domain, _ = plots(replace(small, arms=(one, replace(other, curves=moved))))
    assert [base["arm"] for base in domain.spec["rows"][0]["base"]] == [0, 1]
    assert domain.table.rows[1][1] == "30.0 %, 40.0 %"


def test_means_and_topics_are_left_out_and_two_probes_are_too_few(small: Content) -> None:
    section = profile.build(small)
    assert section is not None
    assert section.html.count('class="plot dots"') == 2
    assert "web/law" not in section.html

    def only(*names: str) -> Content:
        arms = [
            replace(a, curves=tuple(c for c in a.curves if c.name in names)) for a in small.arms
        ]
        return replace(small, arms=tuple(arms))

    assert profile.build(only("exam", "web", "web/law", "domain")) is None
    assert profile.build(only("exam", "web", "books")) is not None
    assert profile.build(only()) is None


def test_a_probe_that_one_arm_lacks_has_a_gap_in_the_table(small: Content) -> None:
    one, other = small.arms
    fewer = replace(other, curves=tuple(c for c in other.curves if c.name != "exam"))
    domain, _ = plots(replace(small, arms=(one, fewer)))
    assert domain.table.rows[1][-1] == "\N{EN DASH}"
    assert len(domain.spec["rows"][1]["points"]) == 1


def test_a_value_that_is_not_known_is_not_drawn(small: Content) -> None:
    nan = float("nan")
    curves = tuple(
        replace(c, values=(nan, 1.0, nan) if c.name == "notes" else (0.3, 1.0, nan))
        for c in small.arms[0].curves
    )
    domain, _ = plots(replace(small, arms=(replace(small.arms[0], curves=curves), small.arms[1])))
    exam = next(row for row in domain.spec["rows"] if row["name"] == "exam")
    notes = next(row for row in domain.spec["rows"] if row["name"] == "notes")
    assert [point["arm"] for point in exam["points"]] == [1]
    assert [base["arm"] for base in notes["base"]] == [None]
    assert domain.table.rows[1][2] == "\N{EN DASH} (33.0 to 37.0)"


def wrote(prompt: str, *answers: str) -> SampleContent:
    return SampleContent(prompt=prompt, tokens=MINUTES[: len(answers)], answers=answers)


def test_answers_stand_side_by_side_and_a_common_base_stands_once(small: Content) -> None:
    one, other = small.arms
    one = replace(one, samples=(wrote("It is", " base", " early", " end one"),))
    other = replace(other, samples=(wrote("It is", " base", " early too", ""),))
    section = samples.build(replace(small, arms=(one, other)))
    assert section is not None
    assert section.html.count(">base</bdi>") == 1
    assert 'rowspan="2"' in section.html
    assert ["end one" in section.html, "early too" in section.html] == [True, True]
    assert '<span class="unsaid">nothing</span>' in section.html
    assert section.html.index("early<") < section.html.index("end one<")


def test_without_samples_there_is_no_section(small: Content) -> None:
    assert samples.build(small) is None
    assert 'id="samples"' not in render(small)


def test_what_a_model_wrote_is_text(small: Content) -> None:
    bad = "<img src=x onerror=hacked=1>\x1b]0;x\x07\x00\u202e</td></table>"
    arm = replace(small.arms[0], samples=(wrote(bad, bad, bad),))
    page = render(replace(small, arms=(arm,)))
    assert "<img" not in page
    assert not {"\x1b", "\x07", "\x00"} & set(page)
    assert page.count("&lt;img src=x") == 3


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_a_row_is_read_by_pointer_and_by_keys(small: Content, tmp_path, width: int) -> None:
    act = """const svg = inner.querySelector("#profile svg.chart"), view = inner.defaultView;
    const at = { clientX: 99, clientY: svg.getBoundingClientRect().top + 12 };
    const key = (name) => new view.KeyboardEvent("keydown", { key: name });
    svg.dispatchEvent(new view.PointerEvent("pointermove", at));
    const first = svg.parentElement.querySelector(".readout").textContent;
    svg.dispatchEvent(key("ArrowDown"));
    const second = svg.parentElement.querySelector(".readout").textContent;
    inner.querySelector("#profile .key").click();
    const marks = svg.querySelectorAll("use").length;
    view.hacked = [first, second, marks, svg.clientHeight].join("|");"""
    arm = replace(small.arms[0], samples=(wrote("long " * 60, "x" * 300, " words" * 60),))
    page = render(replace(small, arms=(arm, small.arms[1])))
    seen = chromium.open_page(page, tmp_path, width=width, act=act)
    assert seen.console == []
    assert int(seen.facts["overflow"]) <= width
    assert seen.facts["broken"] == "0"
    first, second, marks, height = seen.facts["hacked"].split("|")
    assert first.startswith("notesbase50.0 %")
    assert f"{small.arms[0].name}61.0 %59.0 to 63.0" in first
    assert second.startswith("exambase30.0 %")
    assert marks == "2", "of two arms on two rows one arm is hidden"
    assert int(height) > 80
