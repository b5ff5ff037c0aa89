"""The store of answers: what has been paid for once, on disk before it counts.

One SQLite file. Any number of processes may read and write it at once; the first answer to a
request stays. A process or machine that dies loses nothing that `put_all` has returned from.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gapless.endpoints.request import Answer, Finish
from gapless.errors import DataError

_APPLICATION = 0x67706C73
"""``gpls``: by it SQLite's own header tells whose file this is."""
_VERSION = 1
_BUSY_SECONDS = 60
_AT_ONCE = 500
"""Keys in one query."""
_COLUMNS = "key, text, finish, model, prompt_tokens, completion_tokens, detail"
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, finish TEXT NOT NULL, model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_MEND = "Name another place for the store, or bring the file back from a copy."


class Answers:
    """Answers by their request's key, and short notes about servers; safe among threads.

    With ``read_only`` the file must be there, and may lie where nothing can be written.

    Raises:
        DataError: the file is damaged, or is something else.

    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._told("it cannot be opened"):
            if path.is_dir():
                raise IsADirectoryError("it is a folder")
            self._file = _open_to_read(path) if read_only else _open(path)

    def get(self, key: str) -> Answer | None:
        """Return the answer to a request, or None."""
        return self.get_all([key]).get(key)

    def get_all(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that are there, by key."""
        rows = self._select(f"SELECT {_COLUMNS} FROM answers WHERE key IN", keys)  # noqa: S608
        return {row[0]: Answer(*row) for row in rows}

    def has(self, key: str) -> bool:
        """Return whether a request has its answer."""
        return bool(self.known([key]))

    def known(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys that have an answer."""
        return {key for (key,) in self._select("SELECT key FROM answers WHERE key IN", keys)}

    def put(self, answer: Answer) -> bool:
        """Keep an answer; return whether it is new. The one that was there first stays."""
        return self.put_all([answer]) == 1

    def put_all(self, answers: Iterable[Answer]) -> int:
        """Keep answers, on disk when this returns; return how many are new."""
        rows = [
            (a.key, a.text, a.finish, a.model, a.prompt_tokens, a.completion_tokens, a.detail)
            for a in answers
        ]
        marks = ",".join("?" * 7)
        insert = f"INSERT OR IGNORE INTO answers ({_COLUMNS}) VALUES ({marks})"  # noqa: S608
        return self._write(insert, rows)

    def counts(self) -> dict[Finish, int]:
        """Return how many answers there are, by how they ended."""
        rows = self._rows("SELECT finish, count(*) FROM answers GROUP BY finish ORDER BY finish")
        return dict(rows)

    def note(self, name: str) -> str | None:
        """Return what was noted under a name, or None."""
        for (value,) in self._rows("SELECT value FROM notes WHERE name = ?", (name,)):
            return str(value)
        return None

    def put_note(self, name: str, value: str) -> None:
        """Note something; it takes the place of what stood there."""
        self._write("INSERT OR REPLACE INTO notes VALUES (?, ?)", [(name, value)])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        """Return how many answers there are."""
        return int(self._rows("SELECT count(*) FROM answers")[0][0])

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def _select(self, start: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for begin in range(0, len(keys), _AT_ONCE):
            some = tuple(keys[begin : begin + _AT_ONCE])
            yield from self._rows(f"{start} ({','.join('?' * len(some))})", some)

    def _rows(self, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._told("it cannot be read"):
            return self._file.execute(query, values).fetchall()

    def _write(self, statement: str, rows: Sequence[tuple[str | int, ...]]) -> int:
        with self._lock, self._told("it cannot be written"):
            self._file.execute("BEGIN IMMEDIATE")
            try:
                changed = self._file.executemany(statement, rows).rowcount
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                raise
        return max(0, changed)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            message = f"this store of answers is of no use: {what}: {error}"
            raise DataError(message, where=str(self.path), mend=_MEND) from error


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _connect(str(path), uri=False)
    try:
        if not _is_ours(file):
            _keep_log(file)
            file.executescript(_TABLES)
        # The log is on disk before a commit returns: not even a loss of power takes an answer.
        file.execute("PRAGMA synchronous = FULL")
        file.execute("SELECT 1 FROM answers LIMIT 1")
    except BaseException:
        file.close()
        raise
    return file


def _keep_log(file: sqlite3.Connection) -> None:
    """Turn the log on; unlike other statements this one does not wait for other processes."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            file.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _open_to_read(path: Path) -> sqlite3.Connection:
    try:
        return _opened_so(path, "mode=ro")
    except sqlite3.OperationalError:
        # Where nothing can be written SQLite cannot read along with writers: there are none.
        if path.with_name(f"{path.name}-wal").exists():
            raise
        return _opened_so(path, "mode=ro&immutable=1")


def _opened_so(path: Path, how: str) -> sqlite3.Connection:
    file = _connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    try:
        _is_ours(file)
        file.execute("SELECT 1 FROM answers LIMIT 1")
    except BaseException:
        file.close()
        raise
    return file


def _connect(place: str, *, uri: bool) -> sqlite3.Connection:
    return sqlite3.connect(
        place, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=uri
    )


def _is_ours(file: sqlite3.Connection) -> bool:
    """Return False for a file that is empty yet; refuse what somebody else has written."""
    application, version, tables = file.execute(  # one statement sees one state of the file
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_master)"
    ).fetchone()
    if application == _APPLICATION:
        if version > _VERSION:
            raise sqlite3.DatabaseError("a later version of gapless has written it")
        return True
    if application or version or tables:
        raise sqlite3.DatabaseError("another program has written it")
    return False
