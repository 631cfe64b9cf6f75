"""A model with its feature spec inside: how it is logged, and how MLflow loads it back.

The logged model is a pyfunc whose data folder holds the model as its own flavor saved it and the spec beside it::

    data/feature_model/feature_spec.yaml
    data/feature_model/raw_model/MLmodel ...
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
from mlflow.models import Model, ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.pyfunc import PyFuncModel
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType, Array, Map, Object, Property
from pyspark.ml import PipelineModel
from pyspark.sql import types as T
from pyspark.sql.utils import is_remote

from lakehouse.feature_engineering.spec import FILE_NAME, FeatureSpec
from lakehouse.feature_engineering.training_set import TrainingSet
from lakehouse.spark import connect_models

_FOLDER = "feature_model"
_RAW_MODEL = "raw_model"
#: Arguments about the logged model as such; all others belong to the flavor that saves the raw model.
_OF_LOGGED_MODEL = ("metadata", "tags", "params", "model_type", "step")
_TYPES = (
    (T.LongType, DataType.long),
    (T.IntegralType, DataType.integer),
    (T.FloatType, DataType.float),
    (T.DoubleType, DataType.double),
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
        features = training_set.load_df().select(*training_set.feature_spec.model_inputs)
        about["input_example"] = features.limit(5).toPandas()
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
            _prepare_spark_flavor()
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
        pyfunc = Model.load(str(root)).flavors.get("python_function", {})
        if pyfunc.get("loader_module") != __name__:
            raise ValueError(
                f"Model '{model_uri}' was not logged by FeatureEngineeringClient.log_model: it has no feature spec, so "
                "its features cannot be looked up. Log it with a training set, or score it with mlflow.pyfunc.spark_udf."
            )
        folder = root / pyfunc["data"]
        return cls(FeatureSpec.from_yaml((folder / FILE_NAME).read_text()), folder / _RAW_MODEL)

    @property
    def is_spark_model(self) -> bool:
        return "spark" in Model.load(str(self.raw_model)).flavors

    def load_spark_model(self) -> PipelineModel:
        """The raw model of the Spark flavor, to transform frames with."""
        _prepare_spark_flavor()
        return mlflow.spark.load_model(str(self.raw_model))


def _prepare_spark_flavor() -> None:
    if is_remote():
        connect_models.install()


class _FeatureModel:
    """What ``mlflow.pyfunc.load_model`` gives: predicts from features that the caller brings."""

    def __init__(self, raw_model: PyFuncModel) -> None:
        self._raw_model = raw_model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return self._raw_model.predict(model_input, params=params)


def _load_pyfunc(data_path: str) -> _FeatureModel:
    """Called by MLflow, which knows this module as the model's loader."""
    return _FeatureModel(mlflow.pyfunc.load_model(str(Path(data_path) / _RAW_MODEL)))


def _schemas(training_set: TrainingSet, output_schema: Schema | None) -> tuple[Schema, Schema | None]:
    spec = training_set.feature_spec
    types = {**dict(spec.source_columns), **spec.outputs}
    inputs = Schema([ColSpec(_mlflow_type(T.DataType.fromDDL(types[name])), name) for name in spec.model_inputs])
    if output_schema is None and training_set.labels:
        labels = training_set.label_types
        output_schema = Schema([ColSpec(_mlflow_type(T.DataType.fromDDL(labels[name])), name) for name in labels])
    return inputs, output_schema


def _mlflow_type(kind: T.DataType) -> Any:
    for spark_types, mlflow_type in _TYPES:
        if isinstance(kind, spark_types):
            return mlflow_type
    if isinstance(kind, T.ArrayType):
        return Array(_mlflow_type(kind.elementType))
    if isinstance(kind, T.StructType):
        return Object([Property(field.name, _mlflow_type(field.dataType), required=False) for field in kind])
    if isinstance(kind, T.MapType) and isinstance(kind.keyType, T.StringType):
        return Map(_mlflow_type(kind.valueType))
    # MLflow has no type for DECIMAL and for maps with other keys.
    return AnyType()
