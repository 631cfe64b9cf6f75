"""The lint of the bank: each rule bites on a bank that breaks it."""

from __future__ import annotations

import re

import pytest
from questions import choices, worded_item

from lakehouse.paths import ROOT
from workbook.quiz.author import lint
from workbook.quiz.author.bank import read_bank
from workbook.quiz.items import LETTERS, shuffled_letters


def test_a_favourite_letter_is_found_as_authored_and_not_after_shuffling():
    found = lint.figures([worded_item(n, "B") for n in range(200)])
    assert found.positions == {"B": 200}
    assert found.p_authored < 1e-6
    assert found.p_shuffled > 0.05
    assert any("as authored" in fault for fault in lint.faults_of_bank([worded_item(n, "B") for n in range(200)]))


def test_equal_positions_pass_also_where_items_have_three_choices():
    mixed = [worded_item(n, LETTERS[n % 4]) for n in range(80)]
    mixed += [worded_item(100 + n, choices=choices("one", "two", "three")) for n in range(2)]
    assert lint.figures(mixed).p_authored > 0.9


def test_the_shuffle_keeps_every_letter_and_differs_between_items_and_seeds():
    orders = {shuffled_letters(worded_item(n).id, "ABCD", seed) for n in range(50) for seed in (1, 2)}
    assert len(orders) > 12
    assert all(sorted(order) == list("ABCD") for order in orders)
    assert shuffled_letters(worded_item(1).id, "ABCD", 1) == shuffled_letters(worded_item(1).id, "ABCD", 1)


def test_the_longest_choice_counts_only_when_it_is_longer_than_every_other():
    longest = worded_item(1, choices=choices("a long right choice", "short", "tiny"))
    level = worded_item(2, choices=choices("equal length", "equal_length", "tiny"))
    assert lint.figures([longest, level]).longest == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "All of the above",
        "Both A and C hold",
        "As option B, but later",
        "The first choice with a filter",
        "none of the others",
    ],
)
def test_pointing_at_a_place_is_a_fault(text: str):
    [fault] = lint.faults_of_items([worded_item(1, choices=choices(text, "Something else", "Another thing"))])
    assert fault.startswith("fs-pit-001: ")


@pytest.mark.parametrize("text", ["The first row of the window", "Plan B of the vendor", "the latest option contract"])
def test_other_words_are_not(text: str):
    assert lint.faults_of_items([worded_item(1, choices=choices(text, "Something else", "Another thing"))]) == []


def test_a_reason_must_teach_and_a_multi_select_question_must_say_how_many():
    thin = worded_item(1, choices=choices("one", "two", "three", reason="Wrong."))
    assert len(lint.faults_of_items([thin])) == 3
    silent = worded_item(2, "AC")
    assert lint.faults_of_items([silent]) == ["fs-pit-002: the question does not say how many to choose"]
    assert lint.faults_of_items([worded_item(3, "AC", ask="Choose two.")]) == []


def test_near_duplicates_are_found():
    one = worded_item(1, stem="A merge brings two rows for customer 7 into the feature table. What does Delta do?")
    twin = worded_item(2, stem="A merge brings two rows for customer 9 into the feature table. What does Delta do?")
    assert [(a, b) for a, b, _ in lint.twins([one, twin, worded_item(3)])] == [("fs-pit-001", "fs-pit-002")]


def test_an_item_that_gives_another_away_is_found():
    asked = worded_item(1, choices=choices("The endpoint keeps serving version 3 until it is updated", "No", "Maybe"))
    telling = worded_item(
        2, choices=choices("x", "y", "z", reason="Here the endpoint keeps serving version 3 until it is updated.")
    )
    assert lint.give_aways([asked, telling, worded_item(3)]) == [("fs-pit-001", "fs-pit-002")]


def test_a_bank_is_told_what_it_lacks():
    faults = lint.faults_of_bank([worded_item(1)])
    for expected in ("1 items, at least 400", "PRO-1.01: 0 items", "no item stands for 003/PE2-60", "code: 0 %"):
        assert any(fault.startswith(expected) for fault in faults), expected
    assert not any("PRO-1.18" in fault for fault in lint.faults_of_bank([worded_item(n) for n in range(3)]))


# The bank itself

BANK = [each for chapter in read_bank().values() for each in chapter]


def test_no_item_of_the_bank_is_at_fault():
    assert BANK
    assert lint.faults_of_items(BANK) == []


def test_the_bank_as_a_whole_lacks_nothing():
    assert lint.faults_of_bank(BANK) == []


def test_the_readme_counts_the_tiers_as_they_are():
    rows = re.findall(
        r"^\| (executed|package|documented|judgement) \| (\d+) \|", (ROOT / "README.md").read_text(), re.M
    )
    assert {tier: int(count) for tier, count in rows} == lint.figures(BANK).tiers
