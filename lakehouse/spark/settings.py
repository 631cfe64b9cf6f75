"""Spark's settings for the local platform."""

from __future__ import annotations

import os

from lakehouse import catalog
from lakehouse.errors import InvalidValue
from lakehouse.paths import CATALOGS, home, lake
from lakehouse.spark.delta_jars import delta_jars

#: Small data on two cores: planning and compiling cost more than running. They hurt heavy jobs, see WORKBOOK_PROFILE.
_LESSON = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    # VACUUM lists files with as many tasks as this says; at the default of 10,000 it takes minutes for an empty table.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    # Lessons run many small queries again and again; the default of 100 classes forgets them between two uses.
    "spark.sql.codegen.cache.maxEntries": "2000",
    # With one compiler Java reserves 48 MB for compiled code. Spark's generated classes fill that within a minute of
    # lessons, and Java then compiles no more at all.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC "
    "-Duser.timezone=UTC",
}
_HEAVY = {
    "spark.sql.shuffle.partitions": "16",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
}


def settings() -> dict[str, str]:
    """Spark's settings for the local platform.

    ``WORKBOOK_PROFILE=heavy`` leaves out what makes small jobs quick and large ones slow;
    ``WORKBOOK_DRIVER_MEMORY`` (``2g`` when absent) is the heap of the local JVM, where the executors live too.
    """
    profile = os.environ.get("WORKBOOK_PROFILE", "lesson")
    if profile not in ("lesson", "heavy"):
        raise InvalidValue(f"WORKBOOK_PROFILE={profile!r} is not known: use 'lesson' or 'heavy'.")
    master = os.environ.get("WORKBOOK_MASTER", "local[*]")
    conf = {
        "spark.app.name": "workbook",
        "spark.master": master,
        "spark.driver.memory": os.environ.get("WORKBOOK_DRIVER_MEMORY", "2g"),
        "spark.driver.extraClassPath": ":".join(str(jar) for jar in [catalog.JAR, *delta_jars()]),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.local.dir": str(home() / "tmp"),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.defaultCatalog": "main",
        "spark.sql.sources.default": "delta",
        "spark.sql.warehouse.dir": str(home() / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.connect.serverStacktrace.enabled": "false",
        "spark.sql.repl.eagerEval.enabled": "true",
        "spark.databricks.delta.snapshotPartitions": "2",
    }
    if master.startswith("local"):
        conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    else:
        # Executors on other machines need Delta too, and must reach the driver.
        conf["spark.jars"] = ",".join(str(jar) for jar in delta_jars())
    conf |= catalogs()
    return conf | (_HEAVY if profile == "heavy" else _LESSON)


def catalogs() -> dict[str, str]:
    """The settings that make the catalogs those of this home's lake. A session takes them before it uses its first table."""
    return {
        name: value
        for catalog_name in CATALOGS
        for name, value in (
            (f"spark.sql.catalog.{catalog_name}", catalog.CLASS),
            (f"spark.sql.catalog.{catalog_name}.root", str(lake())),
        )
    }
