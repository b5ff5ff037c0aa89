"""Instruction tuning by the same walk: conversations and plain text in one run."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from gapless import assets
from gapless.assets import store
from gapless.errors import DataError, GaplessError, RecipeError
from gapless.packing import IGNORED, pack
from gapless.recipe import arms, decode
from gapless.records.token_store import TokenStore
from gapless.tokenization import PLAIN_TEMPLATE
from gapless.workflow import verbs
from gapless.workflow.order import arm_order
from gapless.workflow.run_folder import RunFolder
from tests.workflow.world import documents, make_world, write_source

ROOT = Path(__file__).parents[2]
RECIPE = """
name: tiny
seed: 5
model: {type: pretrained, path: base}
sources:
  talks: {role: domain, path: talks.jsonl, id: id, held_out: 20%, chat: {template: plain}}
  prose: {role: general, path: prose.jsonl, id: id, held_out: 20%}
cleaning: {min_characters: 20}
order:
  context: 64
  packing: best_fit
  phases: [{epochs: 2, mixture: {type: replay, general: 25%}}]
training:
  batch_tokens: 256
  learning_rate: 1.0e-2
  precision: fp32
  device: cpu
probing:
  every: 8192
  probes: [{type: bits_per_byte, bytes_per_source: 2000}]
"""


def talks(count: int) -> list[dict[str, Any]]:
    """Conversations of two to four turns; every tenth is longer than a row, one has a name."""

    def messages(number: int, words: list[str]) -> Iterator[dict[str, str]]:
        half = len(words) // 2 * (1 + 3 * (number % 10 == 0))
        for turn in range(1 + number % 2):
            question = f"Is {turn} <|endoftext|> here?" if number == 3 else f"Which words {turn}?"
            yield {"role": "user", "content": question}
            yield {"role": "assistant", "content": f"{turn} " + " ".join((words * 4)[:half])}

    return [
        {"id": row["id"], "messages": list(messages(number, row["text"].split()[:8]))}
        for number, row in enumerate(documents(count, first=300))
    ]


def make_talking_world(folder: Path) -> Path:
    make_world(folder)
    write_source(folder / "talks.jsonl", talks(60))
    recipe = folder / "recipe.yaml"
    recipe.write_text(textwrap.dedent(RECIPE))
    return recipe


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = make_talking_world(tmp_path_factory.mktemp("talks"))
    verbs.run(recipe)
    return recipe


def run_dir(recipe: Path) -> Path:
    return recipe.parent / "runs" / "tiny"


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = (run_dir(recipe) / "artifacts").glob(f"{label}-????????????")
    return folder


def test_what_is_predicted_is_answers_and_all_of_plain_text(finished: Path) -> None:
    folder = RunFolder(run_dir(finished))
    stages = folder.stages()
    order = arm_order("main", arms(folder.recipe())["main"], stages)
    stores = {name: TokenStore.open(stages[f"tokens.{name}"].path) for name in ("talks", "prose")}
    tokenizer = AutoTokenizer.from_pretrained(finished.parent / "base")
    rows = order.rows(0, order.num_rows)
    packed = pack(rows, stores, context=order.context)
    predicted: dict[str, int] = {"talks": 0, "prose": 0}
    for number in range(order.num_rows):
        source, at = order.row(number).source, 0
        for segment in order.row(number).segments:
            length = segment.end - segment.begin
            targets = packed.targets[number, at : at + length - 1]
            ids = stores[source].document(segment.document)[segment.begin : segment.end]
            at += length
            predicted[source] += int(np.count_nonzero(targets != IGNORED))
            if source == "prose":
                assert targets.tolist() == ids[1:].tolist()
                continue
            text = tokenizer.decode(ids)
            said = tokenizer.decode([target for target in targets if target != IGNORED])
            if segment.begin == 0 and segment.end == stores[source].lengths[segment.document]:
                turns = text.removeprefix("<|endoftext|>").split("assistant\n")[1:]
                answers = [turn.split("<|endoftext|>")[0] for turn in turns]
                assert said == "".join(f"{answer}<|endoftext|>" for answer in answers)
    assert all(predicted.values())


def test_conversations_stay_whole_but_for_long_ones_which_the_plan_counts(finished: Path) -> None:
    folder = RunFolder(run_dir(finished))
    stages = folder.stages()
    order = arm_order("main", arms(folder.recipe())["main"], stages)
    talks_store = TokenStore.open(stages["tokens.talks"].path)
    for number in range(order.num_rows):
        row = order.row(number)
        for segment in row.segments if row.source == "talks" else ():
            if talks_store.lengths[segment.document] <= order.context:
                assert segment.begin == 0
                assert segment.end == talks_store.lengths[segment.document]
    lengths = talks_store.lengths[~talks_store.held_out]
    long = int((lengths > order.context).sum())
    assert 0 < long < len(lengths)
    (warning,) = (text for text in verbs.plan(finished).warnings if "conversations" in text)
    assert warning.startswith(f"{long} of {len(lengths)} conversations of talks are longer")
    cut = verbs.plan(finished, overrides=["name=other", "order.packing=cut"]).warnings
    assert any("best_fit" in text for text in cut)


def test_facts_tell_how_much_is_learned(finished: Path) -> None:
    facts = json.loads((artifact(finished, "tokens.talks") / "manifest.json").read_text())["facts"]
    store_ = TokenStore.open(artifact(finished, "tokens.talks"))
    trained = np.repeat(~store_.held_out, store_.lengths)
    assert facts["learned_tokens"] == int(store_.learned[trained].sum())
    assert facts["with_control_names"] == 1


def test_the_adapted_model_answers_with_the_template_it_was_taught(finished: Path) -> None:
    model_dir = artifact(finished, "training.main") / "model"
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    assert tokenizer.chat_template == PLAIN_TEMPLATE.read_text()
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Which words 0?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    assert model.generate(**asked, max_new_tokens=4, do_sample=False).shape[0] == 1


def test_the_domain_is_learned_and_a_second_run_has_nothing_to_do(finished: Path) -> None:
    rows = [
        json.loads(line)
        for line in (artifact(finished, "training.main") / "measurements.jsonl").open()
    ]
    bits = [row["value"] for row in rows if row["probe"] == "talks"]
    assert bits[-1] < bits[0]
    assert all(stage.done for stage in verbs.plan(finished).stages)


def test_show_prints_conversations_that_people_can_read(finished: Path) -> None:
    tokens = verbs.plan(finished).arms[0].tokens
    seen = {
        glimpse.text
        for token in range(0, tokens, tokens // 12)
        for glimpse in verbs.show(run_dir(finished), token)
        if glimpse.source == "talks"
    }
    assert len(seen) > 5
    assert all(text.startswith("User: ") and "\n\nAssistant: " in text for text in seen)


def test_the_report_is_written(finished: Path) -> None:
    assert "talks" in (run_dir(finished) / "report.html").read_text()


def fingerprints(recipe: Path, *overrides: str) -> dict[str, str]:
    return {
        s.name: s.detail[:7]
        for s in verbs.plan(recipe, overrides=["name=other", *overrides]).stages
    }


def test_what_is_learned_and_the_template_concern_tokens_only(finished: Path) -> None:
    before = fingerprints(finished)
    template = finished.parent / "own.jinja"
    template.write_text(PLAIN_TEMPLATE.read_text() + " ")
    for change in ("sources.talks.chat.learn=all", "sources.talks.chat.template=own.jinja"):
        after = fingerprints(finished, change)
        changed = {name for name in before if before[name] != after[name]}
        assert "tokens.talks" in changed
        assert not changed & {"documents.talks", "documents.prose", "tokens.prose", "probes"}
    again = fingerprints(finished, "sources.talks.chat.format=messages")
    assert again["documents.talks"] != before["documents.talks"]


def test_a_base_without_a_template_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    recipe = make_talking_world(tmp_path)
    with pytest.raises(DataError, match="no chat template") as caught:
        verbs.plan(recipe, overrides=["sources.talks.chat={}"])
    assert "sources.talks.chat" in (caught.value.where or "")
    assert "template: plain" in (caught.value.mend or "")
    with pytest.raises(GaplessError, match="no such file"):
        verbs.plan(recipe, overrides=["sources.talks.chat.template=none.jinja"])


def test_the_tokenizers_own_template_is_used_and_carried_along(tmp_path: Path) -> None:
    recipe = make_talking_world(tmp_path)
    own = PLAIN_TEMPLATE.read_text().replace("assistant\\n", "reply\\n")
    (tmp_path / "base" / "chat_template.jinja").write_text(own)
    verbs.run(recipe, overrides=["sources.talks.chat={}", "order.phases=[{tokens: 512}]"])
    model_dir = artifact(recipe, "training.main") / "model"
    assert AutoTokenizer.from_pretrained(model_dir).chat_template == own


def test_a_model_has_one_template(tmp_path: Path) -> None:
    recipe = make_talking_world(tmp_path)
    other = "{role: domain, path: talks.jsonl, chat: {template: own.jinja}}"
    with pytest.raises(RecipeError, match="a model has one"):
        verbs.plan(recipe, overrides=[f"sources.more={other}"])
    with pytest.raises(RecipeError, match="no column 'body'"):
        verbs.plan(recipe, overrides=["sources.talks.text=body"])


def test_the_shipped_recipe_in_small(tmp_path: Path) -> None:
    rows = list(store.read(assets.shipped("questions-small")))
    assert all(row["messages"][0]["role"] == "user" for row in rows)
    make_world(tmp_path)
    write_source(tmp_path / "questions.jsonl", rows[:60])
    recipe = yaml.safe_load((ROOT / "recipes/instruct_demo.yaml").read_text())
    assert arms(decode(recipe)).keys() == {"all_once", "quarter_with_replay"}
    recipe["model"]["path"] = "base"
    for name, source in recipe["sources"].items():
        source |= {"path": f"{name}.jsonl" if name == "questions" else "prose.jsonl"}
        source |= {"held_out": "10%"}
    recipe["deduplication"] = {"exact": False}
    recipe["order"]["context"] = 64
    recipe["training"] |= {"batch_tokens": 512, "precision": "fp32", "device": "cpu"}
    recipe["probing"] |= {"every": 4096, "first": 512}
    recipe["arms"]["all_once"] = {"order": {"phases": [{"tokens": 2048}]}}
    recipe["arms"]["quarter_with_replay"]["selection"]["questions"]["tokens"] = 2000
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(recipe))
    result = verbs.run(path)
    assert {row.arm for row in result.summary} == {"base", "all_once", "quarter_with_replay"}
