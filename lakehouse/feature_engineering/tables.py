"""Feature tables: Delta tables with a primary key, kept by SQL so that classic Spark and Spark Connect do the same.

Open Spark has no place for two things that Unity Catalog keeps, so they are table properties:
``workbook.constraint.primary_key`` (JSON with ``name`` and ``columns``, written by the catalog plugin from DDL) and
``workbook.timeseries_column``. Tags are ``workbook.tag.<key>``.
"""

from __future__ import annotations

import json
import re
import uuid
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.streaming import StreamingQuery

from lakehouse import sql
from lakehouse.catalog import PRIMARY_KEY_PROPERTY
from lakehouse.feature_engineering.entities import FeatureTable

TIMESERIES_PROPERTY = "workbook.timeseries_column"
TAG_PREFIX = "workbook.tag."
_CHAR_TYPE = "__CHAR_VARCHAR_TYPE_STRING"

TIME_TYPES = (T.DateType, T.TimestampType, T.TimestampNTZType)
_SCALARS = (
    T.IntegerType,
    T.LongType,
    T.ShortType,
    T.FloatType,
    T.DoubleType,
    T.DecimalType,
    T.StringType,
    T.BooleanType,
    T.BinaryType,
    *TIME_TYPES,
)
_SUPPORTED = (*_SCALARS, T.ArrayType, T.MapType, T.StructType)
#: Each type may be stored in a column of itself or of a type further right.
_WIDENING = (T.ShortType, T.IntegerType, T.LongType, T.FloatType, T.DoubleType)


def exists(spark: SparkSession, name: str) -> bool:
    """Whether a table of this three-level name is there."""
    return spark.catalog.tableExists(sql.table(name))


def get(spark: SparkSession, name: str) -> FeatureTable:
    """Metadata of a feature table.

    Raises
    ------
    ValueError
        When there is no table of this name, or it has no primary key.
    """
    _require(spark, name)
    [detail] = spark.sql(f"DESCRIBE DETAIL {sql.table(name)}").collect()
    properties: dict[str, str] = detail["properties"]
    if PRIMARY_KEY_PROPERTY not in properties:
        raise ValueError(
            f"Table '{name}' has no primary key, so it is not a feature table. Declare one: "
            f"ALTER TABLE {name} ADD CONSTRAINT {name.split('.')[-1]}_pk PRIMARY KEY (...) on NOT NULL columns."
        )
    columns = spark.table(sql.table(name)).columns
    stored = {column.lower(): column for column in columns}
    keys = [stored[key.lower()] for key in json.loads(properties[PRIMARY_KEY_PROPERTY])["columns"]]
    time = properties.get(TIMESERIES_PROPERTY)
    timestamp_keys = [stored[time.lower()]] if time else []
    return FeatureTable(
        name=name,
        table_id=detail["id"],
        description=detail["description"],
        primary_keys=[key for key in keys if key not in timestamp_keys],
        partition_columns=list(detail["partitionColumns"]),
        features=[column for column in columns if column not in keys],
        creation_timestamp=int(detail["createdAt"].timestamp() * 1000),
        timestamp_keys=timestamp_keys,
        tags={key.removeprefix(TAG_PREFIX): value for key, value in properties.items() if key.startswith(TAG_PREFIX)},
    )


def create(
    spark: SparkSession,
    name: str,
    *,
    primary_keys: Sequence[str],
    df: DataFrame | None,
    timeseries_column: str | None,
    partition_columns: Sequence[str],
    schema: T.StructType | None,
    description: str | None,
    tags: Mapping[str, str],
) -> FeatureTable:
    """Create a feature table, with the rows of ``df`` when given; an existing one is returned as it is.

    The table appears under its name complete or not at all: rows are written to a table beside it that is renamed last.

    Raises
    ------
    ValueError
        When schema, keys or rows break a rule; nothing is left behind then.
    """
    if exists(spark, name):
        warnings.warn(
            f"Table '{name}' exists already: it is returned as it is and nothing is written. "
            "Use write_table to add rows, or drop_table first.",
            stacklevel=3,
        )
        return get(spark, name)
    if df is not None and df.isStreaming:
        raise ValueError(
            "create_table writes batch frames only: create it with schema=df.schema, then call write_table."
        )
    schema = _new_schema(df, schema)
    _check_new(schema, primary_keys, timeseries_column, partition_columns)
    if timeseries_column and partition_columns:
        warnings.warn("A time-series feature table should not be partitioned: cluster it instead.", stacklevel=3)
    properties = {TAG_PREFIX + key: str(value) for key, value in tags.items()}
    if timeseries_column:
        properties[TIMESERIES_PROPERTY] = timeseries_column
    ddl = partial(
        _create_statement,
        schema=schema,
        constraint=name.split(".")[-1] + "_pk",
        primary_keys=primary_keys,
        partition_columns=partition_columns,
        description=description,
        properties=properties,
    )
    if df is None:
        spark.sql(ddl(name))
        return get(spark, name)

    # The catalog does not list names with two leading underscores: what a kill leaves behind is no table of anybody's.
    catalog, namespace, _ = name.split(".")
    unfinished = f"{catalog}.{namespace}.__unfinished_{uuid.uuid4().hex}"
    spark.sql(ddl(unfinished))
    try:
        _append(df, unfinished, primary_keys)
        # Of two processes that create one table, the first to come here wins; both return the table that exists.
        if not exists(spark, name):
            spark.sql(f"ALTER TABLE {sql.table(unfinished)} RENAME TO {sql.table(name.partition('.')[2])}")
    finally:
        spark.sql(f"DROP TABLE IF EXISTS {sql.table(unfinished)}")
    return get(spark, name)


