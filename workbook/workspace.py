"""The first cell of every notebook, and the only place that knows which side it runs on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.display import display as show

from lakehouse import on_databricks, platform
from lakehouse.errors import InvalidValue
from lakehouse.paths import CATALOGS
from lakehouse.spark import get_spark
from workbook import checks
from workbook.errors import end_quietly_at_exit
from workbook.manifest import manifest
from workbook.projects import checked, make_missing, parameters_of, project_named

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

METRICS_MIME = "application/vnd.workbook.metrics+json"


@dataclass(frozen=True)
class Workspace:
    """What a notebook works with.

    Attributes
    ----------
    spark : SparkSession
    dbutils : object
        The platform's own on Databricks, :class:`lakehouse.dbutils.DBUtils` here.
    display : callable
        Shows a DataFrame as a table.
    params : SimpleNamespace
        The parameters in force, each of the type of its default.
    notebook : str or None
        Stem of the notebook, None in a script.
    """

    spark: SparkSession
    dbutils: Any
    display: Callable[..., None]
    params: SimpleNamespace
    notebook: str | None = None
    schema_name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema_name", f"{self.params.catalog}.{self.params.schema}")

    def table(self, name: str) -> str:
        """Three-level name of a table of this workspace's schema."""
        return f"{self.schema_name}.{name}"

    def report(self, **metrics: float) -> None:
        """Show numbers that sum up the notebook. The course's report reads them from the cell's output."""
        text = "\n".join(f"{name} = {value:.4g}" for name, value in metrics.items())
        bundle = {"text/plain": text, METRICS_MIME: {name: float(value) for name, value in metrics.items()}}
        show(bundle, raw=True) if get_ipython() else print(text)  # type: ignore[no-untyped-call]


def start(notebook: str | None = None, **parameters: Any) -> Workspace:
    """Connect the notebook with the platform, here or on Databricks, and make what it needs and does not find.

    Parameters
    ----------
    notebook : str, optional
        Stem of the notebook. It names the MLflow experiment, and the manifest says from which project it takes parameters
        and assets. Without it a script gets the platform and nothing else.
    **parameters
        The notebook's parameters with their defaults. On Databricks each becomes a text widget, and the widget's value
        is cast back to the type of the default.

    Returns
    -------
    Workspace

    Raises
    ------
    InvalidValue
        If the notebook is not in the manifest, or a parameter is unknown, of another type than its default, or out of
        range. The message names the parameter, the value and the remedy.
    Unavailable, UnusableFolder
        If there is no Java, or the lake cannot be written to; see :func:`lakehouse.spark.get_spark`.
    """
    use = None if notebook is None else manifest().use_of(notebook)
    project = None if use is None else project_named(use.project)
    kinds = parameters_of(project)
    values = {"catalog": "main", "schema": project.schema if project else "default", **parameters}
    # Before Java starts: a wrong parameter is refused at once.
    params = checked(kinds, values)
    if on_databricks():
        spark = get_spark()
        dbutils = _dbutils(spark)
        for name, default in values.items():
            dbutils.widgets.text(name, str(default))
        params = checked(kinds, {name: dbutils.widgets.get(name) for name in values})
    asked = params.schema
    params.schema = project.schema_of(params) if project else asked
    ws = _on_databricks(notebook, params, dbutils) if on_databricks() else _local(notebook, params)
    checks.enter_notebook(notebook)
    ws.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {ws.schema_name}")
    if on_databricks():
        _offer_volume(ws)
    if params.schema != asked:
        print(f"The tables of these parameters are in {ws.schema_name}.")
    if use is not None and project is not None:
        make_missing(ws, project, use.needs)
    return ws


def _local(notebook: str | None, params: SimpleNamespace) -> Workspace:
    import mlflow

    from lakehouse.dbutils import DBUtils, display

    if params.catalog not in CATALOGS:
        raise InvalidValue(f"catalog={params.catalog!r} does not exist here: use one of {', '.join(CATALOGS)}.")
    spark = get_spark()
    # Its warnings are about deployments that do not happen here; errors stay visible.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    platform.install()
    mlflow.set_experiment(f"/Shared/workbook/{notebook or 'scratch'}")
    ws = Workspace(spark, DBUtils(), display, params, notebook)
    _as_in_a_databricks_notebook(ws)
    return ws


def _on_databricks(notebook: str | None, params: SimpleNamespace, dbutils: Any) -> Workspace:
    import mlflow

    spark = get_spark()
    user = spark.sql("SELECT current_user()").collect()[0][0]
    mlflow.set_experiment(f"/Users/{user}/workbook-{notebook or 'scratch'}")
    return Workspace(spark, dbutils, _names_of_the_notebook().get("display", print), params, notebook)


def _names_of_the_notebook() -> dict[str, Any]:
    return getattr(get_ipython(), "user_ns", {})


def _dbutils(spark: SparkSession) -> Any:
    """The platform's own, which a notebook has without importing it."""
    found = _names_of_the_notebook().get("dbutils")
    if found is None:
        from pyspark.dbutils import DBUtils  # part of Databricks' own PySpark only

        found = DBUtils(spark)
    return found


def _offer_volume(ws: Workspace) -> None:
    """Serverless and standard compute give Spark ML no disk: MLflow moves its models through a volume."""
    from pyspark.sql.utils import is_remote

    if not is_remote() or "MLFLOW_DFS_TMP" in os.environ:
        return
    ws.spark.sql(f"CREATE VOLUME IF NOT EXISTS {ws.table('mlflow_tmp')}")
    os.environ["MLFLOW_DFS_TMP"] = f"/Volumes/{ws.params.catalog}/{ws.params.schema}/mlflow_tmp"


def _as_in_a_databricks_notebook(ws: Workspace) -> None:
    """Give the notebook the names that a Databricks notebook has without importing them."""
    shell = get_ipython()  # type: ignore[no-untyped-call]
    if shell is None:
        return
    shell.user_ns.update(spark=ws.spark, dbutils=ws.dbutils, display=ws.display)
    end_quietly_at_exit(shell)
