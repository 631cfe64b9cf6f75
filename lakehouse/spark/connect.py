"""The local Spark Connect server, on 127.0.0.1 and asking for a token."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

from lakehouse.server import LocalServer, free_port, wait_for_port
from lakehouse.spark.java import need_java
from lakehouse.spark.process import prepare_process
from lakehouse.spark.settings import settings

_TITLE = "the Spark Connect server"


def _start(log: Path) -> tuple[str, subprocess.Popen[bytes]]:
    from pyspark.find_spark_home import _find_spark_home

    prepare_process()
    need_java()
    port = free_port()
    token = secrets.token_urlsafe(24)
    conf = settings() | {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
    }
    command = [str(Path(_find_spark_home()) / "bin" / "spark-submit")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    for key, value in conf.items():
        command += ["--conf", f"{key}={value}"]
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
    wait_for_port(port, process, log, _TITLE)
    # The client sends a token without TLS only to the name "localhost".
    return f"sc://localhost:{port}/;token={token}", process


#: Started when a process wants it and there is none; serves all notebooks until it is stopped.
CONNECT_SERVER = LocalServer("connect-server", _TITLE, _start)
