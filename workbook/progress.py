"""Which exercises the learner has solved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from workbook import database
from workbook.database import now, transaction
from workbook.exercises import Exercise, exercises

_RANK = {"todo": 0, "error": 1, "fail": 2, "pass": 3}


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
    if database.path().exists():
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
