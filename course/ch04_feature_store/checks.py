"""Checks of chapter 04, feature store. The message of an assert is written for the mistake that was made."""

from __future__ import annotations

import datetime as dt
import inspect

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from workbook.exercises import exercise, right, trials, wrong


@exercise("4.1", objective="ASC-1.06", hint="What must you know to point at exactly one row? The rest are features.")
def keys_say_what_a_row_is(keys):
    assert set(keys) == {"prices", "usage", "customers"}, "Give the keys of all three: prices, usage, customers."
    keys = {name: [columns] if isinstance(columns, str) else list(columns) for name, columns in keys.items()}
    assert "ts" in keys["usage"], (
        "usage has many rows for a customer, one for each delivery: without ts the key is not unique. "
        "A time series column is part of the primary key."
    )
    assert "minutes_4w" not in keys["usage"], "minutes_4w is a feature: it is looked up, not looked up by."
    assert set(keys["usage"]) == {"customer_id", "ts"}, (
        f"usage: {keys['usage']} should be the entity and the timestamp."
    )
    assert set(keys["prices"]) == {"country", "plan"}, (
        f"prices: {keys['prices']} should be what a price belongs to: a country and a plan. One of them alone is not unique."
    )
    assert "updated_at" not in keys["customers"], (
        "customers holds the current view, one row each. With updated_at in the key every change adds a row, "
        "and a lookup by customer_id alone is refused."
    )
    assert keys["customers"] == ["customer_id"], f"customers: {keys['customers']} should be customer_id alone."


@trials("4.1")
def _(_spark):
    keys = {"prices": ["country", "plan"], "usage": ["customer_id", "ts"], "customers": ["customer_id"]}
    yield right(keys)
    yield wrong("part of the primary key", keys | {"usage": ["customer_id"]})
    yield wrong("minutes_4w is a feature", keys | {"usage": ["customer_id", "ts", "minutes_4w"]})
    yield wrong("not unique", keys | {"prices": ["country"]})
    yield wrong("every change adds a row", keys | {"customers": ["customer_id", "updated_at"]})


@exercise("4.2", objective=("ASC-1.06", "PRO-1.19"), hint="Which rows are too many: equal rows, or rows with one key?")
def one_row_for_each_customer(one_each, raw):
    wanted = raw.select("customer_id").distinct().count()
    found = one_each.agg(F.count("*").alias("rows"), F.count_distinct("customer_id").alias("keys")).first()
    assert found["rows"] <= found["keys"], f"{found['rows'] - found['keys']} rows still repeat a customer_id."
    assert found["keys"] == wanted, (
        f"{wanted - found['keys']} customers are lost: keep one row of each, do not drop them."
    )
    missing = sorted(set(raw.columns) - set(one_each.columns))
    assert not missing, f"The columns {missing} are lost: dropDuplicates(['customer_id']) keeps whole rows."


@trials("4.2")
def _(spark):
    raw = spark.createDataFrame([(1, "DE"), (1, "DE"), (2, "FR")], "customer_id long, country string")
    yield right(raw.dropDuplicates(["customer_id"]), raw)
    yield wrong("repeat a customer_id", raw, raw)
    once = raw.groupBy("customer_id").count().where("count = 1").join(raw, "customer_id").select(raw.columns)
    yield wrong("are lost: keep one row", once, raw)
    yield wrong("The columns ['country'] are lost", raw.select("customer_id").distinct(), raw)


@exercise("4.3", objective="ASC-1.07", hint="A merge touches the columns it carries. What was in the others before?")
def merge_is_read_right(after):
    assert set(after) == {1, 2, 9}, "Say it for customers 1, 2 and 9."
    assert after[1] == 2, (
        "Customer 1 is not in the update: a merge leaves rows it does not match alone. Overwrite would not."
    )
    assert after[2] is not None, (
        "Customer 2's open_tickets are not in the update, so they keep their value; no null is written."
    )
    assert after[2] == 5, "Customer 2 had 5 open tickets and the update says nothing about them."
    assert after[9] is None, "Customer 9 is inserted without open_tickets: null. Zero would be a claim nobody made."


@trials("4.3")
def _(_spark):
    after = {1: 2, 2: 5, 9: None}
    yield right(after)
    yield wrong("leaves rows", after | {1: None})
    yield wrong("keep their value", after | {2: None})
    yield wrong("claim nobody made", after | {9: 0})


