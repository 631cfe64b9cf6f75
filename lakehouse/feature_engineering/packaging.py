"""A model with its feature spec inside: how it is logged, and how MLflow loads it back.

The logged model is a pyfunc whose data folder holds the model as its own flavor saved it and the spec beside it::

    data/feature_model/feature_spec.yaml
    data/feature_model/raw_model/MLmodel ...
"""

from __future__ import annotations

import decimal
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.pyfunc import PyFuncModel
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array, Map, Object, Property
from pyspark import TaskContext
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import types as T

from lakehouse import sql
from lakehouse.feature_engineering.compute import add_features
from lakehouse.feature_engineering.spec import FILE_NAME, FeatureSpec
from lakehouse.feature_engineering.training_set import TrainingSet
from lakehouse.spark import connect_models, get_spark

_NUMPY = {DataType.integer: "int32", DataType.long: "int64", DataType.float: "float32", DataType.double: "float64"}
_FOLDER = "feature_model"
_RAW_MODEL = "raw_model"
#: Arguments about the logged model as such; all others belong to the flavor that saves the raw model.
_OF_LOGGED_MODEL = ("metadata", "tags", "params", "model_type", "step")
_TYPES = (
    (T.LongType, DataType.long),
    (T.IntegralType, DataType.integer),
    (T.FloatType, DataType.float),
    ((T.DoubleType, T.DecimalType), DataType.double),
    (T.BooleanType, DataType.boolean),
    (T.StringType, DataType.string),
    (T.BinaryType, DataType.binary),
    ((T.DateType, T.TimestampType, T.TimestampNTZType), DataType.datetime),
)


def log(
    model: Any,
    name: str,
    *,
    flavor: ModuleType,
    training_set: TrainingSet,
    registered_model_name: str | None,
    await_registration_for: int | None,
    infer_input_example: bool,
    extra_pip_requirements: list[str] | None,
    **kwargs: Any,
) -> ModelInfo:
    """Log ``model`` with the spec of its training set, and register it when a name is given."""
    signature = ModelSignature(*_schemas(training_set, kwargs.pop("output_schema", None)))
    about = {key: kwargs.pop(key) for key in _OF_LOGGED_MODEL if key in kwargs}
    if infer_input_example:
        about["input_example"] = _example(training_set, signature.inputs)
    if "conda_env" not in kwargs and "pip_requirements" not in kwargs:
        # Named, because finding them out takes MLflow a subprocess that loads the model: half a minute.
        kwargs["pip_requirements"] = [*flavor.get_default_pip_requirements(), *(extra_pip_requirements or [])]
    elif extra_pip_requirements:
        kwargs["extra_pip_requirements"] = extra_pip_requirements
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        # The signature comes from the training set, so no example is needed to find it.
        warnings.filterwarnings("ignore", message=".*An input example was not provided")
        folder = Path(scratch) / _FOLDER
        folder.mkdir()
        (folder / FILE_NAME).write_text(training_set.feature_spec.to_yaml())
        raw = folder / _RAW_MODEL
        if flavor is mlflow.spark:
            connect_models.install()
            if not {"pip_requirements", "extra_pip_requirements", "conda_env"} & set(kwargs):
                # MLflow would start a second Spark only to find out that the model needs Spark.
                kwargs["pip_requirements"] = flavor.get_default_pip_requirements()
        if flavor is mlflow.pyfunc:
            flavor.save_model(path=str(raw), python_model=model, **kwargs)
        else:
            flavor.save_model(model, path=str(raw), **kwargs)
        return mlflow.pyfunc.log_model(
            name=name,
            loader_module=__name__,
            data_path=str(folder),
            conda_env=str(raw / "conda.yaml"),
            signature=signature,
            registered_model_name=registered_model_name,
            await_registration_for=await_registration_for,
            **about,
        )


