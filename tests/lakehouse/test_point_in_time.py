"""The point-in-time join: its rules one by one, and random frames against DuckDB's ASOF JOIN."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import duckdb
import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from lakehouse.feature_engineering.point_in_time import point_in_time_join, require_timestamps, should_pack

pytestmark = pytest.mark.both_engines

FEATURES = "id long, ts timestamp, x double"
LABELS = "id long, at timestamp"


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.fixture(params=[False, True], ids=["sorted", "packed"])
def packed(request):
    """Both ways to find the rows keep every rule."""
    return request.param


@pytest.fixture
def look_up(spark, packed):
    """``look_up(labels, features)``: rows of the join of two lists of tuples."""

    def run(labels, features, *, lookback=None, label_schema=LABELS, feature_schema=FEATURES, outputs=None):
        joined = point_in_time_join(
            spark.createDataFrame(labels, label_schema),
            spark.createDataFrame(features, feature_schema),
            keys={"id": "id"},
            timestamp=("at", "ts"),
            outputs=outputs or {"x": "x"},
            lookback=lookback,
            packed=packed,
        )
        return [tuple(row) for row in joined.collect()]

    return run


def test_takes_the_latest_row_at_or_before_the_moment(look_up):
    features = [(1, moment("2026-05-04"), 1.0), (1, moment("2026-05-20"), 2.0), (1, moment("2026-06-09"), 3.0)]
    cases = {
        "2026-05-03": None,
        "2026-05-04": 1.0,
        "2026-05-19T23:59:59.999999": 1.0,
        "2026-06-01": 2.0,
        "2027-01-01": 3.0,
    }
    found = look_up([(1, moment(at)) for at in cases], features)
    assert {at: x for _, at, x in found} == {moment(at): x for at, x in cases.items()}


def test_the_whole_row_is_taken_and_a_stored_null_stays_null(look_up):
    features = [(1, moment("2026-01-01"), 1.0, "a"), (1, moment("2026-01-02"), None, "b")]
    found = look_up(
        [(1, moment("2026-01-03"))],
        features,
        feature_schema=FEATURES + ", y string",
        outputs={"x": "x", "y": "y"},
    )
    assert found == [(1, moment("2026-01-03"), None, "b")]


def test_every_label_row_comes_back_once(look_up):
    features = [(1, moment("2026-01-01"), 1.0)]
    labels = [(1, moment("2026-01-02"))] * 3 + [(9, moment("2026-01-02")), (None, moment("2026-01-02"))]
    expected = Counter(
        [(1, moment("2026-01-02"), 1.0)] * 3 + [(9, moment("2026-01-02"), None), (None, moment("2026-01-02"), None)]
    )
    assert Counter(look_up(labels, features)) == expected


def test_a_null_key_matches_nothing_not_even_a_null_key(look_up):
    assert look_up([(None, moment("2026-01-02"))], [(None, moment("2026-01-01"), 1.0)]) == [
        (None, moment("2026-01-02"), None)
    ]


@pytest.mark.parametrize(
    ("lookback", "x"),
    [
        (dt.timedelta(seconds=10, microseconds=800_000), 5.0),
        (dt.timedelta(seconds=10, microseconds=799_999), None),
        (dt.timedelta(seconds=10), None),
    ],
)
def test_lookback_is_inclusive_and_counts_microseconds(look_up, lookback, x):
    labels, features = [(1, moment("2026-01-01T00:00:10.8"))], [(1, moment("2026-01-01T00:00:00"), 5.0)]
    assert look_up(labels, features, lookback=lookback)[0][-1] == x


def test_lookback_of_zero_wants_the_same_moment(look_up):
    features = [(1, moment("2026-01-01"), 5.0)]
    labels = [(1, moment("2026-01-01")), (1, moment("2026-01-01T00:00:00.000001"))]
    assert sorted(look_up(labels, features, lookback=dt.timedelta(0))) == [(*labels[0], 5.0), (*labels[1], None)]


def test_lookback_does_not_fall_back_to_an_older_row(look_up):
    features = [(1, moment("2026-01-01"), 1.0), (1, moment("2026-01-02"), 2.0)]
    assert look_up([(1, moment("2026-01-05"))], features, lookback=dt.timedelta(days=2))[0][-1] is None


def test_lookback_counts_elapsed_time_across_a_change_of_clocks(spark):
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        # One hour passes between 01:00 and 03:00 on this day.
        labels = spark.sql("SELECT 1 AS id, TIMESTAMP '2026-03-08 03:00:00' AS at")
        features = spark.sql("SELECT 1 AS id, TIMESTAMP '2026-03-08 01:00:00' AS ts, 5.0D AS x")
        joined = point_in_time_join(
            labels,
            features,
            keys={"id": "id"},
            timestamp=("at", "ts"),
            outputs={"x": "x"},
            lookback=dt.timedelta(hours=1),
        )
        assert joined.head()["x"] == 5.0
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP_NTZ"])
def test_dates_and_timestamps_without_zone(spark, kind, packed):
    labels = spark.sql(
        f"SELECT id, CAST(at AS {kind}) AS at FROM VALUES (1, '2026-01-03'), (1, '2026-01-09') AS t(id, at)"
    )
    features = spark.sql(f"SELECT 1 AS id, CAST('2026-01-01' AS {kind}) AS ts, 5.0D AS x")
    joined = point_in_time_join(
        labels,
        features,
        keys={"id": "id"},
        timestamp=("at", "ts"),
        outputs={"x": "x"},
        lookback=dt.timedelta(days=2),
        packed=packed,
    )
    assert [row["x"] for row in joined.orderBy("at").collect()] == [5.0, None]
    assert dict(joined.dtypes)["at"] == kind.lower()


def test_features_of_any_type_and_names_with_dots(spark, packed):
    labels = spark.createDataFrame([(1, moment("2026-01-02"), "kept")], "`the.id` long, at timestamp, note string")
    features = spark.createDataFrame(
        [(1, moment("2026-01-01"), {"a": 1}, [1, None], (2, "s"))],
        "id long, ts timestamp, m map<string,int>, l array<int>, `s.t` struct<n: int, t: string>",
    )
    joined = point_in_time_join(
        labels,
        features,
        keys={"the.id": "id"},
        timestamp=("at", "ts"),
        outputs={"m": "m", "l": "l", "out.s": "s.t"},
        packed=packed,
    )
    assert joined.columns == ["the.id", "at", "note", "m", "l", "out.s"]
    row = joined.head()
    assert (row["note"], row["m"], row["l"], tuple(row["out.s"])) == ("kept", {"a": 1}, [1, None], (2, "s"))


def test_one_key_with_very_many_rows_does_not_multiply_them(spark):
    """30,000 labels and 30,000 feature rows of one key: 900 million pairs, which no join may make."""
    at = F.timestamp_seconds(F.col("id") * 10)
    labels = spark.range(30_000).select(F.lit(1).alias("id"), (at + F.expr("INTERVAL 9 SECONDS")).alias("at"), "id")
    labels = labels.toDF("key", "at", "expected")
    features = spark.range(30_000).select(F.lit(1).alias("key"), at.alias("ts"), F.col("id").alias("x"))
    joined = point_in_time_join(labels, features, keys={"key": "key"}, timestamp=("at", "ts"), outputs={"x": "x"})
    assert joined.where("x = expected").count() == 30_000


@pytest.mark.parametrize(
    ("rows_of_a_key", "size", "answer"),
    [(100, 10**9, True), (5_000, 10**9, False), (2, 10**6, False), (0, 10**9, True)],
)
def test_rows_are_packed_only_in_large_tables_whose_keys_have_few(spark, rows_of_a_key, size, answer):
    features = spark.range(rows_of_a_key).select(F.lit(1).alias("key"), "id")
    assert should_pack(features, ["key"], size) is answer


def test_a_null_moment_is_refused(spark):
    labels = spark.createDataFrame([(1, moment("2026-01-02")), (1, None)], LABELS)
    with pytest.raises(ValueError, match="Column 'at' is null in 1 row"):
        require_timestamps(labels, "at")
    require_timestamps(labels.where("at IS NOT NULL"), "at")


ORACLE = """
    SELECT l.a, l.b, l.at, l.y, f.x, f.n
    FROM labels l ASOF LEFT JOIN features f ON l.a = f.k AND l.b = f.b AND l.at >= f.ts
