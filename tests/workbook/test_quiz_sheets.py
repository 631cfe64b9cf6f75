"""Answer sheets: the notebooks, what they call, their form, and a class of them graded."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from questions import plain_item
from scipy.stats import pointbiserialr
from typer.testing import CliRunner

from lakehouse.paths import ROOT
from workbook import cli
from workbook.quiz import banks, sheet, sittings
from workbook.quiz.author import sheets
from workbook.quiz.banks import Forms
from workbook.quiz.forms import Form
from workbook.quiz.gradebook import grade_folder, item_statistics
from workbook.quiz.grading import AnswerError, Share
from workbook.quiz.sealed import seal

ITEMS = [
    plain_item(1, "B").model_copy(
        update={"stem": "It costs $3 or $4 a_b_c with `x_1 <$y>`.", "code": "print('a_b')\n"}
    ),
    plain_item(2, "AC", ("PRO-2.01",)),
    plain_item(3, "D", ("PRO-2.01",)),
]
BANK = seal(ITEMS)
FORM = Form(name="quiz-04", title="Feature store", minutes=None, items=tuple(BANK.items))
FORMS = Forms({FORM.name: FORM}, {})


@pytest.fixture(autouse=True)
def banks_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, offer) -> Path:
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "home"))
    return offer(BANK, FORM)


def notebook(answers: str = "{}", **parameters: str) -> nbformat.NotebookNode:
    """A sheet whose cell of parameters has this text for the answers."""
    made = v4.new_notebook(cells=sheets.cells(FORM, BANK))
    values = {"quiz": "quiz-04", "version": BANK.version, "student": ""} | parameters
    made.cells[1].source = "\n".join(
        [*(f"{name} = {value!r}" for name, value in values.items()), f"answers = {answers}"]
    )
    return made


def hand_in(folder: Path, name: str, made: nbformat.NotebookNode) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


# The notebook


def test_a_sheet_shows_every_question_and_no_key():
    made = notebook()
    nbformat.validate(made)
    text = "\n".join(cell.source for cell in made.cells)
    assert [cell.id for cell in made.cells] == ["introduction", "answers", "form", *BANK.items, "grade"]
    assert "Why B" not in text
    first = next(cell.source for cell in made.cells if cell.id == "fs-pit-001")
    assert r"It costs \$3 or \$4 a\_b\_c with `x_1 <$y>`." in first
    assert "```python\nprint('a_b')\n```" in first
    assert "- **D** choice D" in first


# What it calls


def test_a_graded_sheet_is_kept_once(capsys: pytest.CaptureFixture):
    answers = {"fs-pit-001": "B", "fs-pit-002": "A"}
    graded = sheet.Sheet("quiz-04", answers, version=BANK.version).grade()
    assert graded.score == Share(1, 3)
    sheet.Sheet("04", json.dumps(answers), version=BANK.version).grade()
    [kept] = sittings.finished()
    assert kept.answers == answers
    printed = capsys.readouterr().out
    assert "1 of 3 right (33 %), study" in printed
    assert "Kept: `wb progress` shows it." in printed and "kept already" in printed
    sheet.Sheet("quiz-04", {"fs-pit-001": "C"}, version=BANK.version).grade()
    assert len(sittings.finished()) == 2


def test_an_empty_sheet_and_a_wrong_one_are_not_kept(capsys: pytest.CaptureFixture):
    sheet.Sheet("quiz-04", "", version=BANK.version).grade()
    assert "No answer yet." in capsys.readouterr().out
    with pytest.raises(AnswerError, match="fs-pit-001: there is no choice 'Z'"):
        sheet.Sheet("quiz-04", {"fs-pit-001": "Z"}, version=BANK.version).grade()
    with pytest.raises(AnswerError, match="questions have changed since"):
        sheet.Sheet("quiz-04", {}, version="old")
    with pytest.raises(AnswerError, match="no JSON"):
        sheet.Sheet("quiz-04", "{", version=BANK.version)
    with pytest.raises(AnswerError, match="JSON object"):
        sheet.Sheet("quiz-04", "[]", version=BANK.version)
    assert sittings.finished() == []


def test_a_place_that_cannot_be_written_is_told_and_the_result_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "file" / "home"))
    assert sheet.Sheet("quiz-04", {"fs-pit-001": "B"}, version=BANK.version).grade().score == Share(1, 3)
    assert "This result was not kept" in capsys.readouterr().out


def test_the_shown_result_holds_score_domains_reasons_and_what_to_repeat():
    asked = sheet.Sheet("quiz-04", {"fs-pit-001": "A", "fs-pit-002": "A"}, version=BANK.version)
    page = sheet.result_html(asked.form, asked.bank, asked.result())
    for part in (
        "0 of 3 right (0 %)",
        "PRO-2 MLOps",
        "partial credit",
        "Why B: as the docs say.",
        "04_feature_store#lookback",
    ):
        assert part in page
    assert "&lt;$y&gt;" in page and "<$y>" not in page


# The form


def test_the_form_fills_in_answers_and_grades():
    widgets = pytest.importorskip("ipywidgets")
    from workbook.quiz.widget import form

    asked = sheet.Sheet("quiz-04", {}, version=BANK.version)
    question, choices, buttons, message = form(asked).children
    previous, following, finish, where = buttons.children

    def press(letter: str) -> None:
        box = next(each for each in choices.children if each.description == letter)
        box.value = not box.value

    assert isinstance(question, widgets.HTML) and "1 of 3" in question.value and "print(" in question.value
    press("A")
    press("B")
    assert asked.answers == {"fs-pit-001": "B"}  # one of them only
    following.click()
    for letter in "ACD":
        press(letter)
    assert asked.answers["fs-pit-002"] == "AC" and "Choose 2" in message.value
    press("A")
    assert asked.answers["fs-pit-002"] == "C"
    press("A")
    previous.click()
    assert [box.description for box in choices.children if box.value] == ["B"]
    assert where.value == "2 of 3 answered"
    finish.click()
    assert "2 of 3 right" in message.value and "&quot;fs-pit-002&quot;: &quot;AC&quot;" in message.value
    assert sittings.finished()[0].answers == asked.answers


# A class


def test_sheets_are_read_without_being_run(tmp_path: Path):
    folder = tmp_path / "class"
    right = "{'fs-pit-001': 'B', 'fs-pit-002': 'CA', 'fs-pit-003': 'D'}"
    hand_in(folder, "anna.ipynb", notebook(right))
    hand_in(folder, "ben/sheet.ipynb", notebook("{'fs-pit-001': 'B'}", student="Ben"))
    injected = notebook()
    injected.cells.insert(2, v4.new_code_cell(f"answers = {right}", metadata={"tags": ["injected-parameters"]}))
    hand_in(folder, "carla.ipynb", injected)
    hand_in(folder, "dora.ipynb", notebook(repr(json.dumps({"fs-pit-003": "D"}))))
    hand_in(folder, ".ipynb_checkpoints/anna.ipynb", notebook())
    rows = grade_folder(folder, BANK, FORMS)
    assert [(row.student, row.result.score.right) for row in rows] == [
        ("anna", 3),
        ("Ben", 1),
        ("carla", 3),
        ("dora", 1),
    ]


def test_one_broken_sheet_is_a_row_with_its_reason_and_the_others_are_graded(tmp_path: Path):
    folder = tmp_path / "class"
    hand_in(folder, "good.ipynb", notebook("{'fs-pit-001': 'B'}"))
    hand_in(folder, "letters.ipynb", notebook("{'fs-pit-001': 'Z'}"))
    hand_in(folder, "number.ipynb", notebook("{'fs-pit-001': 2}"))
    hand_in(folder, "old.ipynb", notebook(version="old"))
    hand_in(folder, "unknown.ipynb", notebook(quiz="quiz-99"))
    hand_in(folder, "computed.ipynb", notebook("dict(zip(ids, 'BAD'))"))
    hand_in(folder, "syntax.ipynb", notebook("{"))
    hand_in(folder, "another.ipynb", v4.new_notebook(cells=[v4.new_code_cell("x = 1")]))
    later = notebook()
    later.cells.append(v4.new_code_cell("answers['fs-pit-001'] = 'B'"))
    hand_in(folder, "later.ipynb", later)
    (folder / "damaged.ipynb").write_text("{ <<<<<<< conflict")
    (folder / "list.ipynb").write_text("[]")
    reasons = {row.file.removesuffix(".ipynb"): row.reason for row in grade_folder(folder, BANK, FORMS)}
    assert reasons.pop("good") == ""
    for name, part in {
        "letters": "fs-pit-001: there is no choice 'Z'",
        "number": "fs-pit-001: an answer is a text",
        "old": "questions have changed since",
        "unknown": "there is no quiz 'quiz-99'",
        "computed": "not written out as a dictionary; `wb grade --run`",
        "syntax": "does not parse",
        "another": "is no answer sheet",
        "later": "code cell 4 changes the answers",
        "damaged": "cannot be read as a notebook",
        "list": "cannot be read as a notebook",
    }.items():
        assert part in reasons.pop(name), name
    assert reasons == {}


def test_a_run_takes_computed_answers_and_ends_what_does_not_end(tmp_path: Path, banks_folder: Path):
    folder = tmp_path / "class"
    shows = f"display({{'{sheet.MIME}': {{'quiz': quiz, 'answers': answers}}, 'text/plain': ''}}, raw=True)"

    def program(source: str) -> nbformat.NotebookNode:
        made = notebook("dict(zip(['fs-pit-001'], 'B'))")
        made.cells[2:] = [v4.new_code_cell(source)]
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        return made

    hand_in(folder, "a.ipynb", program(shows))
    hand_in(folder, "b.ipynb", program("1 / 0"))
    hand_in(folder, "c.ipynb", program("x = 1"))
    rows = grade_folder(folder, BANK, FORMS, run=True)
    hand_in(tmp_path / "endless", "a.ipynb", program("import time; time.sleep(600)"))
    rows += grade_folder(tmp_path / "endless", BANK, FORMS, run=True, seconds=3)
    assert rows[0].result.score == Share(1, 3)
    assert [row.reason for row in rows[1:]] == [
        "failed: ZeroDivisionError: division by zero",
        "ran, and showed no result: its last cell `sheet.grade()` is gone",
        "ran for more than 3 s",
    ]


def test_item_statistics_agree_with_scipy(tmp_path: Path):
    folder = tmp_path / "class"
    sheets = [("B", "AC", "D"), ("B", "AC", "A"), ("A", "A", "D"), ("B", "", "A"), ("C", "BD", "D"), ("B", "AC", "D")]
    for number, given in enumerate(sheets):
        hand_in(folder, f"{number}.ipynb", notebook(repr(dict(zip(FORM.items, given, strict=True)))))
    rows = grade_folder(folder, BANK, FORMS)
    found = item_statistics(rows, FORM, BANK)
    right = [[one == key for one, key in zip(given, ("B", "AC", "D"), strict=True)] for given in sheets]
    for place, each in enumerate(found):
        own = [line[place] for line in right]
        rest = [sum(line) - line[place] for line in right]
        assert each.difficulty == pytest.approx(sum(own) / len(own))
        assert each.discrimination == pytest.approx(pointbiserialr(own, rest).statistic)
    assert found[0].choices == {"A": 1, "B": 4, "C": 1, "D": 0}
    assert (found[1].key, found[1].choices["A"]) == ("AC", 4)
    alike = item_statistics(rows[:1], FORM, BANK)
    assert [each.discrimination for each in alike] == [None, None, None]
    assert item_statistics(rows, FORM.model_copy(update={"name": "quiz-05"}), BANK) == []


def test_the_command_writes_gradebook_and_page_and_refuses_an_empty_folder(tmp_path: Path):
    folder = tmp_path / "class"
    hand_in(folder, "anna.ipynb", notebook("{'fs-pit-001': 'B'}", student="=cmd()"))
    hand_in(folder, "bad.ipynb", notebook("{'fs-pit-001': '<Z>'}"))
    told = CliRunner().invoke(cli.app, ["grade", str(folder), "-o", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    assert "1 of 2 sheets graded" in told.output and "not graded: bad.ipynb: fs-pit-001" in told.output
    lines = list(csv.DictReader(io.StringIO((tmp_path / "out" / "gradebook.csv").read_text())))
    assert (lines[0]["student"], lines[0]["right"], lines[0]["percent"]) == ("'=cmd()", "1", "33.3")
    assert (lines[0]["PRO-1"], lines[0]["PRO-2"]) == ("1/1", "0/2")
    assert (lines[1]["right"], "fs-pit-001" in lines[1]["reason"]) == ("", True)
    page = (tmp_path / "out" / "gradebook.html").read_text()
    assert "1 sheets graded, 1 not" in page and "&lt;Z&gt;" not in page.split("<style>")[0] and "<Z>" not in page
    for arguments in (["grade", str(tmp_path / "nowhere")], ["grade", str(tmp_path / "banks")]):
        refused = CliRunner().invoke(cli.app, arguments)
        assert (refused.exit_code, "Traceback" in refused.output) == (2, False)


# The committed sheets


def test_papermill_grades_a_committed_sheet_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    path = sorted((banks.FOLDER.parent).glob("quiz-*.ipynb"))[0]
    form = banks.form_named(path.stem, banks.read_forms(banks.FOLDER).fixed)
    bank = banks.whole_bank(banks.FOLDER).only(form.items)
    answers = {name: bank.items[name].key() for name in form.items}
    environment = {"WORKBOOK_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "papermill", str(path), "out.ipynb", "-p", "answers", json.dumps(answers)]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs
    assert f"{len(answers)} of {len(answers)} right (100 %)" in shown[0].data["text/plain"]
    assert "Kept" in shown[-1].text


def test_the_readmes_example_answers_a_question_that_is_asked():
    [(name, item_id)] = re.findall(
        r"quizzes/(quiz-\d\d)\.ipynb .*\{answers: \{([\w-]+):", (ROOT / "README.md").read_text()
    )
    assert item_id in banks.read_forms(ROOT / "quizzes" / "banks").fixed[name].items
