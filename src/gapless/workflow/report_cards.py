"""Write the cards of a run's models and of its text, and give a model away with them."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from gapless.errors import RunError
from gapless.recipe import Recipe, arms
from gapless.recipe.schema import NewModel
from gapless.recipe.scores import Language
from gapless.records.arm_journals import AVERAGE, STEPS
from gapless.records.artifact import ArtifactFolder, write_text
from gapless.records.journal import Journal
from gapless.report.cards import CardFacts, SeenSource, data_card, model_card
from gapless.report.content import Content
from gapless.strata import source_of
from gapless.tokenization import TEMPLATE_FILE
from gapless.workflow.run_folder import RunFolder

CARDS = "cards"
MODEL_CARD, DATA_CARD = "README.md", "DATA.md"
_MODELS = {"model": "", "model-average": "-average"}
"""Folder of a model within its training, and how its card's folder ends."""
_HUB_NAME = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
_HUB_DATA = re.compile(r"^hf://datasets/([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:[/@]|$)")
_SNAPSHOT = re.compile(r"models--([\w.-]+?)--([\w.-]+)/snapshots/")
_LEAST_SHARE = 0.05
"""Of the documents, that a language must have to be named."""


def write_cards(folder: RunFolder, content: Content) -> None:
    """Write ``cards/ARM/README.md`` for every model of a finished run, and ``cards/DATA.md``."""
    recipe, stages = folder.recipe(), folder.stages()
    place = folder.path / CARDS
    place.mkdir(exist_ok=True)
    write_text(place / DATA_CARD, data_card(content))
    for arm in content.arms:
        training = stages[f"training.{arm.name}"].path
        for model, ending in _MODELS.items():
            if (training / model).is_dir():
                own = place / f"{arm.name}{ending}"
                own.mkdir(exist_ok=True)
                facts = _facts(recipe, arm.name, content, stages, average=bool(ending))
                write_text(own / MODEL_CARD, model_card(content, arm, facts))


def export_model(folder: RunFolder, out: Path, *, arm: str | None, average: bool) -> Path:
    """Copy an arm's model into a new folder, with its card and that of its text.

    Raises:
        RunError: there is no such model, the arm must be named, or the folder is not empty.

    """
    names = list(arms(folder.recipe()))
    if arm is None and len(names) > 1:
        raise RunError("the run has several arms", where=str(folder.path), mend=_named(names))
    arm = arm or names[0]
    if arm not in names:
        raise RunError(f"there is no arm {arm!r}", where=str(folder.path), mend=_named(names))
    model, ending = list(_MODELS.items())[average]
    source = folder.stages()[f"training.{arm}"].path / model
    if not source.is_dir():
        mend = "Give the recipe `training.average`." if average else "Run the recipe to its end."
        raise RunError(f"the arm {arm!r} has no such model", where=str(source), mend=mend)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError("the folder is not empty", where=str(out), mend="Choose a new one.")
    shutil.copytree(source, out, dirs_exist_ok=True)
    cards = folder.path / CARDS
    shutil.copyfile(cards / f"{arm}{ending}" / MODEL_CARD, out / MODEL_CARD)
    shutil.copyfile(cards / DATA_CARD, out / DATA_CARD)
    return out


def _named(names: list[str]) -> str:
    return f"Name one with --arm: {', '.join(names)}."


def _facts(
    recipe: Recipe,
    name: str,
    content: Content,
    stages: Mapping[str, ArtifactFolder],
    *,
    average: bool,
) -> CardFacts:
    arm, training = arms(recipe)[name], stages[f"training.{name}"].path
    model = recipe.model
    base = f"a new {model.architecture}" if isinstance(model, NewModel) else _last(model.path)
    return CardFacts(
        name=f"{recipe.name}-{name}" + "-average" * average,
        arm=name,
        average=average,
        base=base,
        base_model=None if isinstance(model, NewModel) else _hub_name(model.path, training),
        languages=tuple(_languages(recipe, content)),
        datasets=tuple(_datasets(recipe)),
        chat=(training / "model" / TEMPLATE_FILE).is_file(),
        seen=tuple(_seen(training, content)),
        measured=tuple(_measured(training)) if average else (),
        settings=tuple(_settings(arm)),
    )


def _measured(training: Path) -> Iterator[tuple[str, str, float]]:
    for row in Journal(training / AVERAGE).rows():
        yield row["probe"], row["metric"], row["value"]


def _last(path: str) -> str:
    """Return how a model is called: folders of a disk are its owner's business."""
    found = _SNAPSHOT.search(path)
    if found:
        return "/".join(found.groups())
    return path if path.startswith("asset:") else Path(path).name or path


def _hub_name(path: str, training: Path) -> str | None:
    """Return the base model's name on the Hub, from its place in a cache or its own config."""
    found = _SNAPSHOT.search(path)
    if found:
        return "/".join(found.groups())
    try:
        config = json.loads((training / "model" / "config.json").read_text())
    except (OSError, ValueError):
        return None
    name = config.get("_name_or_path") if isinstance(config, dict) else None
    return name if isinstance(name, str) and _HUB_NAME.match(name) else None


def _languages(recipe: Recipe, content: Content) -> Iterator[str]:
    """Yield the languages that a score has found in the sources that are trained on."""
    names = {name for name, score in recipe.scores.items() if isinstance(score, Language)}
    counts: Counter[str] = Counter()
    for labels in (each for each in content.labels if each.name in names):
        for source in labels.sources:
            counts.update(dict(zip(labels.labels, source.counts, strict=False)))
    for label, number in counts.most_common():
        if number >= _LEAST_SHARE * counts.total() and re.fullmatch("[a-z]{2,3}", label):
            yield label


def _datasets(recipe: Recipe) -> Iterator[str]:
    """Yield the names of the sources that the model has seen; those on the Hub as it knows them."""
    names: dict[str, None] = {}
    for name, source in recipe.trained_sources.items():
        paths = (source.path,) if isinstance(source.path, str) else source.path
        hub = [found.group(1) for path in paths if (found := _HUB_DATA.match(path))]
        names |= dict.fromkeys(hub or [name])
    yield from names


def _seen(training: Path, content: Content) -> Iterator[SeenSource]:
    totals: Counter[str] = Counter()
    for row in Journal(training / STEPS).rows():
        for stratum, tokens in row["tokens"].items():
            totals[source_of(stratum)] += tokens
    own = {source.name: source.tokens for source in content.sources}
    for name, tokens in totals.most_common():
        there = own.get(name)
        yield SeenSource(
            name=name,
            tokens=tokens,
            share=tokens / totals.total(),
            times=tokens / there if there else None,
        )


def _settings(arm: Recipe) -> Iterator[tuple[str, str]]:
    training, order = arm.training, arm.order
    yield "method", training.method.type
    yield "peak learning rate", f"{training.learning_rate:g}"
    yield "schedule", training.schedule.type
    yield "tokens per step", f"{training.batch_tokens:,}"
    yield "tokens per row", f"{order.context:,}"
    yield "packing", order.packing
    yield (
        "optimizer",
        f"{training.optimizer}, betas {training.betas[0]:g} and {training.betas[1]:g}",
    )
    yield "weight decay", f"{training.weight_decay:g}"
    yield "gradient's norm at most", f"{training.clip_norm:g}"
    yield "arithmetic", training.precision
    yield "weights kept in", training.weights
    if training.pull:
        yield "pull towards the base", f"{training.pull:g}"
    yield "seed", str(arm.seed)
