"""The schema of the bank: what it takes, and how it refuses."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_course import chapter, write_course

from workbook.quiz.author.bank import read_bank, read_chapter
from workbook.quiz.items import BankError

ITEM: dict[str, Any] = {
    "id": "fs-pit-001",
    "objectives": ["PRO-1.18"],
    "difficulty": 2,
    "tier": "executed",
    "versions": {"pyspark": "4.1"},
    "checked": "2026-11",
    "source": ["003/PE1-12", "002/2.4"],
    "see": "04_feature_store#lookback",
    "stem": "A label is stamped 7 March.",
    "ask": "Which row is found?",
    "choices": [
        {"text": "The row of 5 March", "correct": True, "reason": "It is the latest at or before the label."},
        {"text": "The row of 9 March", "correct": False, "reason": "It lies after the label."},
        {"text": "The row of 1 March", "correct": False, "reason": "A later one is known by then."},
    ],
}


def write(folder: Path, *items: dict[str, Any], name: str = "04_feature_store") -> Path:
    path = folder / f"ch{name}" / "questions.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(list(items)))
    return path


def changed(**fields: Any) -> dict[str, Any]:
    """The item with other fields; ``choices__1__text`` reaches into the choices."""
    item = copy.deepcopy(ITEM)
    for name, value in fields.items():
        place: Any = item
        *path, last = name.split("__")
        for step in path:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
    return item


def test_an_item_is_read(tmp_path: Path):
    [item] = read_chapter(write(tmp_path, ITEM))
    assert (item.key, item.domain, item.select) == ("A", "PRO-1", 1)
    assert item.checked.isoformat() == "2026-11-01"


def test_the_key_of_a_multi_select_item_has_its_letters(tmp_path: Path):
    item = changed(select=2, choices__2__correct=True)
    assert read_chapter(write(tmp_path, item))[0].key == "AC"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"id": "FS1"}, "fs-pit-001|'FS1' is not of the form"),
        ({"objectives": ["PRO-9.99"]}, "objectives: unknown objectives"),
        ({"objectives": []}, "objectives: "),
        ({"choices__1__reason": ""}, "choices.1.reason: "),
        ({"choices__1__correct": True}, "2 choices are correct and select is 1"),
        ({"select": 2}, "1 choices are correct and select is 2"),
        ({"choices__1__text": "The row of 5 March"}, "two choices have the same text"),
        ({"proof": "fs_pit_001"}, "proof: Extra inputs are not permitted"),
        ({"page": {"name": "Point in time", "says": "..."}}, "a page belongs to documented items"),
        ({"tier": "documented"}, "a page belongs to documented items"),
        ({"source": ["003/PE1-61"]}, "source: .* are no seed questions"),
        ({"source": ["002/2.6"]}, "source: .* are no seed questions"),
        ({"difficulty": 4}, "difficulty: "),
        ({"see": "lookback"}, "see: "),
        ({"answer": "B"}, "answer: Extra inputs are not permitted"),
        ({"checked": "November"}, "checked: "),
    ],
)
def test_a_fault_is_refused_by_file_item_and_field(tmp_path: Path, fields: dict[str, Any], fault: str):
    item = changed(**fields)
    with pytest.raises(BankError, match=fault) as refused:
        read_chapter(write(tmp_path, item))
    assert str(refused.value).startswith(f"ch04_feature_store/questions.yaml, {item['id']}, ")


def test_every_fault_is_told_at_once(tmp_path: Path):
    with pytest.raises(BankError) as refused:
        read_chapter(write(tmp_path, changed(difficulty=7), changed(id="fs-pit-002", tier="guess")))
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize(("text", "fault"), [("a: [", "is not YAML"), ("a: 1", "must hold a list"), ("- 7", "item 1")])
def test_a_file_that_is_no_bank_is_refused(tmp_path: Path, text: str, fault: str):
    path = tmp_path / "questions.yaml"
    path.write_text(text)
    with pytest.raises(BankError, match=f"questions.yaml.*{fault}"):
        read_chapter(path)


def test_an_id_is_used_once_in_the_whole_bank(tmp_path: Path):
    course = write_course(tmp_path, chapter("04_feature_store"), chapter("05_spark_ml"))
    write(course.folder, ITEM)
    write(course.folder, ITEM, name="05_spark_ml")
    with pytest.raises(BankError, match=r"05_spark_ml, fs-pit-001, id: stands in 04_feature_store already"):
        read_bank(course)


def test_a_proof_has_the_name_of_its_item_and_only_proved_tiers_have_one(tmp_path: Path):
    [item] = read_chapter(write(tmp_path, ITEM))
    assert item.proof == "fs_pit_001"
    [item] = read_chapter(write(tmp_path, changed(tier="judgement")))
    assert item.proof is None
