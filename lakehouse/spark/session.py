"""One function gives the Spark session, wherever the code runs.

=====================================  ==============================================================
where                                  session
=====================================  ==============================================================
on Databricks                          the one that is there
``SPARK_REMOTE`` (``sc://...``)        Spark Connect to that server
``WORKBOOK_SPARK=connect``             Spark Connect to a local server, started when there is none
``WORKBOOK_MASTER`` (``spark://...``)  classic, with the driver here and the executors there
otherwise                              classic with Delta, in this machine's own JVM
=====================================  ==============================================================

A process that finds ``PYSPARK_GATEWAY_PORT`` adopts the JVM behind it instead of starting one: that is how a run of
many notebooks pays for one start of Java.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lakehouse.paths import on_databricks
from lakehouse.spark.connect import CONNECT_SERVER
from lakehouse.spark.java import need_java
from lakehouse.spark.process import prepare_process
from lakehouse.spark.settings import catalogs, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def get_spark() -> SparkSession:
    """The session of this process; every call gives the same one.

    Raises
    ------
    Unavailable
        When Java 17 or later is missing, or a local server does not come up.
    UnusableFolder
        When the lake cannot be written to or the disk is full; the message names the folder.
    """
    if on_databricks():
        return _databricks_session()
    prepare_process()
    remote = os.environ.get("SPARK_REMOTE")
    if remote or os.environ.get("WORKBOOK_SPARK", "classic") == "connect":
        return _connect_session(remote or CONNECT_SERVER.ensure().url)
    return _classic_session()


def _databricks_session() -> SparkSession:
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()


def _classic_session() -> SparkSession:
    from pyspark.sql import SparkSession

    from lakehouse.spark.java_errors import install

    install()
    # Not what the JVM holds active: that is kept for each of its threads, and other processes may have adopted it.
    session = SparkSession._instantiatedSession  # noqa: SLF001
    if session is not None and session._sc._jsc is not None:  # noqa: SLF001
        return session
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        return _adopted_session()
    need_java()
    builder = SparkSession.builder
    for key, value in settings().items():
        builder = builder.config(key, value)
    with _quiet_stderr():
        return builder.getOrCreate()


def _adopted_session() -> SparkSession:
    """A new session (own temporary views, settings and lake) on the context of a JVM that another process started."""
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    SparkContext._ensure_initialized()  # noqa: SLF001
    jvm: Any = SparkContext._jvm  # noqa: SLF001
    conf = SparkConf(_jvm=jvm).setAll(list(settings().items()))
    java_context = jvm.org.apache.spark.SparkContext.getOrCreate(conf._jconf)  # noqa: SLF001
    java_api = jvm.org.apache.spark.api.java.JavaSparkContext.fromSparkContext(java_context)
    context = SparkContext(conf=conf, jsc=java_api)
    session = SparkSession(context).newSession()
    # The JVM may have been started for another home.
    for name, value in catalogs().items():
        session.conf.set(name, value)
    # What MLflow and Spark's own code in this process take for the session.
    SparkSession._instantiatedSession = session  # noqa: SLF001
    jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(session._jsparkSession)  # noqa: SLF001
    return session


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hides what the JVM's launcher prints on the file descriptor, and shows it when the start fails."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(saved, log.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _connect_session(url: str) -> SparkSession:
    from pyspark.sql.connect.session import SparkSession

    session = SparkSession.getActiveSession()
    if session is None:
        os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
        session = SparkSession.builder.remote(url).getOrCreate()
    return session  # type: ignore[return-value]
