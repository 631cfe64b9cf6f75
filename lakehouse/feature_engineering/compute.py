"""Runs a feature spec on a frame: the one path for training and for scoring."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import functions, sql
from lakehouse.feature_engineering.point_in_time import point_in_time_join, require_timestamps, should_pack
from lakehouse.feature_engineering.spec import FeatureSpec, FunctionStep, LookedUpFeature, LookupStep

#: Later than every row of a time series.
_LATEST = "9999-12-31"


def add_features(df: DataFrame, spec: FeatureSpec, *, latest: bool = False) -> DataFrame:
    """``df`` with a column for every output of the spec, one row for each of its rows.

    A column that ``df`` has already under the name of an output is kept and not computed: that is how a caller
    overrides a feature when scoring. Training frames have no such columns. Default values are filled at the end, so that
    on-demand functions see what the lookups found, and null where they found nothing.

    Parameters
    ----------
    latest : bool
        Take the latest row of each key from time series, whatever its age, as an online store holds it; otherwise the one
        as of the moment that ``df`` gives.

    Raises
    ------
    ValueError
        When a column with the moment of a lookup holds a null.
    """
    present = {name.lower() for name in df.columns}
    checked: set[str] = set()
    result = df
    defaults: list[LookedUpFeature] = []
    for step in spec.execution_order():
        if isinstance(step, FunctionStep):
            if step.output.lower() not in present:
                result = _call(result, step)
            continue
        wanted = [feature for feature in step.features if feature.output.lower() not in present]
        if not wanted:
            continue
        defaults += [feature for feature in wanted if feature.default is not None]
        if latest and step.timestamp is not None:
            result = _look_up_latest(result, step, wanted)
            continue
        if step.timestamp is not None and step.timestamp.column not in checked:
            moment = step.timestamp.column
            # On the frame as given, where it can be: that reads one column instead of running the joins so far.
            require_timestamps(df if moment.lower() in present else result, moment)
            checked.add(moment)
        result = _look_up(result, step, wanted)
    for feature in defaults:
        default = F.lit(feature.default).cast(feature.type)
        result = result.withColumn(feature.output, F.coalesce(sql.column(feature.output), default))
    return result


def _call(df: DataFrame, step: FunctionStep) -> DataFrame:
    function = functions.get_python_function(step.function)
    return df.withColumn(step.output, function.on_columns(*(sql.column(source.column) for source in step.inputs)))


def _look_up(df: DataFrame, step: LookupStep, wanted: list[LookedUpFeature]) -> DataFrame:
    table = df.sparkSession.table(sql.table(step.table))
    outputs = {feature.output: feature.feature for feature in wanted}
    keys = {source.column: source.bound_to for source in step.keys}
    if step.timestamp is None:
        return _join(df, table, keys=keys, outputs=outputs)
    size = df.sparkSession.sql(f"DESCRIBE DETAIL {sql.table(step.table)}").collect()[0]["sizeInBytes"]
    return point_in_time_join(
        df,
        table,
        keys=keys,
        timestamp=(step.timestamp.column, step.timestamp.bound_to),
        outputs=outputs,
        lookback=None if step.lookback_us is None else timedelta(microseconds=step.lookback_us),
        packed=should_pack(table, keys.values(), size),
    )


def _look_up_latest(df: DataFrame, step: LookupStep, wanted: list[LookedUpFeature]) -> DataFrame:
    assert step.timestamp is not None
    moment = replace(step.timestamp, column="__latest")
    dated = df.withColumn(moment.column, F.lit(_LATEST).cast(moment.type))
    return _look_up(dated, replace(step, timestamp=moment, lookback_us=None), wanted).drop(moment.column)


def _join(df: DataFrame, table: DataFrame, *, keys: dict[str, str], outputs: dict[str, str]) -> DataFrame:
    right = table.select(
        *(sql.column(key).alias(f"__key_{i}") for i, key in enumerate(keys.values())),
        *(sql.column(feature).alias(output) for output, feature in outputs.items()),
    )
    same_key = F.lit(True)
    for i, column in enumerate(keys):
        same_key = same_key & (sql.column(column) == F.col(f"__key_{i}"))
    return df.join(right, same_key, "left").drop(*(f"__key_{i}" for i in range(len(keys))))
