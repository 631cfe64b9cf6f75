"""The first cell of every notebook, and the only place that knows which side it runs on."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.display import display as show

from lakehouse import on_databricks, session
from lakehouse.home import CATALOGS
from workbook import checks

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
        The platform's own on Databricks, :class:`lakehouse.notebook.DBUtils` here.
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
    """Connect the notebook with the platform, here or on Databricks.

    Parameters
    ----------
    notebook : str, optional
        Stem of the notebook. It names the MLflow experiment, and what earlier chapters would have left behind is built
        when it is missing. Without it a script gets the platform and nothing else.
    **parameters
        The notebook's parameters with their defaults. On Databricks each becomes a text widget, and the widget's value
        is cast back to the type of the default.

    Returns
    -------
    Workspace

    Raises
    ------
    ValueError
        If a parameter is unknown, of another type than its default, or out of range. The message names the parameter,
        the value and the remedy.
    RuntimeError, OSError
        If there is no Java, or the lake cannot be written to; see :func:`lakehouse.session.get_spark`.
    """
    parameters = {"catalog": "main", "schema": "churn", **parameters}
    _refuse_unknown(parameters)
    ws = _on_databricks(notebook, parameters) if on_databricks() else _local(notebook, parameters)
    checks.enter_notebook(notebook)
    ws.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {ws.schema_name}")
    if on_databricks():
        _offer_volume(ws)
    if notebook is not None:
        from workbook.churn import pipeline

        pipeline.build_missing(ws)
    return ws


def _local(notebook: str | None, parameters: dict[str, Any]) -> Workspace:
    import mlflow
    from pyspark.sql.utils import is_remote

    from lakehouse import connect_models, registry
    from lakehouse.notebook import DBUtils, display

    params = SimpleNamespace(**{name: _checked(name, value) for name, value in parameters.items()})
    if params.catalog not in CATALOGS:
        raise ValueError(f"catalog={params.catalog!r} does not exist here: use one of {', '.join(CATALOGS)}.")
    spark = session.get_spark()
    # Its warnings are about deployments that do not happen here; errors stay visible.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    registry.install()
    if is_remote():
        connect_models.install()
    mlflow.set_experiment(f"/Shared/workbook/{notebook or 'scratch'}")
    ws = Workspace(spark, DBUtils(), display, params, notebook)
    _as_in_a_databricks_notebook(ws)
    return ws


def _on_databricks(notebook: str | None, parameters: dict[str, Any]) -> Workspace:
    import mlflow

    spark = session.get_spark()
    names = getattr(get_ipython(), "user_ns", {})
    dbutils = names.get("dbutils") or _dbutils_of(spark)
    for name, default in parameters.items():
        dbutils.widgets.text(name, str(default))
    values = {name: _checked(name, dbutils.widgets.get(name)) for name in parameters}
    user = spark.sql("SELECT current_user()").collect()[0][0]
    mlflow.set_experiment(f"/Users/{user}/workbook-{notebook or 'scratch'}")
    return Workspace(spark, dbutils, names.get("display", print), SimpleNamespace(**values), notebook)


def _offer_volume(ws: Workspace) -> None:
    """Serverless and standard compute give Spark ML no disk: MLflow moves its models through a volume."""
    from pyspark.sql.utils import is_remote

    if not is_remote() or "MLFLOW_DFS_TMP" in os.environ:
        return
    ws.spark.sql(f"CREATE VOLUME IF NOT EXISTS {ws.table('mlflow_tmp')}")
    os.environ["MLFLOW_DFS_TMP"] = f"/Volumes/{ws.params.catalog}/{ws.params.schema}/mlflow_tmp"


def _dbutils_of(spark: SparkSession) -> Any:
    from pyspark.dbutils import DBUtils  # part of Databricks' own PySpark only

    return DBUtils(spark)


def _as_in_a_databricks_notebook(ws: Workspace) -> None:
    """Give the notebook the names that a Databricks notebook has without importing them."""
    shell = get_ipython()  # type: ignore[no-untyped-call]
    if shell is None:
        return
    shell.user_ns.update(spark=ws.spark, dbutils=ws.dbutils, display=ws.display)
    tidy_errors(shell)


def tidy_errors(shell: Any) -> None:
    """Make a kernel show Java errors without the Java stack, and end quietly at ``dbutils.notebook.exit``."""
    from py4j.protocol import Py4JJavaError

    from lakehouse.notebook import NotebookExit

    shell.set_custom_exc((Py4JJavaError, NotebookExit), _show_error)


def _show_error(shell: Any, kind: type, error: Any, trace: Any, tb_offset: int | None = None) -> None:
    from pyspark.errors import PySparkException

    from lakehouse.notebook import NotebookExit

    if isinstance(error, NotebookExit):
        print(f"Notebook exited: {error.value}")
        # A cell that ends in SystemExit(0) stops the notebook, and papermill takes it as done.
        shell._showtraceback(SystemExit, SystemExit("0"), [])  # noqa: SLF001
        return
    message = error.java_exception.getMessage() or error.java_exception.toString()
    shell.showtraceback((PySparkException, PySparkException(message), trace), tb_offset=tb_offset)


# Parameters


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def checked(name: str, value: Any) -> int:
        try:
            number = int(value)
            if isinstance(value, (bool, float)):
                raise ValueError
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a whole number, not {value!r}: pass for example {name}={low}.") from None
        if not low <= number <= high:
            raise ValueError(f"{name}={number} is out of range: use a whole number from {low:,} to {high:,}.")
        return number

    return checked


def _identifier(name: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
        raise ValueError(
            f"{name}={value!r} is not a name: use letters, digits and _, beginning with a letter, without dots. "
            "Catalog and schema are two parameters."
        )
    return value.lower()


def _monday(name: str, value: Any) -> dt.date:
    try:
        day = value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={value!r} is not a day: write it as YYYY-MM-DD, for example 2025-09-29.") from None
    if day.weekday() != 0:
        monday = day - dt.timedelta(days=day.weekday())
        raise ValueError(f"{name}={day} is not a Monday, and labels are made on Mondays: use {monday}.")
    return day


def _one_of(*choices: str) -> Callable[[str, Any], str]:
    def checked(name: str, value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{name}={value!r} is not a choice: use one of {', '.join(choices)}.")
        return value

    return checked


PARAMETERS: dict[str, Callable[[str, Any], Any]] = {
    "catalog": _identifier,
    "schema": _identifier,
    "n_customers": _whole(200, 5_000_000),
    "seed": _whole(0, 2**31 - 1),
    "as_of": _monday,
    "model": _one_of("logistic_regression", "gradient_boosted_trees"),
}


def _refuse_unknown(parameters: dict[str, Any]) -> None:
    unknown = sorted(set(parameters) - set(PARAMETERS))
    if unknown:
        raise ValueError(f"unknown parameter {', '.join(unknown)}: the course knows {', '.join(PARAMETERS)}.")


def _checked(name: str, value: Any) -> Any:
    return PARAMETERS[name](name, value)
