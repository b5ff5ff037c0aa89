"""The verbs that give to other tools and take from them, as typed."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gapless.cli.main import app
from gapless.recipe import load
from gapless.workflow.export_documents import ExportedDocuments
from gapless.workflow.export_tokens import ExportedTokens, TokensFile

CONFIGS = Path(__file__).parents[1] / "interchange" / "configs"
TOKENS = ExportedTokens(
    folder=Path("out"),
    files=(
        TokensFile(
            name="replay",
            form="rows",
            dtype="uint16",
            sequences=1200,
            tokens=1200 * 32,
            end_of_text=2,
            lost=("the borders",),
        ),
    ),
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    documents = ExportedDocuments(path=Path("out.jsonl"), documents={"papers": 1234, "web": 5})

    def answer(name: str, value: Any) -> None:
        def verb(*args: Any, **options: Any) -> Any:
            seen.append((args, options))
            return value

        monkeypatch.setattr(f"gapless.workflow.{name}.{name}", verb)

    answer("export_tokens", TOKENS)
    answer("export_documents", documents)
    return seen


def typed(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_export_tokens(calls: list[Any]) -> None:
    shown = typed("export", "tokens", "runs/x", "out", "--arm", "replay")
    assert calls == [((Path("runs/x"), Path("out")), {"sources": (), "arm": "replay"})]
    assert "out/replay.bin .idx  1,200 rows, 38,400 tokens, uint16" in shown
    assert "lost: the borders" in shown


def test_export_documents(calls: list[Any]) -> None:
    words = ["--source", "web", "--source", "papers"]
    shown = typed("export", "documents", "runs/x", "out.jsonl", *words)
    options = {"sources": ["web", "papers"], "arm": None}
    assert calls == [((Path("runs/x"), Path("out.jsonl")), options)]
    assert shown == "out.jsonl  documents: 1,234 of papers, 5 of web\n"


def test_import_prints_the_recipe_or_writes_it(tmp_path: Path) -> None:
    config = str(CONFIGS / "axolotl_completion.yaml")
    printed = typed("import", config, "--devices", "4")
    assert "4 are assumed here" in printed
    shown = typed("import", config, "--out", str(tmp_path / "it.yaml"))
    assert load(tmp_path / "it.yaml").training.batch_tokens == 8 * 8192
    assert "from axolotl" in shown
    assert "unfrozen_parameters" in shown


def test_a_config_that_cannot_be_imported_ends_with_the_status_of_a_wrong_recipe(
    tmp_path: Path,
) -> None:
    path = tmp_path / "it.yaml"
    path.write_text("{model_name_or_path: a/b, dataset: x, stage: ppo}")
    done = CliRunner().invoke(app, ["import", str(path)])
    assert done.exit_code == 2
    assert "preferences" in done.output
