"""Checks and hints: the four outcomes, what they show, and the registry of exercises."""

from __future__ import annotations

import json
import sys

import pytest
from nbclient import NotebookClient
from nbformat import v4
from pyspark.errors import AnalysisException, PythonException

from workbook import checks, database, progress
from workbook.checks import CheckFailed, Outcome, check, exercise, exercises, hint
from workbook.exercises import find
from workbook.manifest import Manifest
from workbook.objectives import OBJECTIVES


@pytest.fixture(autouse=True)
def demo(monkeypatch, tmp_path):
    """One exercise, an own place for results, and no strictness."""
    # Modules register once, when imported: that must not happen in the registry that this test throws away.
    exercises()
    monkeypatch.setattr("workbook.exercises._registry", {})
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    monkeypatch.delenv("WORKBOOK_STRICT", raising=False)

    @exercise("demo.1", objective="PRO-1.18", hint="Which day is the first?")
    def first_day(day, lag=0):
        if day + lag != 1:  # not an assert: pytest would add its own words to the message
            raise AssertionError(f"{day} is not the first day: `day` counts from 1.")
        return "The first day."

    return first_day


def register(checker, exercise_id="demo.2"):
    exercise(exercise_id, objective="PRO-1.18", hint="Look again.")(checker)


def test_the_four_outcomes(capsys):
    assert check("demo.1", ...).outcome == "todo"
    assert check("demo.1", 1) == Outcome("demo.1", "pass", "The first day.")
    assert check("demo.1", 3) == Outcome("demo.1", "fail", "3 is not the first day: `day` counts from 1.")
    assert check("demo.1", "one").outcome == "error"
    text = capsys.readouterr().out
    assert "Exercise demo.1: pass. The first day." in text
    assert text.count('For a hint: hint("demo.1")') == 2, "after the fail and the error"


def test_equal_answers_give_equal_text(capsys):
    check("demo.1", 3)
    first = capsys.readouterr().out
    check("demo.1", 3)
    assert capsys.readouterr().out == first


def stub(df):
    """With a docstring."""


@pytest.mark.parametrize(
    ("answer", "is_open"),
    [
        (..., True),
        ([1, ...], True),
        ({"customer": {"day": ...}}, True),
        ((1, [2, ...]), True),
        (stub, True),
        (lambda: ..., False),
        (lambda x: x + 1, False),
        (print, False),
        ([], False),
        (None, False),
    ],
)
def test_an_answer_with_a_stub_in_it_is_todo(answer, is_open):
    register(lambda answer: None)
    assert check("demo.2", answer).outcome == ("todo" if is_open else "pass")


def test_an_assert_without_message_still_says_something():
    def silent(answer):
        raise AssertionError

    register(silent)
    assert check("demo.2", 0) == Outcome("demo.2", "fail", "Not yet.")


