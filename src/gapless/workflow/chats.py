"""The template of a source's conversations, and its part in the stage of their tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.recipe.chats import PLAIN, Chat
from gapless.workflow.stage import Workplace, told_at

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def chat_template_of(
    name: str, chat: Chat, *, tokenizer_dir: Path, place: Workplace
) -> Path | None:
    """Return the file of the template of a source's conversations; None: tokenizer_config.json.

    Raises:
        DataError: there is no such file, or the tokenizer has no template.

    """
    from gapless.tokenization import PLAIN_TEMPLATE, check_has_template, template_files

    if chat.template == PLAIN:
        return PLAIN_TEMPLATE
    if chat.template is not None:
        return place.file(chat.template, f"sources.{name}.chat.template")
    with told_at(f"sources.{name}.chat"):
        check_has_template(tokenizer_dir)
    return next(iter(template_files(tokenizer_dir)), None)


def encode_chats(
    name: str,
    chat: Chat,
    documents: Path,
    folder: Path,
    *,
    tokenizer: PreTrainedTokenizerFast,
    template: Path | None,
) -> dict[str, Any]:
    """Write the token store of a folder of conversations, and the template it was made with."""
    from gapless.tokenization import TEMPLATE_FILE, encode_conversations, own_template

    with told_at(f"sources.{name}"):
        text = template.read_text("utf-8") if template else own_template(tokenizer)
        (folder / TEMPLATE_FILE).write_text(text, "utf-8")  # the adapted model takes it along
        return encode_conversations(
            documents,
            folder,
            tokenizer,
            template=text,
            only_answers=chat.learn == "answers",
        )
