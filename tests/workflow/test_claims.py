"""Claims: runs of their recipes, numbers seen in them, a row of results."""

import textwrap
from pathlib import Path

import pytest

from gapless.errors import RecipeError, RunError
from gapless.workflow.claim_table import BEGIN, END, table, write_table
from gapless.workflow.claims import find_claims, judge_claims, read_results, runs_of
from tests.workflow.world import make_world

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "experiments" / "claims"

CLAIM = """
id: T1
hypothesis: Medicine is learnt.
source: a book
recipes: [../recipe.yaml]
seeds: 2
parts:
  learnt: {says: bits saved, unit: bits/byte, above: 0}
"""
MEASURE = """
def measure(seen):
    return {"learnt": seen.curve("alone", "domain").change}
"""


def write_claim(folder: Path, claim: str = CLAIM, measure: str = MEASURE) -> None:
    folder.mkdir(parents=True)
    (folder / "claim.yaml").write_text(textwrap.dedent(claim))
    (folder / "measure.py").write_text(textwrap.dedent(measure))


def test_runs_are_done_once_and_judged_over_seeds(tmp_path: Path) -> None:
    make_world(tmp_path)
    write_claim(tmp_path / "t1")
    [row] = judge_claims(tmp_path, jobs=2)
    assert row.id == "T1"
    assert row.seeds == (1, 2)
    [part] = row.parts
    first, second = part.values
    assert first != second  # each seed has a run of its own
    assert part.mean == pytest.approx((first + second) / 2)
    assert row.tokens > 0
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir() if path.is_dir())
    assert runs == ["recipe-seed1", "recipe-seed2"]
    assert not list(tmp_path.glob("runs/*/artifacts/training.*/model"))  # weights are not kept

    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/report.html")}
    assert judge_claims(tmp_path) == [row]
    assert judge_claims(tmp_path, rerun=False) == read_results(tmp_path / "results.jsonl") == [row]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_without_time_nothing_is_judged_and_the_former_row_stays(tmp_path: Path) -> None:
    make_world(tmp_path)
    write_claim(tmp_path / "t1")
    assert judge_claims(tmp_path, minutes=0) == []
    exact = CLAIM.replace("T1", "T2").replace("seeds: 2", "seeds: 1\nexact: true")
    exact = exact.replace("recipes: [../recipe.yaml]\n", "")
    write_claim(tmp_path / "t2", exact, "def measure(_): return {'learnt': 1.5}")
    [row] = judge_claims(tmp_path, minutes=0)
    assert (row.id, row.verdict) == ("T2", "reproduced")


def test_a_run_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    (tmp_path / "medicine.jsonl").unlink()
    write_claim(tmp_path / "t1")
    with pytest.raises(RunError, match=r"medicine\.jsonl") as error:
        judge_claims(tmp_path)
    assert "recipe-seed1.log" in str(error.value)
    assert recipe.is_file()


def test_what_measure_gives_must_be_what_the_claim_expects(tmp_path: Path) -> None:
    write_claim(tmp_path / "t1", NO_RUNS, "def measure(_): return {'forgot': 1.0}")
    with pytest.raises(RunError, match="measure gives forgot; the claim has learnt"):
        judge_claims(tmp_path)


NO_RUNS = CLAIM.replace("seeds: 2", "seeds: 1\nexact: true").replace("[../recipe.yaml]", "[]")


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ("def measure(_):\n  return {'learnt': 1 / 0}", r"measure\.py:2: measure failed: ZeroDiv"),
        ("x = 1\ndef measure(_:", r"measure\.py:2: the file cannot be run: SyntaxError"),
        ("def measure(_): return [1.0]", r"measure\.py: measure gave \[1\.0\]"),
        ("def measure(_): return {'learnt': 'a lot'}", r"measure gave 'a lot' for learnt"),
        ("import sys\nsys.exit(3)", r"measure\.py:2: the file cannot be run: SystemExit: 3"),
        ("def measure(_):\n  raise SystemExit(0)", r"measure\.py:2: measure failed: SystemExit"),
        ("measured = 1", r"measure\.py: there is no function `measure`"),
    ],
)
def test_a_measure_that_fails_is_named_with_its_line(
    measure: str, message: str, tmp_path: Path
) -> None:
    write_claim(tmp_path / "t1", NO_RUNS, measure)
    with pytest.raises(RunError, match=message):
        judge_claims(tmp_path)


