"""Laws of a sweep's trials: how settings decide outcomes, and what to take for a big run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from gapless.errors import DataError, RunError
from gapless.records.sweep_views import FittedLaw, ProposedSettings, TrialRow
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.sweep_report import is_sweep_run, write_sweep_report
from gapless.workflow.sweep_results import TRIALS_FILE, read_rows
from gapless.workflow.sweep_saved import save_laws, save_proposal

if TYPE_CHECKING:
    from gapless.recipe import Recipe
    from gapless.surrogate import Side, Trials

DOMAIN, GENERAL = "domain", "general"
_SHARE_IN_SWEEP = "share of "
_KNOWN_AS = {"training.learning_rate": "learning_rate"}
"""What a setting is called in laws; others keep their path."""


def trials_of_run(run_dir: Path) -> tuple[Trials, dict[str, float]]:
    """Return a sweep's finished trials, and the base's bits per byte, by role and by probe.

    Raises:
        RunError: the folder holds no sweep that is done.

    """
    from gapless.surrogate import Outcome, Trial, Trials

    folder = RunFolder(run_dir)
    done = _done(folder)
    roles = _roles(folder.recipe())
    domain = tuple(sorted(name for name, role in roles.items() if role == DOMAIN))
    trials = Trials(
        tuple(
            Trial(
                settings=_settings(row),
                outcomes={n: Outcome(value=v) for n, v in _by_role(row.values, roles).items()},
                seed=row.seed,
                domain=domain,
            )
            for row in done
        )
    )
    return trials, _by_role(done[0].base, roles)


def _done(folder: RunFolder) -> list[TrialRow]:
    done = [row for row in read_rows(folder) if row.state == "done"]
    if not done:
        raise RunError("no trial is done", where=str(folder.path / TRIALS_FILE))
    return done


def _roles(recipe: Recipe) -> dict[str, str]:
    return {name: source.role for name, source in recipe.trained_sources.items()}


def _settings(row: TrialRow) -> dict[str, float | str]:
    settings: dict[str, float | str] = {"tokens": float(row.tokens_seen)}
    for path, value in row.settings.items():
        if path.startswith(_SHARE_IN_SWEEP):
            settings[f"share/{path.removeprefix(_SHARE_IN_SWEEP)}"] = value
        else:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            settings[_KNOWN_AS.get(path, path)] = float(value) if number else str(value)
    return settings


def _by_role(values: Mapping[str, float], roles: Mapping[str, str]) -> dict[str, float]:
    """Return bits per byte by probe, and the mean over each role's."""
    means = {
        role: fmean(value for name, value in values.items() if roles.get(name) == role)
        for role in (DOMAIN, GENERAL)
        if any(roles.get(name) == role for name in values)
    }
    return {**values, **means}


def fit_laws(
    run_dir: str | Path, *, law: str = "mixing", metrics: Sequence[str] = (DOMAIN, GENERAL)
) -> list[FittedLaw]:
    """Fit a law to each metric of a sweep's trials, and say how it does on held-out settings.

    What is found is kept in the sweep's folder, and its report written again.
    """
    from gapless.surrogate import fit, validate

    folder = RunFolder(Path(run_dir))
    trials, base = trials_of_run(folder.path)
    of_setting = [row.setting for row in _done(folder)]
    fitted = []
    for metric in metrics:
        found = fit(law, trials, metric, base=base.get(metric))
        tested = validate(law, trials, metric, base=base.get(metric))
        rival = tested.against_regression
        fitted.append(
            FittedLaw(
                law=law,
                metric=metric,
                parameters=found.parameters,
                scale=found.scale,
                agreeing=f"{found.agreeing} of {found.num_starts}",
                unread=found.unread,
                at_bounds=found.at_bounds,
                num_settings=tested.num_groups,
                rank_correlation=_bounds(tested.rank_correlation),
                error=_bounds(tested.error),
                against_mean=_bounds(tested.against_mean),
                against_regression=None if rival is None else _bounds(rival),
                passes=tested.passes,
                bar=str(tested.bar),
                settings=_held_out(trials, metric, of_setting),
                observed=tuple(tested.observed.tolist()),
                predicted=tuple(tested.predicted.tolist()),
            )
        )
    save_laws(fitted, folder)
    if is_sweep_run(folder):
        write_sweep_report(folder)
    return fitted