@dataclass(frozen=True)
class PackagedModel:
    """A model that was logged with a feature spec, on this machine's disk."""

    spec: FeatureSpec
    inputs: Schema
    raw_model: Path

    @classmethod
    def at(cls, model_uri: str) -> PackagedModel:
        """Fetch the model.

        Raises
        ------
        ValueError
            When it was logged without a feature spec.
        MlflowException
            When there is no such model.
        """
        root = Path(mlflow.artifacts.download_artifacts(artifact_uri=model_uri))
        logged = Model.load(str(root))
        pyfunc = logged.flavors.get("python_function", {})
        if pyfunc.get("loader_module") != __name__:
            raise ValueError(
                f"Model '{model_uri}' was not logged by FeatureEngineeringClient.log_model: it has no feature spec, so "
                "its features cannot be looked up. Log it with a training set, or score it with mlflow.pyfunc.spark_udf."
            )
        folder = root / pyfunc["data"]
        return cls(
            FeatureSpec.from_yaml((folder / FILE_NAME).read_text()), logged.signature.inputs, folder / _RAW_MODEL
        )

    @property
    def is_spark_model(self) -> bool:
        return "spark" in Model.load(str(self.raw_model)).flavors

    def load_spark_model(self) -> PipelineModel:
        """The raw model of the Spark flavor, to transform frames with."""
        connect_models.install()
        return mlflow.spark.load_model(str(self.raw_model))


class _FeatureModel:
    """What ``mlflow.pyfunc.load_model`` gives: looks the features up by key, as an endpoint does, and predicts.

    As online there is no point in time and no lookback: a time series gives the latest row of each key. A feature that the
    caller brings is used as it is, and not looked up.
    """

    def __init__(self, spec: FeatureSpec, inputs: Schema, raw_model: PyFuncModel) -> None:
        self._spec, self._inputs, self._raw_model = spec, inputs, raw_model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return self._raw_model.predict(self._features(model_input), params=params)

    def _features(self, rows: pd.DataFrame) -> pd.DataFrame:
        spec = self._spec
        if not isinstance(rows, pd.DataFrame):
            raise ValueError(f"The model takes a pandas DataFrame with its lookup keys, got {type(rows).__name__}.")
        needed = [name for step in spec.needed_steps(rows.columns) for name in step.needed_online]
        sources = [name for name, _ in spec.source_columns if name not in spec.exclude_columns]
        missing = sorted(set(needed + sources) - set(rows.columns) - set(spec.outputs))
        if missing:
            raise ValueError(
                f"The columns {missing} are missing: a row must bring its lookup keys and every column that the model was "
                f"trained on besides its features. It has {list(rows.columns)}."
            )
        if not needed:
            return rows[spec.model_inputs]
        if TaskContext.get() is not None:
            raise ValueError("Features are looked up with Spark, which a Python worker has not: use score_batch.")
        found = add_features(_as_spark(rows, spec), spec, latest=True).orderBy(_ROW)
        return found.select(*handed_over(spec, self._inputs)).toPandas().set_index(rows.index)


_ROW = "__row_number"


def _as_spark(rows: pd.DataFrame, spec: FeatureSpec) -> DataFrame:
    """A pandas frame as a Spark frame with the types that the spec names, its rows numbered."""
    types = spec.known_types
    kept = [name for name in rows.columns if name in types]
    fields = [T.StructField(name, T.DataType.fromDDL(types[name])) for name in kept]
    columns = [[_plain(value, field.dataType) for value in rows[field.name]] for field in fields]
    data = list(zip(range(len(rows)), *columns, strict=True))
    return get_spark().createDataFrame(data, T.StructType([T.StructField(_ROW, T.LongType()), *fields]))


def _plain(value: Any, kind: T.DataType) -> Any:
    """A value of pandas as Spark takes it for a type: whole numbers may have come as floats, because others are missing."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(kind, T.IntegralType):
        return int(value)
    if isinstance(kind, T.FractionalType) and not isinstance(kind, T.DecimalType):
        return float(value)
    if isinstance(kind, T.DecimalType):
        return decimal.Decimal(str(value))
    if isinstance(kind, T.DateType):
        return pd.Timestamp(value).date()
    if isinstance(kind, (T.TimestampType, T.TimestampNTZType)):
        return pd.Timestamp(value).to_pydatetime()
    return value.tolist() if hasattr(value, "tolist") else value


def handed_over(spec: FeatureSpec, inputs: Schema) -> list[Column]:
    """The model's inputs with the types that its signature names: DOUBLE for what MLflow has no other type for."""
    types = {column.name: column.type for column in inputs}
    return [
        sql.column(name).cast("double").alias(name) if types.get(name) == DataType.double else sql.column(name)
        for name in spec.model_inputs
    ]


