"""The chapters as a learner gets them. The solved notebooks and the capstone are executed by nbval, see ``wb test``."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from lakehouse.paths import ROOT
from workbook.exercises import exercises


def test_the_unsolved_chapters_run_on_spark_connect_and_every_check_says_todo(tmp_path):
    # Few customers: what matters here is that every cell runs.
    chapters = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("chapters/*.ipynb")}
    only = [argument for name in chapters for argument in ("--only", name)]
    options = ["--unsolved", "--engine", "connect", *only, "-p", "n_customers=500"]
    command = [sys.executable, "-m", "workbook", "run", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYSPARK_GATEWAY")}
    environment["WORKBOOK_HOME"] = str(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    notebooks = {record["notebook"]: record for record in report["notebooks"]}
    assert set(notebooks) == chapters
    results = [result for record in notebooks.values() for result in record["checks"]["results"]]
    assert {result["exercise"] for result in results} == set(exercises())
    assert {result["outcome"] for result in results} == {"todo"}


def test_plain_papermill_from_another_folder_refuses_a_wrong_parameter_in_words(tmp_path):
    notebook = ROOT / "chapters" / "04_feature_store.ipynb"
    command = [sys.executable, "-m", "papermill", str(notebook), "out.ipynb", "-p", "n_customers", "abc"]
    environment = {**os.environ, "WORKBOOK_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "n_customers must be a whole number, not 'abc'" in done.stderr
    assert "\tat " not in done.stderr
