"""``FeatureStoreClient``, the client of before Unity Catalog, on top of today's: for older code and exam questions."""

from __future__ import annotations

import inspect
import warnings
from types import ModuleType
from typing import Any, NoReturn

from mlflow.models.model import ModelInfo
from mlflow.tracking._model_registry import DEFAULT_AWAIT_MAX_SLEEP_SECONDS
from pyspark.sql import DataFrame
from pyspark.sql.streaming import StreamingQuery
from pyspark.sql.types import StructType

from lakehouse.feature_engineering import tables
from lakehouse.feature_engineering.client import FeatureEngineeringClient
from lakehouse.feature_engineering.entities import (
    FeatureFunction,
    FeatureLookup,
    FeatureSpecInfo,
    FeatureTable,
    as_list,
)
from lakehouse.feature_engineering.training_set import TrainingSet


class FeatureStoreClient:
    """Thin adapter: every call warns with the call that replaces it, and refuses names that are not three-level.

    What differs from ``FeatureEngineeringClient``: some arguments are positional, the time-series column is called
    ``timestamp_keys`` and is added to the key, ``write_table`` also overwrites, and ``default_values`` of lookups are
    ignored with a warning.
    """

    def __init__(self, feature_store_uri: str | None = None, model_registry_uri: str | None = None) -> None:
        if feature_store_uri is not None:
            raise ValueError("feature_store_uri names a workspace's store; here all tables are in the local lake.")
        self._client = FeatureEngineeringClient(model_registry_uri=model_registry_uri)

    def create_table(
        self,
        name: str,
        primary_keys: str | list[str],
        df: DataFrame | None = None,
        *,
        timestamp_keys: str | list[str] | None = None,
        partition_columns: str | list[str] | None = None,
        schema: StructType | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> FeatureTable:
        """Legacy form of ``FeatureEngineeringClient.create_table``."""
        _warn("create_table(name=..., primary_keys=[..., ts], timeseries_column=ts, df=...)")
        times = as_list(timestamp_keys, "timestamp_keys")
        keys = as_list(primary_keys, "primary_keys")
        return self._client.create_table(
            name=_three_level(name),
            primary_keys=keys + [time for time in times if time not in keys],
            df=df,
            timestamp_keys=times or None,
            partition_columns=partition_columns,
            schema=schema,
            description=description,
            tags=tags,
            **kwargs,
        )

    def create_feature_table(
        self,
        name: str,
        keys: str | list[str],
        features_df: DataFrame | None = None,
        schema: StructType | None = None,
        partition_columns: str | list[str] | None = None,
        description: str | None = None,
        timestamp_keys: str | list[str] | None = None,
        **kwargs: Any,
    ) -> FeatureTable:
        """First spelling of ``create_table``."""
        return self.create_table(
            name,
            keys,
            features_df,
            schema=schema,
            partition_columns=partition_columns,
            description=description,
            timestamp_keys=timestamp_keys,
            **kwargs,
        )

    def register_table(
        self,
        *,
        delta_table: str,
        primary_keys: str | list[str],
        timestamp_keys: str | list[str] | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> FeatureTable:
        """Make an existing Delta table a feature table; today a PRIMARY KEY does that."""
        _gone("ALTER TABLE ... ADD CONSTRAINT ... PRIMARY KEY on its NOT NULL columns")

    def write_table(
        self,
        name: str,
        df: DataFrame,
        mode: str = "merge",
        checkpoint_location: str | None = None,
        trigger: dict[str, Any] = {"processingTime": "5 seconds"},  # noqa: B006
    ) -> StreamingQuery | None:
        """Merge a frame, or replace all rows with ``mode="overwrite"``, which today's client no longer does."""
        _warn("write_table(name=..., df=...)")
        if mode not in ("merge", "overwrite"):
            raise ValueError(f"mode must be 'merge' or 'overwrite', got {mode!r}. A feature table has no append.")
        return tables.write(
            self._client._spark,  # noqa: SLF001
            _three_level(name),
            df,
            mode=mode,
            checkpoint_location=checkpoint_location,
            trigger=trigger,
        )

    def read_table(self, name: str, **kwargs: Any) -> DataFrame:
        """Legacy form of ``FeatureEngineeringClient.read_table``."""
        _warn("read_table(name=...)")
        return self._client.read_table(name=_three_level(name), **kwargs)

    def get_table(self, name: str) -> FeatureTable:
        """Legacy form of ``FeatureEngineeringClient.get_table``."""
        _warn("get_table(name=...)")
        return self._client.get_table(name=_three_level(name))

    def get_feature_table(self, name: str) -> FeatureTable:
        """First spelling of ``get_table``."""
        return self.get_table(name)

    def drop_table(self, name: str) -> None:
        """Legacy form of ``FeatureEngineeringClient.drop_table``."""
        _warn("drop_table(name=...)")
        self._client.drop_table(name=_three_level(name))

    def set_feature_table_tag(self, *, table_name: str, key: str, value: str) -> None:
        """Legacy form of ``FeatureEngineeringClient.set_feature_table_tag``."""
        _warn("set_feature_table_tag(name=..., key=..., value=...)")
        self._client.set_feature_table_tag(name=_three_level(table_name), key=key, value=value)

    def delete_feature_table_tag(self, *, table_name: str, key: str) -> None:
        """Legacy form of ``FeatureEngineeringClient.delete_feature_table_tag``."""
        _warn("delete_feature_table_tag(name=..., key=...)")
        self._client.delete_feature_table_tag(name=_three_level(table_name), key=key)

    def create_training_set(
        self,
        df: DataFrame,
        feature_lookups: list[FeatureLookup | FeatureFunction],
        label: str | list[str] | None,
        exclude_columns: list[str] | None = None,
        **kwargs: Any,
    ) -> TrainingSet:
        """Legacy form of ``FeatureEngineeringClient.create_training_set``."""
        _warn("create_training_set(df=..., feature_lookups=[...], label=...)")
        return self._client.create_training_set(
            df=df,
            feature_lookups=[_as_legacy(lookup) for lookup in feature_lookups],
            label=label,
            exclude_columns=exclude_columns,
            **kwargs,
        )

    def log_model(
        self,
        model: Any,
        artifact_path: str,
        *,
        flavor: ModuleType,
        training_set: TrainingSet | None = None,
        registered_model_name: str | None = None,
        await_registration_for: int | None = DEFAULT_AWAIT_MAX_SLEEP_SECONDS,
        infer_input_example: bool = False,
        extra_pip_requirements: list[str] | None = None,
        **kwargs: Any,
    ) -> ModelInfo:
        """Legacy form of ``FeatureEngineeringClient.log_model``."""
        _warn("log_model(model=..., artifact_path=..., flavor=..., training_set=...)")
        return self._client.log_model(
            model=model,
            artifact_path=artifact_path,
            flavor=flavor,
            training_set=training_set,
            registered_model_name=registered_model_name,
            await_registration_for=await_registration_for,
            infer_input_example=infer_input_example,
            extra_pip_requirements=extra_pip_requirements,
            **kwargs,
        )

    def score_batch(self, model_uri: str, df: DataFrame, result_type: str = "double") -> DataFrame:
        """Legacy form of ``FeatureEngineeringClient.score_batch``."""
        _warn("score_batch(model_uri=..., df=...)")
        return self._client.score_batch(model_uri=model_uri, df=df, result_type=result_type)

    def create_feature_spec(
        self,
        *,
        name: str,
        features: list[FeatureLookup | FeatureFunction],
        exclude_columns: list[str] | None = None,
        extra_pip_requirements: list[str] | None = None,
    ) -> FeatureSpecInfo:
        """Legacy form of ``FeatureEngineeringClient.create_feature_spec``."""
        _warn("create_feature_spec(name=..., features=[...])")
        return self._client.create_feature_spec(
            name=_three_level(name),
            features=features,
            exclude_columns=exclude_columns,
            extra_pip_requirements=extra_pip_requirements,
        )

    def delete_feature_spec(self, *, name: str) -> None:
        """Legacy form of ``FeatureEngineeringClient.delete_feature_spec``."""
        _warn("delete_feature_spec(name=...)")
        self._client.delete_feature_spec(name=_three_level(name))

    # Not kept: what only a workspace's feature store has, or what is not here yet

    def add_data_sources(
        self, *, feature_table_name: str, source_names: str | list[str], source_type: str = "custom"
    ) -> None:
        """Record where a table's data comes from; Unity Catalog records lineage by itself."""
        _gone("a table tag (set_feature_table_tag)")

    def delete_data_sources(self, *, feature_table_name: str, source_names: str | list[str]) -> None:
        """Remove such a record."""
        _gone("a table tag (delete_feature_table_tag)")

    def publish_table(
        self,
        name: str,
        online_store: Any,
        *,
        filter_condition: str | None = None,
        mode: str = "merge",
        streaming: bool = False,
        checkpoint_location: str | None = None,
        trigger: dict[str, Any] = {"processingTime": "5 minutes"},  # noqa: B006
        features: str | list[str] | None = None,
    ) -> StreamingQuery | None:
        """Publish to an online store."""
        return self._client.publish_table(online_store=online_store)

    def drop_online_table(self, name: str, online_store: Any) -> None:
        """Drop a published table."""
        self._client.drop_online_table(name, online_store)

    def create_feature_serving_endpoint(self, *, name: str | None = None, config: Any = None) -> Any:
        """Serve a feature spec."""
        return self._client.create_feature_serving_endpoint(name=name, config=config)

    def get_feature_serving_endpoint(self, *, name: str | None = None, **kwargs: Any) -> Any:
        """Details of a feature serving endpoint."""
        return self._client.get_feature_serving_endpoint(name=name, **kwargs)

    def delete_feature_serving_endpoint(self, *, name: str | None = None, **kwargs: Any) -> None:
        """Delete a feature serving endpoint."""
        self._client.delete_feature_serving_endpoint(name=name, **kwargs)


def _as_legacy(feature: FeatureLookup | FeatureFunction) -> FeatureLookup | FeatureFunction:
    if not isinstance(feature, FeatureLookup):
        return feature
    _three_level(feature.table_name)
    if not feature.default_values:
        return feature
    warnings.warn(
        f"FeatureStoreClient ignores default_values of the lookup of '{feature.table_name}'; "
        "FeatureEngineeringClient applies them.",
        stacklevel=4,
    )
    return FeatureLookup(
        feature.table_name,
        feature.lookup_key,
        feature_names=feature.feature_names,
        rename_outputs=feature.rename_outputs,
        timestamp_lookup_key=feature.timestamp_lookup_key,
        lookback_window=feature.lookback_window,
    )


def _three_level(name: str) -> str:
    if name.count(".") != 2:
        raise ValueError(
            f"{name!r} is a name of the workspace's own metastore. Feature tables are in Unity Catalog here: "
            f"write catalog.schema.table, for example 'main.{name}'."
        )
    return name


def _warn(new_call: str) -> None:
    old = inspect.stack()[1].function
    warnings.warn(
        f"FeatureStoreClient.{old} is the legacy client; use FeatureEngineeringClient().{new_call}.",
        FutureWarning,
        stacklevel=3,
    )


def _gone(instead: str) -> NoReturn:
    method = inspect.stack()[1].function
    raise NotImplementedError(f"FeatureStoreClient.{method} is not here. Instead use {instead}.")