def test_a_claim_without_a_measure_is_told_what_to_write(tmp_path: Path) -> None:
    write_claim(tmp_path / "t1", NO_RUNS)
    (tmp_path / "t1" / "measure.py").unlink()
    with pytest.raises(RunError, match=r"t1/measure\.py: the claim has no such file(.|\n)*def mea"):
        judge_claims(tmp_path)


def test_a_measure_that_cannot_be_loaded_is_refused_before_anything_runs(tmp_path: Path) -> None:
    make_world(tmp_path)
    write_claim(tmp_path / "t1", measure="def measure(")
    with pytest.raises(RunError, match="SyntaxError"):
        judge_claims(tmp_path)
    assert not (tmp_path / "runs").exists()


def test_a_broken_row_of_results_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    write_claim(tmp_path / "t1", NO_RUNS, "def measure(_): return {'learnt': 1.0}")
    judge_claims(tmp_path)
    results = tmp_path / "results.jsonl"
    whole = results.read_bytes()
    for broken in (b'{"id": "T0"', b'{"id": "T0", "parts": [], "seeds": []}', b"[]", b'"\xff"'):
        results.write_bytes(whole + broken)
        with pytest.raises(RunError, match=r"results\.jsonl:2: this is no row of results"):
            judge_claims(tmp_path)
        assert results.read_bytes() == whole + broken


def test_mistakes_name_the_file_and_the_claims_there_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no claim is there"):
        find_claims(tmp_path)
    write_claim(tmp_path / "t1", CLAIM.replace("above: 0", "abve: 0"))
    with pytest.raises(RecipeError, match=r"t1/claim\.yaml:\d+.*abve"):
        find_claims(tmp_path)
    with pytest.raises(RecipeError, match=r"no claim 'C99'(.|\n)*C16"):
        judge_claims(SHIPPED, only=["C99"], rerun=False)


def test_prepare_runs_before_the_recipes_once(tmp_path: Path) -> None:
    claim = CLAIM.replace("seeds: 2", "seeds: 1\nexact: true\nprepare: [../make.py]")
    claim = claim.replace("recipes: [../recipe.yaml]\n", "")
    script = "from pathlib import Path\nplace = Path(__file__).parent / 'made'\n"
    (tmp_path / "make.py").write_text(script + "place.open('a').write('x')\n")
    measure = "def measure(_): return {'learnt': 1.0}"
    write_claim(tmp_path / "t1", claim, measure)
    write_claim(tmp_path / "t2", claim.replace("T1", "T2"), measure)
    assert len(judge_claims(tmp_path)) == 2
    assert (tmp_path / "made").read_text() == "x"


def test_the_papers_sixteen_claims_are_there_with_recipes_that_load() -> None:
    from gapless.recipe import arms, load

    claims = find_claims(SHIPPED)
    assert [found.claim.id for found in claims] == [f"C{number}" for number in range(1, 17)]
    recipes = {run.recipe for found in claims for run in runs_of(found, SHIPPED / "runs", None)}
    assert len(recipes) > 5
    for recipe in recipes:
        assert arms(load(recipe))
    for found in claims:
        assert (found.folder / "measure.py").is_file()
        assert all((found.folder / script).is_file() for script in found.claim.prepare)
        assert found.claim.seeds >= 3 or found.claim.exact


def test_the_table_of_the_results_page_is_that_of_the_results() -> None:
    rows = read_results(SHIPPED / "results.jsonl")
    assert {row.id for row in rows if row.scale == "embedded"} == {f"C{n}" for n in range(1, 17)}
    page = (ROOT / "docs" / "results.md").read_text()
    assert "\n".join(table(rows)) in page


def test_the_table_goes_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nformer table\n{END}\nbelow\n")
    rows = read_results(SHIPPED / "results.jsonl")
    write_table(rows, page)
    text = page.read_text()
    assert text.startswith(f"above\n{BEGIN}\n| claim")
    assert text.endswith(f"{END}\nbelow\n")
    assert "former table" not in text
    (tmp_path / "bare.md").write_text("nothing")
    with pytest.raises(RunError, match="no place for a table"):
        write_table(rows, tmp_path / "bare.md")
