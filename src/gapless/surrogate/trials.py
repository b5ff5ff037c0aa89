"""Trials: what small runs came to, one row each, in ``trials.jsonl``.

Settings are flat: ``share/<source>`` for the shares of a mixture (they sum to 1, and a source that
is not named has none), and any other number or name, such as ``tokens``, ``learning_rate``,
``subset_tokens``, ``epochs``, ``repetition``, ``parameters`` or ``schedule``. ``domain_share`` is
made from the shares of the domain's sources, or given where no share is.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gapless.errors import DataError

SCHEMA_VERSION = 1
SHARE = "share/"
DOMAIN_SHARE = "domain_share"

Setting = float | str
Columns = Mapping[str, np.ndarray]
"""Name of a setting to its values, float64 or strings: one of shape (rows,) each."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a metric came to at the end of a trial, or at the point that its settings name."""

    value: float
    standard_error: float | None = None
    """Over the probe's items. All trials share them, so it is no weight of a fit: what tells one
    trial from another is the noise of training, and only more seeds show that."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One small run.

    Raises:
        DataError: a number is not finite, or the shares do not sum to 1.

    """

    settings: Mapping[str, Setting]
    outcomes: Mapping[str, Outcome]
    """Metric to what it came to; a trial may lack what it was not asked."""
    seed: int = 0
    domain: tuple[str, ...] = ()
    """The sources of the domain."""

    def __post_init__(self) -> None:
        values = {
            name: value for name, value in self.settings.items() if not isinstance(value, str)
        }
        values |= {name: outcome.value for name, outcome in self.outcomes.items()}
        for name, value in values.items():
            if isinstance(value, bool) or not math.isfinite(value):
                raise DataError(
                    f"a trial's {name!r} is {value}", mend="It must be a finite number or a name."
                )
        shares = [float(self.settings[name]) for name in self.settings if name.startswith(SHARE)]
        if shares and (min(shares) < 0 or abs(sum(shares) - 1) > 1e-6):
            shown = ", ".join(f"{share:g}" for share in shares)
            raise DataError(
                f"a trial's shares are {shown}", mend="They must be 0 or more, and sum to 1."
            )

    def row(self) -> dict[str, Any]:
        """Return the trial as a JSON object."""
        return {
            "schema_version": SCHEMA_VERSION,
            "settings": dict(sorted(self.settings.items())),
            "outcomes": {
                name: {"value": outcome.value, "standard_error": outcome.standard_error}
                for name, outcome in sorted(self.outcomes.items())
            },
            "seed": self.seed,
            "domain": list(self.domain),
        }


@dataclass(frozen=True)
class Trials:
    """A table of trials, in the order given.

    Raises:
        DataError: they do not agree on the sources of the domain.

    """

    rows: tuple[Trial, ...]

    def __post_init__(self) -> None:
        domains = {trial.domain for trial in self.rows}
        if len(domains) > 1:
            shown = " and ".join(", ".join(each) or "none" for each in sorted(domains))
            raise DataError(f"the trials do not agree on the sources of the domain: {shown}")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.rows)

    @property
    def domain(self) -> tuple[str, ...]:
        """The sources of the domain."""
        return self.rows[0].domain if self.rows else ()

    def with_metric(self, metric: str) -> "Trials":
        """Return the trials that have a metric.

        Raises:
            DataError: none has.

        """
        kept = tuple(trial for trial in self.rows if metric in trial.outcomes)
        if not kept:
            known = ", ".join(sorted({name for trial in self.rows for name in trial.outcomes}))
            raise DataError(
                f"no trial has the metric {metric!r}",
                mend=f"They have {known}." if known else "There is none with any outcome.",
            )
        return Trials(kept)

    def values(self, metric: str) -> np.ndarray:
        """Return a metric's values: float64 (trials,)."""
        return np.array([trial.outcomes[metric].value for trial in self.rows], dtype=np.float64)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the settings by name, sorted, with ``domain_share`` last where it is made.

        Raises:
            DataError: a trial lacks a setting that another has (a share that is missing is 0).

        """
        names = sorted({name for trial in self.rows for name in trial.settings})
        found = {name: self._column(name) for name in names}
        return with_domain_share(found, self.domain)

    def _column(self, name: str) -> np.ndarray:
        values = [
            trial.settings.get(name, 0.0 if name.startswith(SHARE) else None) for trial in self.rows
        ]
        if None in values:
            raise DataError(
                f"trial {values.index(None) + 1} has no {name!r}, and others have",
                mend="Give every trial the same settings, or fit them apart.",
            )
        if any(isinstance(value, str) for value in values):
            return np.array([str(value) for value in values])
        return np.array(values, dtype=np.float64)

    def groups(self, *, along: Collection[str] = ()) -> np.ndarray:
        """Return which setting each trial is of, whatever its seed: int64 (trials,) from 0.

        Args:
            along: settings that change in the course of one run, and so make no other group.

        """
        keys = [
            tuple(
                sorted((name, value) for name, value in trial.settings.items() if name not in along)
            )
            for trial in self.rows
        ]
        places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        return np.array([places[key] for key in keys], dtype=np.int64)


def with_domain_share(columns: Columns, domain: Collection[str]) -> dict[str, np.ndarray]:
    """Return columns with ``domain_share`` made anew from the shares, if there are any."""
    made = {name: values for name, values in columns.items() if name != DOMAIN_SHARE}
    shares = [name for name in made if name.startswith(SHARE)]
    if not shares or not domain:
        return dict(columns)
    own = [made[name] for name in shares if name.removeprefix(SHARE) in domain]
    return made | {DOMAIN_SHARE: np.sum(own, axis=0) if own else np.zeros_like(made[shares[0]])}


def write_trials(trials: Trials, path: Path) -> None:
    """Write trials as JSON Lines; the same trials make the same bytes."""
    lines = [json.dumps(trial.row(), ensure_ascii=False, allow_nan=False) for trial in trials]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_trials(path: Path) -> Trials:
    """Read trials.

    Raises:
        DataError: a line is no trial; says the file and the line.

    """
    rows = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                rows.append(_trial(json.loads(line)))
            except DataError as error:
                raise DataError(error.what, where=f"{path}:{number}", mend=error.mend) from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError("the line is no trial", where=f"{path}:{number}") from error
    return Trials(tuple(rows))


def _trial(row: dict[str, Any]) -> Trial:
    if row["schema_version"] != SCHEMA_VERSION:
        raise DataError(
            f"the trial has version {row['schema_version']}, and {SCHEMA_VERSION} is known"
        )
    outcomes = {name: Outcome(**outcome) for name, outcome in row["outcomes"].items()}
    return Trial(
        settings=row["settings"],
        outcomes=outcomes,
        seed=row["seed"],
        domain=tuple(row["domain"]),
    )