def _example(training_set: TrainingSet, inputs: Schema) -> pd.DataFrame:
    """Five rows of the model's inputs with the types of the signature; nulls that are no numbers are None."""
    spec = training_set.feature_spec
    rows = training_set.load_df().select(*handed_over(spec, inputs)).limit(5).collect()
    example = pd.DataFrame([row.asDict(recursive=True) for row in rows], columns=spec.model_inputs, dtype=object)
    kinds = {
        column.name: _NUMPY[column.type]
        for column in inputs
        if isinstance(column.type, DataType) and column.type in _NUMPY and column.name in example
    }
    # A lookup key keeps its whole type; a null in it stays None.
    whole = {name for name, kind in kinds.items() if kind.startswith("int") and example[name].isna().any()}
    return example.astype({name: kind for name, kind in kinds.items() if name not in whole})


def _root_of(data: Path) -> str:
    """Folder of the logged model whose data folder this is: MLflow puts it into ``data/`` beside the file MLmodel."""
    return str(next(folder for folder in data.parents if (folder / "MLmodel").exists()))


def _load_pyfunc(data_path: str) -> _FeatureModel:
    """Called by MLflow, which knows this module as the model's loader."""
    folder = Path(data_path)
    spec = FeatureSpec.from_yaml((folder / FILE_NAME).read_text())
    inputs = Model.load(_root_of(folder)).signature.inputs
    return _FeatureModel(spec, inputs, mlflow.pyfunc.load_model(str(folder / _RAW_MODEL)))


def _schemas(training_set: TrainingSet, output_schema: Schema | None) -> tuple[Schema, Schema | None]:
    """What a caller may bring, and what comes back. Required is what reaches the model and can be neither null nor looked up."""
    spec = training_set.feature_spec
    read = {source.column for step in spec.steps for source in step.inputs}
    filled = {feature.output for step in spec.lookups for feature in step.features if feature.default is not None}
    whole = read | filled | set(training_set.never_null)
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(
            _mlflow_type(T.DataType.fromDDL(spec.known_types[name]), with_nulls=name not in whole),
            name,
            required=name in spec.model_inputs and name in training_set.never_null,
        )
        for name in dict.fromkeys([*spec.required_columns, *spec.model_inputs])
    ]
    if output_schema is None and training_set.labels:
        labels = training_set.label_types
        output_schema = Schema([ColSpec(_mlflow_type(T.DataType.fromDDL(labels[name])), name) for name in labels])
    return Schema(inputs), output_schema


def _mlflow_type(kind: T.DataType, *, with_nulls: bool = False, nested: bool = False) -> Any:
    """MLflow's type for a Spark type.

    A whole number beside a missing one is a float in pandas, and MLflow refuses it as a whole number: such a column is
    DOUBLE. Inside of structs and maps MLflow takes Python's int for LONG only.
    """
    if isinstance(kind, T.IntegralType) and (with_nulls or nested):
        return DataType.double if with_nulls else DataType.long
    for spark_types, mlflow_type in _TYPES:
        if isinstance(kind, spark_types):
            return mlflow_type
    if isinstance(kind, T.ArrayType):
        return Array(_mlflow_type(kind.elementType, nested=True))
    if isinstance(kind, T.StructType):
        return Object([Property(f.name, _mlflow_type(f.dataType, nested=True), required=False) for f in kind])
    if isinstance(kind, T.MapType) and isinstance(kind.keyType, T.StringType):
        return Map(_mlflow_type(kind.valueType, nested=True))
    # MLflow has no type for maps with other keys.
    return AnyType()
