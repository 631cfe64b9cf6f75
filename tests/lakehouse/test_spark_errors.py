"""What Spark refuses reaches a learner in words: no Java stack, in classic and in Connect, caught or not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pyspark.errors import PySparkException

from lakehouse.spark.java_errors import without_java_frames

pytestmark = pytest.mark.both_engines

#: What is done to a table t (id BIGINT NOT NULL, x DOUBLE, CHECK x > 0), and a part of what Spark says.
REFUSED = {
    "check": ("INSERT INTO {t} VALUES (2, -1.0)", "CHECK constraint positive"),
    "not null": ("INSERT INTO {t} VALUES (NULL, 1.0)", "NOT NULL constraint violated for column: id"),
    "cast": ("INSERT INTO {t} VALUES ('a', 1.0)", "CAST_INVALID_INPUT"),
    "overflow": ("SELECT CAST(9999999999 AS INT)", "CAST_OVERFLOW"),
    "table": ("SELECT * FROM {t}_gone", "TABLE_OR_VIEW_NOT_FOUND"),
    "column": ("SELECT gone FROM {t}", "UNRESOLVED_COLUMN"),
    "schema": ("SELECT * FROM main.gone.t", "TABLE_OR_VIEW_NOT_FOUND"),
    "syntax": ("SELEC 1", "PARSE_SYNTAX_ERROR"),
    "merge": (
        "MERGE INTO {t} USING (SELECT * FROM VALUES (1, 2.0), (1, 3.0) AS v(id, x)) s ON {t}.id = s.id "
        "WHEN MATCHED THEN UPDATE SET x = s.x",
        "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
    ),
    "version": ("SELECT * FROM {t} VERSION AS OF 99", "DELTA_VERSION_NOT_FOUND"),
    "vacuum": ("VACUUM {t} RETAIN 0 HOURS", "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT"),
    "failed task": ("SELECT raise_error('boom') FROM {t}", "boom"),
}


@pytest.fixture
def table(spark, schema) -> str:
    name = f"{schema}.t"
    spark.sql(f"CREATE TABLE {name} (id BIGINT NOT NULL, x DOUBLE)")
    spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT positive CHECK (x > 0)")
    spark.sql(f"INSERT INTO {name} VALUES (1, 1.0)")
    return name


def test_a_refusal_is_an_error_of_pyspark_without_the_java_stack(spark, table):
    for name, (statement, words) in REFUSED.items():
        with pytest.raises(PySparkException) as refused:
            spark.sql(statement.format(t=table)).collect()
        told = str(refused.value)
        assert words in told, name
        assert "\tat " not in told and "JVM stacktrace" not in told, name
        assert len(told.splitlines()) < 20, name


def test_a_model_that_meets_a_null_says_so(spark):
    from pyspark.ml.feature import VectorAssembler

    frame = VectorAssembler(inputCols=["x"], outputCol="f").transform(spark.sql("SELECT CAST(NULL AS DOUBLE) AS x"))
    with pytest.raises(PySparkException, match="null while assembling") as refused:
        frame.collect()
    assert "\tat " not in str(refused.value)


def test_the_frames_of_java_are_taken_out_of_a_message():
    text = (
        "Job aborted: Task 0 failed: java.lang.IllegalStateException: no room\n"
        "\tat org.apache.spark.Task.run(Task.scala:141)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
        "Caused by: java.io.IOException: disk full\n\t... 12 more\n\nDriver stacktrace:\n"
    )
    assert without_java_frames(text) == (
        "Job aborted: Task 0 failed: java.lang.IllegalStateException: no room\nCaused by: java.io.IOException: disk full"
    )


def test_an_error_that_ends_a_script_shows_no_java_stack(tmp_path, spark):
    program = (
        "from workbook import start\n"
        "spark = start().spark\n"
        "spark.sql('CREATE OR REPLACE TABLE t (id BIGINT NOT NULL)')\n"
        "spark.sql('INSERT INTO t VALUES (NULL)')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "WORKBOOK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "NOT NULL constraint violated for column: id" in done.stderr.strip().splitlines()[-1]
    assert "\tat " not in done.stderr
    if os.environ.get("WORKBOOK_SPARK") == "connect":
        stop = [sys.executable, "-m", "workbook", "stop"]
        subprocess.run(stop, env={**os.environ, "WORKBOOK_HOME": str(tmp_path)}, check=True)
