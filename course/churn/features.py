"""The features of the churn model: functions of raw tables, the feature tables they fill, and how a model looks them up."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from course.churn.labels import moment_of
from workbook.projects import alone_in

if TYPE_CHECKING:
    from databricks.feature_engineering import FeatureEngineeringClient, FeatureFunction, FeatureLookup

CATEGORICAL = ["country", "plan"]
NUMERIC = ["age", "log_income", "minutes_trend", "tickets_30d", "late_payments_90d", "tenure_years"]


def customer_features(customers: DataFrame) -> DataFrame:
    """One row for each customer: the raw export sends some of them twice.

    Returns
    -------
    DataFrame
        Key ``customer_id``; ``country``, ``plan``, ``signup_date``, ``age`` (years), ``log_income`` (log of euros).
    """
    return customers.dropDuplicates(["customer_id"]).select(
        "customer_id", "country", "plan", "signup_date", "age", F.log("income").alias("log_income")
    )


def usage_features(usage: DataFrame) -> DataFrame:
    """Trend of the minutes watched, at each delivery of the weekly feed.

    ``ts`` is the moment when the feed delivers a week, not the week itself: before it nobody could have known.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``; ``minutes_1w`` and ``minutes_4w``, the minutes of the last one and four delivered
        weeks; ``minutes_trend`` in [-1, 1], the last four against the four before,
        ``(recent - before) / (recent + before)``, null with fewer than eight weeks.
    """
    weeks = Window.partitionBy("customer_id").orderBy("week_start")
    recent = F.sum("minutes").over(weeks.rowsBetween(-3, 0))
    before = F.sum("minutes").over(weeks.rowsBetween(-7, -4))
    enough = (F.row_number().over(weeks) >= 8) & (recent + before > 0)
    return usage.select(
        "customer_id",
        F.col("available_at").alias("ts"),
        F.col("minutes").alias("minutes_1w"),
        recent.alias("minutes_4w"),
        F.when(enough, (recent - before) / (recent + before)).alias("minutes_trend"),
    )


def ticket_features(tickets: DataFrame) -> DataFrame:
    """Tickets opened in the last 30 days, at every moment when that number changes.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``; ``tickets_30d``.
    """
    return rolling_count(tickets, moment=F.col("opened_at"), days=30, name="tickets_30d")


def payment_features(payments: DataFrame) -> DataFrame:
    """Payments of the last 90 days that failed or came late, at every moment when that number changes.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``; ``late_payments_90d``.
    """
    troubled = payments.where("failed OR late_days > 0")
    return rolling_count(troubled, moment=F.col("paid_at"), days=90, name="late_payments_90d")


def rolling_count(events: DataFrame, *, moment: Column, days: int, name: str) -> DataFrame:
    """Number of events in the last ``days`` days, as a time series with one row for each change.

    An event counts from its moment on and stops counting ``days`` days later, so the value at any time is that of the
    latest row at or before it. A snapshot per week would be stale between two snapshots.

    Parameters
    ----------
    events : DataFrame
        One row for each event, with ``customer_id``.
    moment : Column
        Timestamp of the event.
    days : int
        Length of the window.
    name : str
        Name of the feature.

    Returns
    -------
    DataFrame
        Keys ``customer_id`` and ``ts``, unique; the count as int.
    """
    changes = events.select(
        "customer_id",
        F.explode(
            F.array(
                F.struct(moment.alias("ts"), F.lit(1).alias("change")),
                F.struct((moment + F.expr(f"INTERVAL {days} DAYS")).alias("ts"), F.lit(-1).alias("change")),
            )
        ).alias("point"),
    ).select("customer_id", "point.*")
    past = Window.partitionBy("customer_id").orderBy("ts")
    return (
        changes.groupBy("customer_id", "ts")
        .agg(F.sum("change").alias("change"))
        .select("customer_id", "ts", F.sum("change").over(past).cast("int").alias(name))
    )


def tenure_years(signup_date: dt.date, label_ts: dt.datetime) -> float:
    """Years as a customer at the moment of the label: known only with the request, so computed on demand."""
    if signup_date is None or label_ts is None:
        return None
    return (label_ts.date() - signup_date).days / 365


FEATURE_TABLES: dict[str, dict[str, Any]] = {
    "customer_features": {
        "source": "raw_customers",
        "build": customer_features,
        "primary_keys": ["customer_id"],
        "description": "Customer master data, one row each. Owner: churn team. Refresh: daily.",
    },
    "usage_features": {
        "source": "raw_usage",
        "build": usage_features,
        "primary_keys": ["customer_id", "ts"],
        "timeseries_column": "ts",
        "description": "Trend of minutes watched, time-stamped with the delivery of the feed. Refresh: weekly.",
    },
    "ticket_features": {
        "source": "raw_tickets",
        "build": ticket_features,
        "primary_keys": ["customer_id", "ts"],
        "timeseries_column": "ts",
        "description": "Tickets of the last 30 days, one row for each change. Refresh: daily.",
    },
    "payment_features": {
        "source": "raw_payments",
        "build": payment_features,
        "primary_keys": ["customer_id", "ts"],
        "timeseries_column": "ts",
        "description": "Late or failed payments of the last 90 days, one row for each change. Refresh: daily.",
    },
}


def create_feature_tables(fe: FeatureEngineeringClient, spark: Any, schema: str, since: dt.date | None = None) -> None:
    """Create the feature tables that are missing, and merge into those that exist.

    Parameters
    ----------
    fe : FeatureEngineeringClient
    spark : SparkSession
    schema : str
        ``catalog.schema`` of the raw tables and of the feature tables.
    since : datetime.date, optional
        Merge only the rows of time series after this day. They are still computed from all raw rows, because a
        window that ends today began weeks ago.
    """
    # Another notebook of this schema may be making them.
    with alone_in(schema):
        for name, table in FEATURE_TABLES.items():
            full_name = f"{schema}.{name}"
            df = table["build"](spark.table(f"{schema}.{table['source']}"))
            if not spark.catalog.tableExists(full_name):
                declared = {
                    key: table[key] for key in ("primary_keys", "timeseries_column", "description") if key in table
                }
                fe.create_table(name=full_name, df=df, **declared)
                continue
            if since is not None and "timeseries_column" in table:
                df = df.where(F.col(table["timeseries_column"]) > F.lit(moment_of(since)))
            fe.write_table(name=full_name, df=df, mode="merge")


def register_functions(spark: Any, schema: str) -> None:
    """Register the on-demand features as functions of the schema."""
    from lakehouse.functions import register_python_function

    register_python_function(tenure_years, name=f"{schema}.tenure_years", spark=spark)


def feature_lookups(schema: str) -> list[FeatureLookup | FeatureFunction]:
    """What a churn model needs: three point-in-time lookups, one plain lookup, one function.

    A customer without tickets has no row in ``ticket_features``: the default says what that means.
    """
    from databricks.feature_engineering import FeatureFunction, FeatureLookup

    def at_label(table: str, feature: str, default: float) -> FeatureLookup:
        return FeatureLookup(
            table_name=f"{schema}.{table}",
            lookup_key="customer_id",
            feature_names=[feature],
            timestamp_lookup_key="label_ts",
            default_values={feature: default},
        )

    return [
        FeatureLookup(table_name=f"{schema}.customer_features", lookup_key="customer_id"),
        at_label("usage_features", "minutes_trend", 0.0),
        at_label("ticket_features", "tickets_30d", 0),
        at_label("payment_features", "late_payments_90d", 0),
        FeatureFunction(
            udf_name=f"{schema}.tenure_years",
            input_bindings={"signup_date": "signup_date", "label_ts": "label_ts"},
            output_name="tenure_years",
        ),
    ]
