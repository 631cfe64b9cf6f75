"""``wb grade FOLDER``: answer sheets as handed in, to a gradebook in CSV and a page with item statistics.

A sheet is read without running it: its parameters are literals. With ``run`` each is executed by papermill in a process
of its own with a time limit, for sheets that compute their answers; the answers are then what the sheet itself showed.
Either way the score is computed here, from the answers alone.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import InvalidValue
from workbook.pages import templates
from workbook.quiz.banks import Forms
from workbook.quiz.forms import Form, band
from workbook.quiz.grading import AnswerError, Result, grade
from workbook.quiz.markup import prose_html
from workbook.quiz.sealed import Bank
from workbook.quiz.sheet import MIME, read_answers

RUN_SECONDS = 120
_PARAMETERS = ("quiz", "version", "student", "answers")


class SheetError(InvalidValue):
    """A sheet that cannot be graded; the message says why."""


@dataclass(frozen=True)
class Row:
    """One sheet of a class.

    Attributes
    ----------
    file : str
        Path below the folder.
    student : str
        As the sheet says, else the file's name.
    quiz : str
        Name of the form, empty when it could not be read.
    result : Result or None
        None for a sheet that cannot be graded.
    reason : str
        Why not.
    """

    file: str
    student: str
    quiz: str
    result: Result | None
    reason: str = ""


@dataclass(frozen=True)
class ItemStatistics:
    """How a class did on one question of one form.

    Attributes
    ----------
    id : str
    text : str
        HTML of the question's first paragraph.
    sheets : int
    difficulty : float
        Share of right answers, in [0, 1]: low is hard.
    discrimination : float or None
        Correlation (Pearson's, of right as 0 or 1) with the number of other items that were right, in [-1, 1]. Near 0 or
        below, the question does not tell who knows the rest. None where all were right or wrong, or all scores alike.
    choices : dict of str to int
        How often each letter was taken.
    key : str
    """

    id: str
    text: str
    sheets: int
    difficulty: float
    discrimination: float | None
    choices: dict[str, int]
    key: str


def grade_folder(
    folder: Path,
    bank: Bank,
    forms: Forms,
    *,
    run: bool = False,
    seconds: float = RUN_SECONDS,
    told: Callable[[str], None] = lambda file: None,
) -> list[Row]:
    """Grade every notebook below a folder, in the order of their paths.

    Parameters
    ----------
    run : bool
        Execute the sheets. They are other people's programs: run them where they may do no harm.
    seconds : float
        Time limit of each run.
    told : callable
        Gets each file as it is begun.

    Raises
    ------
    FileNotFoundError
        When there is no such folder, or no notebook below it.
    """
    if not folder.is_dir():
        raise InvalidValue(f"{folder} is no folder")
    files = [
        path
        for path in sorted(folder.rglob("*.ipynb"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise InvalidValue(f"there is no notebook below {folder}")
    banks: dict[str, Bank] = {}
    rows = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        told(name)
        student, quiz = path.stem, ""
        try:
            notebook = _read(path)
            sheet = _parameters(notebook)
            student, quiz = sheet["student"].strip() or student, sheet["quiz"]
            if quiz not in forms.fixed:
                raise SheetError(f"there is no quiz {quiz!r}")
            if quiz not in banks:
                banks[quiz] = bank.only(forms.fixed[quiz].items)
            answers = _run(path, seconds) if run else _literal_answers(notebook, sheet)
            rows.append(Row(name, student, quiz, grade(banks[quiz], answers, version=sheet["version"])))
        except (SheetError, AnswerError) as error:
            rows.append(Row(name, student, quiz, None, str(error)))
    return rows


def to_csv(rows: Sequence[Row]) -> str:
    """The gradebook: a line for each sheet, a column for each exam domain."""
    domains = sorted({domain for row in rows if row.result for domain in row.result.by_domain})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["student", "file", "quiz", "right", "of", "percent", "partial", "answered", "band", *domains, "reason"]
    )
    for row in rows:
        if row.result is None:
            figures: list[Any] = [""] * (6 + len(domains))
        else:
            score, shares = row.result.score, row.result.by_domain
            figures = [
                score.right,
                score.of,
                f"{score.percent:.1f}",
                f"{row.result.partial:.2f}",
                row.result.answered,
                band(score.right, score.of),
                *(f"{shares[domain].right}/{shares[domain].of}" if domain in shares else "" for domain in domains),
            ]
        writer.writerow([_cell(row.student), _cell(row.file), row.quiz, *figures, _cell(row.reason)])
    return text.getvalue()


def item_statistics(rows: Iterable[Row], form: Form, bank: Bank) -> list[ItemStatistics]:
    """Statistics of the items of one form over the sheets of it that were graded, in the form's order."""
    results = [row.result for row in rows if row.result is not None and row.quiz == form.name]
    totals = [result.score.right for result in results]
    found = []
    for place, name in enumerate(form.items if results else ()):
        item = bank.items[name]
        graded = [result.items[place] for result in results]
        right = [int(each.right) for each in graded]
        rest = [total - own for total, own in zip(totals, right, strict=True)]
        taken = Counter(letter for each in graded for letter in each.given)
        found.append(
            ItemStatistics(
                id=name,
                text=prose_html(item.stem.strip().split("\n\n")[0]),
                sheets=len(graded),
                difficulty=sum(right) / len(right),
                discrimination=_correlation(right, rest),
                choices={letter: taken[letter] for letter in item.letters},
                key=item.key(),
            )
        )
    return found


def to_html(rows: Sequence[Row], bank: Bank, forms: Forms) -> str:
    """The page: scores, what could not be graded, and the statistics of every form that was handed in."""
    graded = [row for row in rows if row.result is not None]
    quizzes = [
        (
            form,
            _histogram([row.result.score.percent for row in graded if row.result and row.quiz == form.name]),
            item_statistics(graded, form, bank),
        )
        for form in forms.fixed.values()
        if any(row.quiz == form.name for row in graded)
    ]
    refused = [row for row in rows if row.result is None]
    return (
        templates(Path(__file__).parent)
        .get_template("gradebook.html.j2")
        .render(rows=graded, refused=refused, quizzes=quizzes, band=band)
    )


# Reading a sheet -----------------------------------------------------------------------------------------------------


def _read(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SheetError(f"cannot be read as a notebook: {error}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise SheetError("cannot be read as a notebook: it has no cells")
    return notebook


def _parameters(notebook: dict[str, Any]) -> dict[str, Any]:
    """The literals of the cell of parameters, and of the one that papermill injects after it."""
    found: dict[str, Any] = {"student": ""}
    for source in (_source(cell) for cell in _code(notebook) if _is_parameters(cell)):
        try:
            statements = ast.parse(source).body
        except SyntaxError as error:
            raise SheetError(f"the cell of answers does not parse: {error.msg}, line {error.lineno}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise SheetError(f"the cell of answers does not parse: {error}") from None
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)]) if name in _PARAMETERS:
                    try:
                        found[name] = ast.literal_eval(statement.value)
                    except (ValueError, TypeError, RecursionError, MemoryError):
                        found[name] = None  # computed: only a run tells
    missing = [name for name in _PARAMETERS if name not in found]
    if missing:
        raise SheetError(f"is no answer sheet: no cell tagged parameters sets {', '.join(missing)}")
    for name in ("quiz", "version", "student"):
        if not isinstance(found[name], str):
            raise SheetError(f"{name} must be a text, not {found[name]!r}")
    return found


def _literal_answers(notebook: dict[str, Any], sheet: dict[str, Any]) -> dict[str, str]:
    answers = sheet["answers"]
    if isinstance(answers, str):
        answers = read_answers(answers)
    if not isinstance(answers, dict):
        raise SheetError("answers is not written out as a dictionary; `wb grade --run` executes the sheet")
    for number, cell in enumerate(_code(notebook), start=1):
        if not _is_parameters(cell) and _changes_answers(_source(cell)):
            raise SheetError(f"code cell {number} changes the answers; `wb grade --run` executes the sheet")
    return answers


def _changes_answers(source: str) -> bool:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # magics, or not Python: nothing that would run
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="answers", ctx=ast.Store() | ast.Del()):
                return True
            case ast.Subscript(value=ast.Name(id="answers"), ctx=ast.Store() | ast.Del()):
                return True
            case ast.Attribute(value=ast.Name(id="answers"), attr="update" | "pop" | "clear" | "setdefault"):
                return True
    return False


