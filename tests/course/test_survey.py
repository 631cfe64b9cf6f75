"""The survey of chapter 03: the same answers for the same seed and ids, gaps as documented, and the truth beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from course.ch03_data_preparation.survey import ANSWERS, GENRES, QUESTIONS, survey


@pytest.fixture(scope="module")
def asked():
    return survey(range(1, 20_001), seed=7)


def test_is_a_pure_function_of_seed_and_ids(asked):
    again = survey(range(1, 20_001), seed=7)
    pd.testing.assert_frame_equal(asked, again)
    assert not asked["hours_true"].equals(survey(range(1, 20_001), seed=8)["hours_true"])


def test_answers_do_not_depend_on_the_other_customers(asked):
    few = survey([500, 3, 19_999], seed=7)
    same = asked.set_index("customer_id").loc[[500, 3, 19_999]].reset_index()
    pd.testing.assert_frame_equal(few, same, check_dtype=False)


def test_nobody_asked_gives_an_empty_frame_with_all_columns(asked):
    assert survey([]).columns.tolist() == asked.columns.tolist()
    assert len(survey([])) == 0


def test_known_answers_are_the_true_ones(asked):
    assert set(asked.columns) == set(ANSWERS) | {f"{name}_true" for name in QUESTIONS}
    for name in QUESTIONS:
        truth, known = asked[f"{name}_true"], asked[name].notna()
        assert truth.notna().all()
        assert (asked[name][known] == truth[known]).all()
    assert asked[["customer_id", "channel", "answer_days", "recommends"]].notna().all(axis=None)


def test_values_are_in_their_ranges(asked):
    assert set(asked["channel"]) == {"app", "letter"}
    assert set(asked["genre_true"]) == set(GENRES)
    assert set(asked["household_true"]) == {1, 2, 3, 4, 5, 6}
    assert asked["satisfaction_true"].between(0, 100).all()
    assert (asked["hours_true"] > 0).all() and (asked["answer_days"] > 0).all()
    assert np.allclose((asked["channel"] == "letter").mean(), 0.3, atol=0.02)


def test_gaps_have_the_documented_shares_and_reasons(asked):
    letter = asked["channel"] == "letter"
    missing = asked[list(QUESTIONS)].isna()
    assert abs(missing["household"].mean() - 0.15) < 0.01
    assert abs(missing["genre"].mean() - 0.08) < 0.01
    assert abs(missing["satisfaction"].mean() - 0.25) < 0.03
    # hours: at random, by the channel
    assert abs(missing["hours"][letter].mean() - 0.55) < 0.02
    assert abs(missing["hours"][~letter].mean() - 0.05) < 0.01
    # household: by chance alone; satisfaction: by the value itself, and not by the channel
    for name, largest in (("household", 0.1), ("satisfaction", np.inf)):
        truth = asked[f"{name}_true"]
        apart = (truth[~missing[name]].mean() - truth[missing[name]].mean()) / truth.std()
        assert abs(apart) < largest
        assert abs(missing[name][letter].mean() - missing[name][~letter].mean()) < 0.03
    assert apart > 1
