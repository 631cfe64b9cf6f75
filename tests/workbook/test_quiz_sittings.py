"""Sittings on disk: resumed after a kill, two at once, the clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbook.quiz import sittings
from workbook.quiz.forms import Form

FORM = Form(name="quiz-04", title="Quiz", minutes=2, items=("fs-pit-001", "fs-pit-002", "fs-pit-003"))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    return tmp_path


def test_a_sitting_is_taken_up_where_it_was_left():
    begun = sittings.begin(FORM, "v1", seed=7)
    begun.answer("fs-pit-001", "B", seconds=30)
    begun.answer("fs-pit-002", "AC", seconds=20, flagged=True)
    begun.answer("fs-pit-001", "D", seconds=10)
    assert begun.left == 60
    again = sittings.unfinished(FORM, "v1")
    assert again == begun
    assert again.answers == {"fs-pit-001": "D", "fs-pit-002": "AC"}
    assert (again.flagged, again.seconds, again.seed) == ({"fs-pit-002"}, {"fs-pit-001": 40, "fs-pit-002": 20}, 7)


def test_another_version_form_or_list_of_items_is_not_taken_up():
    sittings.begin(FORM, "v1", seed=7)
    assert sittings.unfinished(FORM, "v2") is None
    assert sittings.unfinished(FORM.model_copy(update={"name": "quiz-05"}), "v1") is None
    assert sittings.unfinished(FORM.model_copy(update={"items": FORM.items[:2]}), "v1") is None


def test_what_is_finished_is_history():
    begun = sittings.begin(FORM, "v1", seed=7)
    begun.answer("fs-pit-001", "B")
    begun.finish()
    assert sittings.unfinished(FORM, "v1") is None
    [past] = sittings.finished()
    assert (past.form.name, past.form.items, past.answers) == (FORM.name, FORM.items, {"fs-pit-001": "B"})
    assert sittings.finished(FORM.model_copy(update={"name": "quiz-05"})) == []


def test_the_clock_stops_at_nothing_and_a_form_without_minutes_has_none():
    begun = sittings.begin(FORM, "v1", seed=7)
    begun.answer("fs-pit-001", "B", seconds=1000)
    assert begun.left == 0
    assert sittings.begin(FORM.model_copy(update={"minutes": None}), "v1", seed=7).left is None


def test_an_item_of_another_form_is_refused_and_not_kept():
    begun = sittings.begin(FORM, "v1", seed=7)
    with pytest.raises(KeyError, match="fs-pit-009 is not asked in quiz-04"):
        begun.answer("fs-pit-009", "B")
    assert sittings.unfinished(FORM, "v1").answers == {}


def test_answers_survive_a_kill(home: Path):
    code = (
        "from test_quiz_sittings import FORM, sittings; import pathlib, time, os\n"
        "begun = sittings.begin(FORM, 'v1', seed=7)\n"
        "for item, given in zip(FORM.items, ('A', 'B')): begun.answer(item, given, seconds=5)\n"
        "pathlib.Path(os.environ['WORKBOOK_HOME'], 'there').touch()\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent, env=dict(os.environ))
    deadline = time.monotonic() + 60
    while not (home / "there").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = sittings.unfinished(FORM, "v1")
    assert again.answers == {"fs-pit-001": "A", "fs-pit-002": "B"}
    assert again.left == 110


def test_two_sittings_write_at_once():
    one, other = sittings.begin(FORM, "v1", seed=1), sittings.begin(FORM, "v1", seed=2)
    for item in FORM.items:
        one.answer(item, "A")
        other.answer(item, "B")
    one.finish()
    assert set(sittings.unfinished(FORM, "v1").answers.values()) == {"B"}
