"""From a self-assessment to a plan that fits the days there are."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from workbook import study
from workbook.cli import plan_table
from workbook.manifest import manifest
from workbook.progress import record
from workbook.quiz import banks
from workbook.study.profile import WEEKDAYS, weight

TODAY = dt.date(2026, 11, 25)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    return tmp_path


def profile(level: int = 1, weeks: float = 10, weekdays=("Tue", "Thu", "Sat"), minutes: int = 90, exam: str = "pro"):
    levels = dict.fromkeys(study.rubric(), level)
    return study.Profile(levels, exam, TODAY + dt.timedelta(days=int(7 * weeks)), weekdays, minutes)


@pytest.mark.parametrize("exam", [exam.name for exam in manifest().exams])
def test_the_chapters_stand_for_all_questions_of_an_exam(exam):
    (found,) = [each for each in manifest().exams if each.name == exam]
    total = sum(weight(chapter, found) for chapter in manifest().chapters)
    assert total == pytest.approx(sum(found.domains.values()))


def test_a_grade_is_the_level_weighted_by_the_exam():
    assert study.grade(profile(0)).percent == 0
    assert study.grade(profile(3)).percent == pytest.approx(100)
    only_monitoring = study.Profile(dict.fromkeys(study.rubric(), 0) | {"11": 3}, "pro", TODAY, ("Mon",), 60)
    grade = study.grade(only_monitoring)
    assert grade.domains["PRO-1"] == 0 < grade.domains["PRO-2"] < 100
    assert grade.percent == pytest.approx(grade.domains["PRO-2"] * 26 / 59)
    assert "by the exam's weights" in str(grade)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": {"02": 1}}, "levels lacks 03"),
        ({"levels": dict.fromkeys(study.rubric(), 1) | {"99": 1}}, "levels names 99"),
        ({"levels": dict.fromkeys(study.rubric(), 4)}, "is not a level"),
        ({"levels": dict.fromkeys(study.rubric(), True)}, "is not a level"),
        ({"levels": 3}, "must be a dictionary"),
        ({"exam": "master"}, "exam='master'"),
        ({"exam_date": "soon"}, "exam_date='soon' is not a day"),
        ({"exam_date": TODAY}, "is not after today"),
        ({"weekdays": "Mon"}, "must be a list"),
        ({"weekdays": []}, "must be a list"),
        ({"weekdays": ["Someday"]}, "weekdays='Som'"),
        ({"minutes": 5}, "minutes=5"),
    ],
)
def test_what_cannot_be_planned_with_is_refused_in_words(change, message, home):
    fields = {"exam": "pro", "exam_date": "2027-02-01", "weekdays": ["Mon"], "minutes": 60}
    levels = change.pop("levels", dict.fromkeys(study.rubric(), 1))
    with pytest.raises(ValueError, match=message):
        study.keep_profile(levels, **fields | change, today=TODAY)
    assert study.read_profile() is None


def test_a_profile_is_kept_and_read(home, monkeypatch):
    monkeypatch.delenv("WORKBOOK_STRICT", raising=False)
    fields = {"exam": "assoc", "exam_date": "2027-02-01", "weekdays": ["Sat", "Mon"], "minutes": 60}
    levels = dict.fromkeys(study.rubric(), 2)
    assert study.keep_profile(..., **fields) is None
    kept = study.keep_profile(levels, **fields, today=TODAY)
    assert study.read_profile() == kept
    assert kept.weekdays == ("Mon", "Sat")
    monkeypatch.setenv("WORKBOOK_STRICT", "1")
    study.keep_profile(levels, **fields | {"minutes": 15}, today=TODAY)
    assert study.read_profile() == kept, "a run that validates the course keeps nothing"
    (home / "profile.json").write_text("{}")
    with pytest.raises(ValueError, match="cannot be used"):
        study.read_profile()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    level=st.integers(0, 3),
    weeks=st.floats(0.2, 30),
    weekdays=st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(sorted),
    minutes=st.integers(15, 480),
    exam=st.sampled_from([exam.name for exam in manifest().exams]),
)
def test_a_plan_uses_study_days_only_and_loses_nothing(level, weeks, weekdays, minutes, exam):
    asked = profile(level, weeks, tuple(weekdays), minutes, exam)
    found = study.plan(asked, TODAY)
    days = [block.day for block in found.blocks]
    assert days == sorted(days)
    assert all(TODAY <= day < asked.exam_date and WEEKDAYS[day.weekday()] in weekdays for day in days)
    assert all(block.minutes > 0 for block in found.blocks)
    # Each chapter and quiz is planned or named as left out.
    planned = {block.what.split(", a part")[0].split(", the rest")[0] for block in found.blocks}
    planned |= {work.what for work in found.left_out}
    written = {
        chapter.number for chapter in manifest().chapters if f"chapters/{chapter.stem}.ipynb" in manifest().lessons()
    }
    quizzes = {f"quiz {number}" for number in written}
    assert quizzes <= planned
    order = [block.what for block in found.blocks if block.kind == "quiz" and not block.what.endswith("again")]
    assert order == sorted(order), "chapters keep their order"
    for day in set(days):
        total = sum(block.minutes for block in found.blocks if block.day == day)
        slack = max([0, *(block.minutes for block in found.blocks if block.day == day and block.kind == "exam")])
        assert total <= max(minutes, slack) + 30


def test_the_exams_come_last_with_a_day_to_read_what_they_missed():
    found = study.plan(profile(), TODAY)
    assert [block.what for block in found.blocks[-4:]] == [
        "full exam pro-1",
        "what pro-1 missed",
        "full exam pro-2",
        "what pro-2 missed",
    ]


def test_progress_shortens_the_plan(home):
    before = study.plan(profile(), TODAY)
    for number in range(1, 13):
        record(f"1.{number}", "pass")
    after = study.plan(profile(), TODAY)
    assert any(block.what.startswith("chapter 01") for block in before.blocks)
    assert not any(block.what.startswith("chapter 01") for block in after.blocks)


def test_little_time_goes_to_what_the_exam_weighs_most():
    found = study.plan(profile(weeks=2), TODAY)
    left_out = [work.what for work in found.left_out]
    assert "quiz 02" in left_out, "its objectives left the guides"
    assert "quiz 05" not in left_out, "it stands for the most questions of the chapters there are"


def test_the_table_says_what_to_type_and_what_does_not_fit():
    console = Console(record=True, width=120, file=io.StringIO())
    plan_table.show(console, profile(weeks=2), TODAY)
    text = console.export_text()
    assert "./wb quiz 05" in text and "14 days" in text and "No time for:" in text
    for shown, words in ((profile(weeks=0.9, weekdays=("Wed",)), None), (profile(weeks=0), "is over")):
        plan_table.show(console, shown, TODAY)
        text = console.export_text()
        assert words is None or words in text


def test_a_full_exam_comes_first_when_time_is_short_and_quizzes_again_when_there_is_plenty():
    short = study.plan(profile(weeks=1.5, weekdays=("Sat", "Sun"), minutes=45), TODAY)
    assert "full exam pro-1" in [block.what for block in short.blocks]
    ample = study.plan(profile(weeks=30), TODAY)
    assert ample.left_out == ()
    assert "quiz 05 again" in [block.what for block in ample.blocks]


def test_values_that_are_clear_enough_are_taken():
    levels = dict.fromkeys(study.rubric(), 1)
    found = study.Profile(levels, "pro", dt.datetime(2027, 3, 1, 9), ["Tuesday", "sat "], "60")
    assert (found.exam_date, found.weekdays, found.minutes) == (dt.date(2027, 3, 1), ("Tue", "Sat"), 60)


def test_the_calendar_says_how_many_hours_of_what():
    picture = study.calendar(study.beginner())
    assert "hours of chapter" in picture.alt and "study days until" in picture.alt


def test_every_quiz_of_the_plan_exists():
    assert {f"quiz-{chapter.number}" for chapter in manifest().chapters} <= set(banks.read_forms().fixed)
