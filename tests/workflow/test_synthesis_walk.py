"""Text that a language model writes: seeds, answers, checks, and a run that trains on them."""

import hashlib
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gapless.endpoints import Answers
from gapless.endpoints.scripted import Refusal, Reply, ScriptedServer
from gapless.errors import DataError, RecipeError
from gapless.records.synthesis_views import Batch
from gapless.sandbox import Sandbox, SandboxError
from gapless.seeds import stream
from gapless.synthesis import REASONS
from gapless.workflow import verbs
from tests.workflow.world import WORDS, make_world

SOURCE = "  written: {role: domain, path: 'synthesis:tales', id: work, held_out: 40%}\n"

SYNTHESIS = """
synthesis:
  tales:
    endpoint: {url: URL, model: scribe, concurrency: 4, price: {prompt: 1, completion: 10}}
    form:
      type: science_qa
      disciplines: [medicine, physics]
      by: {type: keywords, words: {medicine: [the], physics: [recipe]}, least: 1}
      seeds: {sources: [prose], min_characters: 40, max_characters: 120}
    requests: 40
"""


def _words(text: str, count: int) -> str:
    return " ".join(stream(0, "answer", text).choice(WORDS, count))


def scribe(body: Mapping[str, Any]) -> Any:
    """Answer by a hash of the question: mostly well, sometimes in each of three bad ways."""
    asked = json.dumps(body["messages"])
    turn = hashlib.sha256(asked.encode()).digest()[0] % 8
    if turn == 0:
        return Refusal()
    if turn == 1:
        return Reply("I cannot help with that.")
    problem, solution = _words(asked, 12), _words(asked + "!", 40)
    if turn == 2:
        return Reply(f"[Problem]\n{problem}?")
    return Reply(f"[Problem]\n{problem}?\n[Solution]\n{solution}.\nAnswer: {len(solution)}")


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(scribe) as running:
        yield running


@pytest.fixture
def recipe(tmp_path: Path, server: ScriptedServer) -> Path:
    path = make_world(tmp_path)
    tree = path.read_text().replace("order:\n  context", f"{SOURCE}order:\n  context", 1)
    path.write_text(tree + textwrap.dedent(SYNTHESIS).replace("URL", server.url))
    return path


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_request_becomes_a_document_or_a_rejection_with_its_reason(recipe: Path) -> None:
    (done,) = verbs.synthesize(recipe)

    assert done.folder is not None
    documents, rejected = (
        rows(done.folder / "documents.jsonl"),
        rows(done.folder / "rejected.jsonl"),
    )
    assert len(documents) + len(rejected) == done.requests == 40
    assert len({row["id"] for row in documents + rejected}) == 40
    assert dict(done.rejected) == Counter(row["reason"] for row in rejected)
    assert {"refused by the server", "no sections", "missing section"} & set(dict(done.rejected))
    assert done.documents == len(documents) > 10
    assert {row["label"] for row in documents} == {"medicine", "physics"}
    assert done.cost.endswith(" USD")


def test_an_answer_that_was_cut_is_called_cut_and_not_badly_formed(recipe: Path) -> None:
    with ScriptedServer(lambda _: Reply("[Problem]\nWhy does", finish="length")) as server:
        override = [f"synthesis.tales.endpoint.url={server.url}", "synthesis.tales.requests=3"]
        (done,) = verbs.synthesize(recipe, overrides=override)
    assert done.rejected == (("cut off", 3),)
    assert done.folder is not None
    (*_, row) = rows(done.folder / "rejected.jsonl")
    assert row["detail"] == "missing section: solution"


def test_a_document_tells_where_it_comes_from(recipe: Path) -> None:
    (done,) = verbs.synthesize(recipe)
    assert done.folder is not None

    for row in rows(done.folder / "documents.jsonl"):
        (seed,) = row["seeds"]
        assert seed["source"] == "prose"
        assert 40 <= seed["end"] - seed["begin"] <= 120
        assert row["model"] == "scribe"
        assert row["prompt_tokens"] > 0
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
        assert all(turn["content"] in row["text"] for turn in row["messages"])


def test_done_twice_it_asks_nobody_and_gives_the_same_bytes(
    recipe: Path, server: ScriptedServer, tmp_path: Path
) -> None:
    (first,) = verbs.synthesize(recipe)
    calls = server.num_calls

    (again,) = verbs.synthesize(recipe, run_dir=tmp_path / "runs" / "other")

    assert server.num_calls == calls > 0
    assert first.folder is not None
    assert again.folder is not None
    for name in ("documents.jsonl", "rejected.jsonl"):
        assert (first.folder / name).read_bytes() == (again.folder / name).read_bytes()


