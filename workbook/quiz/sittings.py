"""Quizzes and exams that were begun, kept in ``progress.db``: every answer is on disk before the next question is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbook.progress import now, transaction
from workbook.quiz.forms import Form


@dataclass
class Sitting:
    """One go at a form.

    Attributes
    ----------
    id : int
        Its row in ``sittings``.
    form : Form
    version : str
        Of the bank that was asked.
    seed : int
        Of the order of the choices.
    answers : dict of str to str
        Latest answer to each item, in the letters of the bank.
    flagged : set of str
        Items marked for review.
    seconds : dict of str to float
        Time spent on each item.
    """

    id: int
    form: Form
    version: str
    seed: int
    answers: dict[str, str] = field(default_factory=dict)
    flagged: set[str] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)

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
        with transaction() as connection:
            connection.execute(
                "INSERT INTO answers (sitting, item, given, flagged, seconds, at) VALUES (?, ?, ?, ?, ?, ?)",
                (self.id, item, given, flagged, seconds, now()),
            )
        self._apply(item, given, flagged, seconds)

    def finish(self) -> None:
        """Mark it as finished: it will not be resumed. Errors as for :meth:`answer`."""
        with transaction() as connection:
            connection.execute("UPDATE sittings SET finished = ? WHERE id = ?", (now(), self.id))

    def _apply(self, item: str, given: str, flagged: bool, seconds: float) -> None:
        self.answers[item] = given
        self.seconds[item] = self.seconds.get(item, 0.0) + seconds
        (self.flagged.add if flagged else self.flagged.discard)(item)


def begin(form: Form, version: str, seed: int) -> Sitting:
    """Begin a sitting. Errors as for :meth:`Sitting.answer`."""
    with transaction() as connection:
        row = connection.execute(
            "INSERT INTO sittings (form, version, items, seed, minutes, at) VALUES (?, ?, ?, ?, ?, ?)",
            (form.name, version, json.dumps(form.items), seed, form.minutes, now()),
        )
        assert row.lastrowid is not None
        return Sitting(row.lastrowid, form, version, seed)


def unfinished(form: Form, version: str) -> Sitting | None:
    """The latest sitting of this form and version of the bank that was not finished."""
    found = _read(
        "form = ? AND version = ? AND items = ? AND finished IS NULL",
        (form.name, version, json.dumps(form.items)),
        form,
    )
    return found[-1] if found else None


def finished(form: Form | None = None) -> list[Sitting]:
    """All finished sittings, of one form or of every form, oldest first."""
    return _read("finished IS NOT NULL AND form = ?", (form.name,)) if form else _read("finished IS NOT NULL", ())


def _read(where: str, values: Sequence[object], form: Form | None = None) -> list[Sitting]:
    with transaction() as connection:
        sittings = {
            number: Sitting(
                number,
                form or Form(name=name, title=name, minutes=minutes, items=tuple(json.loads(items))),
                version,
                seed,
            )
            for number, name, version, items, seed, minutes in connection.execute(
                f"SELECT id, form, version, items, seed, minutes FROM sittings WHERE {where} ORDER BY id", tuple(values)
            )
        }
        for number, item, given, flagged, seconds in connection.execute(
            "SELECT sitting, item, given, flagged, seconds FROM answers ORDER BY id"
        ):
            if number in sittings:
                sittings[number]._apply(item, given, bool(flagged), seconds)  # noqa: SLF001
    return list(sittings.values())
