"""Results on disk: summaries, two writers at once, a kill."""

from __future__ import annotations

import io
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from rich.console import Console

from workbook import database
from workbook.cli.progress_table import show
from workbook.database import transaction
from workbook.exercises import Exercise
from workbook.progress import record, record_hint, summary


def known(*ids):
    return [Exercise(exercise_id, ("PRO-1.18",), "hint", lambda answer: None) for exercise_id in ids]


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "new" / "home"))
    return tmp_path / "new" / "home"


def test_reading_before_the_first_attempt_makes_nothing(home):
    (chapter,) = summary(known("4.1", "4.2"))
    assert (chapter.chapter, chapter.passed, chapter.total, chapter.open) == ("04", 0, 2, ("4.1", "4.2"))
    assert {each.latest for each in chapter.exercises} == {"todo"}
    assert not home.exists()


def test_a_pass_counts_although_a_later_attempt_failed():
    for outcome in ("error", "pass", "fail"):
        record("4.1", outcome, "message", "04_feature_store")
    record_hint("4.1")
    record_hint("4.1")
    (chapter,) = summary(known("4.1", "4.2"))
    first, second = chapter.exercises
    assert (first.best, first.latest, first.attempts, first.hints) == ("pass", "fail", 3, 2)
    assert (second.best, second.latest, second.attempts, second.hints) == ("todo", "todo", 0, 0)
    assert (chapter.passed, chapter.hints, chapter.open) == (1, 1, ("4.2",))


def test_the_best_of_fail_and_error_is_fail():
    record("4.1", "fail")
    record("4.1", "error")
    (chapter,) = summary(known("4.1"))
    assert (chapter.exercises[0].best, chapter.exercises[0].latest) == ("fail", "error")


def test_chapters_are_apart_and_unknown_exercises_are_left_out():
    record("churn.1", "pass")
    record("77.7", "pass")
    chapters = summary(known("4.1", "10.1", "churn.1"))
    assert [(each.chapter, each.passed) for each in chapters] == [("04", 0), ("10", 0), ("churn", 1)]


def test_only_attempts_are_kept():
    with pytest.raises(sqlite3.IntegrityError):
        record("4.1", "todo")


def test_many_first_writers_lose_nothing(home):
    writers = 8
    start = Barrier(writers)

    def write(number):
        start.wait()
        for _ in range(5):
            record(f"4.{number + 1}", "pass")

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    with sqlite3.connect(database.path()) as connection:
        assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (40,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not list(home.glob(".progress-*"))


def test_a_killed_writer_leaves_what_it_recorded():
    script = (
        "import sys\n"
        "from workbook.progress import record, transaction\n"
        "record('4.1', 'pass')\n"
        "with transaction() as connection:\n"
        "    connection.execute(\"INSERT INTO attempts VALUES (NULL, '4.1', 'fail', '', NULL, '')\")\n"
        "    print('in the middle', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout.readline() == "in the middle\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    record("4.2", "pass")
    (chapter,) = summary(known("4.1", "4.2"))
    assert [(each.latest, each.attempts) for each in chapter.exercises] == [("pass", 1), ("pass", 1)]


def test_a_file_that_is_no_database_is_reported(home):
    home.mkdir(parents=True)
    database.path().write_bytes(b"not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        summary(known("4.1"))


def test_the_table_shows_what_is_open(monkeypatch):
    listed = {each.id: each for each in known("4.1", "4.2", "churn.1")}
    monkeypatch.setattr("workbook.progress.exercises", lambda: listed)
    record("4.1", "pass")
    console = Console(record=True, width=100, file=io.StringIO())
    show(console)
    text = console.export_text()
    assert "1 of 2" in text and "4.2" in text and "0 of 1" in text
    assert "1 of 3 exercises passed." in text


def test_a_course_without_exercises_says_so(monkeypatch, capsys):
    monkeypatch.setattr("workbook.progress.exercises", dict)
    show(Console(width=100))
    assert "There are no exercises yet." in capsys.readouterr().out


def test_a_file_of_an_earlier_version_keeps_its_attempts_and_gets_the_new_tables():
    record("4.1", "pass")
    with transaction() as connection:
        connection.executescript("DROP TABLE sittings; DROP TABLE answers; PRAGMA user_version = 0")
    with transaction() as connection:
        assert connection.execute("SELECT count(*) FROM sittings").fetchone() == (0,)
        assert connection.execute("SELECT exercise FROM attempts").fetchall() == [("4.1",)]
