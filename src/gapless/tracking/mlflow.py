"""MLflow."""

import re
import time
from collections.abc import Mapping

from gapless.recipe.trackers import MLflow
from gapless.tracking.tracker import TrackedArm

_NOT_ALLOWED = re.compile(r"[^\w\-. /]", re.ASCII)
_LONGEST = 500
"""Letters of a parameter's value, in the smallest of its stores."""


class MlflowRun:
    """A run of MLflow, without its global state."""

    def __init__(self, spec: MLflow, arm: TrackedArm) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=spec.uri)
        name = spec.experiment or arm.run
        if arm.identity:
            self.identity = arm.identity
            self._client.update_run(self.identity, status="RUNNING")
            return
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        self.identity = self._client.create_run(experiment, run_name=arm.name).info.run_id
        for key, value in arm.settings.items():
            self._client.log_param(self.identity, key, str(value)[:_LONGEST])

    def log(self, tokens_seen: int, values: Mapping[str, float]) -> None:
        """Add a point to each line."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [
            Metric(_NOT_ALLOWED.sub("_", name), value, now, tokens_seen)
            for name, value in values.items()
        ]
        self._client.log_batch(self.identity, metrics=metrics)

    def close(self) -> None:
        """Say that the run is not under way any more."""
        self._client.set_terminated(self.identity)