@exercise(
    "4.4",
    objective=("ASC-1.08", "PRO-1.19"),
    hint="rename_outputs maps the table's name to yours. exclude_columns drops a key after the join.",
)
def two_tables_one_name(frame):
    assert isinstance(frame, DataFrame), "two_scores should be the DataFrame that load_df() gives."
    assert "score" not in frame.columns, "A column is still called score: rename the output of both lookups."
    missing = {"sales_score", "support_score"} - set(frame.columns)
    assert not missing, f"Missing: {sorted(missing)}. rename_outputs={{'score': 'sales_score'}} goes into the lookup."
    assert "churned" in frame.columns, "The label is missing: pass label='churned'."
    assert "customer_id" not in frame.columns, (
        "customer_id is still there and would become an input of the model: name it in exclude_columns. It still joins."
    )
    assert frame.count() == 3, (
        f"{frame.count()} rows instead of 3: a training set keeps every label row, matched or not."
    )
    known = frame.where("sales_score = 0.9 AND support_score = 3.0 AND churned = 1").count()
    assert known == 1, "The values do not belong together: did both lookups take the right table?"


@trials("4.4")
def _(spark):
    columns = "sales_score double, support_score double, churned int"
    frame = spark.createDataFrame([(0.2, 7.0, 0), (0.9, 3.0, 1), (None, None, 0)], columns)
    yield right(frame)
    yield wrong("still called score", frame.withColumnRenamed("sales_score", "score"))
    yield wrong("exclude_columns", frame.withColumn("customer_id", F.lit(1)))
    yield wrong("every label row", frame.dropna())
    yield wrong("label is missing", frame.drop("churned"))
    swapped = frame.selectExpr("support_score AS sales_score", "sales_score AS support_score", "churned")
    yield wrong("right table", swapped)


@exercise(
    "4.5", objective="PRO-1.18", hint="The latest row at or before the time - the row, not the latest known value."
)
def four_rules(looked_up):
    assert set(looked_up) == {"08:00", "12:00", "14:59", "18:00"}, "Answer for 08:00, 12:00, 14:59 and 18:00."
    assert looked_up["08:00"] is None, "At 08:00 there is no row yet. The value of 09:00 is the future."
    assert looked_up["12:00"] != 10, "The comparison is <=: the row of 12:00 sharp matches a label at 12:00."
    assert looked_up["12:00"] == 20, "At 12:00 the row of 12:00 is taken."
    assert looked_up["14:59"] == 20, "At 14:59 the latest row is that of 12:00."
    assert looked_up["18:00"] is None, (
        "The latest row at 18:00 is that of 15:00, and its value is null. The whole row is taken; nothing is filled from 12:00."
    )


@trials("4.5")
def _(_spark):
    looked_up = {"08:00": None, "12:00": 20, "14:59": 20, "18:00": None}
    yield right(looked_up)
    yield wrong("the future", looked_up | {"08:00": 10})
    yield wrong("<=", looked_up | {"12:00": 10})
    yield wrong("whole row", looked_up | {"18:00": 20})


@exercise("4.6", objective="PRO-1.18", hint="The lookup must know which column of the labels says when.")
def the_leak_is_stopped(honest, labels, features):
    assert isinstance(honest, DataFrame), "honest_tickets should be the DataFrame that load_df() gives."
    assert "tickets_30d" in honest.columns, "The column tickets_30d is missing."
    rows, wanted = honest.count(), labels.count()
    assert rows == wanted, (
        f"{rows:,} rows for {wanted:,} labels: a plain join multiplies rows, a lookup keeps each once."
    )
    past = features.join(labels.select("customer_id", "label_ts"), "customer_id").where("ts <= label_ts")
    newest = Window.partitionBy("customer_id", "label_ts").orderBy(F.desc("ts"))
    expected = past.withColumn("n", F.row_number().over(newest)).where("n = 1")
    expected = expected.select("customer_id", "label_ts", F.col("tickets_30d").alias("expected"))
    compared = honest.join(expected, ["customer_id", "label_ts"], "left")
    filled = compared.where("expected IS NULL AND tickets_30d IS NOT NULL").count()
    assert filled == 0, f"{filled:,} rows have a value although nothing was known yet: leave them null here."
    wrong = compared.where("NOT (tickets_30d <=> expected)").count()
    assert wrong == 0, f"{wrong:,} rows do not hold the value known at label_ts. Is timestamp_lookup_key='label_ts'?"


