"""Markdown in which text from data can be nothing but text."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

_LONGEST = 400
_READ = re.compile(r"[\\`*_{}\[\]<>#|~!$&]|:(?=\S)")
"""Letters that Markdown, HTML, formulas or automatic links begin with."""
_WORD_JOINER = "\N{WORD JOINER}"


def code(text: str) -> str:
    """Return a name as code; no link, markup or HTML begins in it. Fits into a table's cell."""
    line = _one_line(text).replace("|", "\N{BROKEN BAR}")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith(("`", " ")) or line.endswith(("`", " ")) else ""
    return f"{fence}{pad}{line or '(empty)'}{pad}{fence}"


def words(text: str) -> str:
    """Return prose with every letter escaped that would be read as something else."""
    line = _READ.sub(lambda found: f"&#{ord(found.group())};", _one_line(text))
    line = re.sub(r"www\.", "www&#46;", line, flags=re.IGNORECASE)
    line = re.sub(r"^(\d+)\.", r"\1&#46;", line)
    line = re.sub(r"^([-+=])", lambda found: f"&#{ord(found.group())};", line)
    return line.replace("@", f"@{_WORD_JOINER}")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table; the cells are Markdown, columns but the first stand at the right."""
    marks = [":--", *["--:"] * (len(head) - 1)]
    return [_row(head), _row(marks), *(_row(row) for row in rows), ""]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _one_line(text: str) -> str:
    line = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    line = "".join(_shown(letter) for letter in line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _shown(letter: str) -> str:
    """Replace control letters, and those that turn the direction of what follows."""
    hidden = unicodedata.category(letter) in {"Cc", "Cs", "Cf", "Zl", "Zp"}
    return "\N{REPLACEMENT CHARACTER}" if hidden else letter
