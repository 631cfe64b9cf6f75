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
import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse import catalog
from lakehouse.home import CATALOGS, ROOT, home, on_databricks

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway
    from pyspark.sql import SparkSession

#: Fetched once by Spark's own resolver. Spark brings all their other dependencies.
DELTA_JARS = ("delta-spark_", "delta-storage-", "delta-kernel-", "unitycatalog-")
JAR_FOLDER = ROOT / ".workbook" / "jars"

_FREE_BYTES_NEEDED = 200 * 1024**2

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


def lake() -> Path:
    """Folder of all tables: ``lake/<catalog>/<schema>/<table>``."""
    return home() / "lake"


def settings() -> dict[str, str]:
    """Spark's settings for the local platform.

    ``WORKBOOK_PROFILE=heavy`` leaves out what makes small jobs quick and large ones slow;
    ``WORKBOOK_DRIVER_MEMORY`` (``2g`` when absent) is the heap of the local JVM, where the executors live too.
    """
    profile = os.environ.get("WORKBOOK_PROFILE", "lesson")
    if profile not in ("lesson", "heavy"):
        raise ValueError(f"WORKBOOK_PROFILE={profile!r} is not known: use 'lesson' or 'heavy'.")
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
    for name in CATALOGS:
        conf[f"spark.sql.catalog.{name}"] = catalog.CLASS
        conf[f"spark.sql.catalog.{name}.root"] = str(lake())
    return conf | (_HEAVY if profile == "heavy" else _LESSON)


def get_spark() -> SparkSession:
    """The session of this process; every call gives the same one.

    Raises
    ------
    RuntimeError
        When Java 17 or later is missing, or a local server does not come up.
    OSError
        When the lake cannot be written to or the disk is full; the message names the folder.
    """
    if on_databricks():
        return _databricks_session()
    _prepare_process()
    remote = os.environ.get("SPARK_REMOTE")
    if remote or os.environ.get("WORKBOOK_SPARK", "classic") == "connect":
        return _connect_session(remote or local_connect_url())
    return _classic_session()


def _databricks_session() -> SparkSession:
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()


def _prepare_process() -> None:
    # Naive datetimes in Python mean the same moment as in Spark, on any laptop, as on Databricks: UTC.
    os.environ["TZ"] = "UTC"
    time.tzset()
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    # Spark logs every SQL error as a line of JSON beside the exception that says the same.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)
    _check_lake()


def _check_lake() -> None:
    try:
        for name in CATALOGS:
            (lake() / name / "default").mkdir(parents=True, exist_ok=True)
        (home() / "tmp").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=lake()):
            pass
    except OSError as error:
        raise OSError(
            error.errno,
            f"the lake {lake()} cannot be written to ({error.strerror}). "
            "Make the folder writable, or name another one in the environment variable WORKBOOK_HOME",
        ) from error
    free = shutil.disk_usage(lake()).free
    if free < _FREE_BYTES_NEEDED:
        raise OSError(
            f"the disk of the lake {lake()} has {free // 1024**2} MiB left and Spark needs at least "
            f"{_FREE_BYTES_NEEDED // 1024**2} MiB. Make room (`wb reset` deletes the lake), "
            "or name a folder on another disk in the environment variable WORKBOOK_HOME"
        )


# Classic


def _classic_session() -> SparkSession:
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None and active._sc._jsc is not None:  # noqa: SLF001
        return active
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        return _adopted_session()
    need_java()
    builder = SparkSession.builder
    for key, value in settings().items():
        builder = builder.config(key, value)
    with _quiet_stderr():
        return builder.getOrCreate()


def _adopted_session() -> SparkSession:
    """A new session (own temporary views, own settings) on the context of a JVM that another process started."""
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    SparkContext._ensure_initialized()  # noqa: SLF001
    jvm: Any = SparkContext._jvm  # noqa: SLF001
    conf = SparkConf(_jvm=jvm).setAll(list(settings().items()))
    java_context = jvm.org.apache.spark.SparkContext.getOrCreate(conf._jconf)  # noqa: SLF001
    java_api = jvm.org.apache.spark.api.java.JavaSparkContext.fromSparkContext(java_context)
    context = SparkContext(conf=conf, jsc=java_api)
    return SparkSession(context).newSession()


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