def _append(df: DataFrame, name: str, keys: Sequence[str]) -> None:
    try:
        df.writeTo(sql.table(name)).append()
    except Exception as error:  # PySparkException, or Py4JJavaError where the JVM fails while it writes
        failure = error
    else:
        # Keys are checked as written: checking df itself would compute it a second time.
        _check_batch(df.sparkSession.table(sql.table(name)), keys)
        return
    _check_batch(df, keys)  # A null key is what fails a write most often; this says it in words.
    raise failure


def _new_schema(df: DataFrame | None, schema: T.StructType | None) -> T.StructType:
    if df is None and schema is None:
        raise ValueError("Give df or schema: a feature table needs columns.")
    if df is None or schema is None:
        return df.schema if schema is None else schema  # type: ignore[union-attr]
    given, declared = _types(df.schema), _types(schema)
    if given != declared:
        raise ValueError(f"The columns of df and schema differ: df has {given}, schema has {declared}.")
    return schema


def _check_new(
    schema: T.StructType, primary_keys: Sequence[str], timeseries_column: str | None, partition_columns: Sequence[str]
) -> None:
    require_unique(schema.names, "The table")
    columns = {field.name: field.dataType for field in schema}
    if not primary_keys:
        raise ValueError("primary_keys is empty: a feature table needs at least one key column.")
    require_unique(primary_keys, "primary_keys")
    for argument, names in (("primary_keys", primary_keys), ("partition_columns", partition_columns)):
        missing = [name for name in names if name not in columns]
        if missing:
            raise ValueError(f"{argument} {missing} are not columns of the table, which has {list(columns)}.")
    if timeseries_column is not None:
        if timeseries_column not in primary_keys:
            raise ValueError(
                f"timeseries_column '{timeseries_column}' must also be listed in primary_keys, which are "
                f"{list(primary_keys)}."
            )
        if not isinstance(columns[timeseries_column], TIME_TYPES):
            raise ValueError(
                f"timeseries_column '{timeseries_column}' must be of type DATE or TIMESTAMP, "
                f"not {columns[timeseries_column].simpleString().upper()}."
            )
        if len(primary_keys) == 1:
            raise ValueError("primary_keys must hold at least one column that is not the time-series column.")
    for name, kind in columns.items():
        if not isinstance(kind, _SUPPORTED):
            raise ValueError(f"Column '{name}' has type {kind.simpleString().upper()}, which no feature may have.")
        if name in primary_keys and not isinstance(kind, _SCALARS):
            raise ValueError(f"Key column '{name}' has type {kind.simpleString().upper()}; keys must be scalars.")


def _create_statement(
    name: str,
    *,
    schema: T.StructType,
    constraint: str,
    primary_keys: Sequence[str],
    partition_columns: Sequence[str],
    description: str | None,
    properties: Mapping[str, str],
) -> str:
    # An open Delta column cannot become NOT NULL later, so the keys are NOT NULL from the start; features may be null.
    fields = [T.StructField(f.name, _with_nulls(f.dataType), f.name not in primary_keys, f.metadata) for f in schema]
    keys = ", ".join(map(sql.quoted, primary_keys))
    statement = [
        f"CREATE TABLE {sql.table(name)} "
        f"({T.StructType(fields).toDDL()}, CONSTRAINT {sql.quoted(constraint)} PRIMARY KEY ({keys})) USING delta"
    ]
    if partition_columns:
        statement.append(f"PARTITIONED BY ({', '.join(map(sql.quoted, partition_columns))})")
    if description is not None:
        statement.append(f"COMMENT {sql.literal(description)}")
    if properties:
        statement.append(f"TBLPROPERTIES ({_pairs(properties)})")
    return "\n".join(statement)


