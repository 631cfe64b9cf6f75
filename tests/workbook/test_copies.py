"""The learner's own copies: made once, never overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakehouse.paths import ROOT
from workbook.cli import app
from workbook.copies import make_copies, work_folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in (
        "chapters/04_feature_store",
        "capstone/churn/churn_01_baseline",
        "quizzes/quiz-04",
        "solutions/chapters/04_feature_store",
    ):
        notebook = tmp_path / "repository" / f"{name}.ipynb"
        notebook.parent.mkdir(parents=True)
        notebook.write_text(name)
    return tmp_path / "repository"


def test_chapters_capstone_and_quizzes_are_copied_and_solutions_are_not(repository, tmp_path):
    made = make_copies(tmp_path / "work", repository)
    assert [path.relative_to(tmp_path / "work").as_posix() for path in made] == [
        "capstone/churn/churn_01_baseline.ipynb",
        "chapters/04_feature_store.ipynb",
        "quizzes/quiz-04.ipynb",
    ]
    assert made[1].read_text() == "chapters/04_feature_store"


def test_what_the_learner_wrote_stays_and_a_deleted_copy_is_made_anew(repository, tmp_path):
    baseline, chapter, _ = make_copies(tmp_path / "work", repository)
    chapter.write_text("my work")
    baseline.unlink()
    assert make_copies(tmp_path / "work", repository) == [baseline]
    assert chapter.read_text() == "my work"


def test_the_pictures_of_the_text_come_along_and_are_kept_up_to_date(repository, tmp_path):
    picture = repository / "chapters" / "images" / "07_ui_runs.png"
    picture.parent.mkdir()
    for content in (b"old page", b"new page"):
        picture.write_bytes(content)
        make_copies(tmp_path / "work", repository)
        assert (tmp_path / "work" / "chapters" / "images" / "07_ui_runs.png").read_bytes() == content


def test_what_a_kill_left_half_written_does_not_count_as_a_copy(repository, tmp_path):
    folder = tmp_path / "work" / "chapters"
    folder.mkdir(parents=True)
    (folder / ".04_feature_store.ipynb.x1y2").write_text("chap")
    make_copies(tmp_path / "work", repository)
    assert (folder / "04_feature_store.ipynb").read_text() == "chapters/04_feature_store"


def test_jupyters_checkpoints_are_no_notebooks(repository, tmp_path):
    checkpoint = repository / "chapters" / ".ipynb_checkpoints" / "04_feature_store-checkpoint.ipynb"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    assert len(make_copies(tmp_path / "work", repository)) == 3


def test_the_work_folder_is_in_the_repository_unless_the_home_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    assert work_folder() == tmp_path / "work"
    monkeypatch.delenv("WORKBOOK_HOME")
    assert work_folder() == ROOT / "work"


def test_lab_opens_the_copies_and_hands_its_arguments_on(monkeypatch, tmp_path):
    started = []
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.append(arguments))
    done = CliRunner().invoke(app, ["lab", "--no-browser", "--port", "9999"])
    assert done.exit_code == 0, done.output
    assert "are new in" in done.output
    assert (tmp_path / "work" / "chapters" / "04_feature_store.ipynb").exists()
    assert f"--ServerApp.root_dir={tmp_path / 'work'}" in started[0]
    assert "--LabApp.default_url=/lab/tree" in started[0]
    assert started[0][-3:] == ["--no-browser", "--port", "9999"]


def test_a_place_that_cannot_be_written_is_named_with_the_remedy(monkeypatch, tmp_path):
    (tmp_path / "work").write_text("a file where the folder should be")
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["lab"])
    assert done.exit_code == 2
    assert str(tmp_path / "work") in done.output
    assert "WORKBOOK_HOME" in done.output


def test_lab_opens_the_copy_of_a_chapter_by_its_number(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    started = []
    monkeypatch.setattr("os.execv", lambda _program, arguments: started.append(arguments))
    for arguments in (["lab", "4"], ["lab", "04", "--no-browser"], ["lab"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    urls = [next(each for each in arguments if "default_url" in each) for arguments in started]
    assert [url.endswith("/chapters/04_feature_store.ipynb") for url in urls] == [True, True, False]
    assert started[1][-1] == "--no-browser"
    assert "04" not in started[1]


def test_lab_says_when_a_chapter_is_not_written(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    monkeypatch.setattr("workbook.copies.make_copies", lambda _folder: [])
    done = CliRunner().invoke(app, ["lab", "01"])
    assert done.exit_code == 2
    assert "chapter 01 is not written yet" in done.stderr
