"""``wb new``: a chapter from the template holds every contract, first as a draft and then built."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from lakehouse.errors import InvalidValue
from lakehouse.paths import ROOT
from workbook import exercises, manifest
from workbook.build import build
from workbook.build.new_chapter import new_chapter


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the manifest of this course."""
    folder = tmp_path / "course"
    folder.mkdir()
    for name in ("course.yaml", "objectives.yaml"):
        shutil.copy(ROOT / "course" / name, folder)
    return folder


@pytest.mark.parametrize("stem", ["01_exam_map", "07_mlflow_tracking", "13_extra", "00_before"])
def test_a_chapter_is_made_as_a_draft_and_its_manifest_keeps_its_comments(course: Path, stem: str):
    before = (course / "course.yaml").read_text()
    made = new_chapter(stem, course)
    names = {path.name for path in made}
    assert names == {"lesson.py", "checks.py", "questions.yaml", "proofs.py", "course.yaml"}
    read = manifest.read(course)
    assert [each.stem for each in read.chapters if each.draft] == [stem]
    assert [each.stem for each in read.chapters] == sorted(each.stem for each in read.chapters)
    assert read.lessons() == {}
    assert read.checks() == {}
    after = (course / "course.yaml").read_text()
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []


def test_what_is_written_stays(course: Path):
    room = course / "ch05_spark_ml"
    room.mkdir()
    (room / "questions.yaml").write_text("- mine\n")
    new_chapter("05_spark_ml", course)
    assert (room / "questions.yaml").read_text() == "- mine\n"
    with pytest.raises(InvalidValue, match=r"lesson\.py is there already"):
        new_chapter("05_spark_ml", course)


@pytest.mark.parametrize(("stem", "words"), [("5_x", "is not the stem"), ("05_other", "chapter 05 is 05_spark_ml")])
def test_a_wrong_stem_is_refused(course: Path, stem: str, words: str):
    with pytest.raises(InvalidValue, match=words):
        new_chapter(stem, course)


def test_the_template_builds_and_its_checks_bite(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    new_chapter("97_extra", course)
    text = (course / "course.yaml").read_text()
    (course / "course.yaml").write_text(text.replace("    draft: true\n", ""))
    monkeypatch.syspath_prepend(course / "ch97_extra")
    monkeypatch.setattr(manifest.Manifest, "checks", lambda self: {"97": "checks"})
    try:
        tried = exercises.trials_of("97.1", None)  # type: ignore[arg-type]
        checker = exercises.find("97.1").checker
    finally:
        sys.modules.pop("checks", None)
    wrong = [trial for trial in tried if trial.words is not None]
    assert len(wrong) == 3
    for trial in tried:
        if trial.words is None:
            checker(*trial.answers)
        else:
            with pytest.raises(AssertionError, match=trial.words):
                checker(*trial.answers)
    written = build(root=tmp_path, exercises=["97.1"])
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        "chapters/97_extra.ipynb",
        "solutions/chapters/97_extra.ipynb",
    }
    unsolved = nbformat.read(tmp_path / "chapters/97_extra.ipynb", as_version=4)
    assert any(cell.source == 'rows = ...\ncheck("97.1", rows)' for cell in unsolved.cells)