"""


@pytest.mark.parametrize("seed", range(4))
def test_random_frames_agree_with_duckdb(spark, seed, packed):
    """Few keys and few moments, so that ties, duplicates, unknown keys and nulls all occur often."""
    random = np.random.default_rng(seed)
    start = np.datetime64("2026-01-01", "us")

    def frame(n: int, **columns) -> pd.DataFrame:
        keys = pd.DataFrame({"a": random.integers(0, 12, n), "b": random.choice(["u", "v", "w"], n)})
        moments = start + random.integers(0, 40, n) * np.timedelta64(500_000, "us")
        return keys.assign(at=moments, **columns)

    labels = frame(400, y=random.integers(0, 2, 400))
    labels["a"] += 2  # some keys have no features, some features no labels
    features = frame(300).drop_duplicates().rename(columns={"a": "k", "at": "ts"})
    features["x"] = random.normal(size=len(features))
    features.loc[random.random(len(features)) < 0.3, "x"] = np.nan
    features["n"] = np.arange(len(features))
    lookback = [None, dt.timedelta(0), dt.timedelta(seconds=2.5), dt.timedelta(seconds=7)][seed]

    rows = duckdb.sql(ORACLE).fetchall()
    since = dict(zip(features["n"], features["ts"], strict=True))
    expected = Counter()
    for a, b, at, y, x, n in rows:
        usable = n is not None and (lookback is None or at - since[n] <= lookback)
        known = x is not None and not np.isnan(x)
        expected[a, b, at, y, x if usable and known else None, n if usable else None] += 1

    joined = point_in_time_join(
        spark.createDataFrame(labels),
        spark.createDataFrame(features).withColumn("x", F.nanvl("x", F.lit(None))),
        keys={"a": "k", "b": "b"},
        timestamp=("at", "ts"),
        outputs={"x": "x", "n": "n"},
        lookback=lookback,
        packed=packed,
    )
    assert Counter(tuple(row) for row in joined.collect()) == expected
    assert expected.total() == len(labels)
