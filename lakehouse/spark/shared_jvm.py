"""A JVM that one process starts and others adopt: a run of many notebooks pays for one start of Java."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.spark.java import need_java
from lakehouse.spark.process import prepare_process
from lakehouse.spark.settings import settings

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway


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

    prepare_process()
    need_java()
    conf = SparkConf(loadDefaults=False).setAll(list(settings().items()))
    gateway = launch_gateway(conf, {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL})
    # The context keeps its files in the home of this process: who adopts it may be gone before the next one comes.
    java_conf = gateway.jvm.org.apache.spark.SparkConf()
    for name, value in settings().items():
        java_conf.set(name, value)
    gateway.jvm.org.apache.spark.SparkContext.getOrCreate(java_conf)
    return Jvm(gateway.proc, gateway)
