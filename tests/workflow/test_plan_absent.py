"""Plans of recipes whose text and weights are not there."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gapless.errors import DataError, GaplessError, ModelError, RecipeError
from gapless.modeling.folder import facts_of_config
from gapless.recipe import load
from gapless.records.views import Plan
from gapless.workflow import verbs
from gapless.workflow.base_model import BaseModel
from gapless.workflow.run_folder import RunFolder
from tests.workflow.world import make_world

LLAMA_3_8B = {
    "vocab_size": 128256,
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "max_position_embeddings": 8192,
}
"""Meta's config.json; the model has 8,030,261,248 parameters."""
MODEL = f"model: {{type: pretrained, path: models/8b, assumed: {{config: {LLAMA_3_8B}}}}}\n"
ONE = f"""
name: one
{MODEL}
sources:
  pubmed: {{role: domain, path: data/pubmed, assumed_tokens: 50B}}
order: {{phases: [{{tokens: 50B}}]}}
training: {{batch_tokens: 4194304, precision: bf16, device: cpu}}
"""
EVERYTHING = f"""
name: everything
{MODEL}
sources:
  pubmed: {{role: domain, path: data/pubmed, assumed_tokens: 50B}}
  chats: {{role: domain, path: "data/chats/*.jsonl", chat: {{}}, assumed_tokens: 1B}}
  made: {{role: domain, path: "synthesis:made", assumed_tokens: 1.5B, held_out: 0}}
  zh: {{role: general, path: [data/zh-a.parquet, data/zh-b.parquet], assumed_tokens: 80B}}
  en: {{role: general, path: "asset:no-such-asset", assumed_tokens: 200B}}
  code: {{role: general, path: "hf://datasets/nobody/nothing", assumed_tokens: 20B}}
  guidelines: {{role: reference, path: data/guidelines, assumed_tokens: 100M}}
synthesis:
  made:
    endpoint: {{model: big}}
    form:
      type: science_qa
      seeds: {{sources: [zh]}}
      by: {{type: labels, score: topic, labels: {{Medicine and Health: medicine}}}}
    requests: 1000000
  programs:
    endpoint: {{model: big}}
    form: {{type: code_qa, problems: data/problems.jsonl}}
    requests: 1000
scores:
  ppl: {{type: ngram_perplexity, reference: [guidelines], sources: [pubmed, chats, made]}}
  novelty: {{type: model_perplexity, sources: [pubmed], max_tokens: 1024}}
  topic: {{type: topic, labels: data/labels.jsonl, sources: [zh, en]}}
selection:
  pubmed: {{type: score, column: ppl, tokens: 10B}}
order:
  context: 2048
  strata: {{zh: topic, en: topic}}
  phases:
    - epochs: 1
      mixture: {{type: replay, general: 20%}}
    - tokens: 50B
      mixture:
        type: topic_feedback
        start:
          type: groups
          groups:
            zh: {{weight: 2, sources: {{zh: 4, pubmed: 1}}}}
            en: {{weight: 8, sources: {{en: 1}}}}
        interval: 2.5B
        sources: [zh, en]
    - tokens: 5B
      mixture:
        type: pretraining_like
        pretraining: {{web: 80, code: 15, books: 5}}
        replaced: [web]
        sources: {{code: code, books: en}}
        epoch: 1B
    - tokens: 1B
      mixture: {{type: shares, shares: {{pubmed: 0.5, zh/Law and Policy: 0.5}}}}
      curriculum: {{type: score, column: ppl, sources: [pubmed]}}
    - {{epochs: 1}}
training:
  batch_tokens: 4194304
  micro_batch_tokens: 16384
  precision: bf16
  device: cpu
  method: {{type: lora}}
probing:
  probes:
    - {{type: bits_per_byte}}
    - {{type: perplexity, by: topic}}
arms:
  adapters: {{}}
  whole: {{training: {{method: {{type: full}}}}}}
"""
SUITES = "probing.probes=[{type: harness, suite: stability_gap_medical}, {type: bits_per_byte}]"


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def tokens(planned: Plan, phase: int, arm: str = "adapters") -> dict[str, int]:
    return {
        row.source: row.tokens for row in planned.mixture if (row.arm, row.phase) == (arm, phase)
    }


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return verbs.plan(written(tmp_path_factory.mktemp("absent"), EVERYTHING))


