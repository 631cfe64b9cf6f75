"""The catalog plugin: names, namespaces, PRIMARY KEY, and what a kill leaves behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyspark
import pytest
from pyspark.errors import AnalysisException, PySparkException

from lakehouse import catalog
from lakehouse.paths import CATALOGS, lake
from lakehouse.spark.delta_jars import delta_jars

both_engines = pytest.mark.both_engines


def properties(spark, name: str) -> dict[str, str]:
    return {row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES {name}").collect()}


def test_the_committed_jar_holds_the_classes_of_the_source(tmp_path):
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed: the jar cannot be rebuilt here")
    told = subprocess.run(["javac", "-version"], capture_output=True, text=True)
    if not (told.stdout or told.stderr).startswith("javac 17."):
        pytest.skip(f"the jar was built with javac 17, here is {(told.stdout or told.stderr).strip()}")
    built = catalog.build_jar(tmp_path / "built.jar", [Path(pyspark.__file__).parent / "jars", delta_jars()[0].parent])
    with zipfile.ZipFile(built) as new, zipfile.ZipFile(catalog.JAR) as old:
        assert new.namelist() == old.namelist()
        for name in new.namelist():
            assert new.read(name) == old.read(name), f"{name} differs: rebuild the jar with catalog.build_jar"


@both_engines
def test_all_catalogs_are_there_from_the_start(spark):
    for name in CATALOGS:
        assert "default" in [row[0] for row in spark.sql(f"SHOW SCHEMAS IN {name}").collect()]


@both_engines
def test_a_table_is_a_delta_table_in_its_folder(spark, schema):
    spark.range(3).write.saveAsTable(f"{schema}.numbers")
    assert (lake() / schema.replace(".", "/") / "numbers" / "_delta_log").is_dir()
    assert spark.table(f"{schema}.numbers").count() == 3
    assert spark.catalog.tableExists(f"{schema}.numbers")


@both_engines
def test_a_shallow_clone_is_a_table_of_its_own(spark, schema):
    spark.range(10).write.saveAsTable(f"{schema}.numbers")
    spark.sql(f"DELETE FROM {schema}.numbers WHERE id < 5")
    spark.sql(f"CREATE TABLE {schema}.cloned SHALLOW CLONE {schema}.numbers VERSION AS OF 0")
    spark.sql(f"DELETE FROM {schema}.cloned WHERE id = 9")
    assert (spark.table(f"{schema}.cloned").count(), spark.table(f"{schema}.numbers").count()) == (9, 5)


@both_engines
def test_names_do_not_care_about_case(spark, schema):
    spark.range(3).write.saveAsTable(f"{schema}.Numbers")
    assert spark.table(f"main.{schema.removeprefix('main.').upper()}.NUMBERS").count() == 3


@both_engines
def test_history_restore_merge_and_optimize_go_by_name(spark, schema):
    name = f"{schema}.t"
    spark.sql(f"CREATE TABLE {name} AS SELECT id, id * 2 AS twice FROM range(5)")
    spark.sql(
        f"MERGE INTO {name} USING (SELECT 4L AS id, 0L AS twice UNION SELECT 9L, 18L) AS s ON {name}.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    assert spark.table(name).count() == 6
    assert spark.sql(f"SELECT * FROM {name} VERSION AS OF 0").count() == 5
    spark.sql(f"OPTIMIZE {name} ZORDER BY (id)")
    spark.sql(f"RESTORE TABLE {name} TO VERSION AS OF 0")
    assert spark.table(name).count() == 5
    assert "RESTORE" in [row["operation"] for row in spark.sql(f"DESCRIBE HISTORY {name}").collect()]


@both_engines
def test_a_table_made_again_has_nothing_of_the_old_one(spark, schema):
    name = f"{schema}.t"
    for _ in range(3):
        spark.range(5).write.mode("append").saveAsTable(name)
    spark.sql(f"DROP TABLE {name}")
    spark.sql(f"CREATE TABLE {name} AS SELECT 'x' AS word")
    assert [row.word for row in spark.table(name).collect()] == ["x"]


@both_engines
def test_a_primary_key_is_kept_and_makes_its_columns_not_null(spark, schema):
    name = f"{schema}.t"
    spark.sql(f"CREATE TABLE {name} (ID BIGINT, ts TIMESTAMP, v DOUBLE, CONSTRAINT t_pk PRIMARY KEY (ID, ts))")
    assert properties(spark, name)[catalog.PRIMARY_KEY_PROPERTY] == '{"name": "t_pk", "columns": ["id", "ts"]}'
    assert [field.nullable for field in spark.table(name).schema] == [False, False, True]


@both_engines
def test_a_primary_key_can_be_added_once_and_to_columns_without_nulls_only(spark, schema):
    name = f"{schema}.t"
    spark.sql(f"CREATE TABLE {name} (id BIGINT NOT NULL, v DOUBLE)")
    with pytest.raises(PySparkException, match="`v` is nullable"):
        spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT t_pk PRIMARY KEY (v)")
    spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT t_pk PRIMARY KEY (id)")
    assert "t_pk" in properties(spark, name)[catalog.PRIMARY_KEY_PROPERTY]
    with pytest.raises(PySparkException, match="has a primary key already"):
        spark.sql(f"ALTER TABLE {name} ADD CONSTRAINT other PRIMARY KEY (id)")


@both_engines
@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE {}.t (id BIGINT, CONSTRAINT c UNIQUE (id))", "Only PRIMARY KEY"),
        ("CREATE TABLE {}.`a/../b` (id BIGINT)", "not a valid name"),
        ("CREATE SCHEMA {}.deeper", "two levels"),
        ("CREATE VIEW {}.v AS SELECT 1", "does not support views"),
        ("SELECT * FROM {}.nothing", "cannot be found"),
        ("SELECT * FROM main.no_such_schema.t", "cannot be found"),
        ("DROP SCHEMA {}", "contains objects"),
    ],
)
def test_bad_input_gets_a_clear_error_without_a_java_trace(spark, schema, sql, words):
    spark.range(1).write.saveAsTable(f"{schema}.something")
    with pytest.raises(PySparkException, match=words) as refused:
        spark.sql(sql.format(schema)).collect()
    assert "\tat " not in str(refused.value)


@both_engines
def test_what_a_killed_write_left_behind_is_no_table_and_stands_in_no_way(spark, schema):
    folder = lake() / schema.replace(".", "/") / "half"
    (folder / "_delta_log").mkdir(parents=True)
    (folder / "part-00000.parquet").write_bytes(b"half a file")
    assert not spark.catalog.tableExists(f"{schema}.half")
    spark.range(4).write.saveAsTable(f"{schema}.half")
    assert spark.table(f"{schema}.half").count() == 4


@both_engines
def test_streams_read_and_write_by_name(spark, schema, tmp_path):
    spark.range(4).write.saveAsTable(f"{schema}.source")
    stream = spark.readStream.table(f"{schema}.source").writeStream.option("checkpointLocation", str(tmp_path))
    stream.trigger(availableNow=True).toTable(f"{schema}.sink").awaitTermination()
    assert spark.table(f"{schema}.sink").count() == 4


def test_another_process_sees_the_tables_and_may_make_the_same_schema(spark, schema):
    spark.range(3).write.saveAsTable(f"{schema}.shared")
    code = (
        "from lakehouse.spark import get_spark; spark = get_spark();"
        f"spark.sql('CREATE SCHEMA IF NOT EXISTS {schema}');"
        f"spark.range(2).write.mode('append').saveAsTable('{schema}.shared')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert spark.table(f"{schema}.shared").count() == 5


def test_a_schema_that_exists_is_said_to_exist(spark, schema):
    with pytest.raises(AnalysisException, match="already exists"):
        spark.sql(f"CREATE SCHEMA {schema}")
