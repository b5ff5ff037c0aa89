"""What a plan says of the mixture: the tree of every arm, and what will not be seen."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gapless.recipe.schema import Order, Phase
from gapless.recipe.training import Training
from gapless.records.views import Plan, PlanMixtureRow, PlanNode
from gapless.workflow import verbs
from gapless.workflow.plan_tree import mixture_tree
from tests.workflow.test_order_walk import FEEDBACK, settings, world

REPLAY = {"type": "replay", "general": 0.25}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = world(tmp_path_factory.mktemp("planned"))
    verbs.plan(recipe, overrides=settings({}), exact=True)
    return recipe


def plan(recipe: Path, order: dict[str, Any], *more: str) -> Plan:
    return verbs.plan(recipe, overrides=[*settings(order), *more])


def nodes(tree: tuple[PlanNode, ...]) -> Iterator[PlanNode]:
    for node in tree:
        yield node
        yield from nodes(node.children)


def names(node: PlanNode) -> list[str]:
    return [child.name for child in node.children]


def test_every_node_is_the_sum_of_its_children_and_leaves_are_the_mixture(recipe: Path) -> None:
    order = {
        "strata": {"prose": "kind"},
        "phases": [{"tokens": 4096, "mixture": REPLAY}, {"tokens": 1024}],
    }
    planned = plan(recipe, order)
    (arm,) = planned.tree
    assert (arm.name, arm.tokens, arm.share) == ("main", 5120, None)
    assert names(arm) == ["phase 1", "phase 2"]
    one, two = arm.children
    assert one.detail == "4.1k tokens, replay of 25 % general text"
    assert two.detail == "1.02k tokens, domain text only"
    assert names(one) == ["domain", "general"]
    (prose,) = one.children[1].children
    assert sorted(names(prose)) == ["art", "law", "unlabelled"]
    for node in nodes(planned.tree):
        if node.children:
            assert node.tokens == sum(child.tokens for child in node.children)
            assert list(node.children) == sorted(node.children, key=lambda child: -child.tokens)
        if node.children and node.share is not None:
            assert node.share == pytest.approx(sum(child.share or 0 for child in node.children))
            parts = [child.available_tokens or 0 for child in node.children]
            assert node.available_tokens == sum(parts) > 0
            assert node.repetition == pytest.approx(node.tokens / sum(parts))
    leaves = [node for node in nodes(planned.tree) if not node.children]
    assert sorted((node.tokens, node.share) for node in leaves) == sorted(
        (row.tokens, row.share) for row in planned.mixture
    )


def test_sources_and_orders_have_the_digits_of_their_artifacts(recipe: Path) -> None:
    planned = plan(recipe, {"phases": [{"tokens": 1024, "mixture": REPLAY}]})
    digits = {stage.name: stage.detail for stage in planned.stages}
    found = {node.name: node.fingerprint for node in nodes(planned.tree) if node.fingerprint}
    assert found == {
        "main": digits["order.main"],
        "medicine": digits["tokens.medicine"],
        "prose": digits["tokens.prose"],
    }


def test_arms_that_see_the_same_are_drawn_once(recipe: Path) -> None:
    arms = {"one": {}, "same": {"training": {"learning_rate": 1e-3}}, "other": {"seed": 6}}
    planned = plan(recipe, {"phases": [{"tokens": 1024}]}, f"arms={json.dumps(arms)}")
    one, same, other = planned.tree
    assert one.children
    assert (same.detail, same.children, same.tokens) == ("as one", (), 1024)
    assert other.children
    assert other.detail == ""


def test_groups_changes_reuse_and_reacting_mixtures_are_told(recipe: Path) -> None:
    groups = {
        "type": "groups",
        "groups": {
            "two": {"weight": 1, "sources": {"prose": 1}},
            "one": {"weight": 3, "sources": {"medicine": 1, "prose": 1}},
        },
    }
    order = {
        "strata": {"prose": "kind"},
        "phases": [
            {"tokens": 1024, "mixture": groups},
            {"tokens": 1024, "mixture": groups, "reuse": True},
            {"tokens": 2048, "mixture": FEEDBACK},
        ],
        "changes": [{"at": 1100, "mixture": REPLAY}],
    }
    ((one, two, three),) = (arm.children for arm in plan(recipe, order).tree)
    assert names(one) == ["two and one", "one"]
    assert names(two) == ["general", "domain"], "the groups are not those of the whole phase"
    assert two.detail.splitlines() == [
        "1.02k tokens, 1 two : 3 one",
        "drawing from all documents again",
        "from token 1,088: replay of 25 % general text",
        "shares are those of the whole phase",
    ]
    assert three.detail.splitlines()[-1] == (
        "moves with measurements: shares are those of the start"
    )


def test_labels_that_nobody_has_counted_are_announced(tmp_path: Path) -> None:
    order = {"strata": {"prose": "kind"}, "phases": [{"tokens": 1024, "mixture": REPLAY}]}
    details = {node.name: node.detail for node in nodes(plan(world(tmp_path), order).tree)}
    assert details["prose"] == "by kind, once its labels are known"
    assert details["medicine"] == ""


def test_of_very_many_sources_and_labels_the_largest_are_drawn() -> None:
    count = 100_000
    sizes = {f"s{i}": 1000 + i for i in range(count)} | {f"web/{i}": 10 * i + 5 for i in range(22)}
    total = sum(sizes.values())
    rows = [
        PlanMixtureRow(
            arm="main",
            phase=0,
            source=name,
            share=tokens / total,
            tokens=tokens,
            selected_tokens=100,
            repetition=tokens / 100,
        )
        for name, tokens in sizes.items()
    ]
    stage = SimpleNamespace(fingerprint="0123456789", version=1, part={}, inputs={})
    names_of_sources = [*(f"s{i}" for i in range(count)), "web"]
    roles = {name: SimpleNamespace(role="general") for name in names_of_sources}
    order = Order(phases=(Phase(tokens=1024),))
    recipe = SimpleNamespace(sources=roles, order=order, training=Training())
    arm = SimpleNamespace(recipe=recipe, order=stage, trunk=None)
    tokens = dict.fromkeys(names_of_sources, stage)
    (tree,) = mixture_tree(cast("Any", {"main": arm}), cast("Any", tokens), rows)
    ((general,),) = (phase.children for phase in tree.children)
    assert tree.tokens == general.tokens == total
    assert names(general)[:3] == ["s99999", "s99998", "s99997"]
    assert len(general.children) == 13
    rest = general.children[-1]
    assert rest.name == "... 99,989 more"
    assert rest.detail == f"smallest share {100 * 1000 / total:.2g} %"
    assert sum(child.tokens for child in general.children) == total
    (only,) = mixture_tree(cast("Any", {"main": arm}), cast("Any", tokens), rows[-22:])
    (web,) = only.children[0].children[0].children
    assert names(web) == ["21", "20", "19", "18", "17", "... 17 more"]
    assert web.children[-1].detail == f"smallest share {100 * 5 / total:.2g} %"


def by_words(**more: Any) -> dict[str, Any]:
    return {"type": "score", "column": "words", "sources": ["medicine"], **more}


def test_a_curriculum_that_does_not_come_to_the_end_is_told(recipe: Path) -> None:
    whole = next(s.tokens for s in plan(recipe, {}).sources if s.name == "medicine")
    assert whole is not None
    one = {"tokens": 1024, "curriculum": by_words()}
    half = 32 * round(whole / 64)
    (told,) = plan(recipe, {"phases": [one]}).warnings
    reached = f"Phase 1 reaches {100 * 1024 / whole:.3g} % of medicine by words, ascending: "
    assert told == f"{reached}the rest is not seen."
    told, more = plan(recipe, {"phases": [one, one | {"tokens": half}]}).warnings
    assert told == f"{reached}the rest is left to later phases."
    assert more == (
        f"Phase 2 reaches {100 * half / (whole - 1024):.3g} % of medicine by words, ascending: "
        "the rest is not seen."
    )
    enough = {"tokens": whole - 1024, "curriculum": by_words()}
    assert len(plan(recipe, {"phases": [{"tokens": 1024}, enough]}).warnings) == 0
    again = plan(recipe, {"phases": [{"tokens": 1024}, enough | {"reuse": True}]}).warnings
    assert len(again) == 1, "it begins anew, and does not come to the end"
    assert len(plan(recipe, {"phases": [{"epochs": 1, "curriculum": by_words()}]}).warnings) == 0


def test_documents_without_a_score_are_told_to_come_last(recipe: Path) -> None:
    curriculum = {"type": "labels", "column": "kind", "labels": ["art"], "sources": ["prose"]}
    mixture = {"type": "shares", "shares": {"medicine": 0.1, "prose": 0.9}}
    order = {"phases": [{"tokens": 8192, "mixture": mixture, "curriculum": curriculum}]}
    (told,) = plan(recipe, order).warnings
    count = int(told.split()[0])
    assert 10 < count < 47
    assert told == (f"{count} documents of prose without a listed label in kind: they come last.")


def test_warnings_name_the_arms_that_they_are_about(recipe: Path) -> None:
    led = {"order": {"phases": [{"tokens": 1024, "curriculum": by_words()}]}}
    arms = f"arms={json.dumps({'a': led, 'b': {}, 'c': led})}"
    (told,) = plan(recipe, {"phases": [{"tokens": 1024}]}, arms).warnings
    assert told.startswith("Arms a, c: phase 1 reaches ")


def test_measuring_topic_by_topic_costs_a_reading_of_every_label(recipe: Path) -> None:
    labels = recipe.parent / "labels.jsonl"
    labels.write_text('{"text": "a", "topic": "x"}\n')
    scores = "scores.topic={type: topic, topics: [x, y, z], labels: labels.jsonl, sources: [prose]}"

    def flops(*probes: dict[str, Any]) -> float:
        overrides = [*settings({"phases": [{"tokens": 1024}]}, probes), scores]
        (arm,) = verbs.plan(recipe, overrides=overrides).arms
        return arm.flops

    bits = {"type": "bits_per_byte", "bytes_per_source": 4}
    whole = {"type": "perplexity", "bytes_per_label": 350_000}
    topic = whole | {"by": "topic"}
    base, plain, by_topic = flops(bits), flops(bits, whole), flops(bits, topic)
    assert base < plain < by_topic
    # two sources as a whole; one as a whole, the other by three labels
    assert (by_topic - base) / (plain - base) == pytest.approx(2, rel=1e-3)
    assert flops(bits, topic, topic | {"by": "kind"}) == pytest.approx(
        base + (plain - base) * 5 / 2, rel=1e-3
    ), "medicine as a whole is measured once, and how many kinds there are nobody knows"
