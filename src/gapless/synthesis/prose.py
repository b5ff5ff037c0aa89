"""The prose of a draft, without code and formulas, and what is wrong with how it is written."""

from __future__ import annotations

import re
import unicodedata

from gapless.synthesis.draft import Draft

CODE_SECTIONS: dict[str, frozenset[str]] = {"code_qa": frozenset({"solution", "tests"})}
"""Per form, the sections that are code."""

_NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)"  # code, whether its fence ends or not
    r"|`[^`\n]*`"
    r"|\$\$.*?\$\$"
    r"|\$[^$\n]{1,300}\$"
    r"|\\\[.*?\\\]"
    r"|\\\(.*?\\\)"
    r"|\\begin\{(\w+\*?)\}.*?\\end\{\1\}"
    r"|\\[A-Za-z]+(?:\{[^{}\n]*\})*"
    r"|https?://\S+",
    re.DOTALL,
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_SPELLED = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]{2,}")
_LEAST_UNITS = 20
"""Words, or ideographs, of prose below which nobody says which language it is."""

_TEMPLATE = re.compile(
    r"<\|[A-Za-z0-9_\- ]{1,40}\|>"
    "|<\uff5c[^>\n]{1,40}\uff5c>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<unused\d+>|</?think>"
    r"|^#{2,3} ?(?:Instruction|Response|Input|System|User|Assistant) ?:",
    re.MULTILINE,
)
_TEMPLATE_IN_PROSE = re.compile(r"(?:</?s>|<pad>|<unk>|<eos>|<bos>)")
_UNUSUAL = re.compile("[^\\x20-\\x7e\\n\\t\\r\u00a0-\u00ff\u3000-\u303f\u4e00-\u9fff\uff00-\uff60]")
_STUCK = re.compile(r"([^\W\d_])\1{39}")
_MOST_SIGNS = 0.35
_LEAST_CHARACTERS = 50


def without_tests(draft: Draft) -> str:
    """Return the sections one below the other, but for tests, which repeat themselves rightly."""
    return "\n\n".join(text for name, text in draft.sections.items() if name != "tests")


def prose_of(draft: Draft) -> str:
    """Return the sections that are not code, without code and formulas in them."""
    code = CODE_SECTIONS.get(draft.form, frozenset())
    text = "\n\n".join(text for name, text in draft.sections.items() if name not in code)
    return _NOT_PROSE.sub(" ", text)


def script_of(prose: str) -> str | None:
    """Return ``zh``, ``ja``, ``ko``, or ``letters``: by what most of it is written in.

    An ideograph counts as one and a spelled word of two letters or more as one. A text that is a
    fifth ideographs is Chinese, for a Chinese text about physics holds names and units in Latin
    letters; with kana in it, a fifth of all its signs, it is Japanese. None when it has fewer than
    20 words and signs.
    """
    han, kana, hangul = (len(sign.findall(prose)) for sign in (_HAN, _KANA, _HANGUL))
    spelled = len(_SPELLED.findall(prose))
    units = han + kana + hangul + spelled
    if units < _LEAST_UNITS:
        return None
    if kana >= 0.2 * units:
        return "ja"
    if hangul >= 0.2 * units:
        return "ko"
    return "zh" if han >= 0.2 * units else "letters"


def garbling(draft: Draft) -> str | None:
    """Say what in a draft is no writing, or None where all is.

    Characters that nobody writes, tokens of a chat template, one letter forty times, text decoded
    wrongly (as ftfy sees it), and prose that is more than 35 % signs.
    """
    text, prose = "\n\n".join(draft.sections.values()), prose_of(draft)
    return (
        _strange_character(text)
        or _strange_run(text, prose)
        or _wrong_decoding(prose)
        or _too_many_signs(prose)
    )


def _strange_character(text: str) -> str | None:
    for letter in _UNUSUAL.findall(text):
        if letter == "\ufffd" or unicodedata.category(letter) in ("Cc", "Cs", "Co"):
            return f"the character U+{ord(letter):04X}"
    return None


def _strange_run(text: str, prose: str) -> str | None:
    if token := _TEMPLATE.search(text) or _TEMPLATE_IN_PROSE.search(prose):
        return f"a token of a chat template: {token.group()}"
    stuck = _STUCK.search(text)
    return f"the letter {stuck.group(1)!r} over and over" if stuck else None


def _wrong_decoding(prose: str) -> str | None:
    if prose.isascii():
        return None
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    return "text decoded wrongly" if is_bad(prose) and fix_encoding(prose) != prose else None


def _too_many_signs(prose: str) -> str | None:
    characters = [letter for letter in prose if not letter.isspace()]
    signs = sum(unicodedata.category(letter)[0] not in "LMN" for letter in characters)
    if len(characters) < _LEAST_CHARACTERS or signs <= _MOST_SIGNS * len(characters):
        return None
    return f"{signs / len(characters):.0%} signs"
