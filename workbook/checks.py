"""Check the learner's answers in place: ``check("4.3", df)`` and ``hint("4.3")``.

A check prints its outcome and goes on, so that a notebook runs from top to bottom whatever the answers are. Beside the
text it leaves a record of type :data:`MIME` in the cell's output; reports read that and never the text.

With ``WORKBOOK_STRICT=1`` whatever is not a pass raises :class:`CheckFailed`, and nothing counts as the learner's
progress: that is how the course proves its own solutions.
"""

from __future__ import annotations

import dis
import html
import inspect
import os
import re
import sqlite3
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from IPython import get_ipython
from IPython.display import display

from workbook import database, progress
from workbook.errors import first_line
from workbook.exercises import Exercise, exercise, exercises, find

__all__ = ["MIME", "CheckFailed", "Outcome", "check", "enter_notebook", "exercise", "exercises", "hint"]

MIME = "application/vnd.workbook.check+json"

_COLOURS = {"todo": "#8a8a8a", "pass": "#2e9e4f", "fail": "#d97706", "error": "#d43d3d", "hint": "#3b82f6"}
_notebook: str | None = None


class CheckFailed(Exception):
    """A check did not pass while ``WORKBOOK_STRICT=1`` asks that all do.

    Attributes
    ----------
    outcome : Outcome
        What the check found.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes
    ----------
    exercise : str
        Id of the exercise.
    outcome : {"todo", "pass", "fail", "error"}
        ``todo``: an answer is still ``...``. ``fail``: an answer is wrong. ``error``: an answer could not be judged.
    message : str
        The feedback. It holds no times and no addresses, so equal answers give equal text.
    """

    exercise: str
    outcome: str
    message: str

    def __str__(self) -> str:
        text = f"Exercise {self.exercise}: {self.outcome}"
        return f"{text}. {self.message}" if self.message else text

    def _ipython_display_(self) -> None:
        """Show nothing: :func:`check` has shown it when it stands last in a cell."""


def enter_notebook(name: str | None) -> None:
    """Tell the notebook that the following checks belong to, by its stem; ``start`` does."""
    global _notebook
    _notebook = name


def check(exercise_id: str, *answers: object) -> Outcome:
    """Judge the answers to an exercise, show the outcome and keep it.

    Parameters
    ----------
    exercise_id : str
        Chapter and number, such as ``"4.3"`` or ``"churn.2"``.
    *answers : object
        What the exercise asks for. An answer that is still ``...``, or a function whose body is, means "not yet".

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If there is no such exercise.
    CheckFailed
        If ``WORKBOOK_STRICT=1`` and the outcome is not ``pass``.
    """
    outcome = _judge(find(exercise_id), answers)
    record = {
        "exercise": outcome.exercise,
        "outcome": outcome.outcome,
        "message": outcome.message,
        "notebook": _notebook,
    }
    text = str(outcome)
    message = outcome.message
    if outcome.outcome in ("fail", "error"):
        pointer = f'For a hint: hint("{exercise_id}")'
        text, message = f"{text}\n{pointer}", f"{message}\n{pointer}"
    _show(text, _card(f"Exercise {exercise_id}: {outcome.outcome}", message, _COLOURS[outcome.outcome]), record)
    if strict():
        if outcome.outcome != "pass":
            raise CheckFailed(outcome)
    elif outcome.outcome != "todo":
        _keep(progress.record, exercise_id, outcome.outcome, outcome.message, _notebook)
    return outcome


def hint(exercise_id: str) -> None:
    """Show the hint of an exercise, and note that it was read.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    found = find(exercise_id)
    _show(f"Hint for {exercise_id}: {found.hint}", _card(f"Hint for {exercise_id}", found.hint, _COLOURS["hint"]))
    if not strict():
        _keep(progress.record_hint, exercise_id)


# Judging ------------------------------------------------------------------------------------------------------------


def _judge(exercise: Exercise, answers: tuple[object, ...]) -> Outcome:
    try:
        inspect.signature(exercise.checker).bind(*answers)
    except TypeError:
        wanted = ", ".join(exercise.answers) or "no answer"
        message = f'check("{exercise.id}", ...) takes {wanted}; it was given {len(answers)} answers.'
        return Outcome(exercise.id, "error", message)
    if any(_is_open(answer) for answer in answers):
        return Outcome(exercise.id, "todo", "Put your answer in place of `...` and run the cell again.")
    try:
        praise = exercise.checker(*answers)
    except AssertionError as mistake:
        return Outcome(exercise.id, "fail", str(mistake).strip() or "Not yet.")
    except Exception as error:
        return Outcome(exercise.id, "error", _explain(error, exercise, answers))
    return Outcome(exercise.id, "pass", praise or "")


def _is_open(answer: object) -> bool:
    """Whether the stub, or a part of it, is still there."""
    if answer is ... or (isinstance(answer, FunctionType) and _does_nothing(answer)):
        return True
    if isinstance(answer, dict):
        return any(_is_open(value) for value in answer.values())
    return isinstance(answer, list | tuple | set) and any(_is_open(value) for value in answer)


def _does_nothing(function: FunctionType) -> bool:
    # The body `...` compiles to a bare `return None`.
    steps = [step for step in dis.get_instructions(function) if step.opname not in ("RESUME", "NOP")]
    names = [step.opname for step in steps]
    return names in (["LOAD_CONST", "RETURN_VALUE"], ["RETURN_CONST"]) and steps[0].argval is None


def _explain(error: Exception, exercise: Exercise, answers: tuple[object, ...]) -> str:
    named = list(zip(exercise.answers, answers, strict=False))  # The last answers of a checker may have defaults.
    empty = [name for name, answer in named if answer is None]
    if empty:
        return (
            f"`{empty[0]}` is None. A method that only shows or writes, such as `df.show()`, gives None, "
            "and so does a function without `return`."
        )
    kinds = ", ".join(f"`{name}` ({type(answer).__name__})" for name, answer in named)
    return f"The check could not use {kinds}: {first_line(error)}"


# Showing and keeping ------------------------------------------------------------------------------------------------


def strict() -> bool:
    """Whether this run validates the course: whatever is not a pass raises, and nothing is kept as progress."""
    return os.environ.get("WORKBOOK_STRICT", "") not in ("", "0")


def _show(text: str, card: str, record: dict[str, Any] | None = None) -> None:
    if get_ipython() is None:
        print(text)
        return
    bundle: dict[str, Any] = {"text/plain": text, "text/html": card}
    if record is not None:
        bundle[MIME] = record
    display(bundle, raw=True)


def _card(title: str, message: str, colour: str) -> str:
    """HTML that takes the page's own text colours, so that it reads on a light and on a dark theme."""
    body = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(message, quote=False)).replace("\n", "<br>")
    return (
        f'<div role="status" style="border-left: 4px solid {colour}; padding: 0.3em 0.8em; margin: 0.3em 0">'
        f"<strong>{html.escape(title)}</strong>{f'<br>{body}' if body else ''}</div>"
    )


def _keep(record: Any, *values: Any) -> None:
    try:
        record(*values)
    except (OSError, sqlite3.Error) as error:
        print(f"This result was not kept, because {database.path()} cannot be written: {error}")