def _code(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if isinstance(cell, dict) and cell.get("cell_type") == "code"]


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _is_parameters(cell: dict[str, Any]) -> bool:
    return bool({"parameters", "injected-parameters"} & set(cell.get("metadata", {}).get("tags", ())))


# Running a sheet -----------------------------------------------------------------------------------------------------


def _run(path: Path, seconds: float) -> dict[str, str]:
    """The answers that a sheet shows when it is executed, in a state of its own that is thrown away."""
    with tempfile.TemporaryDirectory() as scratch:
        executed = Path(scratch) / "sheet.ipynb"
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(path.resolve()), str(executed)]
        process = subprocess.Popen(
            command,
            cwd=scratch,
            env={**os.environ, "WORKBOOK_HOME": str(Path(scratch) / "home")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            _, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            # Its kernel is of the same session.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise SheetError(f"ran for more than {seconds:.0f} s") from None
        if process.returncode:
            lines = [line for line in errors.strip().splitlines() if line.strip()]
            raise SheetError(f"failed: {lines[-1] if lines else f'exit code {process.returncode}'}")
        shown = [
            output["data"][MIME]
            for cell in _code(_read(executed))
            for output in cell.get("outputs", ())
            if MIME in output.get("data", {})
        ]
    if not shown:
        raise SheetError("ran, and showed no result: its last cell `sheet.grade()` is gone")
    answers = shown[-1].get("answers") if isinstance(shown[-1], dict) else None
    if not isinstance(answers, dict):
        raise SheetError(f"showed {answers!r} where its answers should be")
    return answers


# Figures -------------------------------------------------------------------------------------------------------------


def _correlation(xs: Sequence[int], ys: Sequence[int]) -> float | None:
    if len(set(xs)) < 2 or len(set(ys)) < 2:
        return None
    return statistics.correlation(xs, ys)


def _histogram(percents: Sequence[float]) -> list[int]:
    """Sheets in ten classes of ten percent; 100 belongs to the last."""
    counts = [0] * 10
    for percent in percents:
        counts[min(9, math.floor(percent / 10))] += 1
    return counts


def _cell(text: str) -> str:
    # A spreadsheet would run what begins so.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
