"""Batch scoring: features are looked up by the model's own spec, then the model predicts."""

from __future__ import annotations

import warnings
from typing import Any

import mlflow
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import sql
from lakehouse.feature_engineering import tables
from lakehouse.feature_engineering.compute import add_features
from lakehouse.feature_engineering.packaging import PackagedModel, handed_over
from lakehouse.feature_engineering.resolve import check_inputs
from lakehouse.feature_engineering.spec import FeatureSpec

PREDICTION = "prediction"


def score(
    model_uri: str, df: DataFrame, *, result_type: Any, env_manager: str, params: dict[str, Any] | None
) -> DataFrame:
    """All columns of ``df``, the model inputs that were computed, and ``prediction``.

    Raises
    ------
    ValueError
        When ``df`` streams, has a column ``prediction`` or two columns of one name, or lacks a column that the model
        or a lookup needs; when the model has no feature spec.
    """
    _check_frame(df)
    model = PackagedModel.at(model_uri)
    given = {field.name: field.dataType.simpleString() for field in df.schema}
    present = {name.lower() for name in given}
    missing = [name for name in model.spec.required_columns if name.lower() not in present]
    if missing:
        raise ValueError(
            f"df lacks the columns {missing}: it must bring every lookup key and every column that the model was "
            f"trained on besides its features. It has {list(given)}."
        )
    check_inputs(model.spec, given)
    _warn_of_recreated_tables(df, model.spec)
    features = add_features(df, model.spec)
    computed = [name for name in model.spec.model_inputs if name.lower() not in present]
    result = [*df.columns, *computed]
    if model.is_spark_model:
        return _transform(model, features, result, result_type)
    predict = mlflow.pyfunc.spark_udf(
        df.sparkSession, str(model.raw_model), result_type=result_type, env_manager=env_manager, params=params
    )
    inputs = F.struct(*handed_over(model.spec, model.inputs))
    return features.select(*map(sql.column, result), predict(inputs).alias(PREDICTION))


def _check_frame(df: DataFrame) -> None:
    if df.isStreaming:
        raise ValueError("score_batch does not take a streaming frame: call it on each batch, inside foreachBatch.")
    tables.require_unique(df.columns, "df")
    if PREDICTION in (name.lower() for name in df.columns):
        raise ValueError(f"df has a column '{PREDICTION}', which is the name of the result: rename or drop it.")


def _warn_of_recreated_tables(df: DataFrame, spec: FeatureSpec) -> None:
    present = {name.lower() for name in df.columns}
    trained_on = {step.table: step.table_id for step in spec.lookups if set(map(str.lower, step.outputs)) - present}
    for name, table_id in trained_on.items():
        if tables.get(df.sparkSession, name).table_id != table_id:
            warnings.warn(
                f"Feature table '{name}' was dropped and created anew since the model was trained: "
                "its features may mean something else now.",
                stacklevel=4,
            )


def _transform(model: PackagedModel, features: DataFrame, result: list[str], result_type: Any) -> DataFrame:
    # A pyfunc of a Spark model would start Spark in every Python worker. The row travels packed, so that columns of
    # the pipeline cannot collide with columns of the frame.
    row = F.struct(*map(sql.column, result)).alias("__row")
    scored = model.load_spark_model().transform(features.select(row, *handed_over(model.spec, model.inputs)))
    if PREDICTION not in scored.columns:
        raise ValueError(
            f"The Spark model gives {scored.columns}, and no column '{PREDICTION}': keep its default name."
        )
    return scored.select("__row.*", F.col(PREDICTION).cast(result_type).alias(PREDICTION))
