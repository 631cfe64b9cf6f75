"""MLflow's sqlite model registry with the rules of Unity Catalog.

Client-side refusals (missing signature, stages, arguments of search) are those of MLflow's own Unity Catalog client,
taken from it, so that their words are the platform's. Refusals of the platform's server are written here. Sources:
docs.databricks.com, "Manage model lifecycle in Unity Catalog" and "Apply tags to Unity Catalog securable objects".
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.prompt.registry_utils import add_prompt_filter_string
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED
from mlflow.store._unity_catalog.registry.rest_store import UcModelRegistryStore, _require_arg_unspecified
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry import (
    SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
)
from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModel
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from lakehouse.paths import CATALOGS
from lakehouse.registry.addresses import database_uri, home_of
from lakehouse.registry.entities import as_found_model, as_found_version, as_model_version, as_registered_model
from lakehouse.registry.errors import refuse
from lakehouse.registry.grants import LEARNER, GrantTable, current_user, object_type

# Private to MLflow, but the only place that has the platform's two texts on signatures.
_validate_model_signature: Any = UcModelRegistryStore._validate_model_signature  # noqa: SLF001

_SHOWN_TYPES = {"CATALOG": "Catalog", "SCHEMA": "Schema", "FUNCTION": "Routine or Model"}
_NAME_FILTER = re.compile(r"name\s*=\s*(['\"])([^'\"]+)\1", re.IGNORECASE)
_MAX_TAGS = 50


class UnityCatalogStore(SqlAlchemyStore):
    """Registered models under three-level names, guarded by grants.

    Parameters
    ----------
    store_uri : str
        ``lakehouse-uc://<home>``. The models live in ``<home>/mlflow/mlflow.db``; a schema exists if
        ``<home>/lake/<catalog>/<schema>`` does, whatever made it.
    """

    def __init__(self, store_uri: str) -> None:
        self.home = home_of(store_uri)
        self.grants = GrantTable(self.home / "mlflow" / "grants.db")
        super().__init__(database_uri(self.home))

    # Names and privileges

    def require(self, privilege: str, securable: str) -> None:
        """Refuse with PERMISSION_DENIED unless the current user holds the privilege on the securable."""
        if not self.grants.holds(current_user(), privilege, securable):
            kind = _SHOWN_TYPES[object_type(securable)]
            refuse("PERMISSION_DENIED", f"User does not have {privilege} on {kind} '{securable}'.")

    def securable(self, name: str) -> str:
        """Lower-case name of an existing catalog, schema or model; refuses what does not exist."""
        catalog, *rest = name.lower().split(".")
        if catalog not in CATALOGS:
            refuse("CATALOG_DOES_NOT_EXIST", f"Catalog '{catalog}' does not exist.")
        if rest and not (self.home / "lake" / catalog / rest[0]).is_dir():
            refuse("SCHEMA_DOES_NOT_EXIST", f"Schema '{catalog}.{rest[0]}' does not exist.")
        if len(rest) > 1:
            return self._existing(self._full_name(name))
        return name.lower()

    def _full_name(self, name: str) -> str:
        """Check form and place of a model name and the right to enter its schema.

        On the platform a shorter name may be completed from the session's current catalog and schema. Here it is
        always refused: what a model is called does not depend on which cell ran before.
        """
        parts = name.lower().split(".")
        if len(parts) != 3 or not all(parts):
            refuse(
                "INVALID_PARAMETER_VALUE",
                "Bad model name: please specify all three levels of the model in the form "
                "`catalog_name.schema_name.model_name`",
            )
        _check_object_name(parts[2])
        catalog, schema, _ = parts
        self.require("USE CATALOG", self.securable(catalog))
        self.require("USE SCHEMA", self.securable(f"{catalog}.{schema}"))
        return ".".join(parts)

    def _exists(self, name: str) -> bool:
        with self.ManagedSessionMaker() as session:
            return self._get_query(session, SqlRegisteredModel).filter_by(name=name).first() is not None

    def _existing(self, name: str) -> str:
        if not self._exists(name):
            refuse("RESOURCE_DOES_NOT_EXIST", f"Routine or Model '{name}' does not exist.")
        return name

    def _model(self, name: str, privilege: str) -> str:
        """Lower-case name of an existing model on which the current user holds the privilege."""
        name = self._existing(self._full_name(name))
        self.require(privilege, name)
        return name

    # Registered models

    def create_registered_model(
        self,
        name: str,
        tags: list[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        _refuse_deployment_job(deployment_job_id)
        _check_tags({tag.key: tag.value for tag in tags or []})
        name = self._full_name(name)
        # Before the privilege: who may only add versions also comes this way, through `mlflow.register_model`.
        if self._exists(name):
            refuse("RESOURCE_ALREADY_EXISTS", f"Routine or Model '{name}' already exists.")
        self.require("CREATE MODEL", name.rpartition(".")[0])
        model = super().create_registered_model(name, tags, description)
        if current_user() != LEARNER:
            self.grants.set_owner(name, current_user())
        return as_registered_model(model)

    def update_registered_model(
        self, name: str, description: str | None = None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        _refuse_deployment_job(deployment_job_id)
        return as_registered_model(super().update_registered_model(self._model(name, "MANAGE"), description))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a model within its schema; ``new_name`` is given without catalog and schema, as on the platform."""
        name = self._model(name, "MANAGE")
        _check_object_name(new_name)
        schema = name.rpartition(".")[0]
        self.require("CREATE MODEL", schema)
        full_name = f"{schema}.{new_name.lower()}"
        if self._exists(full_name):
            refuse("RESOURCE_ALREADY_EXISTS", f"Routine or Model '{full_name}' already exists.")
        model = super().rename_registered_model(name, full_name)
        self.grants.rename(name, full_name)
        return as_registered_model(model)

    def delete_registered_model(self, name: str) -> None:
        """Delete a model and all its versions."""
        name = self._model(name, "MANAGE")
        super().delete_registered_model(name)
        self.grants.forget(name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        return as_registered_model(super().get_registered_model(self._model(name, "EXECUTE")))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """List the models that the current user may see; no filter and no order, as on the platform."""
        # The client appends a clause that hides prompts; only what the caller wrote counts.
        prompts = add_prompt_filter_string(None) or ""
        own_filter = (filter_string or "").removesuffix(prompts).removesuffix(" AND ")
        _require_arg_unspecified("filter_string", own_filter or None)
        _require_arg_unspecified("order_by", order_by)
        limit = max_results or SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT
        found: list[RegisteredModel] = []
        while True:
            # A page is full of models that one may see, however many others lie between them.
            page = super().search_registered_models(prompts, limit - len(found), None, page_token)
            found += [as_found_model(model) for model in page if self._visible(model.name)]
            page_token = page.token
            if len(found) == limit or not page_token:
                return PagedList(found, page_token)

    def _visible(self, name: str) -> bool:
        catalog, schema, _ = name.split(".")
        needed = {catalog: "USE CATALOG", f"{catalog}.{schema}": "USE SCHEMA", name: "EXECUTE"}
        return all(self.grants.holds(current_user(), privilege, where) for where, privilege in needed.items())

    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        name = self._model(name, "APPLY TAG")
        _check_tags({**super().get_registered_model(name).tags, tag.key: tag.value})
        super().set_registered_model_tag(name, tag)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        super().delete_registered_model_tag(self._model(name, "APPLY TAG"), key)

    # Model versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: list[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        _require_arg_unspecified("run_link", run_link)
        _check_tags({tag.key: tag.value for tag in tags or []})
        name = self._model(name, "CREATE MODEL VERSION")
        # The check reads nothing but its argument, which may also be a URI: only the MLmodel file is fetched.
        _validate_model_signature(self, local_model_path or source)
        version = super().create_model_version(name, source, run_id, tags, None, description, model_id=model_id)
        return as_model_version(version)

    def update_model_version(self, name: str, version: str | int, description: str | None = None) -> ModelVersion:
        return as_model_version(super().update_model_version(self._model(name, "MANAGE"), version, description))

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Delete a version and the aliases that point at it; its number is never given again."""
        super().delete_model_version(self._model(name, "MANAGE"), version)

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        return as_model_version(super().get_model_version(self._model(name, "EXECUTE"), version))

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        return super().get_model_version_download_uri(self._model(name, "EXECUTE"), version)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """List the versions of one model; the filter has to be exactly ``name = 'catalog.schema.model'``."""
        _require_arg_unspecified("order_by", order_by)
        wanted = (filter_string or "").strip()
        match = _NAME_FILTER.fullmatch(wanted)
        if match is None:
            problem = f"Unsupported filter query : `{wanted}`. P" if wanted else "Missing filter: p"
            refuse(
                "INVALID_PARAMETER_VALUE",
                f"{problem}lease specify your filter parameter in the format `name = 'model_name'`.",
            )
        name = self._model(match.group(2), "EXECUTE")
        limit = max_results or SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT
        page = super().search_model_versions(f"name = '{name}'", limit, None, page_token)
        return PagedList([as_found_version(version) for version in page], page.token)

    def set_model_version_tag(self, name: str, version: str | int, tag: ModelVersionTag) -> None:
        name = self._model(name, "APPLY TAG")
        _check_tags({**super().get_model_version(name, version).tags, tag.key: tag.value})
        super().set_model_version_tag(name, version, tag)

    def delete_model_version_tag(self, name: str, version: str | int, key: str) -> None:
        super().delete_model_version_tag(self._model(name, "APPLY TAG"), version, key)

    # Aliases. Unity Catalog keeps them in lower case and finds them in any spelling; open-source MLflow does not
    # (github.com/mlflow/mlflow/issues/12331).

    def set_registered_model_alias(self, name: str, alias: str, version: str | int) -> None:
        super().set_registered_model_alias(self._model(name, "MANAGE"), alias.lower(), version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        super().delete_registered_model_alias(self._model(name, "MANAGE"), alias.lower())

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        name = self._model(name, "EXECUTE")
        if alias.lower() not in super().get_registered_model(name).aliases:
            refuse("RESOURCE_DOES_NOT_EXIST", f"Registered Model Alias '{alias}' does not exist.")
        return as_model_version(super().get_model_version_by_alias(name, alias.lower()))

    # What Unity Catalog does not have

    transition_model_version_stage = UcModelRegistryStore.transition_model_version_stage
    get_latest_versions = UcModelRegistryStore.get_latest_versions

    def create_webhook(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_webhook("create_webhook")

    def get_webhook(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_webhook("get_webhook")

    def list_webhooks(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_webhook("list_webhooks")

    def update_webhook(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_webhook("update_webhook")

    def delete_webhook(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_webhook("delete_webhook")


def _refuse_webhook(method: str) -> NoReturn:
    raise NotImplementedError(
        f"UcModelRegistryStore does not support {method}. Webhooks are not supported for models in Unity Catalog: "
        "react to a new model version with a deployment job."
    )


def _refuse_deployment_job(deployment_job_id: str | None) -> None:
    if deployment_job_id is not None:
        raise MlflowException(
            f"deployment_job_id={deployment_job_id!r}: the local registry has no jobs to connect a model to.",
            error_code=NOT_IMPLEMENTED,
        )


def _check_object_name(name: str) -> None:
    """Unity Catalog object names: no period, space, slash or control character, at most 255 characters."""
    if not name or len(name) > 255 or re.search(r"[./\s\x00-\x1f\x7f]", name):
        refuse(
            "INVALID_PARAMETER_VALUE",
            f"'{name}' is not a valid name: names in Unity Catalog have at most 255 characters "
            "and cannot include periods, spaces, forward slashes or control characters.",
        )


def _check_tags(tags: dict[str, str]) -> None:
    """Tag constraints of Unity Catalog, for all tags that an object is about to have."""
    if len(tags) > _MAX_TAGS:
        refuse("INVALID_PARAMETER_VALUE", f"At most {_MAX_TAGS} tags can be assigned to an object, not {len(tags)}.")
    for key, value in tags.items():
        if not key or len(key) > 255 or re.search(r"[.,\-=/:]", key) or key != key.strip():
            refuse(
                "INVALID_PARAMETER_VALUE",
                f"Tag key '{key}' is not valid: at most 255 characters, none of . , - = / : "
                "and no leading or trailing spaces.",
            )
        if len(value) > 1000 or value != value.strip():
            refuse(
                "INVALID_PARAMETER_VALUE",
                f"The value of tag '{key}' is not valid: at most 1000 characters and no leading or trailing spaces.",
            )
