"""What an answer-sheet notebook calls: the form where a front end is there, and the grade."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from workbook import database
from workbook.quiz import banks, sittings
from workbook.quiz.forms import Form, band
from workbook.quiz.grading import AnswerError, Result, grade
from workbook.quiz.result_page import result_html
from workbook.quiz.sealed import Bank

#: Carries the answers of an executed sheet to `wb grade`.
MIME = "application/vnd.lakehouse-ml-workbook.sheet+json"


class Sheet:
    """The answers to one form.

    Parameters
    ----------
    quiz : str
        Name of a fixed form.
    answers : mapping of str to str, or its JSON text
        Id of an item to letters. A text is what papermill gives with ``-p answers '{"fs-pit-001": "B"}'``.
    version : str
        Of the questions that the notebook shows.

    Raises
    ------
    BankError
        For an unknown form, or a bank that is missing or damaged.
    AnswerError
        For a text that is not JSON, or questions that have changed since the notebook was made.
    """

    def __init__(self, quiz: str, answers: Mapping[str, str] | str, *, version: str) -> None:
        self.form: Form = banks.form_named(quiz, banks.read_forms().fixed)
        self.bank: Bank = banks.whole_bank().only(self.form.items)
        self.answers = read_answers(answers)
        self.version = version
        grade(self.bank, {}, version=version)

    def show_form(self) -> None:
        """Show the questions as a form. Does nothing where nobody could fill it in, as under papermill."""
        if not _front_end():
            return
        try:
            from workbook.quiz.widget import form
        except ImportError:
            print("No form: ipywidgets is not installed here. Type the answers in the cell above.")
            return
        display(form(self))

    def grade(self) -> Result:
        """Grade, show the result, and keep it in the learner's progress.

        Raises
        ------
        AnswerError
            The message names the item. Nothing has been recorded.
        """
        result = self.result()
        record = {"quiz": self.form.name, "version": self.version, "answers": self.answers}
        if not result.answered:
            _show("No answer yet.", "<p>No answer yet.</p>", record)
            return result
        score = result.score
        text = f"{self.form.title}: {score.right} of {score.of} right ({score.percent:.0f} %), {band(score.right, score.of)}"
        _show(text, result_html(self.form, self.bank, result), record)
        print(self.keep())
        return result

    def result(self) -> Result:
        """Grade, and do nothing else. Errors as for :meth:`grade`."""
        return grade(self.bank, self.answers, version=self.version)

    def keep(self) -> str:
        """Keep the answers in the learner's progress; return a sentence that says whether they were kept."""
        try:
            new = sittings.record(self.form, self.version, self.answers)
        except (OSError, sqlite3.Error) as error:
            return f"This result was not kept, because {database.path()} cannot be written: {error}"
        return "Kept: `wb progress` shows it." if new else "The same answers are kept already."


def read_answers(answers: Mapping[str, str] | str) -> dict[str, str]:
    """Answers as a mapping, from one or from its JSON text. An AnswerError for another text."""
    if not isinstance(answers, str):
        return dict(answers)
    try:
        found: Any = json.loads(answers or "{}")
    except ValueError as error:
        raise AnswerError(f'answers: this text is no JSON ({error}); write \'{{"fs-pit-001": "B"}}\'') from None
    if not isinstance(found, dict):
        raise AnswerError('answers: write a JSON object of item to letters, \'{"fs-pit-001": "B"}\'')
    return found


def _front_end() -> bool:
    """Whether somebody sits there: a notebook that is executed as a whole may not ask for input."""
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and bool(
        getattr(kernel, "_allow_stdin", False) or "DATABRICKS_RUNTIME_VERSION" in os.environ
    )


def _show(text: str, page: str, record: dict[str, Any]) -> None:
    if get_ipython() is None:
        print(text)
        return
    display({"text/plain": text, "text/html": page, MIME: record}, raw=True)
