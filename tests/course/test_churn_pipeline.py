"""The shared steps of the churn pipeline, against the generator's truth."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.sql import functions as F

from course import churn
from course.churn import data
from workbook.workspace import Workspace

pytestmark = pytest.mark.both_engines


@pytest.fixture(scope="module")
def ws(spark):
    options = data.ChurnOptions(customers=300, seed=3)
    data.write_tables(spark, "main.t_pipeline", options)
    yield Workspace(
        spark, None, print, SimpleNamespace(catalog="main", schema="t_pipeline", model="logistic_regression")
    )
    spark.sql("DROP SCHEMA main.t_pipeline CASCADE")


@pytest.fixture(scope="module")
def features(ws):
    """Everything that a model may know about each label, with the true probability beside it."""
    fe = FeatureEngineeringClient()
    churn.create_feature_tables(fe, ws.spark, ws.schema_name)
    churn.register_functions(ws.spark, ws.schema_name)
    labels = ws.spark.table(ws.table("raw_labels"))
    lookups = churn.feature_lookups(ws.schema_name)
    frame = fe.create_training_set(df=labels, feature_lookups=lookups, label="churned").load_df()
    truth = ws.spark.table(ws.table("raw_label_truth"))
    return frame.join(truth, ["customer_id", "label_ts"]).toPandas()


def test_the_feature_tables_hold_exactly_what_the_truth_was_drawn_from(features):
    known = features.dropna(subset=["age", "log_income"])
    assert len(known) > 500
    coefficients = data.truth(data.DEFAULTS)
    log_odds = coefficients["intercept"] + sum(
        coefficients[name] * known[name]
        for name in ("minutes_trend", "tickets_30d", "late_payments_90d", "tenure_years")
    )
    log_odds += coefficients["age_decades"] * (known["age"] - 45) / 10
    log_odds += coefficients["log_income"] * (known["log_income"] - np.log(40_000))
    for name in ("plan", "country"):
        log_odds += known[name].map(lambda level, name=name: coefficients.get(f"{name}_{level}", 0.0)).astype(float)
    true_log_odds = np.log(known["p"] / (1 - known["p"]))
    # Minutes and ages are rounded in the tables.
    assert np.abs(log_odds - true_log_odds).max() < 0.2
    assert np.abs(log_odds - true_log_odds).mean() < 0.02


def test_creating_feature_tables_again_merges_and_changes_nothing(ws, features):
    before = ws.spark.table(ws.table("ticket_features")).count()
    churn.create_feature_tables(FeatureEngineeringClient(), ws.spark, ws.schema_name)
    assert ws.spark.table(ws.table("ticket_features")).count() == before


def test_a_rolling_count_is_right_at_every_moment(spark):
    day = dt.datetime(2026, 1, 1)
    opened = [day, day, day + dt.timedelta(days=10), day + dt.timedelta(days=40)]
    events = spark.createDataFrame([(1, moment) for moment in opened], "customer_id long, at timestamp")
    series = churn.rolling_count(events, moment=F.col("at"), days=30, name="n").toPandas().sort_values("ts")
    for offset in np.arange(-1, 80, 0.5):
        now = day + dt.timedelta(days=float(offset))
        expected = sum(moment <= now < moment + dt.timedelta(days=30) for moment in opened)
        past = series[series["ts"] <= now]
        assert (past["n"].iloc[-1] if len(past) else 0) == expected, offset


def test_the_split_does_not_depend_on_partitioning_and_keeps_customers_whole(spark):
    frame = spark.range(2000).selectExpr("id DIV 4 AS customer_id", "id")
    train, test = churn.split_by_customer(frame)
    again, _ = churn.split_by_customer(frame.repartition(9))
    assert train.exceptAll(again).count() == 0
    assert train.count() + test.count() == 2000
    assert train.join(test, "customer_id").count() == 0
    assert 0.1 < test.count() / 2000 < 0.3


def test_a_label_is_known_30_days_later_and_not_a_day_before(spark):
    labels = spark.createDataFrame([(1, dt.datetime(2025, 9, 1))], "customer_id long, label_ts timestamp")
    assert churn.labels_known_at(labels, dt.date(2025, 10, 1)).count() == 1
    assert churn.labels_known_at(labels, dt.date(2025, 9, 30)).count() == 0
    assert churn.labels_between(labels, dt.date(2025, 9, 30), dt.date(2025, 10, 1)).count() == 1
    assert churn.labels_between(labels, dt.date(2025, 10, 1), dt.date(2025, 10, 2)).count() == 0


def scored(gain: float, n: int = 1500) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    p = rng.beta(1, 8, n)
    noise = rng.normal(0, 0.15, n)
    return pd.DataFrame(
        {
            "customer_id": np.arange(n) // 2,
            "churned": (rng.random(n) < p).astype(int),
            "champion": np.clip(p + noise, 0.001, 0.999),
            "challenger": np.clip(p + noise * (1 - gain), 0.001, 0.999),
        }
    )


def test_the_rule_moves_the_alias_for_a_better_challenger_only():
    assert churn.compare(scored(gain=1.0)).wins >= 0.95
    same = churn.compare(scored(gain=0.0))
    assert not same.challenger_is_better()
    worse = scored(gain=1.0).rename(columns={"champion": "challenger", "challenger": "champion"})
    assert not churn.compare(worse).challenger_is_better()


def test_the_rule_refuses_a_challenger_whose_probabilities_mean_nothing():
    frame = scored(gain=1.0)
    frame["challenger"] = frame["challenger"] / 10
    result = churn.compare(frame)
    assert result.wins >= 0.95
    assert not result.challenger_is_better()


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="use one of logistic_regression, gradient_boosted_trees"):
        churn.spark_pipeline("forest")
