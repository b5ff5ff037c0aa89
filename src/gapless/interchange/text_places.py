"""Where a config's model and text are, as a recipe names them."""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gapless.interchange.foreign import Config, Draft

_HUB_NAME = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
_ADDRESS = re.compile(r"^[a-z0-9]+://")
_HUB_NOTE = "Taken for a set of the Hub, fetched while it is read; there is no such folder here."
_TAKEN = ("domain", "general")
"""Names that tables show the mean over a role under."""


@dataclass(frozen=True)
class Places:
    """Where relative paths of a config begin, and those of the recipe."""

    config: Path
    recipe_dir: Path

    def found(self, path: str) -> Path | None:
        """Return what a config's path leads to: from here, its folder or those above it."""
        own = self.config.absolute().parent
        for folder in (Path.cwd(), own, *own.parents):
            if (folder / path).exists():
                return folder / path
        return None

    def spelled(self, path: Path) -> str:
        """Return a path as the recipe spells it: from its own folder."""
        return Path(os.path.relpath(path.absolute(), self.recipe_dir.absolute())).as_posix()


def draft_model(draft: Draft, config: Config, key: str, places: Places) -> Path | None:
    """Write down the base model; return its folder where it is here."""
    named = str(config.take(key))
    draft.set("model", "type", value="pretrained")
    found = places.found(named)
    if found is not None:
        spelled = named if Path(named).is_absolute() else places.spelled(found)
        draft.set("model", "path", value=spelled, by=config.said(key))
        return found
    path, note = named, "There is no such folder here: put the model's files there."
    if _HUB_NAME.match(named):
        path = f"models/{named.rpartition('/')[2]}"
        note = (
            "Nothing is downloaded while a run goes on. Fetch the model's files once:\n"
            f"  hf download {named} --local-dir {path}"
        )
    draft.set("model", "path", value=path, by=config.said(key), note=note)
    return None


def draft_name(draft: Draft, config: Config, places: Places) -> None:
    """Write down the run's name: that of the tool's output folder, or of the config's own."""
    out = str(config.tree.get("output_dir") or "").replace("\\", "/")
    parts = [part for part in out.split("/") if part not in {"", ".", ".."}]
    by = config.said("output_dir") if parts else "the config's name"
    named = "-".join(parts[-3:]) or places.config.stem
    draft.set("name", value=source_name(named, ()), by=by)
    draft.set("seed", value=int(config.take("seed", 42)), by=config.said("seed"))


def text_path(named: str, places: Places, *, hub: bool = True) -> tuple[str, list[str]]:
    """Return a source's path for a file, a folder, an address or a set of the Hub; and notes.

    With ``hub``, what is not here and could be a name of the Hub is taken for one.
    """
    if _ADDRESS.match(named):
        return named, []
    found = places.found(named)
    if found is not None:
        return _readable(named if Path(named).is_absolute() else places.spelled(found))
    if hub and _HUB_NAME.match(named) and not Path(named).suffix:
        return f"hf://datasets/{named}", [_HUB_NOTE]
    path, notes = _readable(named)
    return path, [*notes, "There is nothing of this name here: put the text there."]


def _readable(path: str) -> tuple[str, list[str]]:
    """Return the path of a JSON array as that of JSON Lines, which can be read in a stream."""
    if not path.endswith(".json"):
        return path, []
    lines = f"{path}l"
    return lines, [f"A JSON array is not read; make lines of it:\n  jq -c '.[]' {path} > {lines}"]


def source_name(named: str, taken: Collection[str]) -> str:
    """Return a name for a source: the last part of a path, other than those taken."""
    last = re.sub(r"[^A-Za-z0-9_.-]+", "-", named.rstrip("/").rpartition("/")[2]).strip("-._")
    plain = re.sub(r"\.(jsonl?|ndjson|parquet|csv|tsv|txt|md|arrow|zst|gz)\b", "", last)[:60]
    name = plain if plain and plain not in _TAKEN else f"text-{plain or 'of-it'}"
    for number in range(2, len(taken) + 3):
        if name not in taken:
            break
        name = f"{plain or 'text-of-it'}-{number}"
    return name


def draft_held_out(draft: Draft, config: Config, key: str) -> None:
    """Write down what is kept for measuring, a fraction of each source."""
    share = config.number(key, 0.0) or 0.0
    given = 0 < share < 1
    for number, name in enumerate(draft.tree["sources"]):
        note = "" if number else "Kept out of training, to measure the gain on:"
        asked = f"; {key}: {share:g} there" if key in config.tree else ""
        by = config.said(key) if given else f"the default of gapless{asked}"
        draft.set("sources", name, "held_out", value=share if given else 0.02, by=by, note=note)
    if share >= 1:
        config.leave(key, "held-out text is a fraction here, by the hash of each document's id")


def draft_advice(draft: Draft) -> None:
    """Write down, commented, what a run needs and no such config says."""
    draft.end(
        "sources",
        lines=[
            "",
            "Add general text, like what the model was pre-trained on. Without it nobody sees what",
            "the model forgets, and none can be kept in the mixture:",
            "",
            "background:",
            "  role: general",
            "  path: [asset:encyclopedia-small, asset:novels-small]   # or data/general",
            "  id: id",
        ],
    )
    draft.say(
        "sources",
        note="All text of the config is taken for the domain, what the model is to learn. "
        "Write `role: general` where it is what the model must not forget.",
    )
    phase = draft.tree["order"]["phases"][0]
    line = "mixture: {type: replay, general: 18%}    # with general text: keeps it in"
    draft.end("order", "phases", 0, lines=[f"instead: {line}" if "mixture" in phase else line])
    draft.set("probing", "probes", value=[{"type": "bits_per_byte"}])
    draft.end(
        "probing",
        lines=[
            "Measured on held-out text before the first step, often at first, and at the end.",
            "Tasks tell more: {type: multiple_choice, name: exam, path: exam.jsonl, role: domain}",
        ],
    )