@pytest.mark.parametrize("budget", ["tokens: 50B", "epochs: 1"])
def test_totals_are_right_to_the_token(budget: str, tmp_path: Path) -> None:
    planned = verbs.plan(written(tmp_path, ONE.replace("tokens: 50B}]", f"{budget}}}]")))
    (source,), (arm,) = planned.sources, planned.arms
    assert source.tokens == 50_000_000_000
    assert arm.tokens == 24_414_062 * 2048 == 49_999_998_976
    (row,) = planned.mixture
    assert (row.tokens, row.selected_tokens) == (49_999_998_976, 50_000_000_000)
    assert row.repetition == pytest.approx(1, abs=1e-7)
    assert planned.parameters == 8_030_261_248


def test_the_repetition_cap_counts_what_is_assumed(tmp_path: Path) -> None:
    nine = ONE.replace("[{tokens: 50B}]", "[{epochs: 9}]")
    with pytest.raises(DataError, match=r"which has 50,000,000,000: it would be repeated 9\.00"):
        verbs.plan(written(tmp_path, nine))


def test_every_kind_of_phase_plans_with_exact_budgets(everything: Plan) -> None:
    rows = 2048
    assert {source.name: source.tokens for source in everything.sources} == {
        "pubmed": 50 * 10**9,
        "chats": 10**9,
        "made": 15 * 10**8,
        "zh": 80 * 10**9,
        "en": 200 * 10**9,
        "code": 20 * 10**9,
    }
    domain = 10**10 + 10**9 + 15 * 10**8
    wanted = [round(domain / 0.8), 50 * 10**9, 5 * 10**9, 10**9, domain]
    planned = [tokens(everything, phase) for phase in range(5)]
    assert [sum(each.values()) for each in planned] == [w // rows * rows for w in wanted]
    assert sum(wanted) - everything.arms[0].tokens < 5 * rows

    def shares(phase: int, total: int, parts: dict[str, float]) -> None:
        exact = {name: total * part / sum(parts.values()) for name, part in parts.items()}
        assert planned[phase] == pytest.approx(exact, abs=10 * rows)

    general = {"zh": 0.2 * 80 / 300, "en": 0.2 * 200 / 300, "code": 0.2 * 20 / 300}
    special = {"pubmed": 0.8 * 10 / 12.5, "chats": 0.8 * 1 / 12.5, "made": 0.8 * 1.5 / 12.5}
    shares(0, wanted[0], special | general)
    shares(1, wanted[1], {"zh": 0.16, "pubmed": 0.04, "en": 0.8})
    shares(2, wanted[2], special | {"code": 0.15, "en": 0.05})
    shares(3, wanted[3], {"pubmed": 1, "zh/Law and Policy": 1})
    shares(4, wanted[4], special)


def test_a_selection_by_score_bounds_what_there_is(everything: Plan) -> None:
    (row,) = [r for r in everything.mixture if (r.arm, r.phase, r.source) == ("whole", 0, "pubmed")]
    assert row.selected_tokens == 10**10
    assert row.repetition == pytest.approx(1, abs=1e-6)


def test_costs_are_those_of_the_assumed_model(everything: Plan) -> None:
    settings = {key: value for key, value in LLAMA_3_8B.items() if key != "vocab_size"}
    facts = facts_of_config("llama", settings, 128256)
    assert everything.parameters == facts.parameters == 8_030_261_248
    (score,) = everything.scores
    assert (score.name, score.tokens) == ("novelty", 50 * 10**9)
    assert score.flops == facts.training_flops(50 * 10**9, 1024) / 3
    for arm in everything.arms:
        trained = facts.training_flops(arm.tokens, 2048)
        assert 1 < arm.flops / trained < 1.01, "training, and a little measuring"
        assert arm.memory_bytes > 4 * facts.parameters
    text = sum(50 * 10**9 * s for s in (1, 0.02, 0.03, 1.6, 4, 0.4, 0.002)) * 3.5
    checkpoints = everything.disk_bytes - 2 * text
    assert 12 * facts.parameters < checkpoints < 12 * facts.parameters * 20


def test_the_plan_says_what_it_assumes_and_what_it_does_without(everything: Plan) -> None:
    assumed, without = everything.warnings[:2]
    assert assumed == (
        "Not there, so assumed as the recipe says: pubmed (50B tokens), chats (1B tokens), "
        "zh (80B tokens), en (200B tokens), code (20B tokens), guidelines (100M tokens), "
        "made (1.5B tokens), the model (llama, 8.03B parameters). A run needs it all."
    )
    assert "scores.topic.labels (" in without
    assert "synthesis.programs.form.problems (" in without
    assert not any("estimates from their size" in told for told in everything.warnings)
    assert not any(stage.done for stage in everything.stages)


def test_a_plan_writes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, EVERYTHING)
    verbs.plan(path)
    assert list(tmp_path.iterdir()) == [path]