@trials("4.6")
def _(spark):
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

    yield right(answer(1), labels, features)
    yield wrong("known at label_ts", answer(4), labels, features)
    yield wrong("leave them null", answer(1, 0), labels, features)
    yield wrong("multiplies rows", labels.join(features, "customer_id", "left"), labels, features)


@exercise("4.7", objective="PRO-1.18", hint="A default fills a column of the result. What is it called there?")
def a_stale_feed_counts_as_unknown(lookup):
    assert getattr(lookup, "table_name", "").endswith("usage_features"), "The lookup should read usage_features."
    assert lookup.timestamp_lookup_key in ("label_ts", ["label_ts"]), (
        "Which column says when? timestamp_lookup_key='label_ts'."
    )
    assert lookup.feature_names == ["minutes_trend"], (
        "Only minutes_trend is asked for: feature_names=['minutes_trend']."
    )
    assert lookup.rename_outputs == {"minutes_trend": "trend"}, "rename_outputs maps the table's name to the new one."
    assert lookup.lookback_window is not None, "Without a lookback_window a value of last year still counts."
    assert lookup.lookback_window == dt.timedelta(days=21), (
        f"lookback_window is {lookup.lookback_window}, three weeks are timedelta(days=21)."
    )
    assert lookup.default_values, "A stale value becomes null: default_values says what null means here."
    assert "minutes_trend" not in lookup.default_values, (
        "default_values is keyed by the output name, which is trend now."
    )
    assert lookup.default_values == {"trend": 0.0}, "The default for trend should be 0.0."


@trials("4.7")
def _(_spark):
    from databricks.feature_engineering import FeatureLookup

    def lookup(**changes):
        asked = {
            "table_name": "main.churn.usage_features",
            "lookup_key": "customer_id",
            "feature_names": ["minutes_trend"],
            "rename_outputs": {"minutes_trend": "trend"},
            "timestamp_lookup_key": "label_ts",
            "lookback_window": dt.timedelta(days=21),
            "default_values": {"trend": 0.0},
        }
        return FeatureLookup(**asked | changes)

    yield right(lookup())
    yield wrong("still counts", lookup(lookback_window=None))
    yield wrong("three weeks", lookup(lookback_window=dt.timedelta(days=3)))
    yield wrong("rename_outputs", lookup(rename_outputs=None, default_values={"minutes_trend": 0.0}))
    yield wrong("what null means", lookup(default_values=None))


@exercise(
    "4.8",
    objective="PRO-1.18",
    hint="When could a model first have read the week of a Monday? Count the days from that Monday.",
)
def stamped_with_the_moment_of_knowing(known):
    assert "ts" in known.columns, "The column ts is missing."
    hours = (F.col("ts").cast("long") - F.col("week_start").cast("timestamp").cast("long")) / 3600
    early, late = known.agg(F.min(hours), F.max(hours)).first()
    assert early >= 9 * 24, (
        f"Some rows can be seen {9 - early / 24:.0f} days before the feed delivers them: seven days of week, then two of delivery."
    )
    assert late <= 9 * 24, (
        f"Some rows are held back {late / 24 - 9:.0f} days longer than needed: honest, but information is lost."
    )


@trials("4.8")
def _(spark):
    feed = spark.createDataFrame([(1, dt.date(2026, 6, 1))], "customer_id long, week_start date")

    def stamped(days):
        return feed.withColumn("ts", F.col("week_start").cast("timestamp") + F.expr(f"INTERVAL {days} DAYS"))

    yield right(stamped(9))
    yield wrong("9 days before", stamped(0))
    yield wrong("7 days before", stamped(2))
    yield wrong("information is lost", stamped(10))


@exercise("4.9", objective="PRO-1.22", hint="Null comes in as None. A label_ts has a .date().")
def a_function_for_the_request(is_new):
    from lakehouse.functions import function_ddl

    assert inspect.isfunction(is_new), "is_new should be a function."
    try:
        function_ddl(is_new, name="main.churn.is_new")
    except (ValueError, TypeError) as error:
        raise AssertionError(f"It cannot be registered: {error}") from None
    result = inspect.signature(is_new).return_annotation
    assert result in (bool, "bool"), f"The result should be annotated as bool, not {result!r}."
    signup = dt.date(2026, 1, 1)
    noon = dt.time(12)

    def asked(days):
        return is_new(signup, dt.datetime.combine(signup + dt.timedelta(days=days), noon))

    try:
        nulls = [is_new(None, dt.datetime(2026, 1, 2)), is_new(signup, None)]
    except Exception as error:
        raise AssertionError(
            f"A null input raises {type(error).__name__}: Unity Catalog hands nulls over as None."
        ) from None
    assert nulls == [None, None], f"A null input should give None, it gave {nulls}."
    assert asked(10) is True, "Ten days after sign-up a customer is new."
    assert asked(400) is False, "More than a year after sign-up a customer is not new."
    assert asked(90) is False, "At exactly 90 days a customer is not new any more: less than 90."
    assert asked(89) is True, "At 89 days a customer is still new."


