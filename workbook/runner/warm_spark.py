"""The Spark behind a run: started once, offered to its kernels, replaced when it cannot go on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lakehouse.server import RunningServer
    from lakehouse.spark.shared_jvm import Jvm


class Spark(Protocol):
    """What a worker of a run asks of its Spark."""

    def environment(self) -> dict[str, str]:
        """Variables by which the next kernel finds it; starts it when there is none."""

    def alone(self) -> bool:
        """Whether no notebook of another worker can have broken it."""

    def discard(self) -> None:
        """Forget it, because it may not be sound any more; the next kernel gets a new one."""

    def close(self) -> None:
        """Stop what was started, and nothing else."""


class WarmJvm:
    """The JVM that a worker's kernels adopt in turn. It ends by itself when the runner is killed.

    Workers share one, which saves memory and what Java has to load and compile twice. A notebook can break a JVM for
    those beside it, so a worker that discards the shared one goes on with one of its own.
    """

    def __init__(self, place: _Place | None = None) -> None:
        self._place = place or _Place()
        self._jvm: Jvm | None = None
        self._variables: dict[str, str] = {}

    def share(self) -> WarmJvm:
        """The same JVM for one more worker."""
        return WarmJvm(self._place)

    def environment(self) -> dict[str, str]:
        if self._jvm is None or not self._jvm.alive():
            self.close()
            self._jvm = self._place.enter()
            self._variables = self._jvm.open_gateway()
        return self._variables

    def alone(self) -> bool:
        return not self._place.shared

    def discard(self) -> None:
        self.close()
        self._place = _Place()

    def close(self) -> None:
        jvm, self._jvm = self._jvm, None
        if jvm is not None:
            self._place.leave(jvm)


class _Place:
    """A place for one JVM: started for the first who enters, closed after the last who leaves."""

    def __init__(self) -> None:
        self.shared = False  # and stays shared: one that has left may have broken it
        self._jvm: Jvm | None = None
        self._users: list[Jvm] = []  # for each who is in, the JVM that it got
        self._lock = threading.Lock()

    def enter(self) -> Jvm:
        from lakehouse.spark.shared_jvm import start_jvm

        with self._lock:
            if self._jvm is None or not self._jvm.alive():
                self._jvm = start_jvm()
            self.shared |= bool(self._users)
            self._users.append(self._jvm)
            return self._jvm

    def leave(self, jvm: Jvm) -> None:
        with self._lock:
            self._users.remove(jvm)
            if jvm in self._users:
                return
            if jvm is self._jvm:
                self._jvm = None
        jvm.close()


class WarmServer:
    """One Spark Connect server for all workers and kernels: each kernel has its own session in it.

    A server that outlived a killed run is found again by the address that it left in the run's folder.
    """

    def __init__(self) -> None:
        self._server: RunningServer | None = None
        self._users = 0
        self._lock = threading.Lock()

    def share(self) -> WarmServer:
        """Count one more worker that must close it before it ends."""
        with self._lock:
            self._users += 1
        return self

    def environment(self) -> dict[str, str]:
        from lakehouse.spark import CONNECT_SERVER

        self._server = CONNECT_SERVER.ensure()
        return {"WORKBOOK_SPARK": "connect", "SPARK_REMOTE": self._server.url}

    def alone(self) -> bool:
        # Sessions are kept apart: no notebook can stop the context of another.
        return True

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

    def alone(self) -> bool:
        return True

    def discard(self) -> None:
        pass

    def close(self) -> None:
        pass