def test_suites_of_the_harness_are_planned(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    planned = verbs.plan(written(tmp_path, ONE), overrides=[SUITES])
    assert planned.arms[0].tokens == 49_999_998_976
    assert any("medmcqa" in told for told in planned.warnings)


def test_the_assumed_model_has_no_weights(tmp_path: Path) -> None:
    model = BaseModel(load(written(tmp_path, ONE)), recipe_dir=tmp_path, assumes=True)
    parameters = list(model.hollow().parameters())
    assert len(parameters) == 32 * 9 + 3
    assert all(parameter.is_meta for parameter in parameters)
    assert model.facts() is model.facts(), "it is made once"


def test_without_an_assumption_what_is_not_there_is_missed(tmp_path: Path) -> None:
    for name in ("pubmed", "chats", "zh", "guidelines"):
        with pytest.raises(DataError, match=r"no such file or folder|no file fits"):
            verbs.plan(
                written(tmp_path, EVERYTHING), overrides=[f"sources.{name}.assumed_tokens=null"]
            )
    with pytest.raises(ModelError, match="there is no such folder"):
        verbs.plan(written(tmp_path, EVERYTHING), overrides=["model.assumed=null"])
    with pytest.raises(GaplessError, match="'no-such-asset'"):
        verbs.plan(written(tmp_path, EVERYTHING), overrides=["sources.en.assumed_tokens=null"])


def test_only_a_plan_assumes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder") as caught:
        verbs.run(written(tmp_path, ONE))
    assert (caught.value.mend or "").endswith(
        "`gapless plan` goes on without it, by its assumed_tokens."
    )
    for refused in (
        lambda path: verbs.plan(path, exact=True),
        verbs.find_rate,
        verbs.synthesize,
    ):
        with pytest.raises(DataError, match="no such file or folder"):
            refused(written(tmp_path, ONE))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pubmed.txt").write_text("")
    with pytest.raises(ModelError, match="there is no such folder"):
        verbs.run(written(tmp_path, ONE), overrides=["sources.pubmed.path=data/pubmed.txt"])


def test_files_that_are_there_and_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "data" / "pubmed").mkdir(parents=True)
    assert verbs.plan(written(tmp_path, ONE)).sources[0].tokens == 50 * 10**9, "it is empty"
    (tmp_path / "data" / "pubmed" / "text.xyz").write_text("x")
    with pytest.raises(DataError):
        verbs.plan(written(tmp_path, ONE))


def test_a_model_that_transformers_does_not_know_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot make a 'lama' model"):
        verbs.plan(written(tmp_path, ONE), overrides=["model.assumed.architecture=lama"])


def test_longer_rows_than_the_assumed_model_takes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="takes at most 8,192"):
        verbs.plan(written(tmp_path, ONE), overrides=["order.context=16384"])


