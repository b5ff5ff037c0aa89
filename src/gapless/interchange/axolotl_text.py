"""What a config of axolotl says of its text: ``datasets`` and ``pretraining_dataset``."""

from typing import Any

from gapless.errors import RecipeError
from gapless.interchange.foreign import Config, Draft, LeftOut
from gapless.interchange.text_places import Places, source_name, text_path

_PLAIN = {"completion", "pretrain"}
_LINES = {"json": ".jsonl", "text": ".txt"}
_FILES = "name its files in the path: hf://datasets/ORG/NAME/FILES"
_UNCARRIED = {
    _FILES: ("split", "name", "revision"),
    "selections are by tokens: selection: {NAME: {type: random, tokens: 5M}}": (
        *("shards", "shards_idx", "skip"),
    ),
    "conversations go by one template, the tokenizer's own or `chat.template`": (
        *("chat_template", "chat_template_jinja", "conversation", "input_format"),
    ),
    "the answers are learned, with the end of their turns, or all (chat.learn)": (
        *(
            "message_field_training",
            "message_field_training_detail",
            "train_on_eos",
            "train_on_eot",
        ),
    ),
    "the system's words stay among the turns": ("drop_system_message",),
}


def draft_sources(draft: Draft, config: Config, places: Places) -> bool:
    """Write the sources down; return whether some are conversations."""
    entries = [("pretrain", entry) for entry in _entries(config, "pretraining_dataset")]
    entries += [("completion", entry) for entry in _entries(config, "datasets")]
    if not entries:
        raise RecipeError(
            "the config names no text",
            where="datasets",
            mend="Give it datasets or a pretraining_dataset.",
        )
    names: list[str] = []
    for usual, tree in entries:
        entry = Config("a data set", tree)
        named = str(entry.take("path", "text"))
        names.append(source_name(named, names))
        _source(draft, config, entry, names[-1], usual=usual, places=places)
        config.left += [
            LeftOut(f"datasets: {names[-1]}.{left.key}", left.value, left.reason, left.weight)
            for left in entry.left
        ]
    learns_all = config.has("train_on_inputs")
    config.take("train_on_inputs")
    chats = [name for name in names if "chat" in draft.tree["sources"][name]]
    for name in chats if learns_all else ():
        draft.set("sources", name, "chat", "learn", value="all", by="train_on_inputs: true")
    return bool(chats)


def _entries(config: Config, key: str) -> list[dict[str, Any]]:
    """Return the data sets of a key, which may be one, or a path alone."""
    given = config.take(key, [])
    listed = given if isinstance(given, list) else [given]
    return [entry if isinstance(entry, dict) else {"path": str(entry)} for entry in listed]


def _source(
    draft: Draft, config: Config, entry: Config, name: str, *, usual: str, places: Places
) -> None:
    place, named = ("sources", name), str(entry.take("path", "text"))
    draft.set(*place, "role", value="domain")
    path, notes = _path(entry, named, places)
    draft.set(*place, "path", value=path, by=f"path: {named}")
    for note in notes:
        draft.say(*place, note=note)
    kind = entry.take("type", usual)
    if isinstance(kind, str) and kind.partition(":")[0] in _PLAIN:
        _text(draft, entry, name)
    else:
        draft.set(*place, "chat", value=_chat(config, entry, name, kind), by=f"type: {kind}")
    entry.leave_all(_UNCARRIED, weight="matters")
    entry.leave("trust_remote_code", "no code of data sets is run", weight="does not")
    entry.leave("preprocess_shards", "text is worked on in parts anyway", weight="does not")
    entry.leave_rest()


def _text(draft: Draft, entry: Config, name: str) -> None:
    key = "text_column" if entry.has("text_column") else "field"
    column = str(entry.take(key, "text"))
    if column != "text":
        draft.set("sources", name, "text", value=column, by=entry.said(key))


