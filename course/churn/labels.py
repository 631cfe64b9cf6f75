"""Labels: which were known on a day, and which customers they split into train and test."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

LABEL = "churned"
OUTCOME_DAYS = 30  # a label says what happened within so many days, and is known only then


def labels_known_at(labels: DataFrame, as_of: dt.date) -> DataFrame:
    """The labels whose outcome was known on the day ``as_of``: those of at least 30 days before.

    A label of last week says "has not left within 30 days" of somebody who may leave tomorrow.
    """
    return labels.where(F.col("label_ts") <= F.lit(moment_of(as_of - dt.timedelta(days=OUTCOME_DAYS))))


def labels_between(labels: DataFrame, after: dt.date, until: dt.date) -> DataFrame:
    """The labels with ``after < label_ts + 30 days <= until``: what became known between two days."""
    known_at = F.col("label_ts") + F.expr(f"INTERVAL {OUTCOME_DAYS} DAYS")
    return labels.where((known_at > F.lit(moment_of(after))) & (known_at <= F.lit(moment_of(until))))


def latest_labels(labels: DataFrame, on: dt.date) -> DataFrame:
    """The rows of the last label date at or before a day: who is a customer then."""
    past = labels.where(F.col("label_ts") <= F.lit(moment_of(on)))
    return past.join(past.agg(F.max("label_ts").alias("label_ts")), "label_ts")


def moment_of(day: dt.date) -> dt.datetime:
    """Midnight at the beginning of a day."""
    return dt.datetime.combine(day, dt.time())


def split_by_customer(df: DataFrame, test_percent: int = 20) -> tuple[DataFrame, DataFrame]:
    """Train and test, the same rows on every run, on any number of machines and after any repartitioning.

    A hash of the key decides, so a customer is on one side only. ``randomSplit`` gives other rows when the frame is
    partitioned otherwise, whatever its seed.
    """
    bucket = F.pmod(F.xxhash64("customer_id"), F.lit(100))
    return df.where(bucket >= test_percent), df.where(bucket < test_percent)
