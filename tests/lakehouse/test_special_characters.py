"""A home folder, and a clone, may have any name that a file system allows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from lakehouse.errors import UserError
from lakehouse.paths import ROOT
from lakehouse.registry.addresses import database_uri, home_of, registry_uri
from lakehouse.spark.process import prepare_process

NAMES = [*"%#?&;=@+,[]{}()!$'\"\\ ~^`|<>*", "a%20b", "%41", "äöü-日本", "-dash", "n" * 200]
NASTY = "a b'c\"d#e?f% g&h=i@j+k[l]{m}!n$o^p-äü日本"


@pytest.mark.parametrize("name", NAMES)
def test_the_database_is_where_the_home_is(tmp_path: Path, name: str):
    home = tmp_path / f"x{name}y"
    (home / "mlflow").mkdir(parents=True)
    engine = create_engine(database_uri(home))
    with closing(engine.connect()) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x INT)")
    engine.dispose()
    assert [path.name for path in (home / "mlflow").iterdir()] == ["mlflow.db"]
    assert home_of(registry_uri(home)) == home


PROGRAM = """
import mlflow
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression
import pandas as pd
from workbook import start
ws = start()
ws.spark.createDataFrame([(1, 2.0)], "id long, x double").write.saveAsTable(ws.table("t"))
ws.spark.sql(f"INSERT INTO {ws.table('t')} VALUES (2, 3.0)")
assert ws.spark.table(ws.table("t")).count() == 2
assert ws.spark.sql(f"DESCRIBE HISTORY {ws.table('t')}").count() == 2
ws.spark.table(ws.table("t")).repartition(2).groupBy("id").count().collect()
frame = pd.DataFrame({"x": [1.0, 2.0]})
model = LinearRegression().fit(frame, [1.0, 2.0])
signature = infer_signature(frame, model.predict(frame))
name = ws.table("line")
info = mlflow.sklearn.log_model(model, name="model", signature=signature, registered_model_name=name)
mlflow.MlflowClient().set_registered_model_alias(name, "Champion", "1")
assert mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(frame).round(3).tolist() == [1.0, 2.0]
print("works")
"""


def test_spark_and_mlflow_work_in_a_home_with_a_strange_name(tmp_path: Path):
    home = tmp_path / NASTY
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "WORKBOOK_HOME": str(home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip().endswith("works"), done.stderr[-3000:]
    assert (home / "lake" / "main" / "default" / "t" / "_delta_log").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [NASTY]


@pytest.mark.parametrize(
    ("name", "words"), [("a,b", "Spark takes a comma"), ("a%20b", "MLflow reads %"), ("a\nb", "more than one line")]
)
def test_what_cannot_be_in_a_path_is_refused_in_words(tmp_path: Path, monkeypatch, name: str, words: str):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / name))
    with pytest.raises(UserError, match=f"{words}.*WORKBOOK_HOME"):
        prepare_process()
    assert list(tmp_path.iterdir()) == []


def test_a_clone_in_a_folder_with_a_colon_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("lakehouse.spark.process.ROOT", tmp_path / "a:b")
    with pytest.raises(UserError, match="Java takes a colon for the end of a path: move the clone"):
        prepare_process()


def test_an_environment_in_a_folder_with_a_percent_sign_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(tmp_path / "100%" / ".venv"))
    with pytest.raises(UserError, match="MLflow cannot read its own migrations there: make the Python environment"):
        prepare_process()


def test_a_clone_may_have_a_strange_name_too(tmp_path: Path):
    clone = tmp_path / NASTY
    for part in ("lakehouse", "workbook", "course"):
        shutil.copytree(ROOT / part, clone / part, ignore=shutil.ignore_patterns("__pycache__"))
    (clone / ".workbook").mkdir()
    (clone / ".workbook" / "jars").symlink_to(ROOT / ".workbook" / "jars")
    here = "import os, sys\nsys.path.insert(0, os.getcwd())\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{here}{PROGRAM}\nimport lakehouse\nprint(lakehouse.ROOT)"],
        env={**os.environ, "WORKBOOK_HOME": str(tmp_path / "home")},
        cwd=clone,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip().endswith(NASTY), done.stderr[-3000:]