@trials("4.9")
def _(_spark):
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

    yield right(is_new)
    yield wrong("cannot be registered", unannotated)
    yield wrong("hands nulls over as None", no_nulls)
    yield wrong("exactly 90", up_to_90)


@exercise("4.10", objective=("PRO-1.19", "ASC-1.09"), hint="scikit-learn chains a scaler and a model into one object.")
def preprocessing_is_inside(model, frame):
    from sklearn.metrics import roc_auc_score

    columns = ["minutes_trend", "tickets_30d", "late_payments_90d"]
    assert hasattr(model, "predict_proba"), "The object should predict: a fitted pipeline of scaler and model."
    assert hasattr(model, "steps"), (
        "A model alone does not scale: chain a scaler and a model, for example by make_pipeline."
    )
    scaler, estimator = model.steps[0][1], model.steps[-1][1]
    assert hasattr(scaler, "transform"), "The first step should transform: put the scaler before the model."
    assert hasattr(estimator, "coef_") or hasattr(estimator, "classes_"), "The pipeline is not fitted yet: call fit."
    mean = getattr(scaler, "mean_", None)
    if mean is not None:
        assert abs(mean - frame[columns].mean().to_numpy()).max() < 1e-6, (
            "The scaler was fitted on other numbers than small_pd[columns]: give the pipeline the unscaled columns."
        )
    score = roc_auc_score(frame["churned"], model.predict_proba(frame[columns])[:, 1])
    assert score > 0.6, f"The AUC on unscaled columns is {score:.2f}: was the pipeline fitted on scaled ones?"


@trials("4.10")
def _(_spark):
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = ["minutes_trend", "tickets_30d", "late_payments_90d"]
    frame = pd.DataFrame({name: [0.1, 2.0, 3.0, 0.2, 4.0, 0.5] for name in columns} | {"churned": [0, 1, 1, 0, 1, 0]})
    x, y = frame[columns], frame["churned"]
    yield right(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y), frame)
    yield wrong("does not scale", LogisticRegression().fit(x, y), frame)
    scaled = (x - x.mean()) / x.std()
    yield wrong("unscaled columns", make_pipeline(StandardScaler(), LogisticRegression()).fit(scaled, y), frame)
    yield wrong("not fitted", make_pipeline(StandardScaler(), LogisticRegression()), frame)


@exercise("4.11", objective="ASC-1.09", hint="The frame you score may carry a column named like a feature.")
def override_at_scoring(without, scored):
    assert isinstance(without, DataFrame), "without_tickets should be the DataFrame that score_batch gives."
    assert "prediction" in without.columns, "There is no column prediction: score with fe.score_batch."
    assert without.count() == scored.count(), "Score the same customers as before: all of autumn."
    some = without.where("tickets_30d <> 0 OR tickets_30d IS NULL").count()
    assert some == 0, (
        f"{some:,} customers still have tickets: add the column tickets_30d with 0 to the frame you score."
    )
    keys = ["customer_id", "label_ts"]
    others = ["minutes_trend", "late_payments_90d", "tenure_years"]
    left = scored.select(*keys, *[F.col(name).alias(f"{name}_before") for name in others])
    moved = without.join(left, keys).where(" OR ".join(f"NOT ({name} <=> {name}_before)" for name in others)).count()
    assert moved == 0, f"{moved:,} customers have other features than before: override tickets_30d alone."


@trials("4.11")
def _(spark):
    columns = "customer_id long, label_ts timestamp, tickets_30d int, minutes_trend double, late_payments_90d int"
    row = (1, dt.datetime(2026, 1, 1), 3, 0.1, 0, 1.0, 0.4)
    scored = spark.createDataFrame([row], f"{columns}, tenure_years double, prediction double")
    without = scored.withColumn("tickets_30d", F.lit(0))
    yield right(without, scored)
    yield wrong("still have tickets", scored, scored)
    yield wrong("score_batch", scored.drop("prediction"), scored)
    yield wrong("override tickets_30d alone", without.withColumn("minutes_trend", F.lit(0.0)), scored)


