"""What follows from kept answers: files to carry them, readiness for an exam, and what to repeat when."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from questions import plain_item
from rich.console import Console
from typer.testing import CliRunner

from workbook import cli
from workbook.objectives import OBJECTIVES
from workbook.quiz import exchange, readiness, review, sittings
from workbook.quiz.exchange import ExchangeError
from workbook.quiz.forms import BLUEPRINTS, Form
from workbook.quiz.grading import GradedItem, Share
from workbook.quiz.sealed import Bank, seal
from workbook.quiz.sittings import Answer, Sitting

ITEMS = [
    plain_item(1, "B"),
    plain_item(2, "AC", ("PRO-1.18", "PRO-2.01")),
    plain_item(3, "D", ("PRO-2.01",)),
    plain_item(4, "A", ("ASC-1.06",)),
]
BANK = seal(ITEMS)
FORM = Form(name="quiz-04", title="Feature store", minutes=None, items=tuple(BANK.items))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "home"))
    return tmp_path


def sit(bank: Bank = BANK, form: Form = FORM, **answers: str) -> Sitting:
    """A finished sitting; ``_1="B"`` answers item 1."""
    sitting = sittings.begin(form, bank.only(form.items).version, seed=7)
    for number, given in answers.items():
        sitting.answer(f"fs-pit-{int(number[1:]):03}", given, seconds=2.5)
    sitting.finish()
    return sitting


def at(day: str, outcome: dict[str, str]) -> Sitting:
    """A sitting that was finished on a day of November 2026."""
    moment = f"2026-11-{day}T12:00:00+00:00"
    log = [Answer(name, given, False, 1.0, moment) for name, given in outcome.items()]
    return Sitting(f"uid-{day}", FORM, BANK.version, 1, moment, moment, log)


# Files


def test_a_file_brings_every_field_back():
    sit(_1="B", _2="AC")
    open_one = sittings.begin(FORM.model_copy(update={"minutes": 120}), BANK.version, seed=3)
    open_one.answer("fs-pit-003", "D", flagged=True, seconds=0.1)
    open_one.answer("fs-pit-003", "", seconds=31.25)
    found = sittings.every()
    assert exchange.from_json(exchange.to_json(found)) == found


def test_sittings_of_two_machines_become_one_and_nothing_is_doubled():
    sit(_1="B")
    begun = sittings.begin(FORM, BANK.version, seed=3)
    begun.answer("fs-pit-001", "A")
    text = exchange.to_json(sittings.every())
    assert sittings.merge(exchange.from_json(text)) == 0
    longer = json.loads(text)
    open_one = next(each for each in longer["sittings"] if each["finished"] is None)
    open_one["answers"].append({**open_one["answers"][0], "given": "C"})
    open_one["finished"] = "2026-11-21T10:00:00+00:00"
    assert sittings.merge(exchange.from_json(json.dumps(longer))) == 1
    assert sittings.merge(exchange.from_json(text)) == 0  # the shorter log does not come back
    assert [sitting.answers for sitting in sittings.finished()] == [{"fs-pit-001": "B"}, {"fs-pit-001": "C"}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: one.update(version=2), "version: Input should be 1"),
        (lambda one: one.update(format="x"), "format: Input should be"),
        (lambda one: one["sittings"][0].pop("uid"), "sittings.0.uid: Field required"),
        (lambda one: one["sittings"][0].update(begun="yesterday"), "sittings.0.begun"),
        (lambda one: one["sittings"][0].update(begun="2026-11-21T10:00:00"), "distance from UTC"),
        (lambda one: one["sittings"][0].update(extra=1), "sittings.0.extra"),
        (lambda one: one["sittings"][0]["answers"][0].update(given="Z"), "sittings.0.answers.0.given"),
        (lambda one: one["sittings"][0]["answers"][0].update(seconds=-1), "sittings.0.answers.0.seconds"),
        (lambda one: one["sittings"][0]["answers"][0].update(item="fs-pit-009"), "were not asked"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_taken_over(change, message):
    sit(_1="B")
    content = json.loads(exchange.to_json(sittings.every()))
    change(content)
    with pytest.raises(ExchangeError, match=message):
        exchange.from_json(json.dumps(content))


def test_what_is_no_json_is_refused():
    with pytest.raises(ExchangeError, match="Invalid JSON"):
        exchange.from_json("{")


def test_a_failure_half_way_takes_nothing_over():
    good, bad = at("01", {"fs-pit-001": "B"}), at("02", {"fs-pit-001": "B"})
    bad.version = None
    with pytest.raises(sqlite3.IntegrityError):
        sittings.merge([good, bad])
    assert sittings.every() == []


def test_the_csv_has_a_line_for_every_item_and_leaves_changed_questions_open():
    sit(_1="B", _3="A")
    lines = list(csv.DictReader(io.StringIO(exchange.to_csv(sittings.every(), BANK))))
    assert [line["right"] for line in lines] == ["1", "0", "0", "0"]
    assert (lines[0]["domain"], lines[0]["seconds"], lines[1]["given"]) == ("PRO-1", "2.5", "")
    changed = seal([plain_item(1, "C"), *ITEMS[1:]])
    lines = list(csv.DictReader(io.StringIO(exchange.to_csv(sittings.every(), changed))))
    assert {line["right"] for line in lines} == {""}


def test_the_deck_for_anki_holds_questions_keys_and_reasons(tmp_path: Path):
    odd = plain_item(5, "B").model_copy(update={"stem": "Is `a < b` & c?", "code": "if a < b:\n    pass\n"})
    assert exchange.write_anki(seal([odd, *ITEMS]), tmp_path / "deck.apkg") == 5
    with zipfile.ZipFile(tmp_path / "deck.apkg") as package:
        package.extract("collection.anki2", tmp_path)
    with sqlite3.connect(tmp_path / "collection.anki2") as connection:
        notes = dict(connection.execute("SELECT sfld, flds FROM notes"))
        tags = {tag for (tag,) in connection.execute("SELECT tags FROM notes")}
    assert set(notes) == {f"fs-pit-{number:03}" for number in range(1, 6)}
    assert "Is <code>a &lt; b</code> &amp; c?" in notes["fs-pit-005"]
    assert "<b>A, C</b>" in notes["fs-pit-002"] and "Why A: as the docs say." in notes["fs-pit-002"]
    assert " PRO-1-18 PRO-2-01 " in tags


# Readiness


def graded(objective: str, right: bool, number: int) -> tuple[str, GradedItem]:
    return f"x-{number}", GradedItem(f"x-{number}", (objective,), objective[:5], "A", right, float(right))


def test_readiness_weighs_domains_as_the_exam_does_and_waits_for_enough_answers():
    answers = dict(
        graded(objective, objective.startswith("PRO-1"), 100 * n + m)
        for n, objective in enumerate(each for each in OBJECTIVES if each.startswith("PRO"))
        for m in range(3)
    )
    pro, associate = readiness.readiness(answers)
    assert (pro.exam, associate.percent) == (BLUEPRINTS["pro"], None)
    assert pro.percent == pytest.approx(100 * 26 / 59)
    assert pro.domains["PRO-3"] == Share(0, 15)


def test_only_the_latest_answer_to_an_item_counts_and_changed_questions_do_not():
    sit(_1="A", _2="AC")
    sit(_1="B")
    latest = readiness.latest(sittings.finished(), BANK)
    assert {name: each.right for name, each in latest.items()} == {"fs-pit-001": True, "fs-pit-002": True}
    assert readiness.latest(sittings.finished(), seal([plain_item(1, "C"), *ITEMS[1:]])) == {}


def test_progress_shows_domains_weak_objectives_and_what_does_not_count():
    console = Console(file=io.StringIO(), width=120)
    readiness.show(console, [], BANK)
    assert "No quiz was finished yet" in console.file.getvalue()
    sit(_1="B", _2="A", _3="A")
    sit(form=FORM.model_copy(update={"items": ("gone-x-001",)}), bank=Bank({"gone-x-001": BANK.items["fs-pit-001"]}))
    readiness.show(console, sittings.finished(), BANK)
    printed = console.file.getvalue()
    assert "PRO-1 Model development" in printed and "1 of 2" in printed and "8 more answers" in printed
    assert "weak: PRO-2.01" in printed and "(0 of 2)" in printed
    assert "1 sittings do not count" in printed


# Review


def test_only_what_was_missed_comes_back_and_a_right_answer_puts_it_off():
    all_right = {"fs-pit-001": "B", "fs-pit-002": "AC", "fs-pit-003": "D", "fs-pit-004": "A"}
    first = at("01", all_right | {"fs-pit-001": "A", "fs-pit-003": ""})
    due = review.schedule([first], BANK)
    finished = datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert due == dict.fromkeys(("fs-pit-001", "fs-pit-003"), finished + timedelta(minutes=1))
    second = review.schedule([first, at("02", all_right)], BANK)
    assert all(moment > datetime(2026, 11, 3, tzinfo=UTC) for moment in second.values())
    missed_again = review.schedule([first, at("02", all_right), at("09", all_right | {"fs-pit-001": "C"})], BANK)
    assert next(iter(missed_again)) == "fs-pit-001"
    assert missed_again["fs-pit-001"] < missed_again["fs-pit-003"]


def test_a_better_known_question_is_put_off_for_longer():
    right = {"fs-pit-001": "B", "fs-pit-002": "AC", "fs-pit-003": "D", "fs-pit-004": "A"}
    days = [at("01", right | {"fs-pit-001": "A"}), at("02", right), at("05", right), at("15", right)]
    gaps = [
        review.schedule(days[:n], BANK)["fs-pit-001"] - datetime.fromisoformat(days[n - 1].finished) for n in (2, 3, 4)
    ]
    assert gaps[0] < gaps[1] < gaps[2]


def test_a_review_asks_at_most_twenty_and_is_gone_on_with():
    bank = seal([plain_item(number, "B") for number in range(1, 31)])
    form = FORM.model_copy(update={"items": tuple(bank.items)})
    assert review.due_form(bank) == (None, None)
    sit(bank, form)
    assert review.due_form(bank)[0] is None
    later = datetime.now(UTC) + timedelta(minutes=2)
    due, _ = review.due_form(bank, later)
    assert (due.name, len(due.items)) == ("review", review.MOST)
    begun = sittings.begin(due, bank.only(due.items).version, seed=1)
    assert review.due_form(bank, later + timedelta(days=1)) == (due, None)
    begun.finish()
    assert sittings.unfinished(due, begun.version) is None


# The commands


@pytest.fixture
def quizzes(offer) -> Path:
    return offer(BANK, FORM)


def wb(*arguments: str, typed: str = "") -> tuple[int, str]:
    told = CliRunner().invoke(cli.app, list(arguments), input=typed)
    assert "Traceback" not in told.output
    return told.exit_code, told.output


@pytest.mark.usefixtures("quizzes")
def test_answers_go_out_and_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sit(_1="B")
    path = str(tmp_path / "results.json")
    assert wb("export", path) == (0, f"1 sittings in {path}\n")
    assert wb("export", str(tmp_path / "results.csv"))[0] == 0
    assert "4 questions" in wb("export", str(tmp_path / "deck.apkg"))[1]
    assert wb("import", path) == (0, "0 of 1 sittings are new\n")
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "another machine"))
    assert wb("import", path) == (0, "1 of 1 sittings are new\n")
    assert sittings.finished()[0].answers == {"fs-pit-001": "B"}


@pytest.mark.usefixtures("quizzes")
def test_wrong_files_are_refused(tmp_path: Path):
    code, told = wb("export", str(tmp_path / "results.txt"))
    assert (code, ".json, .csv or .apkg" in told) == (2, True)
    (tmp_path / "x.json").write_text("[]")
    assert wb("import", str(tmp_path / "x.json"))[0] == 2
    assert wb("import", str(tmp_path / "nowhere.json"))[0] == 2
    assert wb("export", str(tmp_path / "no folder" / "x.json"))[0] == 2


@pytest.mark.usefixtures("quizzes")
def test_review_says_when_there_is_nothing_and_asks_when_there_is(monkeypatch: pytest.MonkeyPatch):
    assert "Nothing was missed yet" in wb("review")[1]
    sit(_1="A", _2="AC", _3="D", _4="A")
    assert "Nothing is due before" in wb("review")[1]
    monkeypatch.setattr(review, "_STEP", timedelta(seconds=-1))
    assert "0 of 1 right" in wb("review", typed="s\n\n")[1]


@pytest.mark.usefixtures("quizzes")
def test_a_seed_draws_an_exam_or_says_what_is_missing():
    code, told = wb("exam", "pro", "--seed", "3")
    assert (code, "PRO-1 has 2 items" in told) == (2, True)
    code, told = wb("exam", "pro-1", "--seed", "3")
    assert (code, "no blueprint 'pro-1'" in told) == (2, True)


@pytest.mark.usefixtures("quizzes")
def test_progress_has_both_parts():
    code, told = wb("progress")
    assert (code, "exercises passed" in told, "No quiz was finished yet" in told) == (0, True, True)
