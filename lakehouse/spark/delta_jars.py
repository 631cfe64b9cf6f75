"""The jars of Delta Lake, fetched once by Spark's own resolver. Spark brings all their other dependencies."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from lakehouse.errors import Unavailable
from lakehouse.files import locked
from lakehouse.paths import ROOT

DELTA_JARS = ("delta-spark_", "delta-storage-", "delta-kernel-", "unitycatalog-")
JAR_FOLDER = ROOT / ".workbook" / "jars"


def delta_jars() -> list[Path]:
    """Delta's jars for the installed ``delta-spark``; the first call ever downloads them, later ones are offline.

    Raises
    ------
    Unavailable
        When they cannot be downloaded.
    """
    from importlib.metadata import version

    folder = JAR_FOLDER / f"delta-{version('delta-spark')}"
    if not folder.is_dir():
        _download_delta_jars(folder)
    return sorted(folder.glob("*.jar"))


def _download_delta_jars(folder: Path) -> None:
    from delta.pip_utils import configure_spark_with_delta_pip
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    with locked(JAR_FOLDER / ".lock"):
        if folder.is_dir():
            return
        print("Downloading Delta Lake's jars, once ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=JAR_FOLDER) as scratch:
            packages = configure_spark_with_delta_pip(SparkSession.builder)._options["spark.jars.packages"]  # noqa: SLF001
            conf = SparkConf(loadDefaults=False).setAll(
                [("spark.jars.packages", packages), ("spark.jars.ivy", scratch), ("spark.master", "local[1]")]
            )
            log = Path(scratch) / "resolver.log"
            try:
                with log.open("wb") as output:
                    # Spark resolves packages before it opens the gateway; no context is needed.
                    gateway = launch_gateway(conf, {"stdout": output, "stderr": output})
                gateway.close()
                gateway.proc.stdin.close()
                gateway.proc.wait(timeout=30)
            except Exception as error:
                raise Unavailable(
                    f"Delta Lake's jars ({packages}) could not be downloaded. The first start needs the internet; behind "
                    f"a proxy set JAVA_TOOL_OPTIONS='-Dhttps.proxyHost=... -Dhttps.proxyPort=...'. "
                    f"The resolver's last words:\n{log.read_text()[-1500:]}"
                ) from error
            wanted = Path(scratch) / "wanted"
            wanted.mkdir()
            for jar in (Path(scratch) / "jars").glob("*.jar"):
                if jar.name.partition("_")[2].startswith(DELTA_JARS):
                    shutil.move(jar, wanted / jar.name)
            if not any(wanted.glob("*delta-spark_*.jar")):
                raise Unavailable(f"The resolver brought no delta-spark jar for {packages}.")
            wanted.rename(folder)
