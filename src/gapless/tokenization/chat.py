"""Conversations as ids, and which of them are answers.

    messages --template--> one text --> ids        learned: the tokens of what the assistant says

The ids are those of ``apply_chat_template``, which a server gives the model: nothing stands before
or after them. Where the template marks answers ({% generation %}) these are learned. Otherwise an
answer is what a turn of the assistant adds to the text before it, with the end of the turn and
without the white space after that. A template that tells the same turns otherwise once more follow
is refused: its answers cannot be told from its questions.

A name of a control token within a turn is text there, as it is in documents: nobody can end a turn,
or speak for another, by writing `<|im_end|>`. See `control_names.py`.

A template that asks for today's date (`strftime_now`) is told `_DAY`, whenever it is rendered: the
same text is to give the same tokens on every day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.errors import DataError
from gapless.tokenization.control_names import ControlNames

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from gapless.tokenization.control_names import Turn

_DAY = datetime(2024, 7, 26)
"""What the templates of Llama 3 write where nobody can tell them the date."""
_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")
_TRIAL: list[Turn] = [
    {"role": "user", "content": "May I ask?"},
    {"role": "assistant", "content": "Yes, do."},
]
_MEND = (
    "Give `template` of the source's `chat` a file in which answers stand between "
    "{% generation %} and {% endgeneration %}, or set it to `plain`."
)


@dataclass(frozen=True)
class EncodedChat:
    """One conversation."""

    ids: np.ndarray
    """Shape (tokens,), uint32."""
    learned: np.ndarray
    """Whether each is part of an answer: bool."""
    has_names: bool
    """Whether its turns hold names of control tokens."""


class ChatEncoder:
    """A template and a tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, template: str) -> None:
        """Raise DataError where the template cannot be used with any conversation."""
        self._template = template
        self._is_marked = _MARKED.search(template) is not None
        self._special = dict(tokenizer.special_tokens_map)
        self._names = ControlNames(tokenizer, template)
        self._names.compare(self._render(_TRIAL))

    def encode(self, conversations: Sequence[list[Turn]]) -> Iterator[EncodedChat]:
        """Give the ids of each conversation.

        Raises:
            DataError: the template refuses a conversation; ``where`` is its number here.

        """
        hidden, texts, spans = [], [], []
        for number, messages in enumerate(conversations):
            hidden.append(self._names.hide(messages))
            try:
                text, own = self._answers(hidden[-1].messages)
            except DataError as error:
                raise DataError(error.what, where=str(number), mend=error.mend) from error
            texts.append(text)
            spans.append(own)
        found = self._names.encode(texts, hidden)
        for (ids, begins, ends), own, each in zip(found, spans, hidden, strict=True):
            learned = np.zeros(len(ids), np.bool_)
            for start, stop in own:
                learned |= (ends > start) & (begins < stop)
            yield EncodedChat(ids, learned, each.has_names)

    def _answers(self, messages: list[Turn]) -> tuple[str, list[tuple[int, int]]]:
        """Return the whole text, and where in it the answers begin and end."""
        if self._is_marked:
            (text,), (spans,) = self._call(messages, return_assistant_tokens_mask=True)
            return text, list(spans)
        text = self._render(messages)
        return text, list(self._added(messages, text))

    def _added(self, messages: list[Turn], text: str) -> Iterator[tuple[int, int]]:
        """Give what each turn of the assistant adds to the text before it."""
        for number, turn in enumerate(messages):
            if turn["role"] != "assistant":
                continue
            before = self._render(messages[:number], prompt=True)
            after = self._render(messages[: number + 1])
            if not (text.startswith(after) and after.startswith(before)):
                raise DataError(
                    f"the chat template tells turn {number + 1} otherwise when the answer, or more "
                    "turns, follow it",
                    mend=_MEND,
                )
            yield len(before), self._names.end_of_turn(text, len(before), len(after))

    def _render(self, messages: list[Turn], *, prompt: bool = False) -> str:
        """Return the text of a conversation; ``prompt``: up to where the assistant would begin."""
        (text,), _ = self._call(messages, add_generation_prompt=prompt)
        return str(text)

    def _call(self, messages: list[Turn], **settings: bool) -> Any:
        from jinja2 import TemplateError
        from transformers.utils import chat_template_utils as templates

        try:
            # Compiled once and kept there. No setting passes a function to a template.
            compiled = templates._compile_jinja_template(self._template)  # noqa: SLF001
            compiled.globals["strftime_now"] = _DAY.strftime
            return templates.render_jinja_template(
                conversations=[messages],
                chat_template=self._template,
                **settings,
                **self._special,
            )
        except (TemplateError, TypeError, KeyError, ValueError, IndexError) as error:
            reason = str(error).strip().split("\n", 1)[0]
            what = f"the chat template does not take the conversation: {reason}"
            mend = "Mend the conversation, or give `template` of the source's `chat` another one."
            raise DataError(what, mend=mend) from error
