"""A quiz in the terminal: typed lines in, printed text out, every answer kept."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from questions import ITEMS
from rich.console import Console
from typer.testing import CliRunner

from workbook import cli
from workbook.quiz import sittings, terminal
from workbook.quiz.forms import Form
from workbook.quiz.grading import Share, grade
from workbook.quiz.items import shuffled_letters
from workbook.quiz.sealed import seal
from workbook.quiz.sittings import Sitting

BANK = seal(ITEMS)
FORM = Form(name="quiz-04", title="Feature store", minutes=None, items=tuple(each.id for each in ITEMS))
EXAM = FORM.model_copy(update={"name": "pro-1", "minutes": 1})


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(random.SystemRandom, "randrange", lambda self, stop: 7)
    return tmp_path


def shown(number: int, letters: str) -> str:
    """The letters on the screen for letters of the bank, in the sitting of seed 7."""
    item = BANK.items[f"fs-pit-{number:03}"]
    order = shuffled_letters(item.id, item.letters, 7)
    return "".join("ABCDE"[order.index(letter)] for letter in letters)


def sit(*lines: str, form: Form = FORM, practice: bool = True, seconds: float = 1.0):
    """The sitting that typing these lines leaves, None when it is to go on, and what was printed."""
    typed: Iterator[str] = iter(lines)
    times = iter(n * seconds for n in range(1000))
    console = Console(file=io.StringIO(), width=120)

    def ask(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    sitting = terminal.sit(form, BANK, console, practice=practice, ask=ask, clock=lambda: next(times))
    return sitting, console.file.getvalue()


def score(sitting: Sitting) -> Share:
    return grade(BANK, sitting.answers).score


def test_answers_in_the_shuffled_letters_are_graded_and_explained():
    sitting, printed = sit(shown(1, "B"), shown(2, "CA"), shown(3, "A").lower(), shown(4, "ABE"), "")
    assert score(sitting) == Share(3, 4)
    assert printed.count("Not right.") == 1
    assert "Why D: as the docs say." in printed
    assert sittings.finished(FORM)[0].answers == {
        "fs-pit-001": "B",
        "fs-pit-002": "AC",
        "fs-pit-003": "A",
        "fs-pit-004": "ABE",
    }


def test_the_shuffle_moves_choices():
    assert any(shown(n, "ABCD") != "ABCD" for n in (1, 2, 3))


def test_quit_and_a_closed_terminal_go_on_where_they_were():
    assert sit(shown(1, "B"), "quit")[0] is None
    sitting, printed = sit(shown(2, "AC"))
    assert sitting is None
    assert "Going on with Feature store: 1 of 4" in printed
    assert "2 of 4" in printed
    sitting, _ = sit(shown(3, "D"), shown(4, "ABE"), "")
    assert score(sitting) == Share(4, 4)


def test_nothing_is_given_away_before_an_exam_ends():
    _, printed = sit(shown(1, "B"), shown(2, "AC"), form=EXAM, practice=False)
    assert "as the docs say" not in printed
    assert "right" not in printed.lower()
    assert "1 min left" in printed


def test_time_runs_out_and_late_letters_do_not_count():
    sitting, printed = sit(shown(1, "B"), shown(2, "AC"), shown(3, "D"), form=EXAM, practice=False, seconds=25)
    assert "Time is over." in printed
    assert score(sitting) == Share(2, 4)


@pytest.mark.parametrize("line", ["ABCDE", "Z", "AA", "AB", "?", "0", "99"])
def test_a_line_that_is_no_answer_says_what_to_type_and_asks_again(line: str):
    _, printed = sit(line)
    assert "Type 1 of A, B, C, D, s (skip)" in " ".join(printed.split())
    assert printed.count("1 of 4") == 2


def test_flags_jumps_and_skips_are_told_at_the_end():
    sitting, printed = sit("f", "skip", "p", "2", shown(2, "AC"), "s", "4", "s", "1", shown(1, "B"), "end")
    assert score(sitting) == Share(2, 4)
    _, printed = sit("f", "s", "s", "s", "s")
    assert "4 without an answer: 1, 2, 3, 4" in printed
    assert "1 flagged: 1" in printed


def test_the_result_names_domains_band_and_sections():
    sitting, _ = sit(shown(1, "B"), "end")
    console = Console(file=io.StringIO(), width=120)
    terminal.show_result(console, BANK, sitting, reasons=True)
    printed = console.file.getvalue()
    for part in (
        "1 of 4 right (25 %), study",
        "PRO-2",
        "04_feature_store#lookback",
        "0 min in all, 0 s for each question; longest: fs-pit-001 1 s",
        "`wb review` asks again",
        "your answer: none",
        "Why B: as the docs say.",
    ):
        assert part in printed


# The commands


@pytest.fixture
def quizzes(offer) -> Path:
    return offer(BANK, FORM, EXAM)


def test_quiz_by_chapter_number_runs_to_its_result(quizzes: Path):
    told = CliRunner().invoke(cli.app, ["quiz", "04"], input="s\ns\ns\ns\n\n")
    assert told.exit_code == 0, told.output
    assert "0 of 4 right" in told.output


def test_both_commands_list_their_own(quizzes: Path):
    assert CliRunner().invoke(cli.app, ["quiz"]).output.split() == ["quiz-04", "Feature", "store", "(4", "questions)"]
    assert CliRunner().invoke(cli.app, ["exam"]).output.split() == [
        "pro-1",
        "Feature",
        "store",
        "(4",
        "questions,",
        "1",
        "min)",
    ]


def test_an_unknown_form_and_a_missing_bank_are_refused(quizzes: Path):
    told = CliRunner().invoke(cli.app, ["exam", "pro-9"])
    assert (told.exit_code, "pro-1" in told.output, "Traceback" in told.output) == (2, True, False)
    (quizzes / "04_feature_store.json").unlink()
    told = CliRunner().invoke(cli.app, ["quiz", "4"])
    assert (told.exit_code, "`wb build` makes them" in told.output) == (2, True)
