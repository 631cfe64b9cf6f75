"""The table of stand-ins: what stands for each part of the platform here, what it needs, and where its state is.

``start`` installs what is listed, ``wb doctor`` looks at its health, ``wb reset`` deletes its state, ``wb stop`` and a run end
its servers, and the README shows it. A new stand-in is a package and a row. Nothing is imported before it is used, so that
``doctor`` can read the table on a Python without packages.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.server import LocalServer


@dataclass(frozen=True)
class StandIn:
    """One part of the platform. Objects are named ``module:object``.

    Attributes
    ----------
    name : str
        The part of ``lakehouse`` that stands in.
    platform, here, differs : str
        Markdown for the README: what it stands for, what it is made of, what differs.
    install : str
        Called by ``start`` when the process has its Spark session. Empty when nothing has to be done.
    server : str
        A :class:`lakehouse.server.LocalServer`.
    state : dict of str to tuple of str
        What ``wb reset NAME`` deletes: paths in the home.
    health : str
        A module that runs without any package. Its ``LOOKS`` are what ``wb doctor`` looks at: a heading to a function that
        takes the home and returns a :class:`lakehouse.findings.Finding`.
    """

    name: str
    platform: str
    here: str
    differs: str
    install: str = ""
    server: str = ""
    state: dict[str, tuple[str, ...]] = field(default_factory=dict)
    health: str = ""


STAND_INS = (
    StandIn(
        "spark",
        platform="the notebook's `spark`",
        here="Spark 4.1 with Delta Lake 4.3: one JVM, or a Spark Connect server",
        differs="One machine. No Photon, no Databricks-only SQL: `GRANT`, tags on tables, volumes, `CREATE CATALOG` and "
        "Python functions by SQL are not there",
        install="lakehouse.spark.connect_models:install",
        server="lakehouse.spark.connect:CONNECT_SERVER",
        health="lakehouse.spark.health",
    ),
    StandIn(
        "catalog",
        platform="Unity Catalog's names",
        here="a Spark catalog plugin: `main.churn.t` is a Delta table in the folder `lake/main/churn/t`",
        differs="The catalogs main, dev, staging and prod, no others. No permissions on tables, no lineage, no permanent "
        "views. `PRIMARY KEY` is kept, other declared keys are refused",
        state={"lake": ("lake", "warehouse", "tmp", "locks")},
        health="lakehouse.catalog.health",
    ),
    StandIn(
        "feature_engineering",
        platform="`databricks.feature_engineering`",
        here="a client of our own under the same import name, written from public documentation",
        differs="Feature tables, point-in-time training sets, on-demand functions, `log_model` and `score_batch` work. "
        "Online stores, feature serving and declarative features raise an error that says what to use meanwhile. One join "
        "engine, exact to the microsecond; a null label timestamp is an error",
    ),
    StandIn(
        "functions",
        platform="Python functions of Unity Catalog",
        here="`register_python_function` keeps the source in the lake; on Databricks it runs the SQL DDL",
        differs="Called through the feature client, not from SQL",
    ),
    StandIn(
        "registry",
        platform="models in Unity Catalog",
        here="MLflow's sqlite registry behind Unity Catalog's rules: three levels, signatures, aliases, no stages",
        differs="Grants are calls of `lakehouse.registry`, not SQL, and one may act as another user. Names need all three "
        "levels. No deployment jobs. A plain `mlflow` command finds aliases in lower case only",
        install="lakehouse.registry:install",
        state={"models": ("mlflow",)},
    ),
    StandIn(
        "dbutils",
        platform="`dbutils`, `display`",
        here="the parts that lessons use: widgets, `fs` on `/Volumes/...`, `data.summarize`, `jobs.taskValues`, "
        "`notebook.exit`",
        differs="A widget is its default, with no control to click. `display` shows 20 rows and draws no charts",
        state={"jobs": ("jobs",)},
    ),
)


def named(path: str) -> Any:
    """The object of a name ``module:object``."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def install() -> None:
    """Prepare this process for the stand-ins, once it has its Spark session; calling it again is harmless."""
    for part in STAND_INS:
        if part.install:
            named(part.install)()


def servers() -> Iterator[LocalServer]:
    """The local servers that stand-ins run."""
    for part in STAND_INS:
        if part.server:
            yield named(part.server)


def state() -> dict[str, tuple[str, ...]]:
    """What ``wb reset`` can delete: name to paths in the home."""
    return {name: paths for part in STAND_INS for name, paths in part.state.items()}