def _with_nulls(kind: T.DataType) -> T.DataType:
    """The type with nulls allowed everywhere in it: a NOT NULL field of a struct would refuse a struct that is null."""
    if isinstance(kind, T.ArrayType):
        return T.ArrayType(_with_nulls(kind.elementType))
    if isinstance(kind, T.MapType):
        return T.MapType(_with_nulls(kind.keyType), _with_nulls(kind.valueType))
    if isinstance(kind, T.StructType):
        return T.StructType([T.StructField(f.name, _with_nulls(f.dataType), True, f.metadata) for f in kind])
    return kind


def write(
    spark: SparkSession,
    name: str,
    df: DataFrame,
    *,
    mode: str,
    checkpoint_location: str | None,
    trigger: Mapping[str, Any],
) -> StreamingQuery | None:
    """Merge a frame into a feature table by its primary key, or overwrite the table (``mode="overwrite"``, legacy).

    Rows with a known key are updated, others are inserted. Columns that ``df`` lacks keep their value in updated rows
    and are null in inserted ones; a time-series table wants every column. Columns that the table lacks are added.

    Raises
    ------
    ValueError
        For a frame that breaks a rule; nothing is written then. Streaming frames are not checked for duplicate keys.
    """
    table = get(spark, name)
    stored = spark.table(sql.table(name)).schema
    _check_columns(df, table, stored)
    _check_timestamps_without_zone(df, name, stored)
    if df.isStreaming:
        if mode != "merge":
            raise ValueError(f"A streaming frame can only be merged, mode={mode!r} is for batch frames.")
        writer = df.writeStream.outputMode("update").trigger(**trigger)
        if checkpoint_location is not None:
            writer = writer.option("checkpointLocation", checkpoint_location)
        return writer.foreachBatch(partial(_merge_batch, name=name, keys=tuple(table.keys))).start()
    _check_batch(_keys_as_stored(df, stored, table.keys), table.keys)
    if mode == "merge":
        merge(df, name, table.keys)
    else:
        df.writeTo(sql.table(name)).option("mergeSchema", "true").overwrite(F.lit(True))
    return None


def merge(df: DataFrame, name: str, keys: Sequence[str]) -> None:
    """``MERGE`` a batch frame, adding columns that the table lacks."""
    spark = df.sparkSession
    view = f"feature_write_{uuid.uuid4().hex}"
    same_key = " AND ".join(f"target.{sql.quoted(key)} = source.{sql.quoted(key)}" for key in keys)
    df.createOrReplaceTempView(view)
    try:
        spark.sql(
            f"MERGE WITH SCHEMA EVOLUTION INTO {sql.table(name)} AS target USING {view} AS source ON {same_key} "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )
    finally:
        spark.catalog.dropTempView(view)


def _merge_batch(batch: DataFrame, batch_id: int, *, name: str, keys: Sequence[str]) -> None:
    # A replayed batch finds its own rows and updates them to the same values: merging is idempotent.
    merge(batch, name, keys)


def _check_columns(df: DataFrame, table: FeatureTable, stored: T.StructType) -> None:
    require_unique(df.columns, "df")
    given = {field.name.lower(): field for field in df.schema}
    missing = [key for key in table.keys if key.lower() not in given]
    if missing:
        raise ValueError(f"df lacks the key columns {missing} of '{table.name}'; it has {df.columns}.")
    if table.timestamp_keys:
        missing = [feature for feature in table.features if feature.lower() not in given]
        if missing:
            raise ValueError(
                f"df lacks the columns {missing}: a write to the time-series table '{table.name}' must carry every "
                "feature, because a later row replaces an earlier one as a whole."
            )
    known = {field.name.lower(): field for field in stored}
    for name, field in given.items():
        if name in known and not _fits(field.dataType, known[name].dataType):
            raise ValueError(
                f"Column '{field.name}' is {field.dataType.simpleString().upper()} in df and "
                f"{known[name].dataType.simpleString().upper()} in '{table.name}'. Cast it before writing."
            )
        if name not in known and not isinstance(field.dataType, _SUPPORTED):
            raise ValueError(
                f"New column '{field.name}' has type {field.dataType.simpleString().upper()}, which no feature may have."
            )


def _check_timestamps_without_zone(df: DataFrame, name: str, stored: T.StructType) -> None:
    """Refuse a new TIMESTAMP_NTZ column where the table lacks the feature for it: Delta's own refusal names no column."""
    known = {field.name.lower() for field in stored}
    added = [f.name for f in df.schema if f.name.lower() not in known and isinstance(f.dataType, T.TimestampNTZType)]
    if not added:
        return
    [detail] = df.sparkSession.sql(f"DESCRIBE DETAIL {sql.table(name)}").collect()
    if "timestampNtz" not in (detail["tableFeatures"] or []):
        raise ValueError(
            f"New column {added} is TIMESTAMP_NTZ, which '{name}' cannot hold yet. Cast it to TIMESTAMP, or run first: "
            f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.feature.timestampNtz' = 'supported')."
        )


