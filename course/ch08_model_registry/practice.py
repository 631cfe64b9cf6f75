"""A registry in memory to try answers with: one model, the calls of ``MlflowClient``, the rules of Unity Catalog.

A check cannot move aliases of the real registry, and wants to look after each call. Only what registry functions of the
chapter use is here: versions with tags and a description, aliases in lower case, and no stages.
"""

from __future__ import annotations

import inspect
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)
from mlflow.entities.model_registry.model_version_search import ModelVersionSearch
from mlflow.exceptions import MlflowException, RestException

NAME = "main.churn.practice"


class PracticeRegistry:
    """One registered model called :data:`NAME`.

    A call binds its arguments as ``MlflowClient`` does, so every spelling that works there works here; a method that
    ``MlflowClient`` does not have is an AttributeError, one that Unity Catalog does not have an MlflowException.

    Parameters
    ----------
    versions : int
        Number of versions, from 1.
    aliases : dict of str to int, optional
    tags : dict of int to dict of str to str, optional
        Tags of versions.

    Attributes
    ----------
    aliases, tags, model_tags, descriptions : dict
        The state; versions are numbers.
    history : list of dict of str to int
        The aliases after each call that changed something.
    """

    def __init__(
        self, versions: int, aliases: dict[str, int] | None = None, tags: dict[int, dict[str, str]] | None = None
    ) -> None:
        self.versions = list(range(1, versions + 1))
        self.aliases = {alias.lower(): version for alias, version in (aliases or {}).items()}
        self.tags = {number: dict((tags or {}).get(number, {})) for number in self.versions}
        self.model_tags: dict[str, str] = {}
        self.descriptions: dict[int | None, str | None] = {None: "Who will leave within 30 days."}
        self.history: list[dict[str, int]] = []

    def __getattr__(self, method: str) -> Any:
        real = getattr(MlflowClient, method, None)
        if real is None or method.startswith("_"):
            raise AttributeError(f"'MlflowClient' object has no attribute {method!r}")

        def call(*args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(real).bind(self, *args, **kwargs)
            given.apply_defaults()
            answer = _CALLS.get(method)
            if answer is None:
                raise MlflowException(f"Method '{method}' is unsupported for models in the Unity Catalog.")
            asked = {name: value for name, value in given.arguments.items() if name != "self"}
            if asked.get("name", NAME) != NAME:
                raise RestException(_missing(f"Routine or Model '{asked['name']}'"))
            if "version" in asked:
                asked["version"] = self._number(asked["version"])
            result = answer(self, **asked)
            if not method.startswith(("get", "search")):
                self.history.append(dict(self.aliases))
            return result

        return call

    def state(self) -> tuple[dict[str, int], dict[int, dict[str, str]]]:
        """A copy of the aliases and of the tags of the versions."""
        return dict(self.aliases), {number: dict(tags) for number, tags in self.tags.items()}

    def _number(self, version: Any) -> int:
        if not str(version).isdecimal() or int(version) not in self.versions:
            raise RestException(_missing(f"Model Version (name={NAME}, version={version})"))
        return int(version)

    def _version(self, version: int) -> ModelVersion:
        return ModelVersion(
            NAME,
            str(version),
            0,
            description=self.descriptions.get(version),
            source=f"models:/m-{version}",
            run_id=f"run{version}",
            status="READY",
            tags=[ModelVersionTag(key, value) for key, value in self.tags[version].items()],
            aliases=[alias for alias, number in self.aliases.items() if number == version],
        )

    def _get_registered_model(self, name: str) -> RegisteredModel:
        return RegisteredModel(
            NAME,
            description=self.descriptions[None],
            tags=[RegisteredModelTag(key, value) for key, value in self.model_tags.items()],
            aliases=[RegisteredModelAlias(alias, str(number)) for alias, number in self.aliases.items()],
        )

    def _get_model_version(self, name: str, version: int) -> ModelVersion:
        return self._version(version)

    def _get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        if alias.lower() not in self.aliases:
            raise RestException(_missing(f"Registered Model Alias '{alias}'"))
        return self._version(self.aliases[alias.lower()])

    def _search_model_versions(self, filter_string: str | None, **_: Any) -> list[ModelVersionSearch]:
        if (filter_string or "").replace(" ", "").replace('"', "'") != f"name='{NAME}'":
            text = f"Unsupported filter query : `{filter_string}`. Please use the format `name = 'model_name'`."
            raise RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": text})
        return [ModelVersionSearch(NAME, str(number), 0, run_id=f"run{number}") for number in reversed(self.versions)]

    def _set_registered_model_alias(self, name: str, alias: str, version: int) -> None:
        self.aliases[alias.lower()] = version

    def _delete_registered_model_alias(self, name: str, alias: str) -> None:
        self.aliases.pop(alias.lower(), None)

    def _set_model_version_tag(
        self, name: str, version: int | None, key: str, value: Any, stage: str | None = None
    ) -> None:
        self.tags[version or 0][key] = str(value)

    def _delete_model_version_tag(self, name: str, version: int | None, key: str, stage: str | None = None) -> None:
        self.tags[version or 0].pop(key, None)

    def _set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        self.model_tags[key] = str(value)

    def _delete_registered_model_tag(self, name: str, key: str) -> None:
        self.model_tags.pop(key, None)

    def _update_model_version(self, name: str, version: int, description: str | None = None) -> ModelVersion:
        self.descriptions[version] = description
        return self._version(version)

    def _update_registered_model(self, name: str, description: str | None = None, **_: Any) -> RegisteredModel:
        self.descriptions[None] = description
        return self._get_registered_model(name)

    def _delete_model_version(self, name: str, version: int) -> None:
        self.versions.remove(version)
        self.aliases = {alias: number for alias, number in self.aliases.items() if number != version}


def _missing(what: str) -> dict[str, str]:
    return {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"{what} does not exist."}


_CALLS = {
    name.removeprefix("_"): function
    for name, function in vars(PracticeRegistry).items()
    if name.startswith(("_get_", "_set_", "_delete_", "_update_", "_search_"))
}
