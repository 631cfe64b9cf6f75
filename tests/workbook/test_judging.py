"""What checkers ask of an answer first: the feedback names what is wrong, and odd spellings of right answers count."""

from __future__ import annotations

import numpy as np
import pytest

from workbook.judging import answers_to, is_number


def test_answers_come_back_in_the_words_of_the_choices():
    given = {"b": " Cramér ", "a": "BOXES", "z": "left over"}
    assert answers_to(given, "ab", "picture", ("boxes", "cramer")) == {"a": "boxes", "b": "cramer"}
    assert answers_to({"a": [1]}, "a", "found") == {"a": [1]}
    assert answers_to({"x": True}, ["x"], "works", (True, False)) == {"x": True}


@pytest.mark.parametrize(
    ("given", "words", "message"),
    [
        (["yes"], None, "picture should be a dictionary with the keys a, b, not a list."),
        (7, None, "not an int."),
        ({"a": "yes"}, None, "picture has no answer for b: its keys are a, b."),
        ({"a": "yes", "b": ...}, None, "picture has no answer for b"),
        ({"a": "yes", "b": "maybe"}, {"yes", "no"}, "picture, b: 'maybe' is not a choice. Use one of 'no', 'yes'."),
        ({"a": 1, "b": True}, (1, 2), "picture, b: True is not a choice. Use one of 1, 2."),
        ({"a": 1, "b": [1]}, (1, 2), "picture, b: [1] is not a choice."),
    ],
)
def test_the_feedback_names_the_key_the_value_and_the_choices(given, words, message):
    with pytest.raises(AssertionError) as feedback:
        answers_to(given, "ab", "picture", words)
    assert message in str(feedback.value)


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, True), (0.5, True), (np.float32(2), True), (True, False), (float("nan"), False), ("1", False), (None, False)],
)
def test_numbers(value, number):
    assert is_number(value) is number
