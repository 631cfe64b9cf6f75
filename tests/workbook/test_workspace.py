"""The first cell: parameters, both sides, and what it leaves in the notebook."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import mlflow
import pytest

import lakehouse
from course.churn.project import PROJECT
from lakehouse.errors import InvalidValue
from workbook import start, workspace
from workbook.projects import checked

both_engines = pytest.mark.both_engines


@both_engines
def test_a_plain_script_gets_the_whole_platform(spark):
    ws = start()
    assert ws.spark.range(2).count() == 2
    assert ws.schema_name == "main.default"
    assert mlflow.get_experiment_by_name("/Shared/workbook/scratch") is not None
    from databricks.feature_engineering import FeatureEngineeringClient

    assert FeatureEngineeringClient.__module__.startswith("lakehouse")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_customers": "abc"}, r"n_customers must be a whole number, not 'abc'"),
        ({"n_customers": 12.5}, r"n_customers must be a whole number, not 12\.5"),
        ({"n_customers": True}, "n_customers must be a whole number"),
        ({"n_customers": 5}, "n_customers=5 is out of range"),
        ({"catalog": "sales"}, "catalog='sales' does not exist here: use one of main, dev, staging, prod"),
        ({"schema": "main.churn"}, "without dots"),
        ({"schema": "x; DROP TABLE t"}, "not a name"),
        ({"as_of": "2025-10-01"}, "not a Monday"),
        ({"as_of": "soon"}, "YYYY-MM-DD"),
        ({"model": "forest"}, "use one of"),
        ({"customers": 5}, "unknown parameter customers"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_name_and_a_remedy(parameters, words):
    with pytest.raises(ValueError, match=words):
        start("04_feature_store", **parameters)


@pytest.mark.parametrize("value", [2000, "2000"])
def test_numbers_may_come_as_text_as_widgets_give_them(value):
    assert checked(PROJECT.parameters, {"n_customers": value}).n_customers == 2000


def test_days_may_come_as_text():
    assert checked(PROJECT.parameters, {"as_of": "2025-09-29"}).as_of == dt.date(2025, 9, 29)


def test_a_notebook_that_is_not_in_the_manifest_is_refused():
    with pytest.raises(InvalidValue, match=r"notebook='04_store' is not in course\.yaml: use the stem of a notebook"):
        start("04_store")


def test_a_day_that_leaves_no_time_after_it_is_refused():
    with pytest.raises(ValueError, match="too little before or after"):
        start("churn_01_baseline", n_customers=200, as_of="2026-12-07")


class FakeWidgets:
    def __init__(self, given):
        self.given, self.defaults = given, {}

    def text(self, name, default, label=None):
        self.defaults[name] = default

    def get(self, name):
        return self.given.get(name, self.defaults[name])


@pytest.fixture
def databricks(monkeypatch, spark):
    """A stand-in of a Databricks notebook: its variable, its session, its dbutils with widgets."""
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    dbutils = SimpleNamespace(widgets=FakeWidgets({"n_customers": "300"}))
    calls = []
    monkeypatch.setattr(workspace, "_dbutils", lambda _: dbutils)
    monkeypatch.setattr(mlflow, "set_experiment", calls.append)
    return SimpleNamespace(dbutils=dbutils, experiments=calls)


def test_on_databricks_parameters_are_widgets_cast_to_the_type_of_the_default(databricks, monkeypatch):
    made = []
    monkeypatch.setattr(workspace, "make_missing", lambda ws, project, needs: made.append(needs))
    ws = start("04_feature_store", schema="t_widgets", n_customers=2000, seed=7)
    ws.spark.sql(f"DROP SCHEMA {ws.schema_name}")
    assert made == [("raw_tables",)]
    assert databricks.dbutils.widgets.defaults["n_customers"] == "2000"
    assert (ws.params.n_customers, ws.params.seed) == (300, 7)
    assert ws.dbutils is databricks.dbutils


def test_on_databricks_the_experiment_is_a_workspace_path_and_the_registry_is_left_alone(databricks, monkeypatch):
    monkeypatch.setattr("lakehouse.registry.install", lambda: pytest.fail("the platform's registry must stay"))
    start(None)
    assert databricks.experiments[0].startswith("/Users/")


def test_on_databricks_any_catalog_may_be_named(databricks):
    databricks.dbutils.widgets.given["catalog"] = "dev"
    assert start(None).schema_name == "dev.default"


@pytest.mark.parametrize("connected", [True, False])
def test_on_serverless_and_standard_compute_models_move_through_a_volume(databricks, monkeypatch, connected):
    statements = []
    user = SimpleNamespace(collect=lambda: [["me@example.org"]])
    session = SimpleNamespace(sql=lambda statement: statements.append(statement) or user)
    monkeypatch.setattr("workbook.workspace.get_spark", lambda: session)
    monkeypatch.setattr("pyspark.sql.utils.is_remote", lambda: connected)
    monkeypatch.setenv("MLFLOW_DFS_TMP", "")  # for the fixture to remember that it was not there
    monkeypatch.delenv("MLFLOW_DFS_TMP")
    start(None, catalog="workspace", schema="churn")
    assert os.environ.get("MLFLOW_DFS_TMP") == ("/Volumes/workspace/churn/mlflow_tmp" if connected else None)
    assert ("CREATE VOLUME IF NOT EXISTS workspace.churn.mlflow_tmp" in statements) is connected


def test_on_databricks_the_import_name_is_the_platforms_own():
    code = "import lakehouse, databricks, json; print(json.dumps(list(databricks.__path__)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DATABRICKS_RUNTIME_VERSION": "18.0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not any("compat" in path for path in json.loads(done.stdout))


def test_here_the_import_name_is_ours():
    import databricks.feature_engineering

    assert str(lakehouse.ROOT) in databricks.feature_engineering.__file__