@dataclass
class Jvm:
    """A JVM owned by this process: it ends when ``close`` is called or the process dies.

    Its processes adopt it through gateways. A gateway has one way back to Python (streaming's ``foreachBatch`` needs
    it), so processes that run side by side need one each.
    """

    process: subprocess.Popen[bytes]
    gateway: JavaGateway

    def open_gateway(self) -> dict[str, str]:
        """Open one more gateway; return the variables by which a Python process adopts the JVM through it."""
        server = self.gateway.jvm.org.apache.spark.api.python.Py4JServer(self.gateway.jvm.org.apache.spark.SparkConf())
        server.start()
        return {"PYSPARK_GATEWAY_PORT": str(server.getListeningPort()), "PYSPARK_GATEWAY_SECRET": server.secret()}

    def alive(self) -> bool:
        """Whether a process can adopt it: a notebook may have ended the JVM, or only the gateways in it."""
        from py4j.protocol import Py4JError

        try:
            return self.process.poll() is None and self.gateway.jvm.System.nanoTime() > 0
        except Py4JError:
            return False

    def close(self) -> None:
        self.gateway.shutdown()
        # The JVM ends when its standard input does.
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_jvm() -> Jvm:
    """Start a JVM that other Python processes can adopt, one after the other or side by side."""
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway

    _prepare_process()
    need_java()
    conf = SparkConf(loadDefaults=False).setAll(list(settings().items()))
    gateway = launch_gateway(conf, {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL})
    return Jvm(gateway.proc, gateway)


# Connect


def _connect_session(url: str) -> SparkSession:
    from pyspark.sql.connect.session import SparkSession

    session = SparkSession.getActiveSession()
    if session is None:
        os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
        session = SparkSession.builder.remote(url).getOrCreate()
    return session  # type: ignore[return-value]


@dataclass
class ConnectServer:
    """A Spark Connect server on 127.0.0.1 that asks for a token."""

    url: str
    process_id: int

    def alive(self) -> bool:
        try:
            os.kill(self.process_id, 0)
        except ProcessLookupError:
            return False
        return not _is_zombie(self.process_id)

    def close(self) -> None:
        if self.alive():
            os.kill(self.process_id, signal.SIGTERM)
        _state_file().unlink(missing_ok=True)


def start_connect_server() -> ConnectServer:
    """Start a server; it lives on after this process, until ``close``.

    Raises
    ------
    RuntimeError
        When the server is not ready after two minutes; the message ends with the end of its log.
    """
    from pyspark.find_spark_home import _find_spark_home

    _prepare_process()
    need_java()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_urlsafe(24)
    conf = settings() | {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
    }
    command = [str(Path(_find_spark_home()) / "bin" / "spark-submit")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    for key, value in conf.items():
        command += ["--conf", f"{key}={value}"]
    log = home() / "connect-server.log"
    environment = {key: value for key, value in os.environ.items() if key != "SPARK_REMOTE"}
    # By the environment, because a command line can be read by every user of the machine.
    environment["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = token
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "spark-internal"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    _wait_for(port, process, log)
    # The client sends a token without TLS only to the name "localhost".
    return ConnectServer(f"sc://localhost:{port}/;token={token}", process.pid)


def local_connect_url() -> str:
    """Address of the running local server; starts one when there is none. Safe to call from two processes at once."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "connect-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = running_connect_server()
        if server is None:
            server = start_connect_server()
            state = {"url": server.url, "process_id": server.process_id}
            descriptor = os.open(_state_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(state, file)
        return server.url


def running_connect_server() -> ConnectServer | None:
    """The local server that an earlier process started, if it still runs."""
    try:
        server = ConnectServer(**json.loads(_state_file().read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return server if server.alive() else None


def _state_file() -> Path:
    return home() / "connect-server.json"


def _is_zombie(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    process.terminate()
    raise RuntimeError(f"The Spark Connect server did not come up. The end of {log}:\n{log.read_text()[-2000:]}")


# Java and the jars of Delta


def need_java() -> Path:
    """The Java that Spark will use.

    Raises
    ------
    RuntimeError
        When there is none of version 17 or later.
    """
    java_home = os.environ.get("JAVA_HOME")
    found = str(Path(java_home) / "bin" / "java") if java_home else shutil.which("java")
    version = java_version(found) if found else None
    if found is None or version is None or version < 17:
        what = "no Java" if version is None else f"Java {version}"
        raise RuntimeError(
            f"Spark needs Java 17 or later and found {what} (JAVA_HOME={java_home!r}, PATH). "
            "`./wb doctor` shows what is there; `./wb run` fetches a private one."
        )
    return Path(found)


def java_version(java: str) -> int | None:
    """Major version of a ``java`` program, None when it cannot be run."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    _, _, rest = told.partition('version "')
    major = rest.partition('"')[0].split(".")
    digits = major[1] if major[0] == "1" and len(major) > 1 else major[0].partition("-")[0]
    return int(digits) if digits.isdigit() else None


def delta_jars() -> list[Path]:
    """Delta's jars for the installed ``delta-spark``; the first call ever downloads them, later ones are offline.

    Raises
    ------
    RuntimeError
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

    JAR_FOLDER.mkdir(parents=True, exist_ok=True)
    with (JAR_FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
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
                raise RuntimeError(
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
                raise RuntimeError(f"The resolver brought no delta-spark jar for {packages}.")
            wanted.rename(folder)