def test_more_requests_pay_only_for_what_is_new(recipe: Path, server: ScriptedServer) -> None:
    verbs.synthesize(recipe, overrides=["synthesis.tales.requests=20"])
    calls = server.num_calls

    (done,) = verbs.synthesize(recipe)

    assert done.requests == 40
    assert server.num_calls - calls == 20


def test_a_run_trains_on_what_was_written_and_reports_it(recipe: Path) -> None:
    result = verbs.run(recipe)

    report = (result.run_dir / "report.html").read_text()
    assert "Synthesis" in report
    assert "missing section" in report
    kinds = [label.split(".")[0] for label in result.did]
    assert kinds.index("synthesis") < kinds.index("tokens")
    assert "documents.written" in result.did
    assert any(
        g.source == "written"
        for token in range(0, 3000, 97)
        for g in verbs.show(result.run_dir, token, "alone")
    )


def test_a_pilot_lets_plan_say_what_the_rest_costs(recipe: Path, server: ScriptedServer) -> None:
    (before,) = verbs.plan(recipe).syntheses
    assert (before.pilot, before.cost, before.tokens) == (0, None, 40 * 1024)

    (pilot,) = verbs.synthesize(recipe, pilot=8)
    (row,) = verbs.plan(recipe).syntheses

    assert pilot.requests == row.pilot == row.answered == 8
    assert row.kept == pilot.documents / 8
    assert row.tokens == 5 * pilot.tokens
    assert row.cost is not None
    assert row.cost > 0
    assert row.hours is not None
    calls = server.num_calls
    verbs.synthesize(recipe)
    assert server.num_calls - calls == 32


def test_a_batch_goes_by_files_and_never_over_the_network(
    recipe: Path, server: ScriptedServer, tmp_path: Path
) -> None:
    (online,) = verbs.synthesize(recipe)
    assert online.folder is not None
    calls, other = server.num_calls, tmp_path / "elsewhere" / "run"

    (waiting,) = verbs.synthesize(
        recipe, run_dir=other, batch=Batch(requests_to=tmp_path / "asked")
    )
    assert (waiting.waiting, waiting.folder) == (40, None)
    assert waiting.file is not None
    answered = tmp_path / "answered.jsonl"
    with Answers(tmp_path / "runs" / "answers.sqlite", read_only=True) as known:
        lines = []
        for line in rows(waiting.file):
            answer = known.get(line["custom_id"])
            assert answer is not None
            message = {"role": "assistant", "content": answer.text}
            if answer.finish == "refused":
                body: dict[str, Any] = {
                    "error": {"message": answer.detail, "code": "content_filter"}
                }
                response = {"status_code": 400, "body": body}
            else:
                usage = {
                    "prompt_tokens": answer.prompt_tokens,
                    "completion_tokens": answer.completion_tokens,
                }
                choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
                body = {"model": answer.model, "choices": choices, "usage": usage}
                response = {"status_code": 200, "body": body}
            lines.append({"custom_id": line["custom_id"], "response": response, "error": None})
    answered.write_text("".join(json.dumps(line) + "\n" for line in lines))

    batch = Batch(requests_to=tmp_path / "asked", responses_from=(answered,))
    (done,) = verbs.synthesize(recipe, run_dir=other, batch=batch)

    assert server.num_calls == calls
    assert done.folder is not None
    assert (done.folder / "documents.jsonl").read_bytes() == (
        online.folder / "documents.jsonl"
    ).read_bytes()


def test_a_spoilt_copy_asks_the_same_and_pays_once(recipe: Path, server: ScriptedServer) -> None:
    tree = recipe.read_text()
    copied = (
        SYNTHESIS.replace("synthesis:\n", "").replace("tales", "spoilt").replace("URL", server.url)
    )
    recipe.write_text(tree + copied + "    draws: tales\n    corruption: {rate: 50%}\n")

    clean, spoilt = verbs.synthesize(recipe)

    assert clean.folder is not None
    assert spoilt.folder is not None
    before = {row["id"]: row for row in rows(clean.folder / "documents.jsonl")}
    after = {row["id"]: row for row in rows(spoilt.folder / "documents.jsonl")}
    changed = [key for key in after if after[key]["corrupted"]]
    assert before.keys() == after.keys()
    assert len(changed) == round(len(before) / 2)
    for key, row in after.items():
        assert (row["text"] != before[key]["text"]) == (key in changed)
    assert len({row["id"] for row in rows(clean.folder / "rejected.jsonl")}) == 40 - len(before)