WORKER = """
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "worker.py", line 3, in main
    return a / b
ZeroDivisionError: division by zero

JVM stacktrace:
org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  at org.apache.spark.Task.run(Task.scala:141)
"""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            AttributeError("'str' object has no attribute 'where'"),
            "AttributeError: 'str' object has no attribute 'where'",
        ),
        (KeyError("ts"), "KeyError: 'ts'"),
        (RuntimeError(), "RuntimeError"),
        (FileNotFoundError(2, "No such file", "lake"), "FileNotFoundError: [Errno 2] No such file: 'lake'"),
        (
            AnalysisException(
                "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `dya` cannot be resolved.\n'Project ['dya]"
            ),
            "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `dya` cannot be resolved.",
        ),
        (PythonException(WORKER), "ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_is_told_in_one_line(error, line):
    def broken(answer):
        raise error

    register(broken)
    assert check("demo.2", "frame") == Outcome("demo.2", "error", f"The check could not use `answer` (str): {line}")


def test_none_is_explained():
    register(lambda df: df.count())
    message = check("demo.2", None).message
    assert message.startswith("`df` is None") and "df.show()" in message


def test_a_wrong_number_of_answers_is_explained():
    outcome = check("demo.1")
    assert outcome.outcome == "error"
    assert outcome.message == 'check("demo.1", ...) takes day, lag; it was given 0 answers.'
    assert check("demo.1", 1, 2, 3).outcome == "error"
    assert check("demo.1", 0, 1).outcome == "pass"


def test_an_interrupt_is_not_an_outcome():
    def slow(answer):
        raise KeyboardInterrupt

    register(slow)
    with pytest.raises(KeyboardInterrupt):
        check("demo.2", 1)


@pytest.mark.parametrize("unknown", ["demo.11", "dmo.1", "99.9", "demo", ""])
def test_an_unknown_exercise_is_refused(unknown):
    with pytest.raises(ValueError, match="there is no exercise"):
        check(unknown, 1)
    with pytest.raises(ValueError, match="there is no exercise"):
        hint(unknown)


def test_near_exercises_are_listed():
    with pytest.raises(ValueError, match=r"there is no exercise 'demo.11'; near: demo.1$"):
        check("demo.11", 1)


def test_a_number_is_no_exercise():
    with pytest.raises(ValueError, match=r'must be a string such as "4.3", not 4.3'):
        check(4.3, 1)


@pytest.mark.parametrize(("answer", "outcome"), [(..., "todo"), (3, "fail"), ("one", "error")])
def test_strict_raises_for_all_but_a_pass(monkeypatch, capsys, answer, outcome):
    monkeypatch.setenv("WORKBOOK_STRICT", "1")
    with pytest.raises(CheckFailed, match=f"Exercise demo.1: {outcome}") as failed:
        check("demo.1", answer)
    assert failed.value.outcome.outcome == outcome
    assert f"Exercise demo.1: {outcome}" in capsys.readouterr().out, "shown before it is raised"
    assert check("demo.1", 1).outcome == "pass"


def test_attempts_and_hints_are_kept_but_not_todo_nor_strict_runs(monkeypatch, demo):
    check("demo.1", ...)
    assert not database.path().exists()
    check("demo.1", 3)
    check("demo.1", 1)
    hint("demo.1")
    monkeypatch.setenv("WORKBOOK_STRICT", "1")
    check("demo.1", 1)
    hint("demo.1")
    (chapter,) = progress.summary([find("demo.1")])
    (kept,) = chapter.exercises
    assert (kept.best, kept.latest, kept.attempts, kept.hints) == ("pass", "pass", 2, 1)


def a_file_in_the_way(home):
    home.rmdir()
    home.write_text("")


def no_database(home):
    (home / "progress.db").write_bytes(b"not a database" * 100)


def a_folder_in_the_way(home):
    (home / "progress.db").mkdir()


@pytest.mark.parametrize("spoil", [a_file_in_the_way, no_database, a_folder_in_the_way])
def test_a_check_goes_on_when_its_result_cannot_be_kept(monkeypatch, tmp_path, capsys, spoil):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("WORKBOOK_HOME", str(home))
    spoil(home)
    assert check("demo.1", 1).outcome == "pass"
    warning = capsys.readouterr().out.splitlines()[-1]
    assert warning.startswith("This result was not kept") and str(home) in warning
    assert not warning.endswith(": "), "says why"


def test_a_notebook_shows_text_html_and_a_record():
    notebook = v4.new_notebook(
        cells=[
            v4.new_code_cell(
                "from workbook.checks import check, enter_notebook, exercise, hint\n"
                "enter_notebook('04_demo')\n"
                "@exercise('demo.1', objective='PRO-1.18', hint='Is 2 < 1?')\n"
                "def smaller(n):\n"
                "    assert n < 1, f'{n} is not < 1: `n` must be\\nsmaller & less.'\n"
            ),
            v4.new_code_cell("check('demo.1', 2)"),
            v4.new_code_cell("hint('demo.1')"),
            v4.new_code_cell("check('demo.1', 0).outcome"),
        ]
    )
    NotebookClient(notebook, timeout=60).execute()
    (shown,) = notebook.cells[1].outputs
    assert shown.output_type == "display_data", "and no repr of the outcome beside it"
    assert shown.data[checks.MIME] == {
        "exercise": "demo.1",
        "outcome": "fail",
        "message": "2 is not < 1: `n` must be\nsmaller & less.",
        "notebook": "04_demo",
    }
    assert shown.data["text/plain"].startswith("Exercise demo.1: fail. 2 is not < 1")
    page = shown.data["text/html"]
    assert "2 is not &lt; 1: <code>n</code> must be<br>smaller &amp; less." in page
    assert 'role="status"' in page
    assert "background" not in page and ";color" not in page.replace(" ", ""), "takes the theme's colours"
    (hinted,) = notebook.cells[2].outputs
    assert set(hinted.data) == {"text/plain", "text/html"}
    assert "Is 2 &lt; 1?" in hinted.data["text/html"]
    assert [output.output_type for output in notebook.cells[3].outputs] == ["display_data", "execute_result"]
    json.dumps(shown.data)


def test_registration_refuses_what_would_surprise_later(demo):
    with pytest.raises(ValueError, match="must read like"):
        exercise("demo-1", objective="PRO-1.18", hint="h")
    with pytest.raises(ValueError, match="must read like"):
        exercise("04.3", objective="PRO-1.18", hint="h")
    with pytest.raises(ValueError, match=r"objective 'PRO-9.99' is not listed"):
        exercise("demo.2", objective="PRO-9.99", hint="h")
    with pytest.raises(ValueError, match=r"objective \(\) is not listed"):
        exercise("demo.2", objective=(), hint="h")
    with pytest.raises(ValueError, match="the hint is empty"):
        exercise("demo.2", objective="PRO-1.18", hint=" ")
    with pytest.raises(ValueError, match=r"demo.1 is taken by .*first_day"):
        register(lambda: None, "demo.1")
    exercise("demo.1", objective="PRO-1.18", hint="reloaded")(demo)
    assert find("demo.1").hint == "reloaded"


def test_an_exercise_in_the_wrong_module_is_refused():
    def misplaced(answer): ...

    misplaced.__module__ = "course.ch05_spark_ml.checks"
    with pytest.raises(ValueError, match=r"is in course.ch05_spark_ml.checks; it would be looked for in .*ch04"):
        register(misplaced, "4.1")


def test_a_chapter_is_imported_when_first_asked_for(monkeypatch, tmp_path):
    (tmp_path / "checks_of_98.py").write_text(
        "from workbook.checks import exercise\n"
        "@exercise('98.1', objective=('PRO-1.18', 'ASC-1.06'), hint='h')\n"
        "def found(answer): assert answer\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(Manifest, "checks", lambda self: {"98": "checks_of_98"})
    try:
        assert check("98.1", 1).outcome == "pass"
        assert find("98.1").objectives == ("PRO-1.18", "ASC-1.06")
        assert find("98.1").chapter == "98"
    finally:
        sys.modules.pop("checks_of_98", None)


def test_exercises_are_in_the_order_of_the_course():
    for exercise_id in ("10.1", "4.10", "churn.1", "4.2"):
        register(lambda answer: None, exercise_id)
    known = [exercise_id for exercise_id in exercises() if exercise_id in ("10.1", "4.10", "churn.1", "4.2")]
    assert known == ["4.2", "4.10", "10.1", "churn.1"]


def test_every_exam_objective_is_listed():
    counts = {"PRO-1": 22, "PRO-2": 20, "PRO-3": 5, "ASC-1": 18, "ASC-2": 9, "ASC-3": 15, "ASC-4": 6}
    expected = [f"{domain}.{number:02}" for domain, count in counts.items() for number in range(1, count + 1)]
    assert list(OBJECTIVES) == expected
    assert len(set(OBJECTIVES.values())) == len(OBJECTIVES)
