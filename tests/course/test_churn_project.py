"""The churn project: its assets are made when missing, and other parameters never replace tables."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from course.churn import data
from course.churn.project import PROJECT, schema_of
from lakehouse.errors import InvalidValue
from lakehouse.spark.shared_jvm import start_jvm
from workbook import start
from workbook.manifest import manifest


def params(**given):
    return SimpleNamespace(**{"catalog": "main", "schema": "churn", "n_customers": 2000, "seed": 7, **given})


@pytest.mark.parametrize(
    ("given", "schema"),
    [
        ({}, "churn"),
        ({"schema": "mine"}, "mine"),
        ({"n_customers": 500}, "churn_500_seed7"),
        ({"seed": 3}, "churn_2000_seed3"),
        ({"n_customers": 5000, "as_of": dt.date(2025, 9, 29)}, "churn"),
        ({"n_customers": 5000, "as_of": dt.date(2025, 10, 6)}, "churn_5000_seed7_20251006"),
        ({"model": "gradient_boosted_trees"}, "churn"),
    ],
)
def test_tables_of_other_parameters_are_in_a_schema_of_their_own(given, schema):
    assert schema_of(params(**given)) == schema


def test_every_need_of_the_manifest_is_an_asset():
    course = manifest()
    needs = [(each.project, each.needs) for each in course.chapters]
    needs += [(entry.name, notebook.needs) for entry in course.projects for notebook in entry.notebooks]
    asked = {name for project, names in needs if project == PROJECT.name for name in names}
    assert asked <= {asset.name for asset in PROJECT.assets}


@pytest.mark.both_engines
def test_raw_tables_are_made_when_missing_and_those_of_other_parameters_stay(spark, schema):
    where = {"catalog": "main", "schema": schema.removeprefix("main.")}
    ws = start("04_feature_store", **where, n_customers=200, seed=1)
    assert ws.schema_name == f"{schema}_200_seed1"
    assert data.options_of(spark, ws.schema_name).customers == 200
    start("04_feature_store", **where, n_customers=200, seed=1)
    assert spark.sql(f"DESCRIBE HISTORY {ws.schema_name}.raw_labels").count() == 1
    other = start("04_feature_store", **where, n_customers=300, seed=1)
    assert data.options_of(spark, other.schema_name).customers == 300
    assert data.options_of(spark, ws.schema_name).customers == 200
    # Somebody names the schema of the others himself.
    with pytest.raises(
        InvalidValue, match=r"were made with other parameters \(200 customers, seed 1\): pass another schema"
    ):
        PROJECT.asset("raw_tables").present(
            SimpleNamespace(spark=spark, schema_name=ws.schema_name, params=params(n_customers=300))
        )
    for made in (ws, other):
        spark.sql(f"DROP SCHEMA {made.schema_name} CASCADE")


def test_the_training_set_is_made_from_the_feature_tables(spark, schema):
    ws = start("04_feature_store", schema=schema.removeprefix("main."), n_customers=200, seed=1)
    from workbook.projects import make_missing

    make_missing(ws, PROJECT, ("training_set",))
    columns = spark.table(ws.table("training_set")).columns
    assert {"minutes_trend", "tickets_30d", "tenure_years", "churned"} <= set(columns)
    assert "customer_id" not in columns
    spark.sql(f"DROP SCHEMA {ws.schema_name} CASCADE")


def test_processes_that_start_at_once_on_a_fresh_lake_make_each_table_once(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    jvm = start_jvm()
    code = (
        "import sys; from workbook import start\n"
        "ws = start('04_feature_store', n_customers=int(sys.argv[1]), seed=1)\n"
        "from course.churn.project import PROJECT; from workbook.projects import make_missing\n"
        "make_missing(ws, PROJECT, ('feature_tables',))\n"
        "commits = [ws.spark.sql(f'DESCRIBE HISTORY {ws.table(name)}').count() for name in ('raw_labels', 'usage_features')]\n"
        "print(ws.schema_name, ws.spark.table(ws.table('raw_customers')).distinct().count(), commits)"
    )
    try:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, customers],
                env={**os.environ, **jvm.open_gateway()},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for customers in ("200", "200", "300")
        ]
        told = [process.communicate(timeout=300) for process in processes]
    finally:
        jvm.close()
    assert [process.returncode for process in processes] == [0, 0, 0], told
    last = [out.splitlines()[-1] for out, _ in told]
    assert last[0] == last[1]
    assert last[0].startswith("main.churn_200_seed1 200 ") and last[2].startswith("main.churn_300_seed1 300 ")
    # The second process found what the first had made, and committed nothing.
    assert last[0].endswith("[1, 2]") and last[2].endswith("[1, 2]")
