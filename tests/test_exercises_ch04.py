"""Checks bite: each exercise of chapter 04 rejects the mistakes that people make, and says what is wrong."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from databricks.feature_engineering import FeatureLookup
from pyspark.sql import functions as F

from workbook.exercises import ch04 as _ch04  # noqa: F401
from workbook.exercises import exercises, find

MERGE = {1: 2, 2: 5, 9: None}
KEYS = {"prices": ["country", "plan"], "usage": ["customer_id", "ts"], "customers": ["customer_id"]}
POINTS = {"08:00": None, "12:00": 20, "14:59": 20, "18:00": None}
TOOLS = {"a": "point in time", "b": "time travel", "c": "neither", "d": "time travel"}
CALLS = {"a": "same", "b": "changed", "c": "changed", "d": "never", "e": "same"}


def lookup(**changes):
    right = {
        "table_name": "main.churn.usage_features",
        "lookup_key": "customer_id",
        "feature_names": ["minutes_trend"],
        "rename_outputs": {"minutes_trend": "trend"},
        "timestamp_lookup_key": "label_ts",
        "lookback_window": dt.timedelta(days=21),
        "default_values": {"trend": 0.0},
    }
    return FeatureLookup(**right | changes)


def is_new(signup_date: dt.date, label_ts: dt.datetime) -> bool:
    if signup_date is None or label_ts is None:
        return None
    return (label_ts.date() - signup_date).days < 90


def unannotated(signup_date, label_ts):
    return (label_ts.date() - signup_date).days < 90


def no_nulls(signup_date: dt.date, label_ts: dt.datetime) -> bool:
    return (label_ts.date() - signup_date).days < 90


def up_to_90(signup_date: dt.date, label_ts: dt.datetime) -> bool:
    if signup_date is None or label_ts is None:
        return None
    return (label_ts.date() - signup_date).days <= 90


WRONG = [
    ("4.1", [KEYS | {"usage": ["customer_id"]}], "part of the primary key"),
    ("4.1", [KEYS | {"usage": ["customer_id", "ts", "minutes_4w"]}], "feature"),
    ("4.1", [KEYS | {"prices": ["country"]}], "not unique"),
    ("4.1", [KEYS | {"customers": ["customer_id", "updated_at"]}], "every change adds a row"),
    ("4.3", [MERGE | {1: None}], "leaves rows"),
    ("4.3", [MERGE | {2: None}], "keep their value"),
    ("4.3", [MERGE | {9: 0}], "claim nobody made"),
    ("4.5", [POINTS | {"08:00": 10}], "the future"),
    ("4.5", [POINTS | {"12:00": 10}], "<="),
    ("4.5", [POINTS | {"18:00": 20}], "whole row"),
    ("4.7", [lookup(lookback_window=None)], "still counts"),
    ("4.7", [lookup(lookback_window=dt.timedelta(days=3))], "three weeks"),
    ("4.7", [lookup(rename_outputs=None, default_values={"minutes_trend": 0.0})], "rename_outputs"),
    ("4.7", [lookup(default_values=None)], "what null means"),
    ("4.9", [unannotated], "cannot be registered"),
    ("4.9", [no_nulls], "None"),
    ("4.9", [up_to_90], "exactly 90"),
    ("4.12", [TOOLS | {"a": "time travel"}], "twelve months"),
    ("4.12", [TOOLS | {"b": "point in time"}], "today's table"),
    ("4.12", [TOOLS | {"d": "neither"}], "RESTORE"),
    ("4.13", [CALLS | {"b": "same"}], "overwrite is gone"),
    ("4.13", [CALLS | {"d": "changed"}], "never had"),
]
RIGHT = [("4.1", [KEYS]), ("4.3", [MERGE]), ("4.5", [POINTS]), ("4.7", [lookup()]), ("4.9", [is_new])]
RIGHT += [("4.12", [TOOLS]), ("4.13", [CALLS])]


@pytest.mark.parametrize(("exercise", "answers", "words"), WRONG)
def test_a_usual_mistake_is_rejected_and_explained(exercise, answers, words):
    with pytest.raises(AssertionError) as feedback:
        find(exercise).checker(*answers)
    assert words in str(feedback.value)


@pytest.mark.parametrize(("exercise", "answers"), RIGHT)
def test_the_right_answer_passes(exercise, answers):
    find(exercise).checker(*answers)


def rejects(exercise, *answers, words):
    with pytest.raises(AssertionError) as feedback:
        find(exercise).checker(*answers)
    assert words in str(feedback.value)


def test_duplicate_customers(spark):
    raw = spark.createDataFrame([(1, "DE"), (1, "DE"), (2, "FR")], "customer_id long, country string")
    rejects("4.2", raw, raw, words="repeat a customer_id")
    once = raw.groupBy("customer_id").count().where("count = 1").join(raw, "customer_id").select(raw.columns)
    rejects("4.2", once, raw, words="are lost")
    rejects("4.2", raw.select("customer_id").distinct(), raw, words="country")
    find("4.2").checker(raw.dropDuplicates(["customer_id"]), raw)


def test_two_scores(spark):
    columns = "sales_score double, support_score double, churned int"
    right = spark.createDataFrame([(0.2, 7.0, 0), (0.9, 3.0, 1), (None, None, 0)], columns)
    find("4.4").checker(right)
    rejects("4.4", right.withColumnRenamed("sales_score", "score"), words="still called score")
    rejects("4.4", right.withColumn("customer_id", F.lit(1)), words="exclude_columns")
    rejects("4.4", right.dropna(), words="every label row")
    rejects("4.4", right.drop("churned"), words="label")
    swapped = right.selectExpr("support_score AS sales_score", "sales_score AS support_score", "churned")
    rejects("4.4", swapped, words="right table")


def test_the_leak(spark):
    features = spark.createDataFrame(
        [(1, dt.datetime(2026, 1, 1), 1), (1, dt.datetime(2026, 3, 1), 4)],
        "customer_id long, ts timestamp, tickets_30d int",
    )
    labels = spark.createDataFrame(
        [(1, dt.datetime(2026, 2, 1), 0), (2, dt.datetime(2026, 2, 1), 0)],
        "customer_id long, label_ts timestamp, churned int",
    )

    def answer(value, other=None):
        return labels.withColumn("tickets_30d", F.when(F.col("customer_id") == 1, value).otherwise(other))

    find("4.6").checker(answer(1), labels, features)
    rejects("4.6", answer(4), labels, features, words="known at label_ts")
    rejects("4.6", answer(1, 0), labels, features, words="leave them null")
    rejects("4.6", labels.join(features, "customer_id", "left"), labels, features, words="multiplies rows")


def test_the_moment_of_knowing(spark):
    feed = spark.createDataFrame([(1, dt.date(2026, 6, 1))], "customer_id long, week_start date")

    def stamped(days):
        return feed.withColumn("ts", F.col("week_start").cast("timestamp") + F.expr(f"INTERVAL {days} DAYS"))

    find("4.8").checker(stamped(9))
    rejects("4.8", stamped(0), words="9 days before")
    rejects("4.8", stamped(2), words="7 days before")
    rejects("4.8", stamped(10), words="information is lost")


def test_preprocessing_inside():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = ["minutes_trend", "tickets_30d", "late_payments_90d"]
    frame = pd.DataFrame({name: [0.1, 2.0, 3.0, 0.2, 4.0, 0.5] for name in columns} | {"churned": [0, 1, 1, 0, 1, 0]})
    x, y = frame[columns], frame["churned"]
    find("4.10").checker(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y), frame)
    rejects("4.10", LogisticRegression().fit(x, y), frame, words="does not scale")
    scaled = (x - x.mean()) / x.std()
    twice = make_pipeline(StandardScaler(), LogisticRegression()).fit(scaled, y)
    rejects("4.10", twice, frame, words="unscaled columns")
    unfitted = make_pipeline(StandardScaler(), LogisticRegression())
    rejects("4.10", unfitted, frame, words="not fitted")


def test_override_at_scoring(spark):
    columns = "customer_id long, label_ts timestamp, tickets_30d int, minutes_trend double, late_payments_90d int, tenure_years double, prediction double"
    row = (1, dt.datetime(2026, 1, 1), 3, 0.1, 0, 1.0, 0.4)
    scored = spark.createDataFrame([row], columns)
    find("4.11").checker(scored.withColumn("tickets_30d", F.lit(0)), scored)
    rejects("4.11", scored, scored, words="still have tickets")
    rejects("4.11", scored.drop("prediction"), scored, words="score_batch")
    also = scored.withColumn("tickets_30d", F.lit(0)).withColumn("minutes_trend", F.lit(0.0))
    rejects("4.11", also, scored, words="override tickets_30d alone")


def test_the_checklist(spark):
    def says(*faults):
        return lambda df, keys, feature, low, high, now, **_: list(faults)

    rejects("4.14", says("missing"), words="without a fault")
    rejects("4.14", says(), words="'null key'")
    rejects("4.14", lambda *_, **__: None, words="return a list")


def test_every_exercise_of_the_chapter_is_tested_with_a_wrong_answer():
    tested = {exercise for exercise, _, _ in WRONG} | {"4.2", "4.4", "4.6", "4.8", "4.10", "4.11", "4.14"}
    assert tested == {name for name in exercises() if name.startswith("4.")}
