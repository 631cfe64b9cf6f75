"""Checks bite: each exercise takes the right answer, rejects the mistakes that people make, and says what is wrong."""

from __future__ import annotations

import pytest

from workbook.exercises import exercises, find, trials_of

LEAST_MISTAKES = 3


@pytest.mark.parametrize("exercise_id", exercises())
def test_usual_mistakes_are_rejected_each_with_its_own_words(exercise_id, spark):
    found = trials_of(exercise_id, spark)
    told = []
    for trial in found:
        if trial.words is None:
            find(exercise_id).checker(*trial.answers)
            continue
        with pytest.raises(AssertionError) as feedback:
            find(exercise_id).checker(*trial.answers)
        assert trial.words in str(feedback.value)
        told.append(str(feedback.value))
    assert len(told) >= LEAST_MISTAKES
    assert len(set(told)) == len(told)
