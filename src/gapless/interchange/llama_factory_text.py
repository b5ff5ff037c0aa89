"""What a config of LLaMA-Factory says of its text.

What a data set is stands in ``dataset_info.json``, read as the tool's ``data/parser.py`` does.
"""

import json
import math
from typing import Any

from gapless.errors import RecipeError
from gapless.interchange.foreign import Config, Draft, LeftOut
from gapless.interchange.text_places import Places, source_name, text_path

_INFO = "dataset_info.json"


def draft_sources(draft: Draft, config: Config, places: Places, stage: str) -> dict[str, str]:
    """Write the sources down; return data set to source."""
    names, folder = config.names("dataset"), str(config.take("dataset_dir", "data"))
    if not names:
        raise RecipeError("the config names no dataset", where="dataset", mend="Give it one.")
    known, online = _known(folder, places), folder == "ONLINE"
    by_name: dict[str, str] = {}
    for name in names:
        source = by_name[name] = source_name(name, by_name.values())
        place = ("sources", source)
        draft.set(*place, "role", value="domain")
        if known is None or name not in known:
            path, notes = text_path(name if online else f"{folder}/{name}", places, hub=online)
            draft.set(*place, "path", value=path, by=f"dataset: {name}")
            if not online:
                notes.append(f"No {_INFO} that tells of it was found in {folder}.")
            if stage == "sft":
                draft.set(*place, "chat", value={})
        else:
            notes = _entry(
                draft, config, source, Config(_INFO, known[name]), (folder, stage, places)
            )
        for note in notes:
            draft.say(*place, note=note)
        if stage == "sft" and config.has("train_on_prompt"):
            draft.set(*place, "chat", "learn", value="all", by="train_on_prompt")
    config.take("train_on_prompt")
    return by_name


def _known(folder: str, places: Places) -> dict[str, Any] | None:
    path = None if folder == "ONLINE" or ":" in folder else places.found(f"{folder}/{_INFO}")
    if path is None:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecipeError(f"this is not JSON ({error})", where=str(path)) from error
    return found if isinstance(found, dict) else None


def _entry(
    draft: Draft, config: Config, source: str, entry: Config, where: tuple[str, str, Places]
) -> list[str]:
    """Write a source down from its entry in the file of data sets; return notes about it."""
    folder, stage, places = where
    path, notes = _entry_path(entry, folder, places)
    draft.set("sources", source, "path", value=path, by=f"dataset: {source}")
    columns = dict(entry.take("columns", {}))
    if stage == "pt":
        text = columns.pop("prompt", "instruction")
        if not path.endswith((".txt", ".md")):
            draft.set("sources", source, "text", value=text, by="columns.prompt")
        else:
            notes.append("A text file is one document here; there each line is one.")
        entry.take("formatting")
    else:
        draft.set("sources", source, "chat", value=_chat(entry, columns))
    for column, called in columns.items():
        entry.left.append(LeftOut(f"columns.{column}", called, "no such column is read", "matters"))
    _entry_rest(entry)
    config.left += [
        LeftOut(f"{_INFO}: {source}.{left.key}", left.value, left.reason, left.weight)
        for left in entry.left
    ]
    return notes


def _entry_path(entry: Config, folder: str, places: Places) -> tuple[str, list[str]]:
    if entry.has("hf_hub_url"):
        named, inner = str(entry.take("hf_hub_url")), entry.take("folder")
        found = places.found(named)
        if found is not None:
            return places.spelled(found), []
        return f"hf://datasets/{named}{f'/{inner}' if inner else ''}", []
    if entry.has("cloud_file_name"):
        return str(entry.take("cloud_file_name")), []
    for key in ("file_name", "ms_hub_url", "om_hub_url", "script_url"):
        if entry.has(key):
            path, notes = text_path(f"{folder}/{entry.take(key)}", places, hub=False)
            return path, [*notes, *([] if key == "file_name" else [f"{key}: fetch its files."])]
    return f"{folder}/text", ["The entry does not say where the text is."]


def _entry_rest(entry: Config) -> None:
    for key in ("hf_hub_url", "cloud_file_name", "file_name", "ms_hub_url", "om_hub_url"):
        entry.leave_unasked(key, "the text is taken from another place of the entry")
    for key in ("subset", "split", "revision"):
        if entry.tree.get(key) != "train":
            entry.leave(key, "name its files in the path: hf://datasets/ORG/NAME/FILES")
    entry.take("split")
    entry.leave("num_samples", "selections are by tokens: selection: {NAME: {type: random, ...}}")
    entry.leave("ranking", "preferences are not learned from: the records need answers")
    entry.leave_rest()


def _chat(entry: Config, columns: dict[str, str]) -> dict[str, Any]:
    """Return how the records of a data set are conversations; what is understood is taken out."""
    system = {"system": columns.pop("system")} if columns.get("system") else {}
    tags = dict(entry.take("tags", {}))
    if entry.take("formatting", "alpaca") == "alpaca":
        ours = {"instruction": "prompt", "input": "query", "output": "response"}
        called = {name: columns.pop(theirs) for name, theirs in ours.items() if theirs in columns}
        return _of("alpaca", called | system)
    role, content = tags.pop("role_tag", "from"), tags.pop("content_tag", "value")
    turns = columns.pop("messages", "conversations")
    known = {"human", "user", "gpt", "assistant", "system", "observation", "tool", "function"}
    for tag, word in tags.items():
        if word not in known:
            entry.left.append(LeftOut(f"tags.{tag}", word, "no such role is known", "matters"))
    if (role, content) == ("role", "content"):
        if system:
            entry.left.append(LeftOut("columns.system", system["system"], _SYSTEM, "matters"))
        return _of("messages", {"messages": turns})
    if (role, content) != ("from", "value"):
        pair = f"{role}, {content}"
        entry.left.append(
            LeftOut("tags", pair, "turns have from and value, or role and content", "matters")
        )
    return _of("sharegpt", {"conversations": turns} | system)


_SYSTEM = "records of messages have the system's words among the turns"


def _of(form: str, called: dict[str, str]) -> dict[str, Any]:
    other = {ours: theirs for ours, theirs in called.items() if ours != theirs}
    return {"format": form} | ({"columns": other} if other else {})


def draft_mixture(draft: Draft, config: Config, by_name: dict[str, str]) -> None:
    """Write down the shares of the sources, where the config has them, in the order's phase."""
    strategy, parts = str(config.take("mix_strategy", "concat")), config.names("interleave_probs")
    if strategy == "concat" or not parts:
        config.leave("mix_strategy", "without interleave_probs all text is seen equally often")
        return
    weights = [float(part) for part in parts]
    if len(weights) != len(by_name) or min(weights) <= 0:
        config.leave("interleave_probs", "they do not fit the data sets, one above zero for each")
        config.leave("mix_strategy", "its shares could not be read")
        return
    whole = math.fsum(weights)
    shares = {name: weight / whole for name, weight in zip(by_name.values(), weights, strict=True)}
    place = ("order", "phases", 0, "mixture")
    note = (
        f"mix_strategy: {strategy}. There the shares are of examples and a pass ends with the "
        "shortest or longest data set; here they are of tokens, and an epoch is a pass over the "
        "domain text."
    )
    mixture = {"type": "shares", "shares": shares}
    draft.set(*place, value=mixture, by="interleave_probs", note=note)