ASSUMED = [
    f"model.assumed={{config: {LLAMA_3_8B}}}",
    "sources.medicine.assumed_tokens=50B",
    "sources.prose.assumed_tokens=1T",
]


def without_time(planned: Plan) -> Plan:
    """The machine's speed is measured anew for each plan."""
    return replace(planned, arms=tuple(replace(arm, hours=0.0) for arm in planned.arms))


def test_what_is_there_counts_and_assumptions_change_nothing(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    plain, assuming = verbs.plan(recipe), verbs.plan(recipe, overrides=ASSUMED)
    assert without_time(assuming) == without_time(plain)
    assert plain.parameters < 100_000
    counted = verbs.plan(recipe, exact=True)
    assert all(source.exact for source in counted.sources)
    assert without_time(verbs.plan(recipe, overrides=ASSUMED)) == without_time(counted)


def test_one_thing_may_be_there_and_another_not(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    (tmp_path / "prose.jsonl").unlink()
    planned = verbs.plan(recipe, overrides=ASSUMED)
    sizes = {source.name: source.tokens for source in planned.sources}
    assert sizes["prose"] == 10**12
    assert 100 < (sizes["medicine"] or 0) < 10**5
    assert planned.parameters < 100_000
    assert planned.warnings[0] == (
        "Not there, so assumed as the recipe says: prose (1T tokens). A run needs it all."
    )
    assert any("estimates from their size" in told for told in planned.warnings)


def test_an_assumed_model_may_have_a_tokenizer_that_is_there(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    sets = [*ASSUMED, "model.path=models/8b"]
    digits = [
        {stage.name: stage.detail for stage in verbs.plan(recipe, overrides=more).stages}
        for more in (sets, [*sets, "model.tokenizer=base"], [])
    ]
    assert digits[0]["tokens.prose"] != digits[2]["tokens.prose"]
    assert digits[1]["tokens.prose"] == digits[2]["tokens.prose"]
    assert digits[1]["base"] != digits[2]["base"]


def test_labels_are_only_missing_quietly_where_something_is_assumed(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    score = "scores.topic={type: topic, labels: labels.jsonl, sources: [prose]}"
    with pytest.raises(DataError, match="there is no such file"):
        verbs.plan(recipe, overrides=[score])
    told = verbs.plan(recipe, overrides=[score, *ASSUMED]).warnings
    assert any(re.search(r"scores\.topic\.labels \(.*labels\.jsonl\)", each) for each in told)
    law = "order.phases=[{epochs: 1, mixture: {type: law, path: proposal.json}}]"
    with pytest.raises(DataError, match="there is no such file"):
        verbs.plan(recipe, overrides=[law, *ASSUMED, "arms={}"])


@pytest.mark.parametrize("sets", [ASSUMED, ["sources.prose.assumed_tokens=2T"], []])
def test_a_run_goes_on_whatever_is_assumed(sets: list[str], tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    folder = RunFolder(tmp_path / "runs" / "tiny")
    folder.claim(load(recipe, ["sources.prose.assumed_tokens=1T"]), [])
    (folder.artifacts / "training.alone-000000000000").mkdir()
    folder.check_recipe(load(recipe, sets))
    with pytest.raises(GaplessError, match=r"sources\.prose\.held_out"):
        folder.check_recipe(load(recipe, [*sets, "sources.prose.held_out=0.3"]))


def test_names_of_labels_do_not_make_a_source_larger(tmp_path: Path) -> None:
    def share(*named: str) -> Any:
        path = written(tmp_path, EVERYTHING)
        parts = {name: 1 / len(named) for name in named}
        phases = (
            "[{tokens: 1B, mixture: {type: replay, general: 50%}}, "
            f"{{tokens: 1B, mixture: {{type: shares, shares: {parts}}}}}]"
        )
        return tokens(verbs.plan(path, overrides=[f"order.phases={phases}"]), 0)

    assert share("zh/a", "zh/b", "zh/c") == share("zh")
