"""From what a user declares to a feature spec: every rule that depends on tables, functions and the training frame."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import types as T

from lakehouse import functions, sql
from lakehouse.feature_engineering import tables
from lakehouse.feature_engineering.entities import (
    MAX_FEATURES,
    MAX_FUNCTIONS,
    MAX_TABLES,
    FeatureFunction,
    FeatureLookup,
    FeatureTable,
)
from lakehouse.feature_engineering.spec import FeatureSpec, FunctionStep, Input, LookedUpFeature, LookupStep

#: Types with default values: what a default may be, and what is stored (not numpy's scalars: the spec is YAML).
_DEFAULTS: tuple[tuple[tuple[type[T.DataType], ...], type, Callable[[Any], Any]], ...] = (
    ((T.BooleanType,), bool, bool),
    ((T.ShortType, T.IntegerType, T.LongType), numbers.Integral, int),
    ((T.FloatType, T.DoubleType), numbers.Real, float),
    ((T.StringType,), str, str),
)


def resolve(spark: SparkSession, features: Sequence[FeatureLookup | FeatureFunction]) -> FeatureSpec:
    """The spec of lookups and functions, with the tables' columns and types as they are now.

    Raises
    ------
    ValueError
        When a table or function does not exist, keys or parameters do not fit, names collide, steps form a circle, or
        a limit of the platform is passed (50 tables, 100 functions, 1000 features).
    """
    for feature in features:
        if not isinstance(feature, (FeatureLookup, FeatureFunction)):
            raise ValueError(f"Expected FeatureLookup or FeatureFunction, got {type(feature).__name__}: {feature!r}.")
    lookups = [feature for feature in features if isinstance(feature, FeatureLookup)]
    calls = [feature for feature in features if isinstance(feature, FeatureFunction)]
    names = [sql.three_levels(lookup.table_name, spark) for lookup in lookups]
    _limit(len(set(names)), MAX_TABLES, "feature tables")
    _limit(len(calls), MAX_FUNCTIONS, "feature functions")
    # Each table is read once, however many lookups go to it.
    found = {name: (tables.get(spark, name), spark.table(sql.table(name)).schema) for name in dict.fromkeys(names)}
    spec = FeatureSpec(
        lookups=tuple(_lookup_step(lookup, *found[name]) for name, lookup in zip(names, lookups, strict=True)),
        functions=tuple(_function_step(spark, call) for call in calls),
    )
    outputs = [name for step in spec.steps for name in step.outputs]
    _limit(len(outputs), MAX_FEATURES, "features")
    tables.require_unique(outputs, "The list of features (use rename_outputs or output_name)")
    list(spec.execution_order())
    return spec


def check_inputs(spec: FeatureSpec, given: Mapping[str, str]) -> None:
    """Hold the columns that a frame brings to what the steps read.

    Parameters
    ----------
    given
        Name and type of every column of the frame.

    Raises
    ------
    ValueError
        When a column is missing or its type differs from the key's or the parameter's.
    """
    known = {**spec.outputs, **given}
    for step in spec.steps:
        target = f"table '{step.table}'" if isinstance(step, LookupStep) else f"function '{step.function}'"
        for source in step.inputs:
            if source.column not in known:
                raise ValueError(
                    f"Column '{source.column}' is neither in df nor a feature: {target} needs it for "
                    f"'{source.bound_to}'. There are {sorted(known)}."
                )
            if known[source.column] != source.type:
                raise ValueError(
                    f"Column '{source.column}' is {known[source.column].upper()}, but '{source.bound_to}' of {target} "
                    f"is {source.type.upper()}. The types must be equal: cast the column."
                )


def _lookup_step(lookup: FeatureLookup, table: FeatureTable, schema: T.StructType) -> LookupStep:
    _check_keys(lookup, table, schema)
    keys = tuple(
        Input(column, key, schema[key].dataType.simpleString())
        for column, key in zip(lookup.lookup_keys, table.primary_keys, strict=True)
    )
    timestamp = None
    if lookup.timestamp_lookup_key is not None:
        key = table.timestamp_keys[0]
        timestamp = Input(lookup.timestamp_lookup_key, key, schema[key].dataType.simpleString())
    window = lookup.lookback_window
    return LookupStep(
        table=table.name,
        table_id=table.table_id,
        keys=keys,
        features=_features(lookup, table, schema),
        timestamp=timestamp,
        lookback_us=None if window is None else window // timedelta(microseconds=1),
    )


def _check_keys(lookup: FeatureLookup, table: FeatureTable, schema: T.StructType) -> None:
    undeclared = [key for key in table.primary_keys if isinstance(schema[key].dataType, tables.TIME_TYPES)]
    if undeclared:
        raise ValueError(
            f"Key column {undeclared} of '{table.name}' is a DATE or TIMESTAMP but not declared as its time-series "
            "column, so no moment could be looked up. Create the table with timeseries_column."
        )
    if len(lookup.lookup_keys) != len(table.primary_keys):
        raise ValueError(
            f"lookup_key {lookup.lookup_keys} has {len(lookup.lookup_keys)} column(s), but the primary key of "
            f"'{table.name}' has {len(table.primary_keys)} besides the time-series column: {table.primary_keys}."
        )
    if table.timestamp_keys and lookup.timestamp_lookup_key is None:
        raise ValueError(
            f"'{table.name}' is a time-series table (column {table.timestamp_keys[0]}): give timestamp_lookup_key."
        )
    if lookup.timestamp_lookup_key is not None and not table.timestamp_keys:
        raise ValueError(
            f"'{table.name}' is not a time-series table, so timestamp_lookup_key={lookup.timestamp_lookup_key!r} has "
            "nothing to compare with. Leave it out, or create the table with timeseries_column."
        )


def _features(lookup: FeatureLookup, table: FeatureTable, schema: T.StructType) -> tuple[LookedUpFeature, ...]:
    names = table.features if lookup.feature_names is None else lookup.feature_names
    unknown = [name for name in [*names, *lookup.rename_outputs] if name not in table.features]
    if unknown:
        raise ValueError(f"'{table.name}' has no features {unknown}; it has {table.features}.")
    outputs = [lookup.rename_outputs.get(name, name) for name in names]
    unknown = sorted(set(lookup.default_values) - set(outputs))
    if unknown:
        raise ValueError(f"default_values names {unknown}; the outputs of this lookup (after renaming) are {outputs}.")
    return tuple(
        LookedUpFeature(
            feature=name,
            output=output,
            type=schema[name].dataType.simpleString(),
            default=_default(lookup.default_values.get(output), output, schema[name].dataType),
        )
        for name, output in zip(names, outputs, strict=True)
    )


def _default(value: Any, output: str, kind: T.DataType) -> bool | int | float | str | None:
    if value is None:
        return None
    for kinds, accepted, stored in _DEFAULTS:
        if isinstance(kind, kinds):
            # In Python True is an integer; for a feature it is not.
            if isinstance(value, accepted) and (accepted is bool or not isinstance(value, bool)):
                return stored(value)
            raise ValueError(
                f"default_values[{output!r}] = {value!r} does not fit the type {kind.simpleString().upper()}."
            )
    raise ValueError(
        f"default_values has a value for '{output}' of type {kind.simpleString().upper()}; defaults are for "
        "SHORT, INT, LONG, FLOAT, DOUBLE, BOOLEAN and STRING."
    )


def _function_step(spark: SparkSession, call: FeatureFunction) -> FunctionStep:
    function = functions.get_python_function(sql.three_levels(call.udf_name, spark))
    parameters = [parameter.name for parameter in function.parameters]
    if set(parameters) != set(call.input_bindings):
        raise ValueError(
            f"input_bindings of '{function.name}' bind {sorted(call.input_bindings)}, but its parameters are {parameters}."
        )
    return FunctionStep(
        function=function.name,
        inputs=tuple(
            Input(call.input_bindings[parameter.name], parameter.name, _simple(parameter.type))
            for parameter in function.parameters
        ),
        output=call.output_name,
        type=_simple(function.return_type),
    )


def _simple(sql_type: str) -> str:
    """A SQL type as Spark's simple string, by which all types are compared."""
    return T.DataType.fromDDL(sql_type).simpleString()


def _limit(number: int, limit: int, what: str) -> None:
    if number > limit:
        raise ValueError(f"{number} {what} are more than the {limit} that the platform allows for one model.")