def _held_out(trials: Trials, metric: str, of_setting: Sequence[int]) -> tuple[int, ...]:
    """Return the sweep's setting of each point that a validation holds out."""
    pairs = zip(trials, of_setting, strict=True)
    kept = [setting for trial, setting in pairs if metric in trial.outcomes]
    points = trials.with_metric(metric).groups().tolist()
    first = dict(zip(reversed(points), reversed(kept), strict=True))
    return tuple(first[point] for point in sorted(first))


def _bounds(found: Any) -> tuple[float, float, float]:
    return found.value, found.low, found.high


def propose_settings(
    run_dir: str | Path,
    *,
    law: str = "mixing",
    general_loss: float = 0.0,
    tokens: float | None = None,
    out: str | Path | None = None,
) -> ProposedSettings:
    """Return the settings with the most domain gain that lose at most so much general text.

    With ``out``, the sweep's recipe with these settings is written there, for ``tokens`` if given.

    Raises:
        DataError: the laws do not rank held-out settings well enough, or no settings keep to the
            bound: it says what the nearest are.

    """
    from gapless.surrogate import Goal, propose

    trials, base = trials_of_run(Path(run_dir))
    sides = [_side(law, trials, metric, base) for metric in (DOMAIN, GENERAL)]
    goal = Goal(most_forgetting=general_loss, tokens=tokens)
    found = propose(sides[0], sides[1], trials, goal)
    written = None
    if out is not None:
        written = _write(RunFolder(Path(run_dir)).recipe(), found.settings, tokens, Path(out))
    proposed = ProposedSettings(
        settings=found.settings,
        gain=_bounds(found.gain_of_a_run),
        forgetting=_bounds(found.forgetting_of_a_run),
        kept=found.kept,
        extrapolated=tuple(str(each) for each in found.extrapolated),
        outside_hull=found.outside_hull,
        unread=found.unread,
        file=written,
        law=law,
        general_loss=general_loss,
        tokens=tokens,
    )
    folder = RunFolder(Path(run_dir))
    save_proposal(proposed, folder)
    if is_sweep_run(folder):
        write_sweep_report(folder)
    return proposed


def _side(law: str, trials: Trials, metric: str, base: Mapping[str, float]) -> Side:
    from gapless.surrogate import Side, fit, validate

    if metric not in base:
        raise DataError(
            f"the trials have no {metric} bits per byte",
            mend="A proposal weighs the domain against general text: hold some of both out.",
        )
    return Side(
        fit=fit(law, trials, metric, base=base[metric]),
        validation=validate(law, trials, metric, base=base[metric]),
        base=base[metric],
    )


def _write(
    recipe: Recipe, settings: Mapping[str, float | str], tokens: float | None, out: Path
) -> Path:
    """Write the recipe with one arm's worth of settings: the first phase's mixture, and others."""
    from gapless.recipe import decode, dump
    from gapless.recipe.overrides import apply
    from gapless.recipe.places import Origins
    from gapless.records.artifact import write_text

    tree = recipe.model_dump(mode="json", exclude={"arms"})
    shares = {n.removeprefix("share/"): v for n, v in settings.items() if n.startswith("share/")}
    paths = {known: path for path, known in _KNOWN_AS.items()}
    changes: dict[str, Any] = {
        paths.get(name, name): value for name, value in settings.items() if "/" not in name
    }
    for name in ("tokens", "domain_share"):
        changes.pop(name, None)
    if shares:
        changes["order.phases[0].mixture"] = {"type": "shares", "shares": _whole(shares)}
    if tokens is not None:
        changes["order.phases[0].tokens"] = round(tokens)
        changes["order.phases[0].epochs"] = None
    apply(tree, Origins("proposal"), [f"{p}={json.dumps(v)}" for p, v in changes.items()])
    tree["name"] = f"{recipe.name[:70]}_proposed"
    write_text(out, dump(decode(tree, where=str(out))))
    return out


def _whole(shares: Mapping[str, Any]) -> dict[str, float]:
    """Return shares to four digits that sum to 1, without those that round to nothing."""
    rounded = {name: round(float(share), 4) for name, share in shares.items()}
    kept = {name: share for name, share in rounded.items() if share > 0}
    largest = max(kept, key=kept.__getitem__)
    kept[largest] = round(1 - sum(share for name, share in kept.items() if name != largest), 4)
    return kept
