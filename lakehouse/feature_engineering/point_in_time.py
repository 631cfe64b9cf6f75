"""The point-in-time join: for every label row the latest feature row that was known at its moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.window import Window

from lakehouse import sql

_SMALL_TABLE_BYTES = 64 * 1024**2  # below this the sort takes no longer than counting
_SAMPLE, _MOST_SAMPLED = 0.02, 16  # of one key; so a key of more than about 1,300 rows is found out


def point_in_time_join(
    labels: DataFrame,
    features: DataFrame,
    *,
    keys: Mapping[str, str],
    timestamp: tuple[str, str],
    outputs: Mapping[str, str],
    lookback: timedelta | None = None,
    packed: bool = False,
) -> DataFrame:
    """Left as-of join.

    Features may have any type: only keys and moments are compared.

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
    packed
        How to find the rows; the result is the same. False sorts both frames together and looks back: the work grows
        with the number of rows, and a key with very many of them spills to disk. True packs the feature rows of a key
        into an array and searches it for each label: quicker as long as no key has many, see :func:`should_pack`. Maps
        among the features cannot be packed and are sorted.

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
    row = F.struct(
        sql.column(feature_time).alias("__since"),
        *(sql.column(column).alias(f"__{i}") for i, column in enumerate(outputs.values())),
    ).alias("__row")
    rows = features.select(*map(sql.column, keys.values()), row)
    search = _by_array if packed and _orderable(rows.schema["__row"].dataType) else _by_sort
    latest = search(labels, rows, keys, label_time)
    usable = F.lit(True)
    for i in range(len(keys)):
        usable = usable & F.col(f"__key_{i}").isNotNull()
    if lookback is not None:
        usable = usable & _within(F.col("__time"), F.col("__row.__since"), kind, lookback)
    return latest.withColumn("__row", F.when(usable, F.col("__row"))).select(
        *(F.col("__label")[name].alias(name) for name in labels.columns),
        *(F.col(f"__row.__{i}").alias(output) for i, output in enumerate(outputs)),
    )


def should_pack(features: DataFrame, keys: Collection[str], size_in_bytes: int) -> bool:
    """Whether arrays are the quicker way: for a table that is not small and in which no key has many rows.

    Reads the key columns of a table that is not small, and counts in a sample of them.
    """
    if size_in_bytes < _SMALL_TABLE_BYTES:
        return False
    sample = features.select(*map(sql.column, keys)).sample(_SAMPLE, seed=7)
    per_key = sample.groupBy(*sample.columns).agg(F.count(F.lit(1)).alias("n"))
    [most] = per_key.agg(F.max("n").alias("n")).collect()
    return (most["n"] or 0) <= _MOST_SAMPLED


def _by_sort(labels: DataFrame, rows: DataFrame, keys: Mapping[str, str], label_time: str) -> DataFrame:
    """``__label``, ``__key_0`` ..., ``__time`` and the latest ``__row`` of each label row: stack, sort, look back."""
    label_rows = _label_rows(labels, keys, label_time).withColumn("__is_label", F.lit(True))
    feature_rows = rows.select(
        *(sql.column(key).alias(f"__key_{i}") for i, key in enumerate(keys.values())),
        F.col("__row.__since").alias("__time"),
        F.lit(False).alias("__is_label"),
        "__row",
    )
    # False sorts before true: of a label and a feature at one moment, the feature comes first and counts as known.
    up_to_now = (
        Window.partitionBy(*(f"__key_{i}" for i in range(len(keys))))
        .orderBy("__time", "__is_label")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    return (
        label_rows.unionByName(feature_rows, allowMissingColumns=True)
        .withColumn("__row", F.last("__row", ignorenulls=True).over(up_to_now))
        .where("__is_label")
    )


def _by_array(labels: DataFrame, rows: DataFrame, keys: Mapping[str, str], label_time: str) -> DataFrame:
    """The same columns as :func:`_by_sort`: one array for each key, joined once, searched for each label."""
    arrays = rows.groupBy(*(sql.column(key).alias(f"__known_{i}") for i, key in enumerate(keys.values()))).agg(
        F.collect_list("__row").alias("__rows")
    )
    same_key = F.lit(True)
    for i in range(len(keys)):
        same_key = same_key & (F.col(f"__key_{i}") == F.col(f"__known_{i}"))

    joined = _label_rows(labels, keys, label_time).join(arrays, same_key, "left")
    # Rows compare by their first field, the moment, which is unique within a key.
    known = F.filter("__rows", lambda row: row["__since"] <= F.col("__time"))
    return joined.withColumn("__row", F.array_max(known))


def _orderable(kind: T.DataType) -> bool:
    """Whether Spark can compare values of a type: all but maps, and what holds one."""
    if isinstance(kind, T.ArrayType):
        return _orderable(kind.elementType)
    if isinstance(kind, T.StructType):
        return all(_orderable(field.dataType) for field in kind)
    return not isinstance(kind, (T.MapType, T.VariantType))


def _label_rows(labels: DataFrame, keys: Mapping[str, str], label_time: str) -> DataFrame:
    return labels.select(
        *(sql.column(column).alias(f"__key_{i}") for i, column in enumerate(keys)),
        sql.column(label_time).alias("__time"),
        F.struct(*map(sql.column, labels.columns)).alias("__label"),
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
