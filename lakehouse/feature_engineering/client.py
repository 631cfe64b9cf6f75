"""The client of feature engineering in Unity Catalog: a thin, keyword-only face of the modules beside it."""

from __future__ import annotations

import time
import warnings
from types import ModuleType
from typing import Any

import mlflow
from mlflow.models.model import ModelInfo
from mlflow.tracking._model_registry import DEFAULT_AWAIT_MAX_SLEEP_SECONDS
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery
from pyspark.sql.types import StructType

from lakehouse import functions, sql
from lakehouse.feature_engineering import packaging, scoring, tables, training_set
from lakehouse.feature_engineering.entities import (
    FeatureFunction,
    FeatureLookup,
    FeatureSpecInfo,
    FeatureTable,
    as_list,
)
from lakehouse.feature_engineering.not_supported import OnlineAndDeclarative
from lakehouse.feature_engineering.resolve import resolve
from lakehouse.feature_engineering.spec import FeatureSpec
from lakehouse.feature_engineering.training_set import TrainingSet
from lakehouse.public_call import public_call
from lakehouse.registry import current_user


class FeatureEngineeringClient(OnlineAndDeclarative):
    """Feature tables, training sets and scoring, with the signatures and rules documented for Databricks.

    Every method takes keyword arguments only. Names are ``catalog.schema.object``; shorter ones are completed from the
    current catalog and schema.

    Parameters
    ----------
    model_registry_uri
        Registry for ``log_model`` and ``score_batch``; MLflow's current one when absent.
    """

    def __init__(self, *, model_registry_uri: str | None = None) -> None:
        if model_registry_uri is not None:
            mlflow.set_registry_uri(model_registry_uri)

    @property
    def _spark(self) -> SparkSession:
        from lakehouse.spark import get_spark

        return get_spark()

    def _full(self, name: str) -> str:
        return sql.three_levels(name, self._spark)

    # Feature tables

    @public_call
    def create_table(
        self,
        *,
        name: str,
        primary_keys: str | list[str],
        df: DataFrame | None = None,
        timeseries_column: str | None = None,
        partition_columns: str | list[str] | None = None,
        schema: StructType | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> FeatureTable:
        """Create a Delta table with a primary key. A table that exists is returned untouched, and nothing is written.

        Parameters
        ----------
        name
            Three-level name; the schema must exist.
        primary_keys
            Key columns, NOT NULL from then on; they include ``timeseries_column``.
        df
            Rows to write; its schema is the table's. ``df`` or ``schema`` is needed.
        timeseries_column
            DATE or TIMESTAMP column for point-in-time lookups; must be listed in ``primary_keys``.
        schema
            Columns, when there is no ``df`` or to hold it to.

        Raises
        ------
        ValueError
            When keys, types or rows break a rule; no table is left behind.
        """
        aliases = [kwargs.pop(alias, None) for alias in ("timestamp_keys", "timeseries_columns")]
        _refuse(kwargs, "create_table")
        times = [time for value in (timeseries_column, *aliases) for time in as_list(value, "timeseries_column")]
        if len(times) > 1:
            raise ValueError(f"A feature table has one time-series column, got {times}.")
        return tables.create(
            self._spark,
            self._full(name),
            primary_keys=as_list(primary_keys, "primary_keys"),
            df=df,
            timeseries_column=times[0] if times else None,
            partition_columns=as_list(partition_columns, "partition_columns"),
            schema=schema,
            description=description,
            tags=tags or {},
        )

    @public_call
    def write_table(
        self,
        *,
        name: str,
        df: DataFrame,
        mode: str = "merge",
        checkpoint_location: str | None = None,
        trigger: dict[str, Any] = {"processingTime": "5 seconds"},  # noqa: B006
    ) -> StreamingQuery | None:
        """Merge a frame into a feature table by its primary key.

        Known keys are updated, others inserted. Columns that ``df`` lacks keep their value, and are null in inserted
        rows; a time-series table wants every column. New columns are added to the table.

        Parameters
        ----------
        df
            Batch frame with unique keys, or a streaming frame, which is merged batch by batch.
        checkpoint_location, trigger
            For a streaming frame.

        Returns
        -------
        StreamingQuery or None
            The running query for a streaming frame.

        Raises
        ------
        ValueError
            For another mode than "merge", a table that does not exist, keys that are null or not unique, or columns
            that do not fit. Nothing is written then.
        """
        if mode != "merge":
            raise ValueError(
                f"mode must be 'merge', got {mode!r}. To remove rows use SQL DELETE; to replace all rows drop the "
                "table and create it again."
            )
        return tables.write(
            self._spark, self._full(name), df, mode=mode, checkpoint_location=checkpoint_location, trigger=trigger
        )

    @public_call
    def read_table(self, *, name: str, **kwargs: Any) -> DataFrame:
        """All rows of a feature table.

        Parameters
        ----------
        as_of_delta_timestamp
            Moment of the table's Delta history (string or datetime). That is time travel: which version of the table,
            not which row for a label.
        """
        as_of = kwargs.pop("as_of_delta_timestamp", None)
        _refuse(kwargs, "read_table")
        return tables.read(self._spark, self._full(name), as_of)

    @public_call
    def get_table(self, *, name: str) -> FeatureTable:
        """Metadata of a feature table, which is any Delta table with a primary key.

        Raises
        ------
        ValueError
            When it does not exist or has no primary key.
        """
        return tables.get(self._spark, self._full(name))

    @public_call
    def drop_table(self, *, name: str) -> None:
        """Drop a feature table with its data. Models that look it up stop working."""
        tables.drop(self._spark, self._full(name))

    @public_call
    def set_feature_table_tag(self, *, name: str, key: str, value: str) -> None:
        """Set or replace a tag of a feature table."""
        tables.set_tag(self._spark, self._full(name), key, value)

    @public_call
    def delete_feature_table_tag(self, *, name: str, key: str) -> None:
        """Delete a tag of a feature table; warns when there is none."""
        tables.delete_tag(self._spark, self._full(name), key)

    # Training

    @public_call
    def create_training_set(
        self,
        *,
        df: DataFrame,
        feature_lookups: list[FeatureLookup | FeatureFunction] | None = None,
        feature_spec: str | None = None,
        features: list[Any] | None = None,
        label: str | list[str] | None,
        exclude_columns: list[str] | None = None,
        use_spark_native_join: bool = False,
        use_timeseries_filtering: bool = False,
        **kwargs: Any,
    ) -> TrainingSet:
        """Declare how a frame with keys and labels gets its features. Nothing is read before ``load_df()``.

        Parameters
        ----------
        df
            Frame with the lookup keys, the moments of time-series lookups, and the labels.
        feature_lookups, feature_spec
            Lookups and functions, or the name of a stored spec; exactly one of the two.
        label
            Label column or columns; None for a frame without, for example for clustering.
        exclude_columns
            Columns that take part in the joins and are left out of the result.
        use_spark_native_join, use_timeseries_filtering
            Choose an engine on the platform; the result is the same, and there is one engine here.

        Raises
        ------
        ValueError
            When names collide, columns are missing or types differ.
        """
        _refuse(kwargs, "create_training_set")
        if features is not None:
            raise NotImplementedError(
                "features= (declarative features) is not here yet, it works on Databricks only. Meanwhile use feature_lookups."
            )
        if (feature_lookups is None) == (feature_spec is None):
            raise ValueError("Give exactly one of feature_lookups and feature_spec.")
        excluded = as_list(exclude_columns, "exclude_columns")
        if feature_spec is not None:
            spec = self._stored_spec(feature_spec)
            excluded = list(dict.fromkeys([*spec.exclude_columns, *excluded]))
        else:
            spec = resolve(self._spark, feature_lookups or [])
        return training_set.create(spec, df, as_list(label, "label"), excluded)

    @public_call
    def log_model(
        self,
        *,
        model: Any,
        artifact_path: str,
        flavor: ModuleType,
        training_set: TrainingSet | None = None,
        registered_model_name: str | None = None,
        await_registration_for: int | None = DEFAULT_AWAIT_MAX_SLEEP_SECONDS,
        infer_input_example: bool = False,
        extra_pip_requirements: list[str] | None = None,
        **kwargs: Any,
    ) -> ModelInfo:
        """Log a model together with the spec of its features, so that scoring looks them up by itself.

        Only the spec is kept: what was done to the frame after ``load_df()`` must be part of the model (a pipeline) or
        a ``FeatureFunction``. The signature is made from the training set.

        Parameters
        ----------
        flavor
            MLflow module that saves the model: ``mlflow.sklearn``, ``mlflow.spark``, ``mlflow.pyfunc``, ...
        registered_model_name
            Also registers a version under this three-level name.
        infer_input_example
            Stores five rows of the model's inputs as example.
        **kwargs
            ``output_schema`` (an ``mlflow.types.Schema``, for a training set without label), ``metadata``, ``tags``,
            ``params``, ``model_type``, ``step`` for the logged model; anything else, such as
            ``serialization_format="cloudpickle"``, goes to the flavor's ``save_model``.

        Raises
        ------
        ValueError
            When ``training_set`` is missing.
        """
        if not isinstance(training_set, TrainingSet):
            raise ValueError(
                f"training_set must come from create_training_set, got {training_set!r}. "
                "A model without looked-up features is logged with mlflow.<flavor>.log_model."
            )
        return packaging.log(
            model,
            artifact_path,
            flavor=flavor,
            training_set=training_set,
            registered_model_name=registered_model_name,
            await_registration_for=await_registration_for,
            infer_input_example=infer_input_example,
            extra_pip_requirements=extra_pip_requirements,
            **kwargs,
        )

    @public_call
    def score_batch(
        self,
        *,
        model_uri: str,
        df: DataFrame,
        result_type: str = "double",
        env_manager: str = "local",
        params: dict[str, Any] | None = None,
        use_spark_native_join: bool = False,
        **kwargs: Any,
    ) -> DataFrame:
        """Look up the features of a logged model for every row, and predict.

        Parameters
        ----------
        model_uri
            Model from ``log_model``: ``models:/main.churn.model@Champion``, ``models:/.../3`` or ``runs:/...``.
        df
            Lookup keys, moments, and the columns that the model was trained on besides features. A column named like a
            feature overrides it: its values are used and not looked up.
        result_type
            Spark type of the prediction.

        Returns
        -------
        DataFrame
            All columns of ``df``, the model inputs that were computed, and ``prediction``.

        Raises
        ------
        ValueError
            For a streaming frame, a column ``prediction``, missing keys, or a model without feature spec.
        """
        if kwargs:
            # The platform takes them in silence; features come from the model's spec alone.
            warnings.warn(f"score_batch ignores the arguments {sorted(kwargs)}.", stacklevel=2)
        return scoring.score(model_uri, df, result_type=result_type, env_manager=env_manager, params=params)

    # Feature specs

    @public_call
    def create_feature_spec(
        self,
        *,
        name: str,
        features: list[FeatureLookup | FeatureFunction],
        exclude_columns: list[str] | None = None,
        extra_pip_requirements: list[str] | None = None,
    ) -> FeatureSpecInfo:
        """Store lookups and functions under a name, for several training sets and, on the platform, for serving.

        ``extra_pip_requirements`` belongs to serving and is not used here.

        Raises
        ------
        ValueError
            When the name is taken, or for the reasons of ``create_training_set``.
        """
        full = self._full(name)
        path = functions.object_path(full)
        if path.exists():
            raise ValueError(f"'{full}' exists already: delete it first with delete_feature_spec.")
        spec = resolve(self._spark, features).bound_to((), tuple(as_list(exclude_columns, "exclude_columns")))
        info = FeatureSpecInfo(full, current_user(), time.time_ns() // 1_000_000)
        functions.write_object(path, {"kind": "feature_spec", **vars(info), "spec": spec.to_yaml()})
        return info

    @public_call
    def delete_feature_spec(self, *, name: str) -> None:
        """Delete a stored feature spec; models keep their own copy."""
        self._stored_spec(name)
        functions.object_path(self._full(name)).unlink()

    def _stored_spec(self, name: str) -> FeatureSpec:
        stored = functions.read_object(self._full(name))
        if stored.get("kind") != "feature_spec":
            raise ValueError(f"Feature spec '{self._full(name)}' does not exist: make it with create_feature_spec.")
        return FeatureSpec.from_yaml(stored["spec"])


def _refuse(kwargs: dict[str, Any], method: str) -> None:
    if kwargs:
        raise TypeError(f"{method}() got an unexpected keyword argument {next(iter(kwargs))!r}")