def _path(entry: Config, named: str, places: Places) -> tuple[Any, list[str]]:
    """Return the path of a data set: its files where they are named."""
    if entry.tree.get("split") == "train":  # what there is
        entry.take("split")
    files = entry.names("data_files")
    kind = str(entry.take("ds_type", ""))
    if files and named in {"json", "parquet", "csv", "text", "arrow"}:
        found = [text_path(file, places) for file in files]
    elif files:
        whole = places.found(named)
        begin = f"hf://datasets/{named}" if whole is None else places.spelled(whole)
        found = [(f"{begin}/{file}", []) for file in files]
    else:
        found = [text_path(named, places)]
    paths = [path for path, _ in found]
    notes = list(dict.fromkeys(note for _, several in found for note in several))
    if kind == "json" and "." not in paths[0].rpartition("/")[2]:
        notes.append(f"ds_type: {kind}: files are read by their suffix, {_LINES[kind]} here.")
    return (paths[0] if len(paths) == 1 else paths), notes


def _chat(config: Config, entry: Config, name: str, kind: Any) -> dict[str, Any]:
    """Return how the records of a data set are conversations."""
    if isinstance(kind, dict):
        return _own_prompt(config, name, kind)
    first = str(kind).partition(":")[0].partition(".")[0]
    if first == "chat_template":
        return _turns(entry)
    if first == "sharegpt":
        return _of(
            "sharegpt", {"conversations": str(entry.take("field_messages", "conversations"))}
        )
    if first in {"alpaca", "gpteacher"} and "load_qa" not in str(kind):
        return {"format": "alpaca"}
    if "load_qa" in str(kind):
        return {"format": "question_answer"}
    entry.leave("type", "its records are taken for conversations whose format their columns tell")
    return {}


def _own_prompt(config: Config, name: str, kind: dict[str, Any]) -> dict[str, Any]:
    ours = {"instruction": "field_instruction", "input": "field_input", "output": "field_output"}
    ours["system"] = "field_system"
    called = {column: str(kind[key]) for column, key in ours.items() if kind.get(key)}
    words = {key: value for key, value in kind.items() if key not in ours.values() and value}
    if words:
        reason = "a chat template says how turns are written: chat.template, a Jinja file"
        config.left.append(LeftOut(f"datasets: {name}.type", words, reason, "matters"))
    return _of("alpaca", called)


def _turns(entry: Config) -> dict[str, Any]:
    column = str(entry.take("field_messages", "messages"))
    named = dict(entry.take("message_property_mappings", {}))
    role = str(named.pop("role", entry.take("message_field_role", "role")))
    content = str(named.pop("content", entry.take("message_field_content", "content")))
    for key in ("message_field_role", "message_field_content"):
        entry.take(key)
    if named:
        reason = "a turn has a role and content"
        entry.left.append(LeftOut("message_property_mappings", named, reason, "matters"))
    _roles(entry)
    if (role, content) == ("role", "content"):
        return _of("messages", {"messages": column})
    if (role, content) == ("from", "value"):
        return _of("sharegpt", {"conversations": column})
    reason = "turns have from and value, or role and content: rename them in the files"
    entry.left.append(LeftOut("message_property_mappings", [role, content], reason, "matters"))
    return _of("messages", {"messages": column})


def _roles(entry: Config) -> None:
    """Leave out what is not as always: user and human, assistant and gpt, system, tool."""
    known = {"user", "human", "assistant", "gpt", "model", "bot", "system", "developer", "tool"}
    known |= {"function", "observation"}
    roles = entry.take("roles", {})
    strange = sorted({name for names in roles.values() for name in names} - known)
    if strange:
        entry.left.append(LeftOut("roles", strange, "no such roles are known", "matters"))
    if set(entry.names("roles_to_train")) - {"assistant", "gpt"}:
        entry.leave("roles_to_train", "the assistant's turns are learned, or all (chat.learn)")


def _of(form: str, called: dict[str, str]) -> dict[str, Any]:
    other = {ours: theirs for ours, theirs in called.items() if ours != theirs}
    return {"format": form} | ({"columns": other} if other else {})
