"""The template that makes one text of a conversation: the tokenizer's own, a file, or ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TEMPLATE_FILE = "chat_template.jinja"
"""Where a model folder keeps its template, unless tokenizer_config.json has it."""
PLAIN_TEMPLATE = Path(__file__).with_name("plain_chat.jinja")
"""The template that ships with gapless: role, line feed, content, end-of-text."""


def template_files(folder: Path) -> list[Path]:
    """Return the file of the folder's chat template, where it has one of its own.

    Templates in tokenizer_config.json come with the tokenizer's files.
    """
    return [path for path in [folder / TEMPLATE_FILE] if path.is_file()]


def check_has_template(folder: Path) -> None:
    """Refuse a tokenizer folder without a chat template; nothing is loaded."""
    settings = folder / "tokenizer_config.json"
    if template_files(folder):
        return
    if settings.is_file() and json.loads(settings.read_text()).get("chat_template"):
        return
    raise _no_template(str(folder))


def own_template(tokenizer: PreTrainedTokenizerFast) -> str:
    """Return the template that the tokenizer brings along.

    Raises:
        DataError: it has none, or several and none of them is called ``default``.

    """
    where = tokenizer.name_or_path or None
    if not tokenizer.chat_template:
        raise _no_template(where)
    try:
        return str(tokenizer.get_chat_template())
    except ValueError as error:
        what = f"the tokenizer has several chat templates: {', '.join(tokenizer.chat_template)}"
        raise DataError(what, where=where, mend="Copy one into a file and name it.") from error


def _no_template(where: str | None) -> DataError:
    return DataError(
        "the tokenizer has no chat template",
        where=where,
        mend="Set `template: plain` under `chat` of the source, or name a Jinja file there.",
    )
