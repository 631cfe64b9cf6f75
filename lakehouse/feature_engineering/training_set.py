"""A training set: a frame with keys and labels, and the spec that adds the features."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame

from lakehouse import sql
from lakehouse.feature_engineering import tables
from lakehouse.feature_engineering.compute import add_features
from lakehouse.feature_engineering.resolve import check_inputs
from lakehouse.feature_engineering.spec import FeatureSpec


class TrainingSet:
    """The result of ``create_training_set``; ``log_model`` stores its spec with the model.

    Attributes
    ----------
    feature_spec
        Tables, keys, columns and functions, frozen when the training set was created.
    labels
        Label columns, possibly none.
    """

    def __init__(self, feature_spec: FeatureSpec, df: DataFrame, labels: Sequence[str]) -> None:
        self._feature_spec = feature_spec
        self._df = df
        self.labels = list(labels)

    @property
    def feature_spec(self) -> FeatureSpec:
        """The frozen spec."""
        return self._feature_spec

    @property
    def label_types(self) -> dict[str, str]:
        """Spark type of each label, as a simple string."""
        return {label: self._df.schema[label].dataType.simpleString() for label in self.labels}

    @property
    def never_null(self) -> list[str]:
        """Columns of the given frame that hold no null, as its schema says."""
        return [field.name for field in self._df.schema if not field.nullable]

    def get_output_columns(self) -> list[str]:
        """Columns of ``load_df()`` in their order."""
        return self._feature_spec.model_inputs + self.labels

    def load_df(self) -> DataFrame:
        """The frame for training: one row for each row of the given frame.

        Returns
        -------
        DataFrame
            Columns of the given frame that are not excluded, looked-up features, on-demand features, labels.

        Raises
        ------
        ValueError
            When a ``timestamp_lookup_key`` column holds a null.
        """
        return add_features(self._df, self._feature_spec).select(*map(sql.column, self.get_output_columns()))


def create(spec: FeatureSpec, df: DataFrame, labels: Sequence[str], exclude_columns: Sequence[str]) -> TrainingSet:
    """Bind a spec to a training frame.

    Raises
    ------
    ValueError
        When labels, excluded columns, or the columns of the frame do not fit the spec.
    """
    if df.isStreaming:
        raise ValueError("create_training_set needs a batch frame, got a streaming one.")
    tables.require_unique(df.columns, "df")
    given = {field.name: field.dataType.simpleString() for field in df.schema}
    _check_labels(labels, given, spec, exclude_columns)
    outputs = {name.lower() for name in spec.outputs}
    collisions = [name for name in given if name.lower() in outputs]
    if collisions:
        raise ValueError(
            f"df already has the columns {collisions}, which are outputs of feature lookups or functions. "
            "Drop them from df or rename the outputs. (Only score_batch takes such columns, as an override.)"
        )
    unknown = [name for name in exclude_columns if name not in given and name not in spec.outputs]
    if unknown:
        raise ValueError(f"exclude_columns {unknown} are neither in df nor features.")
    check_inputs(spec, given)
    sources = tuple((name, kind) for name, kind in given.items() if name not in labels)
    return TrainingSet(spec.bound_to(sources, tuple(exclude_columns)), df, labels)


def _check_labels(
    labels: Sequence[str], given: dict[str, str], spec: FeatureSpec, exclude_columns: Sequence[str]
) -> None:
    tables.require_unique(labels, "label")
    for label in labels:
        if label in spec.outputs:
            raise ValueError(f"label '{label}' is also a feature: rename the output of its lookup.")
        if label not in given:
            raise ValueError(f"label '{label}' is not a column of df, which has {list(given)}.")
        if label in exclude_columns:
            raise ValueError(f"label '{label}' is in exclude_columns: a training set without its label cannot train.")