def test_no_document_holds_an_evaluation_item_or_comes_from_a_held_out_work(recipe: Path) -> None:
    (done,) = verbs.synthesize(recipe)
    assert done.folder is not None
    documents = rows(done.folder / "documents.jsonl")
    used = {seed["document"] for row in documents for seed in row["seeds"]}

    import pyarrow.parquet as pq

    (place,) = (recipe.parent / "runs" / "tiny" / "artifacts").glob("documents.prose*")
    table = pq.read_table(place / "documents-00000.parquet")
    held_out = {
        i for i, h in zip(table["id"].to_pylist(), table["held_out"].to_pylist(), strict=True) if h
    }
    assert held_out
    assert used
    assert not used & held_out


def test_seeds_that_are_not_there_are_an_error_at_their_place(recipe: Path) -> None:
    override = [
        "synthesis.tales.form.seeds.min_characters=100000",
        "synthesis.tales.form.seeds.max_characters=100000",
    ]
    with pytest.raises(DataError, match=r"(?s)synthesis\.tales.*no document is a seed"):
        verbs.synthesize(recipe, overrides=override)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("sources.written.path=synthesis:tails", "there is no synthesis 'tails'"),
        ("synthesis.tales.form.seeds.sources=[nowhere]", "there is no source 'nowhere'"),
        ("synthesis.tales.form.seeds.sources=[written]", "written by a language model itself"),
        (
            "synthesis.tales.form.by={type: labels, score: topic, labels: {x: physics}}",
            "there is no score of labels 'topic'",
        ),
        ("synthesis.tales.endpoint.model=null", "synthesis.tales.endpoint.model"),
    ],
)
def test_a_recipe_that_cannot_be_written_is_refused(recipe: Path, override: str, told: str) -> None:
    with pytest.raises(RecipeError) as error:
        verbs.plan(recipe, overrides=[override])
    assert told in str(error.value)


def test_the_guide_names_every_reason_in_their_order() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "synthesis.md").read_text()
    told = [f"| {name} | {reason.meaning} |" for name, reason in REASONS.items()]
    assert "\n".join(told) in guide


def test_seeds_by_the_labels_of_a_score_wait_for_it_and_take_only_those(recipe: Path) -> None:
    (recipe.parent / "kind.py").write_text(
        "def score(texts):\n    return ['long' if len(t) > 200 else 'short' for t in texts]\n"
    )
    by = "{type: labels, score: kind, labels: {long: astronomy}}"
    override = [
        "scores={kind: {type: function, path: kind.py, returns: labels, sources: [prose]}}",
        f"synthesis.tales.form.by={by}",
        "synthesis.tales.form.disciplines=[astronomy]",
    ]
    (done,) = verbs.synthesize(recipe, overrides=override)

    assert done.folder is not None
    documents = rows(done.folder / "documents.jsonl")
    assert documents
    assert {row["label"] for row in documents} == {"astronomy"}
    plan = verbs.plan(recipe, overrides=override)
    names = [stage.name for stage in plan.stages]
    assert names.index("scores.kind.prose") < names.index("synthesis.tales")
    assert len(names) == len(set(names))


def test_other_forms_write_from_the_same_seeds(recipe: Path, server: ScriptedServer) -> None:
    seeds = "seeds: {sources: [prose], min_characters: 40, max_characters: 120}"

    def teacher(body: Mapping[str, Any]) -> Reply:
        asked = json.dumps(body["messages"])
        return Reply(f"Question: {_words(asked, 15)}?\nAnswer: {_words(asked + '!', 30)}.")

    with ScriptedServer(teacher) as running:
        override = [
            f"synthesis.tales.form={{type: rephrase, style: qa, {seeds}}}",
            f"synthesis.tales.endpoint.url={running.url}",
            "synthesis.tales.requests=6",
        ]
        (done,) = verbs.synthesize(recipe, overrides=override)
    assert done.documents == 6
    assert done.folder is not None
    assert all(row["form"] == "rephrase_qa" for row in rows(done.folder / "documents.jsonl"))


def test_a_key_that_is_not_set_is_told_before_any_text_is_prepared(recipe: Path) -> None:
    for verb in (verbs.synthesize, verbs.run):
        with pytest.raises(DataError) as error:
            verb(recipe, overrides=["synthesis.tales.endpoint.key=NOT_SET_HERE"])
        assert "NOT_SET_HERE" in str(error.value)
        assert error.value.where == "synthesis.tales.endpoint.key"
        assert not list((recipe.parent / "runs").glob("*/artifacts/documents*"))


def test_without_a_sandbox_no_code_is_asked_for(
    recipe: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> None:
        raise SandboxError("no sandbox works here")

    monkeypatch.setattr(Sandbox, "choose", refused)
    calls = server.num_calls
    with pytest.raises(SandboxError):
        verbs.synthesize(recipe, overrides=["synthesis.tales.form={type: code_qa}"])
    assert server.num_calls == calls
