"""The Spark behind a run: started once, offered to one kernel after the other, replaced when it cannot go on."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lakehouse.session import ConnectServer, Jvm


class Spark(Protocol):
    """What a worker of a run asks of its Spark."""

    def environment(self) -> dict[str, str]:
        """Variables by which the next kernel finds it; starts it when there is none."""

    def discard(self) -> None:
        """Forget it, because it may not be sound any more; the next kernel gets a new one."""

    def close(self) -> None:
        """Stop what was started, and nothing else."""


class WarmJvm:
    """One JVM that kernels adopt in turn. It ends by itself when the runner is killed."""

    def __init__(self) -> None:
        self._jvm: Jvm | None = None

    def environment(self) -> dict[str, str]:
        from lakehouse.session import start_jvm

        # A notebook may have ended the JVM, or only the gateway in it.
        if self._jvm is None or not self._jvm.alive() or not _listens(self._jvm.port):
            self.close()
            self._jvm = start_jvm()
        return self._jvm.environment()

    def discard(self) -> None:
        self.close()

    def close(self) -> None:
        jvm, self._jvm = self._jvm, None
        if jvm is not None:
            jvm.close()


class WarmServer:
    """One Spark Connect server for all workers and kernels: each kernel has its own session in it.

    A server that outlived a killed run is found again by the address that it left in the run's folder.
    """

    def __init__(self) -> None:
        self._server: ConnectServer | None = None
        self._users = 0
        self._lock = threading.Lock()

    def share(self) -> WarmServer:
        """Count one more worker that must close it before it ends."""
        with self._lock:
            self._users += 1
        return self

    def environment(self) -> dict[str, str]:
        from lakehouse.session import local_connect_url, running_connect_server

        url = local_connect_url()
        self._server = running_connect_server()
        return {"WORKBOOK_SPARK": "connect", "SPARK_REMOTE": url}

    def discard(self) -> None:
        """Nothing to do: sessions do not share state, and a dead server is noticed at the next start."""

    def close(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
            server, self._server = self._server, None
        if server is not None:
            server.close()


class OtherSpark:
    """A cluster that the environment names, or no Spark at all: nothing to start and nothing to stop."""

    def environment(self) -> dict[str, str]:
        return {}

    def discard(self) -> None:
        pass

    def close(self) -> None:
        pass


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False
