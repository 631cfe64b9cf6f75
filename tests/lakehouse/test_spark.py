"""The session: settings, Java, the lake, adopted JVMs."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from lakehouse.spark import get_spark, java, process, settings
from lakehouse.spark.shared_jvm import start_jvm


def fake_java(folder, told: str):
    folder.mkdir(parents=True, exist_ok=True)
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho '{told}' >&2\n")
    java.chmod(java.stat().st_mode | stat.S_IEXEC)
    return java


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ("no such thing", None),
    ],
)
def test_java_version_is_read_from_what_java_says(tmp_path, told, version):
    assert java.java_version(str(fake_java(tmp_path, told))) == version


def test_a_java_that_cannot_be_run_has_no_version(tmp_path):
    assert java.java_version(str(tmp_path / "nothing")) is None


@pytest.mark.parametrize(
    ("told", "words"), [('version "1.8.0_402"', "found Java 8"), (None, "found no Java")], ids=["old", "missing"]
)
def test_without_a_java_of_17_the_error_says_what_to_do(tmp_path, monkeypatch, told, words):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    if told:
        fake_java(tmp_path, told)
    with pytest.raises(RuntimeError, match=words) as refused:
        java.need_java()
    assert "wb doctor" in str(refused.value)


def test_java_home_comes_before_the_path(tmp_path, monkeypatch):
    found = fake_java(tmp_path / "jdk" / "bin", 'version "21.0.1"')
    fake_java(tmp_path / "path", 'version "1.8.0"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert java.need_java() == found


def test_an_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("WORKBOOK_PROFILE", "fast")
    with pytest.raises(ValueError, match="'lesson' or 'heavy'"):
        settings.settings()


def test_the_heavy_profile_leaves_the_engine_as_spark_made_it(monkeypatch):
    monkeypatch.setenv("WORKBOOK_PROFILE", "heavy")
    assert "spark.sql.adaptive.enabled" not in settings.settings()


def test_a_lake_that_is_a_file_is_refused_with_its_path(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    (tmp_path / "lake").write_text("in the way")
    with pytest.raises(OSError, match="WORKBOOK_HOME") as refused:
        process._check_lake()
    assert str(tmp_path / "lake") in str(refused.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_lake_is_refused_with_its_path(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="cannot be written to"):
        process._check_lake()


def test_a_full_disk_is_refused_before_spark_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    monkeypatch.setattr(process.shutil, "disk_usage", lambda _: type("usage", (), {"free": 5 * 1024**2}))
    with pytest.raises(OSError, match="5 MiB left"):
        process._check_lake()


@pytest.mark.both_engines
def test_naive_datetimes_mean_utc_on_both_sides(spark):
    import datetime as dt

    noon = dt.datetime(2026, 6, 1, 12)
    row = spark.createDataFrame([(noon,)], "ts timestamp").selectExpr("ts", "CAST(ts AS STRING) AS text").first()
    assert (row.ts, row.text) == (noon, "2026-06-01 12:00:00")


@pytest.mark.both_engines
def test_the_second_call_gives_the_same_session(spark):
    spark.range(1).createOrReplaceTempView("only_here")
    assert get_spark().table("only_here").count() == 1


def test_processes_adopt_a_running_jvm_and_leave_it_alive():
    jvm = start_jvm()
    code = (
        "from lakehouse.spark import get_spark; spark = get_spark();"
        "print(spark.catalog.tableExists('mine'), spark.range(3).count());"
        "spark.range(1).createOrReplaceTempView('mine')"
    )
    try:
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", code], env=os.environ | jvm.open_gateway(), capture_output=True, text=True
            )
            assert done.stdout.split() == ["False", "3"], done.stderr[-2000:]
        assert jvm.alive()
    finally:
        jvm.close()
    assert not jvm.alive()


def test_processes_on_one_jvm_get_their_own_streams_back(tmp_path):
    code = (
        "import sys; from pathlib import Path; from lakehouse.spark import get_spark; spark = get_spark(); here = Path(sys.argv[1])\n"
        "(here / sys.argv[2]).touch()\n"
        "while len(list(here.iterdir())) < 2: pass\n"
        "seen = []\n"
        "stream = spark.readStream.format('rate-micro-batch').option('rowsPerBatch', 5).load().writeStream\n"
        "query = stream.foreachBatch(lambda batch, number: seen.append(batch.count())).trigger(once=True).start()\n"
        "query.awaitTermination(60); print(sys.argv[2], seen)"
    )
    jvm = start_jvm()
    try:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path), name],
                env=os.environ | jvm.open_gateway(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in ("one", "two")
        ]
        told = [process.communicate(timeout=120) for process in processes]
        assert [out for out, _ in told] == ["one [5]\n", "two [5]\n"], told
    finally:
        jvm.close()


def test_two_processes_share_one_connect_server_that_asks_for_a_token(tmp_path):
    environment = {**os.environ, "WORKBOOK_HOME": str(tmp_path), "WORKBOOK_SPARK": "connect"}
    environment.pop("SPARK_REMOTE", None)
    code = (
        "from lakehouse.spark import CONNECT_SERVER, get_spark; spark = get_spark();"
        "print(CONNECT_SERVER.running().process_id, spark.range(3).count())"
    )
    try:
        told = [
            subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
            for _ in range(2)
        ]
        assert told[0].stdout == told[1].stdout, told[0].stderr[-1000:] + told[1].stderr[-1000:]
        assert told[0].stdout.split()[1] == "3"
        state = tmp_path / "connect-server.json"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        url = json.loads(state.read_text())["url"].partition(";token=")[0]
        stranger = f"from pyspark.sql import SparkSession as S; S.builder.remote('{url};token=wrong').getOrCreate().range(1).count()"
        refused = subprocess.run([sys.executable, "-c", stranger], env=environment, capture_output=True, text=True)
        assert refused.returncode != 0
        assert "UNAUTHENTICATED" in refused.stderr or "Invalid token" in refused.stderr, refused.stderr[-1000:]
    finally:
        stopped = subprocess.run(
            [sys.executable, "-m", "workbook", "stop"], env=environment, capture_output=True, text=True
        )
    assert "stopped the Spark Connect server" in stopped.stdout
