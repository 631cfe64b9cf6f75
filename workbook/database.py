"""The file of what the learner has done: ``progress.db`` in the folder of local state.

It is a SQLite database in WAL mode with append-only tables (a sitting alone is marked once as finished), so that two
notebooks can write at once and a kill loses at most the attempt being written.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from lakehouse.paths import home

_BUSY_SECONDS = 20
_VERSION = 2
_TABLES = f"""
PRAGMA user_version = {_VERSION};
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY,
    exercise TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'error')),
    message TEXT NOT NULL,
    notebook TEXT,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS hints (
    id INTEGER PRIMARY KEY,
    exercise TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sittings (
    uid TEXT PRIMARY KEY,
    form TEXT NOT NULL,
    title TEXT NOT NULL,
    version TEXT NOT NULL,
    items TEXT NOT NULL,
    seed INTEGER NOT NULL,
    minutes INTEGER,
    begun TEXT NOT NULL,
    finished TEXT
);
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY,
    sitting TEXT NOT NULL REFERENCES sittings (uid),
    item TEXT NOT NULL,
    given TEXT NOT NULL,
    flagged INTEGER NOT NULL,
    seconds REAL NOT NULL,
    at TEXT NOT NULL
);
"""


def path() -> Path:
    """The file. WAL keeps two more beside it."""
    return home() / "progress.db"


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """A transaction on the database, which is made when missing."""
    file = path()
    if not file.exists():
        _create(file)
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS)) as connection, connection:
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            # A file of an earlier version of this program lacks tables; what it has stays.
            connection.executescript(_TABLES)
        yield connection


def _create(file: Path) -> None:
    # SQLite does not wait for its turn when two processes switch one file to WAL. So each makes a file of its own, and
    # the first to put it in place wins.
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=file.parent, prefix=".progress-") as folder:
        made = Path(folder) / file.name
        with closing(sqlite3.connect(made)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLES)
        with suppress(FileExistsError):
            os.link(made, file)


def now() -> str:
    """The time in UTC as the tables hold it, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
