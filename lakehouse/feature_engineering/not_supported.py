"""Methods of the platform's client that have no local counterpart yet: online stores, serving, declarative features.

They keep the platform's signatures, so that a call is checked here as it would be there, and say what to use meanwhile.
"""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any, NoReturn


class _Unset:
    def __repr__(self) -> str:
        return "<UNSET>"


#: Stands for "leave as it is" in updates, where None means "remove".
UNSET = _Unset()

_ONLINE = "read the feature table with read_table, or score with score_batch"
_SERVING = "load the model with mlflow.pyfunc.load_model, or score with score_batch"
_DECLARATIVE = "compute the feature with Spark and store it with create_table and write_table"


def _not_here_yet(instead: str) -> NoReturn:
    method = inspect.stack()[1].function
    raise NotImplementedError(f"{method} is not here yet, it works on Databricks only. Meanwhile {instead}.")


class OnlineAndDeclarative:
    """Part of ``FeatureEngineeringClient``; every method raises NotImplementedError."""

    # Online stores

    def create_online_store(
        self, *, name: str, capacity: str, read_replica_count: int | None = None, usage_policy_id: str | None = None
    ) -> Any:
        """Create a Lakebase online store."""
        _not_here_yet(_ONLINE)

    def get_online_store(self, *, name: str) -> Any:
        """Details of an online store."""
        _not_here_yet(_ONLINE)

    def list_online_stores(self) -> Any:
        """All online stores."""
        _not_here_yet(_ONLINE)

    def update_online_store(
        self, *, name: str, capacity: Any = UNSET, read_replica_count: Any = UNSET, usage_policy_id: Any = UNSET
    ) -> Any:
        """Change an online store."""
        _not_here_yet(_ONLINE)

    def delete_online_store(self, *, name: str) -> None:
        """Delete an online store."""
        _not_here_yet(_ONLINE)

    def publish_table(
        self,
        *,
        online_store: Any,
        source_table_name: str | None = None,
        online_table_name: str | None = None,
        publish_mode: str = "TRIGGERED",
        filter_condition: str | None = None,
        mode: str = "merge",
        streaming: bool = False,
        checkpoint_location: str | None = None,
        trigger: dict[str, Any] = {"processingTime": "5 minutes"},  # noqa: B006
        features: str | list[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Publish a feature table to an online store."""
        _not_here_yet(_ONLINE)

    def drop_online_table(self, name: str, online_store: Any) -> None:
        """Drop a published table."""
        _not_here_yet(_ONLINE)

    # Serving

    def create_feature_serving_endpoint(self, *, name: str | None = None, config: Any = None, **kwargs: Any) -> Any:
        """Serve a feature spec."""
        _not_here_yet(_SERVING)

    def get_feature_serving_endpoint(self, *, name: str | None = None, **kwargs: Any) -> Any:
        """Details of a feature serving endpoint."""
        _not_here_yet(_SERVING)

    def delete_feature_serving_endpoint(self, *, name: str | None = None, **kwargs: Any) -> None:
        """Delete a feature serving endpoint."""
        _not_here_yet(_SERVING)

    def grant_feature_serving_access(
        self, *, grant_to: list[str], model_uri: str | None = None, feature_spec: Any = None, dry_run: bool = False
    ) -> Any:
        """Grant what an endpoint needs to look up features."""
        _not_here_yet(_SERVING)

    def build_model_env(self, model_uri: str, save_path: str) -> str:
        """Pack a model's Python environment."""
        _not_here_yet("pass env_manager='virtualenv' to score_batch")

    def update_feature_spec(self, *, name: str, owner: str) -> None:
        """Change the owner of a feature spec."""
        _not_here_yet("delete the spec with delete_feature_spec and create it as the other user")

    # Declarative features

    def create_feature(
        self,
        *,
        source: Any,
        function: Any,
        catalog_name: str,
        schema_name: str,
        entity: list[str] | None = None,
        timeseries_column: str | None = None,
        name: str | None = None,
        description: str | None = None,
    ) -> Any:
        """Declare a feature over a source."""
        _not_here_yet(_DECLARATIVE)

    def register_feature(self, *, feature: Any, catalog_name: str | None = None, schema_name: str | None = None) -> Any:
        """Register a declared feature."""
        _not_here_yet(_DECLARATIVE)

    def get_feature(self, *, full_name: str) -> Any:
        """A declared feature."""
        _not_here_yet(_DECLARATIVE)

    def list_features(self, *, catalog_name: str, schema_name: str, max_results: int = 100) -> Any:
        """Declared features of a schema."""
        _not_here_yet(_DECLARATIVE)

    def delete_feature(self, *, full_name: str) -> None:
        """Delete a declared feature."""
        _not_here_yet(_DECLARATIVE)

    def compute_features(self, *, features: list[Any]) -> Any:
        """Compute declared features."""
        _not_here_yet(_DECLARATIVE)

    def feature_spec_from_batch_declarative_features(
        self, *, name: str, features: list[Any], exclude_columns: list[str] | None = None
    ) -> Any:
        """A feature spec from declared features."""
        _not_here_yet("use create_feature_spec with lookups and functions")

    def materialize_features(
        self,
        *,
        features: list[Any],
        offline_config: Any = None,
        online_config: Any = None,
        trigger: Any = None,
        tags: dict[str, str] | None = None,
        budget_policy_id: str | None = None,
    ) -> Any:
        """Keep declared features computed."""
        _not_here_yet(_DECLARATIVE)

    def list_materialized_features(self, *, feature_name: str, max_results: int = 100) -> Any:
        """Materializations of a declared feature."""
        _not_here_yet(_DECLARATIVE)

    def delete_materialized_feature(self, *, materialized_feature: Any) -> None:
        """Delete a materialization."""
        _not_here_yet(_DECLARATIVE)

    def purge_feature_entities(
        self,
        features: list[Any],
        entities_table: str,
        request_id: str | None = None,
        tags: dict[str, str] | None = None,
        budget_policy_id: str | None = None,
    ) -> Any:
        """Delete the values of given entities."""
        _not_here_yet("delete the rows from the feature table with SQL DELETE")

    def backfill_features(
        self,
        *,
        features: list[Any] | None = None,
        backfill_ranges: list[Any],
        request_id: str | None = None,
        tags: dict[str, str] | None = None,
        budget_policy_id: str | None = None,
        wait: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Compute declared features for past times."""
        _not_here_yet(_DECLARATIVE)

    def get_backfill(self, *, operation_name: str) -> Any:
        """State of a backfill."""
        _not_here_yet(_DECLARATIVE)

    def cancel_backfill(self, *, backfill: Any) -> None:
        """Stop a backfill."""
        _not_here_yet(_DECLARATIVE)

    def wait_for_backfill(self, *, backfill: Any, timeout: timedelta | None = None) -> Any:
        """Wait for a backfill."""
        _not_here_yet(_DECLARATIVE)

    def get_operation(self, *, name: str) -> Any:
        """State of a long operation."""
        _not_here_yet(_DECLARATIVE)

    def cancel_operation(self, *, name: str) -> None:
        """Stop a long operation."""
        _not_here_yet(_DECLARATIVE)

    # Streams

    def create_stream(
        self,
        *,
        name: str,
        source_config: Any,
        connection_config: Any,
        schema_config: Any,
        ingestion_config: Any,
        record_type_filter: str | None = None,
        excluded_columns: list[str] | None = None,
        description: str | None = None,
    ) -> Any:
        """Declare a stream as a source of features."""
        _not_here_yet("write a streaming frame to a feature table with write_table")

    def get_stream(self, *, name: str) -> Any:
        """A declared stream."""
        _not_here_yet("use spark.readStream")

    def list_streams(
        self, *, catalog_name: str, schema_name: str, max_results: int = 50, include_schemas: bool = False
    ) -> Any:
        """Declared streams of a schema."""
        _not_here_yet("use spark.streams.active")

    def update_stream(self, *, name: str, schema_config: Any = None, excluded_columns: list[str] | None = None) -> Any:
        """Change a declared stream."""
        _not_here_yet("use spark.readStream")

    def delete_stream(self, *, name: str) -> None:
        """Delete a declared stream."""
        _not_here_yet("use spark.readStream")
