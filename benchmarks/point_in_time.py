"""Point-in-time training set against the plain Spark join + max_by, on the same tables in the same JVM.

Both ways alternate, so that a noisy machine is noisy for both; the medians give the ratio. The JVM's heap is the limit
for driver and executors together: what fits proves that the driver needs less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

FEATURES = ["f0", "f1", "f2", "f3"]


def make_tables(spark: SparkSession, labels: int, rows: int, keys: int) -> None:
    """Write the two Delta tables: ``rows`` feature rows of ``keys`` keys over a year, and ``labels`` labels."""
    seconds = 365 * 86_400
    at = F.timestamp_seconds(F.lit(1_700_000_000) + F.pmod(F.xxhash64("id", F.lit(1)), F.lit(seconds)))
    values = [
        (F.pmod(F.xxhash64("id", F.lit(10 + i)), F.lit(1000)) / 10).alias(name) for i, name in enumerate(FEATURES)
    ]
    key = F.pmod(F.xxhash64("id"), F.lit(keys)).alias("customer_id")
    features = spark.range(rows).select(key, at.alias("ts"), *values).dropDuplicates(["customer_id", "ts"])
    spark.sql("CREATE SCHEMA IF NOT EXISTS main.bench")
    columns = "customer_id BIGINT NOT NULL, ts TIMESTAMP NOT NULL, " + ", ".join(f"{name} DOUBLE" for name in FEATURES)
    spark.sql(f"CREATE TABLE main.bench.features ({columns}, CONSTRAINT pk PRIMARY KEY (customer_id, ts))")
    spark.sql("ALTER TABLE main.bench.features SET TBLPROPERTIES ('workbook.timeseries_column' = 'ts')")
    features.write.mode("append").saveAsTable("main.bench.features")
    asked = spark.range(labels).select(
        F.pmod(F.xxhash64("id", F.lit(2)), F.lit(keys)).alias("customer_id"),
        F.timestamp_seconds(F.lit(1_700_000_000) + F.pmod(F.xxhash64("id", F.lit(3)), F.lit(seconds))).alias(
            "label_ts"
        ),
        F.pmod("id", F.lit(10)).cast("int").alias("churned"),
    )
    asked.write.saveAsTable("main.bench.labels")


def by_client(spark: SparkSession) -> DataFrame:
    """The training set as a learner makes it."""
    from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup

    lookup = FeatureLookup(
        table_name="main.bench.features",
        lookup_key="customer_id",
        timestamp_lookup_key="label_ts",
        feature_names=FEATURES,
    )
    labels = spark.table("main.bench.labels")
    client = FeatureEngineeringClient()
    return client.create_training_set(df=labels, feature_lookups=[lookup], label="churned").load_df()


def by_max_by(spark: SparkSession) -> DataFrame:
    """The plain way: join on the key, keep the past, take the latest row; labels get a row id to survive."""
    labels = spark.table("main.bench.labels").withColumn("row", F.monotonically_increasing_id())
    features = spark.table("main.bench.features")
    joined = labels.join(features, "customer_id").where("ts <= label_ts")
    latest = joined.groupBy("row").agg(F.max_by(F.struct(*FEATURES), "ts").alias("found"))
    return labels.join(latest, "row", "left").select("customer_id", "label_ts", "churned", "found.*")


def checksum(frame: DataFrame) -> tuple[int, float]:
    """Rows and a sum over all features: makes Spark compute everything, and shows that both ways agree."""
    total = sum((F.coalesce(F.col(name), F.lit(0.0)) for name in FEATURES), F.lit(0.0))
    row = frame.agg(F.count(F.lit(1)), F.sum(total)).head()
    assert row is not None
    return row[0], round(row[1], 3)


def peak_memory() -> float:
    """Highest resident memory of the JVM so far, in GiB."""
    from pyspark import SparkContext

    process = SparkContext._gateway.proc.pid  # noqa: SLF001
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024**2
    raise RuntimeError(f"/proc/{process}/status does not tell the peak memory on this system.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", default="3g", help="heap of the JVM, driver and executors together")
    asked = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="workbook-bench-")
    os.environ |= {"WORKBOOK_HOME": folder, "WORKBOOK_PROFILE": "heavy", "WORKBOOK_DRIVER_MEMORY": asked.memory}
    try:
        from lakehouse.spark import get_spark

        spark = get_spark()
        print(
            f"{asked.labels:,} labels x {asked.rows:,} feature rows of {asked.keys:,} keys, JVM {asked.memory}",
            flush=True,
        )
        make_tables(spark, asked.labels, asked.rows, asked.keys)
        ways: dict[str, Callable[[SparkSession], DataFrame]] = {"client": by_client, "join + max_by": by_max_by}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        sums = set()
        for turn in range(asked.rounds + 1):
            for name, way in ways.items():
                begin = time.perf_counter()
                sums.add(checksum(way(spark)))
                took = time.perf_counter() - begin
                if turn:  # the first round warms the JVM
                    seconds[name].append(took)
                print(f"{'warm-up' if not turn else f'round {turn}'}: {name:14} {took:6.1f} s", flush=True)
        assert len(sums) == 1, f"the two ways disagree: {sums}"
        middle = {name: statistics.median(values) for name, values in seconds.items()}
        print(
            f"client / (join + max_by) = {middle['client'] / middle['join + max_by']:.2f} (medians of {asked.rounds})"
        )
        print(f"peak resident memory of the JVM: {peak_memory():.2f} GiB")
        spark.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
