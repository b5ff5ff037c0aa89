"""Finished models at several budgets from one run: arms whose decay begins early."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from gapless.errors import RunError
from gapless.training.checkpoints import Checkpoints
from gapless.workflow import verbs
from gapless.workflow.run_folder import RunFolder
from tests.workflow.test_order_walk import PHASES
from tests.workflow.test_order_walk import settings as settings_of_order
from tests.workflow.test_order_walk import world as reacting_world
from tests.workflow.world import make_world

ARMS: dict[str, Any] = {
    "at-2k": {"training": {"decay_from": 2000}},
    "long": {},
    "at-1k": {"training": {"decay_from": 1100, "schedule": {"decay": 512, "shape": "1-sqrt"}}},
}
"""Batches have 128 tokens, rows 32; nothing is measured or saved at 15 x 128 and at 8 x 128."""


def settings(arms: dict[str, Any], **training: Any) -> list[str]:
    schedule = {"type": "wsd", "warmup": 512, "decay": 768}
    mixture = {"type": "replay", "general": 0.25}
    order = {"context": 32, "phases": [{"tokens": 4096, "mixture": mixture}]}
    settings = {"schedule": schedule, "average": {"type": "ema", "decay": 0.9}, "pull": 1.0}
    return [
        f"arms={json.dumps(arms)}",
        f"order={json.dumps(order)}",
        "training.checkpoints.every=1152",
        "probing.every=1152",
        "probing.samples=[A row is, A document]",
        *(f"training.{key}={json.dumps(value)}" for key, value in (settings | training).items()),
    ]


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = recipe.parent.glob(f"runs/tiny/artifacts/{label}-????????????")
    return folder


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.open()]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All three in one run."""
    recipe = make_world(tmp_path_factory.mktemp("together"))
    verbs.run(recipe, overrides=settings(ARMS))
    return recipe