@exercise(
    "4.12", objective="PRO-1.18", hint="One question is about rows for labels, another about versions of a table."
)
def which_tool(tool):
    assert set(tool) == {"a", "b", "c", "d"}, "Answer a, b, c and d."
    assert tool["a"] == "point in time", (
        "a: one version of the table cannot serve labels of twelve months. Each label needs its own row: point in time."
    )
    assert tool["b"] != "point in time", (
        "b: a point-in-time join reads today's table, with every correction made since. The table as it was is a version of it."
    )
    assert tool["b"] == "time travel", "b: the table as it was is a version of it: time travel."
    assert tool["c"] == "neither", "c: who may read is a matter of grants in Unity Catalog."
    assert tool["d"] == "time travel", "d: RESTORE TABLE ... TO VERSION AS OF brings back the version before the merge."


@trials("4.12")
def _(_spark):
    tool = {"a": "point in time", "b": "time travel", "c": "neither", "d": "time travel"}
    yield right(tool)
    yield wrong("twelve months", tool | {"a": "time travel"})
    yield wrong("today's table", tool | {"b": "point in time"})
    yield wrong("RESTORE", tool | {"d": "neither"})


@exercise(
    "4.13",
    objective=("ASC-1.05", "PRO-1.19"),
    hint="Two words decide: modes and keywords. And what does the model itself know about lookups?",
)
def old_calls(verdict):
    assert set(verdict) == set("abcde"), "Answer a to e."
    assert set(verdict.values()) <= {"same", "changed", "never"}, "Use the words same, changed and never."
    assert verdict["a"] == "same", "a: merge by keyword works as it did."
    assert verdict["b"] == "changed", (
        "b: overwrite is gone; drop the table and create it, or delete rows by SQL, then merge."
    )
    assert verdict["c"] == "changed", "c: FeatureEngineeringClient takes keywords only: name=, primary_keys=, df=."
    assert verdict["d"] == "never", (
        "d: score_batch never had feature_lookups. The lookups are in the model that log_model packed."
    )
    assert verdict["e"] == "same", "e: read_table(name=...) works as it did."


@trials("4.13")
def _(_spark):
    verdict = {"a": "same", "b": "changed", "c": "changed", "d": "never", "e": "same"}
    yield right(verdict)
    yield wrong("overwrite is gone", verdict | {"b": "same"})
    yield wrong("keywords only", verdict | {"c": "same"})
    yield wrong("never had", verdict | {"d": "changed"})


@exercise(
    "4.14",
    objective="PRO-1.19",
    hint="One agg gives all the numbers. Compare counts for the key, a mean for nulls, min and max for the range.",
)
def quality_problems(problems):
    from lakehouse.spark import get_spark

    spark = get_spark()
    now = dt.datetime(2026, 6, 30)
    fresh = dt.datetime(2026, 6, 29)

    def found(rows):
        frame = spark.createDataFrame(rows, "customer_id long, ts timestamp, value double").coalesce(1)
        return problems(frame, ["customer_id", "ts"], "value", 0.0, 1.0, now)

    good = [(key, fresh, 0.5) for key in range(10)]
    old = now - dt.timedelta(days=15)
    cases = {
        "null key": [*good, (None, fresh, 0.5)],
        "duplicate key": [*good, (3, fresh, 0.7)],
        "missing": [*good, *[(key, fresh, None) for key in range(10, 15)]],
        "range": [*good, (11, fresh, 1.5)],
        "stale": [(key, old, 0.5) for key in range(10)],
    }
    told = found(good)
    assert isinstance(told, list), f"problems should return a list, it returned {type(told).__name__}."
    assert told == [], f"A table without a fault is said to have {told}."
    for fault, rows in cases.items():
        told = found(rows)
        assert fault in told, f"A table with the fault {fault!r} is said to have {told or 'none'}."
        assert told == [fault], f"A table whose only fault is {fault!r} is said to have {told}."
    little = found([*good, (10, fresh, None)])
    assert little == [], f"One null in eleven is less than 20 %, yet it is said to be {little}."
    below = found([*good, (11, fresh, -0.1)])
    assert below == ["range"], f"-0.1 is below the range 0 to 1, yet the table is said to have {below or 'none'}."


@trials("4.14")
def _(_spark):
    def says(*faults):
        return lambda df, keys, feature, low, high, now, **_: list(faults)

    yield wrong("without a fault", says("missing"))
    yield wrong("'null key'", says())
    yield wrong("return a list", lambda *_, **__: None)
