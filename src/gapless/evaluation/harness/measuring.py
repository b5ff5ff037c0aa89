"""All tasks of the harness, asked of one model at one point of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from gapless.errors import RunError
from gapless.evaluation.harness.offline import no_downloads, quietly, seeds_of_the_harness
from gapless.evaluation.harness.tasks import LoadedTask, LoadedTasks
from gapless.evaluation.harness.values import group_values, item_values
from gapless.records.measurements import ItemValues, Measurement

Values = dict[str, ItemValues]
"""Metric to its items."""


def measure_harness(
    model: Any,
    tokenizer: Any,
    loaded: LoadedTasks,
    *,
    arm: str,
    tokens_seen: int,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> tuple[list[Measurement], dict[str, ItemValues]]:
    """Ask every task; return the measurements and, by ``probe/metric``, what they are made of.

    Raises:
        RunError: a task's values are not finite.

    """
    from gapless.evaluation.harness.language_model import ModelInTraining

    language_model = ModelInTraining(model, tokenizer, precision=precision)
    with no_downloads(), quietly(), seeds_of_the_harness():
        _answer(language_model, loaded)
        found = {each.name: _task_values(each) for each in loaded.tasks}
    measurements, items = [], {}
    for name, role, values, better in _shown(loaded, found):
        for metric, value in values.items():
            _check_finite(value, name, arm, tokens_seen)
            items[f"{name}/{metric}"] = value
            measurements.append(
                Measurement(
                    arm=arm,
                    tokens_seen=tokens_seen,
                    probe=name,
                    role=role,
                    metric=metric,
                    value=value.value,
                    higher_is_better=better[metric],
                    num_items=len(value.numerators),
                    standard_error=value.standard_error,
                )
            )
    return measurements, items


def _answer(language_model: Any, loaded: LoadedTasks) -> None:
    """Ask all requests of all tasks, those of a kind at once; they keep their answers."""
    requests: dict[str, list[Any]] = defaultdict(list)
    for each in loaded.tasks:
        for instance in each.task.instances:
            requests[instance.request_type].append(instance)
    for kind, instances in requests.items():
        answers = getattr(language_model, kind)(instances)
        for instance, answer in zip(instances, answers, strict=True):
            # A greedy answer is the same however often it is asked for.
            instance.resps = [answer] * (instance.repeats or 1)


def _task_values(loaded: LoadedTask) -> Values:
    """Return a task's values by metric, as ``lm_eval.evaluator.evaluate`` makes them of answers.

    A metric of a filter is called ``metric,filter``, as the harness does, but for filter "none".
    """
    task = loaded.task
    task.apply_filters()
    by_document: dict[int, list[Any]] = defaultdict(list)
    for instance in task.instances:
        by_document[instance.doc_id].append(instance)
    raw: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for filter_name in task.instances[0].filtered_resps:
        for _, instances in sorted(by_document.items()):
            instances.sort(key=lambda instance: instance.idx)
            answers = [instance.filtered_resps[filter_name] for instance in instances]
            for metric, value in task.process_results(instances[0].doc, answers).items():
                raw[metric, filter_name].append(value)
    aggregations = task.aggregation()
    found: Values = {}
    for (metric, filter_name), values in raw.items():
        items = item_values(metric, aggregations.get(metric), values)
        if items is not None:
            suffix = "" if filter_name == "none" else f",{filter_name}"
            found[f"{items[0]}{suffix}"] = items[1]
    return found


def _shown(
    loaded: LoadedTasks, found: dict[str, Values]
) -> Iterator[tuple[str, str, Values, dict[str, bool]]]:
    """Give (name, role, values, whether higher is better) of all that is measured."""
    better = {each.name: _better(each.task, found[each.name]) for each in loaded.tasks}
    for task in loaded.tasks:
        if task.shown:
            yield task.probe, task.role, found[task.name], better[task.name]
    for group in loaded.groups:
        values = _group_values(group.group, [found[member] for member in group.members])
        directions = {
            metric: better[member][metric]
            for member in group.members
            for metric in found[member]
            if metric in values
        }
        yield group.probe, group.role, values, directions


def _group_values(group: Any, members: list[Values]) -> Values:
    """Return a group's own values (``Group.aggregate``), of the metrics that its file lists."""
    wanted: dict[str, bool] = {}
    for each in group.aggregate_metric_list:
        filters = each.filter_list
        for metric in dict.fromkeys(metric for member in members for metric in member):
            name, _, filter_name = metric.partition(",")
            if name.removeprefix("log_") == each.metric.removeprefix("log_") and (
                filters is None or (filter_name or "none") in filters
            ):
                wanted[metric] = bool(each.weight_by_size)
    sizes = [
        max((len(each.numerators) for each in member.values()), default=0) for member in members
    ]
    values = {}
    for metric, by_size in wanted.items():
        having = [(m[metric], size) for m, size in zip(members, sizes, strict=True) if metric in m]
        parts, counts = zip(*having, strict=True)
        values[metric] = group_values(parts, counts, by_size=by_size)
    return values


def _better(task: Any, values: Values) -> dict[str, bool]:
    """Return whether higher is better, by the task; the harness takes True where none is said."""
    said = task.higher_is_better()
    found = {}
    for metric in values:
        name = metric.partition(",")[0]
        direction = said.get(name, said.get(name.removeprefix("log_")))
        found[metric] = direction is None or bool(direction)
    return found


def _check_finite(values: ItemValues, probe: str, arm: str, tokens_seen: int) -> None:
    if not (np.isfinite(values.numerators).all() and np.isfinite(values.value)):
        raise RunError(
            f"the values of task {probe!r} are not finite after {tokens_seen} tokens",
            where=f"arm {arm}",
            mend="Where the task is sound the model has diverged: lower training.learning_rate.",
        )
