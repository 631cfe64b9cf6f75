"""The point-in-time join: for every label row the latest feature row that was known at its moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.window import Window

from lakehouse import sql

_MICROSECONDS_PER_DAY = 86_400_000_000


def point_in_time_join(
    labels: DataFrame,
    features: DataFrame,
    *,
    keys: Mapping[str, str],
    timestamp: tuple[str, str],
    outputs: Mapping[str, str],
    lookback: timedelta | None = None,
) -> DataFrame:
    """Left as-of join.

    Both frames are stacked, sorted by key and moment, and each label row looks back over the rows above it. The work
    grows with the number of rows, not with the product of label and feature rows of a key, and a key with very many
    rows spills to disk instead of filling the memory. Features may have any type: only keys and moments are compared.

    Parameters
    ----------
    labels
        Frame of n rows with the columns named in ``keys`` and ``timestamp``; no null in the latter.
    features
        Frame with one row for each key and moment.
    keys
        ``{column of labels: column of features}``, of equal types.
    timestamp
        Column of labels and column of features that hold the moment; both DATE, TIMESTAMP or TIMESTAMP_NTZ.
    outputs
        ``{name in the result: column of features}``.
    lookback
        Largest age of a usable feature row, inclusive; compared in whole microseconds.

    Returns
    -------
    DataFrame
        n rows: the columns of labels and ``outputs``. A label row takes all values from the one feature row of its key
        with the largest moment at or before its own; a null stored there stays null. Without such a row, or with a
        null in a key, the outputs are null.

    Notes
    -----
    The rules are those documented for time series feature tables: a tie in time counts as known, and nothing is filled
    forward from older rows.
    """
    label_time, feature_time = timestamp
    kind = labels.schema[label_time].dataType
    key_names = [f"__key_{i}" for i in range(len(keys))]
    label_rows = labels.select(
        *(sql.column(column).alias(name) for column, name in zip(keys, key_names, strict=True)),
        sql.column(label_time).alias("__time"),
        F.lit(True).alias("__is_label"),
        F.struct(*map(sql.column, labels.columns)).alias("__label"),
    )
    known = [sql.column(key) for key in keys.values()]
    feature_rows = features.select(
        *(column.alias(name) for column, name in zip(known, key_names, strict=True)),
        sql.column(feature_time).alias("__time"),
        F.lit(False).alias("__is_label"),
        F.struct(
            sql.column(feature_time).alias("__since"),
            *(sql.column(column).alias(f"__{i}") for i, column in enumerate(outputs.values())),
        ).alias("__row"),
    )
    # False sorts before true: of a label and a feature at one moment, the feature comes first and counts as known.
    up_to_now = (
        Window.partitionBy(*key_names)
        .orderBy("__time", "__is_label")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    latest = (
        label_rows.unionByName(feature_rows, allowMissingColumns=True)
        .withColumn("__row", F.last("__row", ignorenulls=True).over(up_to_now))
        .where("__is_label")
    )
    usable = F.lit(True)
    for name in key_names:
        usable = usable & F.col(name).isNotNull()
    if lookback is not None:
        usable = usable & _within(F.col("__time"), F.col("__row.__since"), kind, lookback)
    return latest.withColumn("__row", F.when(usable, F.col("__row"))).select(
        *(F.col("__label")[name].alias(name) for name in labels.columns),
        *(F.col(f"__row.__{i}").alias(output) for i, output in enumerate(outputs)),
    )


def require_timestamps(df: DataFrame, column: str) -> None:
    """Refuse a frame with a null moment: no row can be looked up as of an unknown time.

    Raises
    ------
    ValueError
        Naming the column and the number of rows. (The platform's engines differ here: one drops such rows, one keeps
        them with nulls.)
    """
    if not df.schema[column].nullable:
        return
    n_null = df.where(sql.column(column).isNull()).count()
    if n_null:
        raise ValueError(
            f"Column '{column}' is null in {n_null} row(s): there is no moment as of which to look up features. "
            f"Filter them first, for example df.where('{column} IS NOT NULL')."
        )


def _within(label: Column, feature: Column, kind: T.DataType, lookback: timedelta) -> Column:
    # Subtracting two TIMESTAMPs goes by the wall clock and gains or loses an hour at a change of clocks.
    if isinstance(kind, T.TimestampType):
        return F.unix_micros(label) - F.unix_micros(feature) <= F.lit(lookback // timedelta(microseconds=1))
    return label - feature <= F.lit(lookback)
