"""Quizzes and exams that were begun, kept in ``progress.db``: every answer is on disk before the next question is shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from workbook.database import now, transaction
from workbook.quiz.forms import Form
from workbook.quiz.grading import Result, grade
from workbook.quiz.sealed import Bank


@dataclass(frozen=True)
class Answer:
    """An answer at a time. A later one to the same item replaces it; the seconds of all add up.

    Attributes
    ----------
    item, given : str
        Letters of the bank; an empty text takes the answer back.
    flagged : bool
        Marked for review.
    seconds : float
        Spent on the item since the answer before.
    at : str
        UTC, ISO 8601 to the second.
    """

    item: str
    given: str
    flagged: bool
    seconds: float
    at: str


@dataclass
class Sitting:
    """One go at a form.

    Attributes
    ----------
    uid : str
        The same on every machine that it is imported to.
    form : Form
    version : str
        Of the bank that was asked.
    seed : int
        Of the order of the choices.
    begun : str
    finished : str or None
        UTC, ISO 8601 to the second.
    log : list of Answer
        In the order in which they were given.
    """

    uid: str
    form: Form
    version: str
    seed: int
    begun: str
    finished: str | None = None
    log: list[Answer] = field(default_factory=list)

    @property
    def answers(self) -> dict[str, str]:
        """Latest answer to each item, in the letters of the bank."""
        return {answer.item: answer.given for answer in self.log}

    @property
    def flagged(self) -> set[str]:
        """Items marked for review."""
        latest = {answer.item: answer.flagged for answer in self.log}
        return {item for item, flagged in latest.items() if flagged}

    @property
    def seconds(self) -> dict[str, float]:
        """Time spent on each item."""
        spent: dict[str, float] = {}
        for answer in self.log:
            spent[answer.item] = spent.get(answer.item, 0.0) + answer.seconds
        return spent

    @property
    def left(self) -> float | None:
        """Seconds left, not below 0; None without a clock. The clock stands while nobody sits: a break costs nothing."""
        if self.form.minutes is None:
            return None
        return max(0.0, 60 * self.form.minutes - sum(self.seconds.values()))

    def answer(self, item: str, given: str, *, seconds: float = 0.0, flagged: bool = False) -> None:
        """Keep an answer, or a changed one; an empty text takes it back.

        Raises
        ------
        KeyError
            The item is not of this form.
        OSError, sqlite3.Error
            The file cannot be written.
        """
        if item not in self.form.items:
            raise KeyError(f"{item} is not asked in {self.form.name}")
        answer = Answer(item, given, flagged, seconds, now())
        with transaction() as connection:
            _write_answers(connection, self.uid, [answer])
        self.log.append(answer)

    def finish(self) -> None:
        """Mark it as finished: it will not be resumed. Errors as for :meth:`answer`."""
        self.finished = now()
        with transaction() as connection:
            connection.execute("UPDATE sittings SET finished = ? WHERE uid = ?", (self.finished, self.uid))


def begin(form: Form, version: str, seed: int) -> Sitting:
    """Begin a sitting. Errors as for :meth:`Sitting.answer`."""
    sitting = Sitting(str(uuid4()), form, version, seed, now())
    with transaction() as connection:
        _write(connection, sitting)
    return sitting


def record(form: Form, version: str, answers: Mapping[str, str]) -> bool:
    """Keep a whole sheet of answers as a finished sitting, unless the latest one of this form has the same answers.

    Returns whether it is new. Errors as for :meth:`Sitting.answer`.
    """
    given = {item: letters for item, letters in answers.items() if letters}
    past = finished(form)
    if past and (past[-1].version, past[-1].answers) == (version, given):
        return False
    at = now()
    log = [Answer(item, letters, False, 0.0, at) for item, letters in given.items()]
    with transaction() as connection:
        _write(connection, Sitting(str(uuid4()), form, version, seed=0, begun=at, finished=at, log=log))
    return True


def merge(found: Iterable[Sitting]) -> int:
    """Take over sittings from elsewhere, all or none; return how many were new or longer than here."""
    here = {sitting.uid: sitting for sitting in every()}
    changed = 0
    with transaction() as connection:
        for sitting in found:
            known = here.get(sitting.uid)
            if known is None:
                _write(connection, sitting)
            elif (len(sitting.log), sitting.finished or "") > (len(known.log), known.finished or ""):
                connection.execute("UPDATE sittings SET finished = ? WHERE uid = ?", (sitting.finished, sitting.uid))
                connection.execute("DELETE FROM answers WHERE sitting = ?", (sitting.uid,))
                _write_answers(connection, sitting.uid, sitting.log)
            else:
                continue
            changed += 1
    return changed


def graded(sitting: Sitting, bank: Bank) -> Result | None:
    """What came of a sitting; None when one of its questions has changed since or is gone."""
    if not set(sitting.form.items) <= bank.items.keys():
        return None
    asked = bank.only(sitting.form.items)
    return grade(asked, sitting.answers) if asked.version == sitting.version else None


def unfinished(form: Form, version: str) -> Sitting | None:
    """The latest sitting of this form and version of the bank that was not finished."""
    found = _read(
        "form = ? AND version = ? AND items = ? AND finished IS NULL", (form.name, version, json.dumps(form.items))
    )
    return found[-1] if found else None


def finished(form: Form | None = None) -> list[Sitting]:
    """All finished sittings, of one form or of every form, oldest first."""
    return _read("finished IS NOT NULL AND form = ?", (form.name,)) if form else _read("finished IS NOT NULL", ())


def every() -> list[Sitting]:
    """All sittings, oldest first."""
    return _read("TRUE", ())


def _write(connection: sqlite3.Connection, sitting: Sitting) -> None:
    form = sitting.form
    connection.execute(
        "INSERT INTO sittings (uid, form, title, version, items, seed, minutes, begun, finished)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            sitting.uid,
            form.name,
            form.title,
            sitting.version,
            json.dumps(form.items),
            sitting.seed,
            form.minutes,
            sitting.begun,
            sitting.finished,
        ),
    )
    _write_answers(connection, sitting.uid, sitting.log)


def _write_answers(connection: sqlite3.Connection, uid: str, log: Iterable[Answer]) -> None:
    connection.executemany(
        "INSERT INTO answers (sitting, item, given, flagged, seconds, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(uid, answer.item, answer.given, answer.flagged, answer.seconds, answer.at) for answer in log],
    )


def _read(where: str, values: Sequence[object]) -> list[Sitting]:
    with transaction() as connection:
        sittings = {
            uid: Sitting(
                uid,
                Form(name=name, title=title, minutes=minutes, items=tuple(json.loads(items))),
                version,
                seed,
                begun,
                finished,
            )
            for uid, name, title, version, items, seed, minutes, begun, finished in connection.execute(
                "SELECT uid, form, title, version, items, seed, minutes, begun, finished FROM sittings"
                f" WHERE {where} ORDER BY begun, rowid",
                tuple(values),
            )
        }
        for uid, item, given, flagged, seconds, at in connection.execute(
            "SELECT sitting, item, given, flagged, seconds, at FROM answers"
            f" WHERE sitting IN (SELECT uid FROM sittings WHERE {where}) ORDER BY id",
            tuple(values),
        ):
            if uid in sittings:  # another process may have added one meanwhile
                sittings[uid].log.append(Answer(item, given, bool(flagged), seconds, at))
    return list(sittings.values())