@pytest.fixture(scope="module", params=["at-2k", "at-1k"])
def alone(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """One that decays early in a run of its own."""
    name = request.param
    recipe = make_world(tmp_path_factory.mktemp(name))
    verbs.run(recipe, overrides=settings({name: ARMS[name]}))
    return name, recipe


def num_shared(recipe: Path, *arms: str) -> int:
    """Count the first steps that two arms have in common: trained again, they take other times."""
    seconds = [
        [row["seconds"] for row in rows_of(place / "speed.jsonl") if "share_of_matrix_rate" in row]
        for place in (artifact(recipe, f"training.{arm}") for arm in arms)
    ]
    shared = [one == two for one, two in zip(*seconds, strict=False)]
    assert shared == sorted(shared, reverse=True)
    return sum(shared)


def same_bytes(one: Path, two: Path) -> None:
    names = {path.name for path in one.glob("*.jsonl")}
    assert names == {path.name for path in two.glob("*.jsonl")}
    assert {"steps.jsonl", "measurements.jsonl", "observations.jsonl", "samples.jsonl"} < names
    for name in [*sorted(names - {"speed.jsonl"}), "model/model.safetensors"]:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    items = [sorted(path.name for path in place.glob("items/*")) for place in (one, two)]
    assert items[0] == items[1]
    averages = [load_file(place / "model-average/model.safetensors") for place in (one, two)]
    assert all(bool((averages[0][key] == averages[1][key]).all()) for key in averages[0])


def test_with_the_long_arm_and_without_it_the_results_are_the_same(
    alone: tuple[str, Path], together: Path
) -> None:
    name, recipe = alone
    same_bytes(artifact(recipe, f"training.{name}"), artifact(together, f"training.{name}"))


@pytest.mark.parametrize(("name", "kept"), [("at-2k", 15), ("at-1k", 8)])
def test_what_the_long_arm_has_done_is_not_trained_again(
    name: str, kept: int, together: Path
) -> None:
    assert num_shared(together, "long", name) == kept


def test_until_the_decay_it_is_the_long_arm_and_then_only_the_rate_differs_at_first(
    together: Path,
) -> None:
    steps = {n: rows_of(artifact(together, f"training.{n}") / "steps.jsonl") for n in ARMS}
    long, early = steps["long"], steps["at-2k"]
    assert (len(long), len(early)) == (32, 22)
    assert early[:16] == long[:16]
    assert [row["tokens"] for row in early[:-1]] == [row["tokens"] for row in long[:21]]
    assert early[-1]["tokens_seen"] == 2752, "whole rows of 2000 + 768 tokens"
    rates = [row["learning_rate"] for row in early[16:]]
    begun = [16 * 128, 17 * 128, 18 * 128, 19 * 128, 20 * 128, 21 * 128]
    assert rates == pytest.approx([1e-2 * (1 - (token - 2000) / 768) for token in begun])
    shorter = [row["learning_rate"] for row in steps["at-1k"][9:]]
    assert [row["learning_rate"] for row in steps["at-1k"][4:9]] == [1e-2] * 5
    assert shorter == pytest.approx(
        [1e-2 * (1 - ((token - 1100) / 512) ** 0.5) for token in (1152, 1280, 1408, 1536)]
    )


def test_the_plan_is_the_run_to_the_token(together: Path) -> None:
    plan = verbs.plan(together, overrides=settings(ARMS))
    steps = {n: rows_of(artifact(together, f"training.{n}") / "steps.jsonl") for n in ARMS}
    assert [arm.name for arm in plan.arms] == list(ARMS)
    for arm in plan.arms:
        assert (arm.steps, arm.tokens) == (len(steps[arm.name]), steps[arm.name][-1]["tokens_seen"])
        planned = {row.source: row.tokens for row in plan.mixture if row.arm == arm.name}
        seen = [row["tokens"] for row in steps[arm.name]]
        assert planned == {name: sum(row.get(name, 0) for row in seen) for name in planned}
        assert sum(planned.values()) == arm.tokens
    early, long, earliest = plan.tree
    assert (early.detail, early.tokens) == ("as long, to token 2,752", 2752)
    assert (long.tokens, earliest.tokens) == (4096, 1600)
    assert long.children


def test_the_plan_counts_the_cost_of_what_an_arm_trains_itself(
    tmp_path: Path, together: Path
) -> None:
    recipe = make_world(tmp_path)
    before = {arm.name: arm for arm in verbs.plan(recipe, overrides=settings(ARMS)).arms}
    after = {arm.name: arm for arm in verbs.plan(together, overrides=settings(ARMS)).arms}
    alone = {"at-2k": ARMS["at-2k"]}
    (whole,) = verbs.plan(recipe, overrides=settings(alone)).arms
    assert {name: arm.flops for name, arm in before.items()} == {
        name: arm.flops for name, arm in after.items()
    }
    assert before["at-2k"].probes == 2, "at 18 x 128 and at the end"
    assert whole.probes > 2
    assert before["at-2k"].tokens == whole.tokens == 2752
    assert 0.2 < before["at-2k"].flops / whole.flops < 0.4


def test_an_arm_alone_ends_in_the_phase_where_its_decay_ends(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    phases = [{"tokens": 2048, "mixture": {"type": "replay", "general": 0.5}}, {"tokens": 2048}]
    order = json.dumps({"context": 32, "phases": phases})
    for begin, ends in ((2000, ["", "2,752"]), (1100, ["1,856"])):
        alone = {"early": {"training": {"decay_from": begin}}, "seeded": {"seed": 3}}
        plan = verbs.plan(recipe, overrides=[*settings(alone), f"order={order}"])
        early, _ = plan.tree
        assert [
            phase.detail.partition("the run ends here, at token ")[2] for phase in early.children
        ] == ends
        assert early.tokens == plan.arms[0].tokens


def test_status_audit_and_show_know_where_it_ends(together: Path) -> None:
    run_dir = together.parent / "runs" / "tiny"
    ends = {"at-2k": 2752, "long": 4096, "at-1k": 1600}
    status = {arm.name: (arm.tokens_seen, arm.total_tokens) for arm in verbs.status(run_dir).arms}
    assert status == {name: (end, end) for name, end in ends.items()}
    for audit in verbs.audit(run_dir):
        assert audit.differences == ()
        assert audit.tokens_seen == audit.total_tokens == ends[audit.arm]
    (last,) = {(glimpse.row, glimpse.arm) for glimpse in verbs.show(run_dir, 2751, "at-2k")}
    assert last == (85, "at-2k")
    with pytest.raises(RunError, match="outside arm 'at-2k', which has 2,752 tokens"):
        verbs.show(run_dir, 2752, "at-2k")
    one, two = (verbs.show(run_dir, 1500, name) for name in ("long", "at-1k"))
    assert [(g.document_id, g.text) for g in one] == [(g.document_id, g.text) for g in two]
    assert "at-2k" in (run_dir / "report.html").read_text()


def test_the_long_arm_keeps_a_state_for_each(together: Path) -> None:
    kept = {path.name for path in artifact(together, "training.long").glob("checkpoints/*")}
    assert {"step-00000008", "step-00000015", "step-00000032"} <= kept
    for name in ("at-2k", "at-1k"):
        own = {path.name for path in artifact(together, f"training.{name}").glob("checkpoints/*")}
        assert not own & {"step-00000008", "step-00000015"}, "its own are enough for it"


def test_an_arm_that_is_added_later_goes_on_from_what_is_there(
    tmp_path: Path, together: Path
) -> None:
    recipe, run_dir = make_world(tmp_path), tmp_path / "runs" / "tiny"
    every = {"every": 1152, "keep_last": 9}
    verbs.run(recipe, overrides=settings({"long": {}}, checkpoints=every))
    with pytest.raises(RunError, match="made by another recipe"):
        verbs.run(recipe, overrides=settings({"long": {}, "new": {"seed": 3}}, checkpoints=every))
    arms = {"long": {}, "at-2k": ARMS["at-2k"], "at-1k": ARMS["at-1k"]}
    result = verbs.run(recipe, overrides=settings(arms, checkpoints=every))
    assert [label for label in result.did if label.startswith("training")] == [
        "training.at-2k",
        "training.at-1k",
    ]
    for name, kept in (("at-2k", 9), ("at-1k", 0)):
        assert num_shared(recipe, "long", name) == kept
        same_bytes(artifact(recipe, f"training.{name}"), artifact(together, f"training.{name}"))
    assert verbs.audit(run_dir)


class Stopping:
    """Progress of somebody who loses patience."""

    def __init__(self, arm: str, tokens: int) -> None:
        self.arm, self.tokens = arm, tokens

    def stage(self, name: str, detail: str) -> None: ...
    def done(self, name: str, detail: str) -> None: ...
    def note(self, text: str) -> None: ...

    def training(self, arm: str, tokens: int, *_: object) -> None:
        if (arm, tokens) == (self.arm, self.tokens):
            raise KeyboardInterrupt


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_cut_off_before_and_after_the_decay_begins_it_ends_the_same(
    tmp_path: Path, together: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_world(tmp_path)
    arms = {"at-2k": ARMS["at-2k"], "long": {}}
    cuts = [("long", 1920), ("long", 2048), ("at-2k", 0), ("at-2k", 2048), ("at-2k", 2432)]
    for arm, tokens in cuts:
        with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
            if not tokens:  # while it takes over what the long arm has done
                patch.setattr(Checkpoints, "adopt", interrupted)
            verbs.run(recipe, overrides=settings(arms), progress=Stopping(arm, tokens))
    verbs.run(recipe, overrides=settings(arms))
    assert num_shared(recipe, "long", "at-2k") == 15
    for name in arms:
        same_bytes(artifact(recipe, f"training.{name}"), artifact(together, f"training.{name}"))


REACTING = [
    *settings_of_order({"strata": {"prose": "kind"}, "phases": [PHASES[0]]}),
    "training.schedule={type: wsd, warmup: 512, decay: 512}",
    "probing.every=1152",
]


def test_a_mixture_that_reacts_to_the_long_arm_is_that_of_the_early_one(tmp_path: Path) -> None:
    early = {"early": {"training": {"decay_from": 2400}}}
    places = []
    for name, arms in (("alone", early), ("together", {"long": {}} | early)):
        recipe = reacting_world(tmp_path / name)
        verbs.run(recipe, overrides=[*REACTING, f"arms={json.dumps(arms)}"])
        assert [audit.differences for audit in verbs.audit(recipe.parent / "runs/tiny")] == [
            () for _ in arms
        ]
        places.append(artifact(recipe, "training.early"))
    one, two = places
    log, steps = rows_of(one / "mixture.jsonl"), rows_of(one / "steps.jsonl")
    assert [row["tokens_seen"] for row in log] == [0, 1024, 2048]
    assert steps[-1]["tokens_seen"] == 2912
    for name in ("mixture.jsonl", "steps.jsonl", "measurements.jsonl", "model/model.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    assert num_shared(recipe, "long", "early") == 18


def test_a_mixture_changed_on_the_way_changes_both(tmp_path: Path) -> None:
    arms = {"long": {}, "at-2k": ARMS["at-2k"]}
    change = '[{"at": 1500, "mixture": {"type": "replay", "general": 0.5}}]'
    changed, planned = make_world(tmp_path / "changed"), make_world(tmp_path / "planned")
    verbs.run(changed, overrides=settings(arms))
    verbs.run(changed, overrides=[*settings(arms), f"order.changes={change}"])
    alone = settings({"at-2k": ARMS["at-2k"]})
    verbs.run(planned, overrides=[*alone, f"order.changes={change}"])
    stages = RunFolder(changed.parent / "runs/tiny").stages()
    same_bytes(stages["training.at-2k"].path, artifact(planned, "training.at-2k"))
