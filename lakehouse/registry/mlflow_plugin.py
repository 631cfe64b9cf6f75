"""Points MLflow at the store of this machine.

MLflow treats the registry URI ``databricks-uc`` as a special case in many places, each of which calls Databricks.
Every one of them first asks a single function which registry is meant, so the answer is changed there: who says
``databricks-uc`` gets a URI with a scheme of ours, and all of MLflow takes its generic path to our store.
"""

# ruff: noqa: SLF001  (MLflow has no public way to replace the store behind a URI of its own)
from __future__ import annotations

import functools
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.files import locked
from lakehouse.paths import home as default_home
from lakehouse.paths import on_databricks
from lakehouse.registry.addresses import SCHEME, artifacts_uri, database_uri, sqlite_uri
from lakehouse.registry.addresses import registry_uri as local_uri

if TYPE_CHECKING:
    from lakehouse.registry.store import UnityCatalogStore

_SETTINGS = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A course that runs offline does not report its use over the network.
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

_home: Path | None = None


def install(home: Path | None = None) -> None:
    """Make the local registry and tracking store those of MLflow. Calling it again is cheap and harmless.

    After it ``mlflow.set_registry_uri("databricks-uc")``, ``MlflowClient(registry_uri="databricks-uc")`` and
    ``MLFLOW_REGISTRY_URI=databricks-uc`` all mean the local registry. Runs go to ``<home>/mlflow/mlflow.db``, artifacts
    to ``<home>/mlflow/artifacts``. On Databricks it does nothing.

    Parameters
    ----------
    home : Path, optional
        Folder of the local platform; default `lakehouse.paths.home`.
    """
    global _home
    if on_databricks():
        return
    home = Path(home or default_home()).resolve()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    _create_database(home)
    _fold_aliases(home / "mlflow" / "mlflow.db")
    if _home is None:
        _extend_mlflow()
    _home = home

    import mlflow

    mlflow.set_tracking_uri(database_uri(home))
    # The address of the database, not ours: child processes inherit it, and those without `install` can still load.
    mlflow.set_registry_uri(database_uri(home))


def store() -> UnityCatalogStore:
    """The registry store of this process.

    Raises
    ------
    RuntimeError
        If `install` was not called, or on Databricks, where there is no local store.
    """
    home = _installed_home()
    from mlflow.tracking._model_registry.utils import _get_store

    return _get_store(local_uri(home))


def _installed_home() -> Path:
    if _home is None:
        raise RuntimeError(
            "The local registry is not installed: call lakehouse.registry.install() first. "
            "On Databricks use SQL (GRANT, REVOKE, SHOW GRANTS) instead."
        )
    return _home


def _extend_mlflow() -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import RestException
    from mlflow.tracking._model_registry import utils as registry_utils
    from mlflow.tracking._tracking_service import utils as tracking_utils
    from mlflow.utils.uri import is_databricks_unity_catalog_uri

    resolve_registry_uri = registry_utils._resolve_registry_uri
    open_tracking_store = tracking_utils._get_sqlalchemy_store

    @functools.wraps(resolve_registry_uri)
    def resolve(registry_uri: str | None = None, tracking_uri: str | None = None) -> str | None:
        uri = resolve_registry_uri(registry_uri, tracking_uri)
        home = _installed_home()
        if uri and is_databricks_unity_catalog_uri(uri):
            if os.environ.get("MLFLOW_REGISTRY_URI") == uri:
                # Typed by a learner; a child process has to find the local database as well.
                os.environ["MLFLOW_REGISTRY_URI"] = database_uri(home)
            return local_uri(home)
        return local_uri(home) if uri == database_uri(home) else uri

    def registry_store(store_uri: str, tracking_uri: str | None = None) -> Any:
        from lakehouse.registry.store import UnityCatalogStore

        return UnityCatalogStore(store_uri)

    def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
        # MLflow would put the artifacts of a new experiment into ./mlruns of whatever folder the notebook is in.
        home = _installed_home()
        if artifact_uri is None and store_uri == database_uri(home):
            artifact_uri = artifacts_uri(home)
        return open_tracking_store(store_uri, artifact_uri)

    refuse_prompts = MlflowClient._raise_if_prompt

    @functools.wraps(refuse_prompts)
    def refuse_readable_prompts(client: MlflowClient, name: str) -> None:
        # Before a write MlflowClient reads the model, to see whether it is a prompt. Documented are the privileges of
        # the writes (APPLY TAG, MANAGE); they must not need that of reading as well.
        try:
            refuse_prompts(client, name)
        except RestException as error:
            if error.error_code != "PERMISSION_DENIED":
                raise

    client_class: Any = MlflowClient
    client_class._raise_if_prompt = refuse_readable_prompts
    registry_utils._resolve_registry_uri = resolve
    registry_utils._get_store_registry().register(SCHEME, registry_store)
    tracking_utils._tracking_store_registry.register("sqlite", tracking_store)


def _create_database(home: Path) -> None:
    """Build the database of a fresh home; it appears under its name only when complete.

    MLflow has no other definition of its tables than the chain of its migrations. Run in memory they cost half of
    what they cost on a disk.
    """
    folder = home / "mlflow"
    database = folder / "mlflow.db"
    if database.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "mlflow.db.lock"):
        if database.exists():
            return
        for name in ("mlflow.store.db.utils", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)

        from mlflow.store.db.utils import _initialize_tables
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        draft = folder / "mlflow.db.new"
        draft.unlink(missing_ok=True)
        engine = create_engine("sqlite://", poolclass=StaticPool)
        _initialize_tables(engine)
        with closing(engine.raw_connection()) as memory, closing(sqlite3.connect(draft)) as file:
            memory.driver_connection.backup(file)  # type: ignore[union-attr]
        engine.dispose()
        # Opening the tracking store once adds the Default experiment, here with our folder for its artifacts.
        SqlAlchemyStore(sqlite_uri(draft), artifacts_uri(home)).engine.dispose()
        draft.rename(database)


def _fold_aliases(database: Path) -> None:
    """Give the aliases of a registry made before they were folded their lower-case names, as Unity Catalog keeps them.

    Of two spellings of one alias the lower-case one stays, else the one of the newest version.
    """
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        rows = connection.execute("SELECT rowid, name, alias, version FROM registered_model_aliases").fetchall()
        if all(alias == alias.lower() for _, _, alias, _ in rows):
            return
        kept: dict[tuple[str, str], int] = {}
        for rowid, name, alias, _ in sorted(rows, key=lambda row: (row[2] == row[2].lower(), int(row[3]))):
            other = kept.get((name, alias.lower()))
            if other is not None:
                connection.execute("DELETE FROM registered_model_aliases WHERE rowid = ?", (other,))
            kept[name, alias.lower()] = rowid
        for (_, alias), rowid in kept.items():
            connection.execute("UPDATE registered_model_aliases SET alias = ? WHERE rowid = ?", (alias, rowid))