def _fits(given: T.DataType, stored: T.DataType) -> bool:
    if isinstance(given, T.NullType):
        return True
    if isinstance(given, _WIDENING) and isinstance(stored, _WIDENING):
        order = [kind.__name__ for kind in _WIDENING]
        return order.index(type(given).__name__) <= order.index(type(stored).__name__)
    # Nullability of nested fields is no part of the simple string.
    return given.simpleString() == stored.simpleString()


def _keys_as_stored(df: DataFrame, stored: T.StructType, keys: Sequence[str]) -> DataFrame:
    """The key columns of a frame as the table will hold them: two keys may become one by a cast, by padding or by collation.

    Spark takes -0.0 for 0.0 and NaN for NaN, here as in a MERGE.
    """
    return df.select(*(_as_stored(stored[key]).alias(key) for key in keys))


def _as_stored(field: T.StructField) -> Column:
    column = sql.column(field.name).cast(field.dataType)
    # CHAR(n) is a string that is padded when it is written.
    char = re.fullmatch(r"char\((\d+)\)", str(field.metadata.get(_CHAR_TYPE, "")), re.IGNORECASE)
    return column if char is None else F.rpad(column, int(char[1]), " ")


def _check_batch(df: DataFrame, keys: Sequence[str]) -> None:
    columns = [sql.column(key) for key in keys]
    groups = df.groupBy(*columns).agg(F.count(F.lit(1)).alias("n_rows_of_key"))
    n_rows = sql.column("n_rows_of_key")
    any_null = F.lit(False)
    for column in columns:
        any_null = any_null | column.isNull()
    [found] = groups.agg(
        F.sum(F.when(any_null, n_rows)).alias("null"),
        F.count(F.when(~any_null & (n_rows > 1), 1)).alias("repeated"),
    ).collect()
    if found["null"]:
        raise ValueError(
            f"{found['null']} rows have a null in the key {list(keys)}. Key columns are NOT NULL: filter them."
        )
    if found["repeated"]:
        [example] = groups.where(n_rows > 1).limit(1).collect()
        raise ValueError(
            f"Non-unique rows: {found['repeated']} values of the key {list(keys)} occur more than once in df, for "
            f"example {tuple(str(value) for value in example[:-1])} in {example[-1]} rows. Keep one row for each key."
        )


def read(spark: SparkSession, name: str, as_of: str | datetime | None = None) -> DataFrame:
    """All rows of a feature table, as they are now or as its Delta history had them at a moment.

    Raises
    ------
    ValueError
        When the table is not there or is no feature table.
    AnalysisException
        When the history does not reach back to ``as_of``, or the moment lies after the last commit.
    """
    get(spark, name)
    if as_of is None:
        return spark.table(sql.table(name))
    if not isinstance(as_of, (str, datetime)):
        raise ValueError(f"as_of_delta_timestamp must be a string or a datetime, got {as_of!r}.")
    return spark.read.option("timestampAsOf", str(as_of)).table(sql.table(name))


def drop(spark: SparkSession, name: str) -> None:
    """Drop a feature table and its data."""
    get(spark, name)
    spark.sql(f"DROP TABLE {sql.table(name)}")


def set_tag(spark: SparkSession, name: str, key: str, value: str) -> None:
    """Set or replace one tag."""
    get(spark, name)
    spark.sql(f"ALTER TABLE {sql.table(name)} SET TBLPROPERTIES ({_pairs({TAG_PREFIX + key: str(value)})})")


def delete_tag(spark: SparkSession, name: str, key: str) -> None:
    """Delete one tag; a tag that is not there is a warning."""
    if key not in get(spark, name).tags:
        warnings.warn(f"Table '{name}' has no tag '{key}': nothing to delete.", stacklevel=3)
        return
    spark.sql(f"ALTER TABLE {sql.table(name)} UNSET TBLPROPERTIES ({sql.literal(TAG_PREFIX + key)})")


def require_unique(names: Sequence[str], what: str) -> None:
    """Raise a ValueError when two names differ at most in case: Spark could not tell the columns apart."""
    repeated = [name for name, count in Counter(name.lower() for name in names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} has the column names {repeated} more than once (upper and lower case are one name).")


def _require(spark: SparkSession, name: str) -> None:
    if not exists(spark, name):
        raise ValueError(f"Feature table '{name}' does not exist. Create it first with create_table.")


def _types(schema: T.StructType) -> dict[str, str]:
    return {field.name.lower(): field.dataType.simpleString() for field in sorted(schema, key=lambda f: f.name.lower())}


def _pairs(properties: Mapping[str, str]) -> str:
    return ", ".join(f"{sql.literal(key)} = {sql.literal(value)}" for key, value in properties.items())
