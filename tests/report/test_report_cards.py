"""Cards: true to the content, valid for the Hugging Face Hub, and deaf to what data says."""

import html
import re
from dataclasses import replace

import pytest
import sample
import yaml
from hostile import HOSTILE, poisoned

from gapless.report import Content
from gapless.report.cards import CardFacts, SeenSource, data_card, model_card
from gapless.report.cards.markdown import code, words

FACTS = CardFacts(
    name="sample-replay",
    arm="replay",
    average=False,
    base="SmolLM2-135M",
    base_model="HuggingFaceTB/SmolLM2-135M",
    languages=("en", "zh"),
    datasets=("owner/medical", "web"),
    chat=False,
    seen=(SeenSource(name="cardiology", tokens=800_000, share=0.8, times=2.5),),
    measured=(),
    settings=(("peak learning rate", "3e-05"),),
)
EVIL = (
    "[click](http://evil.example) <script>x</script> ![i](http://evil.example/i.png) | `a` "
    "https://evil.example www.evil.example someone@evil.example **bold** $x$ \x1b[2J\n# head\n---\n"
    "\N{RIGHT-TO-LEFT OVERRIDE}"
)


@pytest.fixture
def content() -> Content:
    return sample.content()


def test_the_head_is_what_the_hub_reads(content: Content) -> None:
    hub = pytest.importorskip("huggingface_hub")
    arm = content.arms[-1]
    card = hub.ModelCard(model_card(content, arm, FACTS))
    data = card.data
    assert data.library_name == "transformers"
    assert data.base_model == "HuggingFaceTB/SmolLM2-135M"
    assert data.language == ["en", "zh"]
    assert data.datasets == ["owner/medical", "web"]
    assert "gapless" in data.tags
    assert data.to_dict().get("license") is None
    results = {(r.dataset_type, r.metric_type): r.metric_value for r in data.eval_results}
    row = next(row for row in arm.gaps if row.name == "domain")
    assert results["domain", row.metric] == pytest.approx(row.final, abs=1e-6)
    assert all(result.task_type == "text-generation" for result in data.eval_results)


def test_what_is_not_known_is_left_out(content: Content) -> None:
    facts = replace(FACTS, base_model=None, languages=(), datasets=(), average=True)
    head = yaml.safe_load(model_card(content, content.arms[0], facts).split("---")[1])
    assert set(head) == {"library_name", "pipeline_tag", "tags"}


def test_a_model_card_tells_what_the_report_tells(content: Content) -> None:
    arm = content.arms[0]
    card = model_card(content, arm, FACTS)
    row = next(row for row in arm.gaps if row.name == "general")
    assert f"{row.final:.3f}" in card
    assert "| `cardiology` | 800\N{NARROW NO-BREAK SPACE}000 | 80.0 % | 2.50 |" in card
    assert "| peak learning rate | `3e-05` |" in card
    for part in ("## Use", "## Results", "## Settings", "## Cost and environment", "## Limits"):
        assert part in card
    assert f"`{content.arms[1].name}`" in card


def test_an_average_has_its_own_numbers(content: Content) -> None:
    arm = content.arms[0]
    row = arm.gaps[0]
    facts = replace(FACTS, average=True, measured=((row.name, row.metric, 1.25),))
    card = model_card(content, arm, facts)
    line = next(line for line in card.splitlines() if line.startswith(f"| `{row.name}`"))
    assert line.endswith("| 1.250 |")
    assert "model-index" not in card
    assert "the average of the weights" in card


def test_a_data_card_counts_every_document(content: Content) -> None:
    card = data_card(content)
    for source in content.sources:
        row = next(line for line in card.splitlines() if line.startswith(f"| `{source.name}`"))
        assert f"{source.read:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") in row
    for removal in content.removals:
        assert words(removal.reason) in card
    assert "## Held out" in card
    assert "## Evaluation items in the text" in card


def test_a_path_of_this_disk_is_nobody_s_business(content: Content) -> None:
    paths = ("/home/someone/secret.jsonl", "hf://datasets/owner/name/x.parquet")
    sources = tuple(
        replace(source, path_shown=path)
        for source, path in zip(content.sources, paths, strict=False)
    )
    card = data_card(replace(content, sources=sources))
    assert "secret" not in card
    assert "`hf://datasets/owner/name/x.parquet`" in card


@pytest.mark.parametrize("text", [EVIL, HOSTILE, "", "`", "``` x", " a ", "a\\", "1. a", "- a"])
def test_text_from_data_is_one_line_without_markup(text: str) -> None:
    named = code(text)
    fence = re.match("`+", named)
    assert fence is not None
    assert named.endswith(fence.group())
    inner = named[len(fence.group()) : -len(fence.group())]
    assert fence.group() not in re.findall("`+", inner)
    assert "|" not in named
    told = words(text)
    assert not re.search(r"[<>\[\]`|*_~\\]|https?:|^#|^[-+] |^\d+\. ", told)
    assert not re.search(r"www\.|@\w", told)
    for shown in (named, told):
        assert "\n" not in shown
        assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", shown)
    plain = html.unescape(words("Loss <0.5: [a](b)"))
    assert plain == "Loss <0.5: [a](b)"


def test_hostile_text_makes_no_markup_in_any_card(content: Content) -> None:
    for bad in (EVIL, HOSTILE):
        evil = replace(poisoned(content), warnings=(bad,), run_name=bad, environment={bad: bad})
        facts = replace(
            FACTS,
            name=bad,
            arm=bad,
            base=bad,
            seen=(replace(FACTS.seen[0], name=bad),),
            settings=((bad, bad),),
            datasets=(bad,),
        )
        for card in (model_card(evil, evil.arms[0], facts), data_card(evil)):
            front, body = "", card
            if card.startswith("---\n"):
                _, front, body = re.split(r"^---$", card, maxsplit=2, flags=re.MULTILINE)
                assert yaml.safe_load(front)["tags"] == ["gapless", "continual-pretraining"]
                assert front.isascii()
            outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", body)
            for found in ("<script", "<img", "](", "http:", "https:", "www."):
                assert found not in outside, found
            assert not re.search(r"[\x00-\x09\x0b-\x1f]", card)
