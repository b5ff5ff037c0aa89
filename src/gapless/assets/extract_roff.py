"""Manual pages: the source of the old Unix typesetter, read as paragraphs."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from gapless.assets.chinese_prose import Prose, passages
from gapless.assets.passages import Entry, inside

_HEADINGS = frozenset(("SH", "SS"))
_BREAKS = frozenset(("PP", "P", "LP", "TP", "IP", "HP", "RS", "RE", "sp", "Sp", "br", "fi", "EE"))
_FONTS = frozenset(("B", "I", "R", "SM", "SB"))
_PAIRS = frozenset(("BR", "RB", "BI", "IB", "IR", "RI"))
_TRANSLATION_NOTES = re.compile("\u4e2d\u6587\u7248|\u8dcb|\u8ba1\u5212")
"""Headings of a page's last sections: who translated it, when, for which project."""
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|(\S+)')
_SIGNS = {"aq": "'", "lq": "\u201c", "rq": "\u201d", "em": "\u2014", "en": "-", "hy": "-",
          "bv": "|", "ga": "`", "sl": "/", "co": "\u00a9", "bu": "", "dq": '"', "rs": "\\",
          "ul": "_", "de": "\u00b0", "+-": "\u00b1"}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:\"(?P<comment>.*)|\((?P<two>..)|\[(?P<long>[^\]]*)\]"
    r"|(?:f|\*|n|k)(?:\(..|\[[^\]]*\]|.)|s[-+]?\d+|[hvwlLo]'[^']*'|(?P<one>.))",
    re.DOTALL,
)
_ONE = {
    "-": "-",
    "e": "\\",
    "\\": "\\",
    "~": " ",
    "0": " ",
    "t": " ",
    " ": " ",
    "'": "'",
    "`": "`",
    ".": ".",
}


def manuals_zh(root: Path) -> Iterator[Entry]:
    """Yield the Chinese manual pages in simplified script; the key is section and name."""
    prose = Prose()
    for path in sorted(inside(root, "man/zh_CN").glob("man*/*.gz")):
        if path.is_symlink():
            continue
        source = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        key = f"man/{path.name.removesuffix('.gz')}"
        yield from passages(key, prose.of(paragraphs(source)))


def paragraphs(source: str) -> list[str]:
    """Return the paragraphs of a page of man macros; none of a page of mdoc macros.

    A page's notes about its own translation, its tables and macro definitions are left out.
    """
    found: list[str] = []
    held: list[str] = []
    joint = " "

    def close() -> None:
        if text := joint.join(held).strip():
            found.append(text)
        held.clear()

    for name, rest in _lines(source):
        if name in _HEADINGS and _TRANSLATION_NOTES.search(rest):
            break
        if name == "Dd":
            return []
        if name in _HEADINGS:
            close()
            found.append(_plain(" ".join(_arguments(rest))))
        elif name in _BREAKS or name in {"nf", "EX"}:
            close()
            joint = "\n" if name in {"nf", "EX"} else " " if name in {"fi", "EE"} else joint
            held.extend(_plain(text) for text in _arguments(rest)[:1] if name == "IP")
        elif not name or name in _FONTS or name in _PAIRS:
            between = "" if name in _PAIRS else " "
            text = rest if not name else between.join(_arguments(rest))
            if not text.strip():
                close()
            held.append(_plain(text).strip())
    close()
    return found


def _lines(source: str) -> Iterator[tuple[str, str]]:
    """Give each line's request ("" for text) and the rest, without definitions and conditions."""
    skipped_to = ""
    braces = 0
    for line in source.splitlines():
        if skipped_to:
            skipped_to = "" if line.startswith(skipped_to) else skipped_to
            continue
        opened = braces
        if opened or re.match(r"[.']\s*(?:if|ie|el)\b", line):
            braces = max(0, braces + line.count(r"\{") - line.count(r"\}"))
            continue
        request = re.match(r"[.']\s*([A-Za-z]*)\s*(.*)", line)
        if request is None:
            yield "", line
        elif request[1] in {"de", "ig"}:
            skipped_to = ".."
        elif request[1] == "TS":
            skipped_to = ".TE"
        elif request[1]:
            yield request[1], request[2]


def _arguments(rest: str) -> list[str]:
    bare = re.sub(r'\\".*', "", rest)
    return [(quoted or "").replace('""', '"') or word for quoted, word in _ARGUMENT.findall(bare)]


def _plain(text: str) -> str:
    return _ESCAPE.sub(_sign, text)


def _sign(escape: re.Match[str]) -> str:
    name = escape["two"] or escape["long"]
    if name:
        return _SIGNS.get(name, "")
    return _ONE.get(escape["one"] or "", "")
