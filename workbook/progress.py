"""What the learner has done, kept in ``progress.db`` in the folder of local state.

The file is a SQLite database in WAL mode with append-only tables (a sitting alone is marked once as
finished), so that two notebooks can write at once and a kill loses at most the attempt being written.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from lakehouse.home import home
from workbook.exercises import Exercise, exercises

_BUSY_SECONDS = 20
_RANK = {"todo": 0, "error": 1, "fail": 2, "pass": 3}
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


@dataclass(frozen=True)
class ExerciseProgress:
    """What is known of one exercise.

    Attributes
    ----------
    exercise : str
        Its id.
    best, latest : str
        Outcomes: ``todo`` before the first attempt, else ``error``, ``fail`` or ``pass``.
    attempts, hints : int
        How often it was checked and its hint was read.
    """

    exercise: str
    best: str
    latest: str
    attempts: int
    hints: int


@dataclass(frozen=True)
class ChapterProgress:
    """The exercises of a chapter (``"04"``) or capstone (``"churn"``), in their order."""

    chapter: str
    exercises: tuple[ExerciseProgress, ...]

    @property
    def total(self) -> int:
        """Number of exercises."""
        return len(self.exercises)

    @property
    def passed(self) -> int:
        """Number of exercises passed at least once."""
        return sum(each.best == "pass" for each in self.exercises)

    @property
    def hints(self) -> int:
        """Number of exercises whose hint was read."""
        return sum(each.hints > 0 for each in self.exercises)

    @property
    def open(self) -> tuple[str, ...]:
        """Ids of the exercises not passed yet."""
        return tuple(each.exercise for each in self.exercises if each.best != "pass")


def database() -> Path:
    """The file that holds the results."""
    return home() / "progress.db"


def record(exercise: str, outcome: str, message: str = "", notebook: str | None = None) -> None:
    """Append an attempt.

    Parameters
    ----------
    exercise : str
        Its id.
    outcome : {"pass", "fail", "error"}
        ``todo`` is not an attempt.
    message : str
        The feedback that was shown.
    notebook : str, optional
        Stem of the notebook.

    Raises
    ------
    OSError, sqlite3.Error
        If the file cannot be written.
    """
    with transaction() as connection:
        connection.execute(
            "INSERT INTO attempts (exercise, outcome, message, notebook, at) VALUES (?, ?, ?, ?, ?)",
            (exercise, outcome, message, notebook, now()),
        )


def record_hint(exercise: str) -> None:
    """Note that a hint was read. Errors as for :func:`record`."""
    with transaction() as connection:
        connection.execute("INSERT INTO hints (exercise, at) VALUES (?, ?)", (exercise, now()))


def summary(known: Iterable[Exercise] | None = None) -> list[ChapterProgress]:
    """Progress by chapter.

    Parameters
    ----------
    known : iterable of Exercise, optional
        The exercises to report, by default all registered ones. Attempts at others are left out.

    Raises
    ------
    sqlite3.Error
        If there is a file of results that cannot be read.
    """
    outcomes: dict[str, list[str]] = defaultdict(list)
    hints: Counter[str] = Counter()
    if database().exists():
        with transaction() as connection:
            for exercise, outcome in connection.execute("SELECT exercise, outcome FROM attempts ORDER BY id"):
                outcomes[exercise].append(outcome)
            hints.update(exercise for (exercise,) in connection.execute("SELECT exercise FROM hints"))
    chapters: dict[str, list[ExerciseProgress]] = defaultdict(list)
    for each in exercises().values() if known is None else known:
        seen = ["todo", *outcomes[each.id]]
        best = max(seen, key=_RANK.__getitem__)
        chapters[each.chapter].append(ExerciseProgress(each.id, best, seen[-1], len(seen) - 1, hints[each.id]))
    return [ChapterProgress(chapter, tuple(found)) for chapter, found in chapters.items()]


def render(console: Console | None = None) -> None:
    """Print the summary as a table: what ``wb progress`` shows."""
    console = console or Console()
    chapters = summary()
    if not chapters:
        console.print("There are no exercises yet.")
        return
    table = Table("Chapter", "", "Passed", "Hints read", "Open", box=None, padding=(0, 2, 0, 0))
    for chapter in chapters:
        bar = ProgressBar(total=chapter.total, completed=chapter.passed, width=20)
        table.add_row(
            chapter.chapter, bar, f"{chapter.passed} of {chapter.total}", str(chapter.hints), " ".join(chapter.open)
        )
    console.print(table)
    passed, total = sum(each.passed for each in chapters), sum(each.total for each in chapters)
    console.print(f"{passed} of {total} exercises passed.")


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """A transaction on the database, which is made when missing."""
    path = database()
    if not path.exists():
        _create(path)
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection, connection:
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            # A file of an earlier version of this program lacks tables; what it has stays.
            connection.executescript(_TABLES)
        yield connection


def _create(path: Path) -> None:
    # SQLite does not wait for its turn when two processes switch one file to WAL. So each makes a file of its own, and
    # the first to put it in place wins.
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".progress-") as folder:
        made = Path(folder) / path.name
        with closing(sqlite3.connect(made)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLES)
        with suppress(FileExistsError):
            os.link(made, path)


def now() -> str:
    """The time in UTC as the tables hold it, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
