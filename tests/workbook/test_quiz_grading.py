"""Grading: examples, properties, refusals, and what a sealed file hides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from questions import ITEMS, plain_item

from workbook.quiz.grading import AnswerError, Share, grade
from workbook.quiz.items import BankError
from workbook.quiz.sealed import Bank, read_sealed, seal, to_json

BANK = seal(ITEMS)


def test_a_point_needs_all_right_letters_and_no_other():
    result = grade(BANK, {"fs-pit-001": "B", "fs-pit-002": "A", "fs-pit-003": "A", "fs-pit-004": "ABC"})
    assert [graded.right for graded in result.items] == [True, False, False, False]
    assert [round(graded.partial, 2) for graded in result.items] == [1, 0.5, 0, 0.33]
    assert (result.score, result.answered) == (Share(1, 4), 4)


def test_shares_by_domain_and_objective_and_the_weakest():
    result = grade(BANK, {"fs-pit-001": "B", "fs-pit-002": "C A", "fs-pit-004": "a,b,e"})
    assert result.by_domain == {"ASC-1": Share(1, 1), "PRO-1": Share(2, 2), "PRO-2": Share(0, 1)}
    assert result.by_objective == {"ASC-1.06": Share(1, 1), "PRO-1.18": Share(2, 2), "PRO-2.01": Share(1, 2)}
    assert result.weakest() == ["PRO-2.01"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"fs-pit-001": "B", "fs-pit-009": "A"}, "fs-pit-009: there is no such item"),
        ({"fs-pit-001": "E"}, "fs-pit-001: there is no choice 'E', only A, B, C, D"),
        ({"fs-pit-001": "?"}, "fs-pit-001: there is no choice"),
        ({"fs-pit-001": "BC"}, "fs-pit-001: 'BC' has 2 letters, and the item asks for 1"),
        ({"fs-pit-002": "AA"}, "fs-pit-002: 'AA' names a letter twice"),
        ({"fs-pit-001": 2}, "fs-pit-001: an answer is a text"),
        ({"fs-pit-001": None}, "fs-pit-001: an answer is a text"),
    ],
)
def test_what_cannot_be_graded_is_refused_with_the_item(answers, message):
    with pytest.raises(AnswerError, match=message):
        grade(BANK, answers)


def test_answers_to_another_version_are_refused():
    changed = seal([plain_item(1, "C"), *ITEMS[1:]])
    assert changed.version != BANK.version
    assert grade(BANK, {}, version=BANK.version).score == Share(0, 4)
    with pytest.raises(AnswerError, match=f"version {BANK.version} of the bank and this is {changed.version}"):
        grade(changed, {}, version=BANK.version)


@given(st.fixed_dictionaries({each.id: st.lists(st.sampled_from("ABCD"), unique=True) for each in ITEMS}))
def test_grading_agrees_with_the_keys(answers):
    given_ = {each.id: "".join(answers[each.id][: each.select]) for each in ITEMS}
    result = grade(BANK, given_)
    assert [graded.right for graded in result.items] == [set(given_[each.id]) == set(each.key) for each in ITEMS]
    assert all((graded.partial == 1) == graded.right and 0 <= graded.partial <= 1 for graded in result.items)
    assert result.partial >= result.score.right
    assert sum(share.right for share in result.by_domain.values()) == result.score.right


def test_a_sealed_file_hides_keys_and_reasons_and_gives_them_back(tmp_path: Path):
    path = tmp_path / "04_feature_store.json"
    path.write_text(to_json(BANK))
    text = path.read_text()
    assert "correct" not in text
    assert "as the docs say" not in text
    read = read_sealed(path)
    assert read == BANK
    assert [each.key() for each in read.items.values()] == [each.key for each in ITEMS]
    assert read.items["fs-pit-002"].reason("C") == "Why C: as the docs say."
    seals = [choice["seal"] for each in json.loads(text)["items"] for choice in each["choices"]]
    assert len(set(seals)) == len(seals)


def test_a_form_is_a_bank_of_its_items_in_its_order():
    form = BANK.only(["fs-pit-003", "fs-pit-001"])
    assert list(form.items) == ["fs-pit-003", "fs-pit-001"]
    assert grade(form, {"fs-pit-003": "D"}).score == Share(1, 2)
    with pytest.raises(BankError, match="fs-pit-009"):
        BANK.only(["fs-pit-009"])


def test_banks_join():
    both = seal(ITEMS[:2]) | seal(ITEMS[2:])
    assert list(both.items) == list(BANK.items)
    assert isinstance(both, Bank)


@pytest.mark.parametrize("text", ["{", "{}", '{"format": 1, "version": "x", "items": [{"id": 1}]}', '{"format": 99}'])
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path, text: str):
    path = tmp_path / "bank.json"
    path.write_text(text)
    with pytest.raises(BankError, match=r"bank.json .*`wb build`"):
        read_sealed(path)
