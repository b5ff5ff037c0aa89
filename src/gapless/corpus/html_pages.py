"""HTML pages: one file is one document, its main text found by trafilatura (``gapless[html]``)."""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.corpus.rows import (
    BROKEN_TEXT,
    NO_MAIN_TEXT,
    Columns,
    RowBuffer,
    file_name,
    refuse_columns,
)
from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_SILENT = logging.NullHandler()
_SCANNED_BYTES = 1024
"""HTML, 13.2.3.2: a page declares its encoding within so many bytes."""
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*>")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MEANT = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
"""Encoding Standard, 4.2: what browsers take these names for."""
_KNOWN = re.compile(r"(cp\d+|iso8859-\d+|koi8-[ru]|mac-\w+|gb18030|big5hkscs|euc_jp|iso2022_jp)$")
"""Those of the standard; Python's others are no encodings of pages."""


def read(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the file's one row."""
    name = file_name(path)
    refuse_columns(columns, name, "an HTML page")
    extract = _extractor(name)
    content, buffer = path.read_bytes(), RowBuffer(columns, name)
    try:
        page = _decoded(content)
    except UnicodeDecodeError:
        batch = buffer.add(1, text=content.decode(errors="replace"), problem=BROKEN_TEXT)
    else:
        text = extract(_XML_DECLARATION.sub("", page), include_comments=False)
        batch = buffer.add(1, text=text or page, problem=None if text else NO_MAIN_TEXT)
    if batch is not None:
        yield batch
    yield from buffer.rest()


def _decoded(content: bytes) -> str:
    """Return a page as text: by its byte order mark, by what it declares, or as UTF-8."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    return content.decode(_declared(content[:_SCANNED_BYTES]) or "utf-8")


def _declared(beginning: bytes) -> str | None:
    """Return the encoding that a page declares, or None where that is none, or UTF-8."""
    found = _DECLARED.search(beginning)
    if found is None:
        return None
    try:
        name = codecs.lookup(found[1].decode("ascii", "replace")).name
    except LookupError:
        return None
    name = _MEANT.get(name, name)
    return name if _KNOWN.match(name) else None


def _extractor(name: str) -> Any:
    try:
        from trafilatura import extract
    except ImportError as error:
        what, mend = "reading HTML needs more packages", 'Run: pip install "gapless[html]"'
        raise DataError(what, where=name, mend=mend) from error
    # It logs each page without text; such a page is counted here, and not told twice.
    logging.getLogger("trafilatura").addHandler(_SILENT)
    return extract
