"""MLflow's registry entities in the shape in which Unity Catalog returns them.

Versions are text (so ``max(["9", "11"])`` is ``"9"``: compare ``int(mv.version)``), there is no stage and no list of
latest versions, and what a search returns carries neither tags nor aliases.
"""

from __future__ import annotations

from typing import Any

from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)
from mlflow.entities.model_registry.model_version_search import ModelVersionSearch
from mlflow.entities.model_registry.registered_model_search import RegisteredModelSearch

_LOGGED_MODEL = "models:/m-"


def as_registered_model(model: RegisteredModel) -> RegisteredModel:
    """A registered model as `get_registered_model` returns it on the platform."""
    return RegisteredModel(
        **_model_fields(model),
        tags=[RegisteredModelTag(key, value) for key, value in model.tags.items()],
        aliases=[RegisteredModelAlias(alias, str(version)) for alias, version in model.aliases.items()],
    )


def as_found_model(model: RegisteredModel) -> RegisteredModelSearch:
    """A registered model as `search_registered_models` returns it on the platform."""
    return RegisteredModelSearch(**_model_fields(model))


def as_model_version(version: ModelVersion) -> ModelVersion:
    """A model version as `get_model_version` returns it on the platform."""
    return ModelVersion(
        **_version_fields(version),
        tags=[ModelVersionTag(key, value) for key, value in version.tags.items()],
        aliases=version.aliases,
    )


def as_found_version(version: ModelVersion) -> ModelVersionSearch:
    """A model version as `search_model_versions` returns it on the platform."""
    return ModelVersionSearch(**_version_fields(version))


def _model_fields(model: RegisteredModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "creation_timestamp": model.creation_timestamp,
        "last_updated_timestamp": model.last_updated_timestamp,
        "description": model.description,
    }


def _version_fields(version: ModelVersion) -> dict[str, Any]:
    source = version.source or ""
    return {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.creation_timestamp,
        "last_updated_timestamp": version.last_updated_timestamp,
        "description": version.description,
        "user_id": version.user_id,
        "source": version.source,
        "run_id": version.run_id,
        "status": version.status,
        "status_message": version.status_message,
        "model_id": source.removeprefix("models:/") if source.startswith(_LOGGED_MODEL) else None,
    }
