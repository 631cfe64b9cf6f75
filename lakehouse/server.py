"""The life of a local server: one for all processes of a home, found again by the address that it leaves there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lakehouse.errors import Unavailable
from lakehouse.files import locked, write_atomically
from lakehouse.paths import home

START_SECONDS = 120


@dataclass(frozen=True)
class RunningServer:
    """A server that was started.

    Attributes
    ----------
    url : str
        Its address, with its token.
    process_id : int
    born : str
        When the process began, as the system tells it: a later process may get the same id.
    """

    url: str
    process_id: int
    born: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return birth_of(self.process_id) == self.born

    def close(self) -> None:
        """Ask the process to end."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process_id, signal.SIGTERM)


@dataclass(frozen=True)
class LocalServer:
    """A server of the local platform. It lives on after the process that started it, until :meth:`stop`.

    Attributes
    ----------
    name : str
        Names its files in the home: ``<name>.json`` with its address, ``<name>.log``, ``<name>.lock``.
    title : str
        What it is, for messages.
    start : callable
        Starts it: takes the log's path, returns the address and the process, ready to be used.
    """

    name: str
    title: str
    start: Callable[[Path], tuple[str, subprocess.Popen[bytes]]]

    def running(self) -> RunningServer | None:
        """The server that this or an earlier process started, if it still runs."""
        try:
            server = RunningServer(**json.loads(self._state.read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None
        return server if server.alive() else None

    def ensure(self) -> RunningServer:
        """The running server; starts it when there is none. Safe to call from two processes at once.

        Raises
        ------
        Unavailable
            If it does not come up.
        """
        with locked(home() / f"{self.name}.lock"):
            server = self.running()
            if server is None:
                url, process = self.start(home() / f"{self.name}.log")
                server = RunningServer(url, process.pid, birth_of(process.pid) or "")
                # The address holds a token.
                write_atomically(self._state, json.dumps(asdict(server)), mode=0o600)
            return server

    def stop(self) -> RunningServer | None:
        """End the server. Return what was ended, None when nothing ran."""
        server = self.running()
        if server is not None:
            server.close()
        self._state.unlink(missing_ok=True)
        return server

    @property
    def _state(self) -> Path:
        return home() / f"{self.name}.json"


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, what: str) -> None:
    """Wait until a process listens on a port of 127.0.0.1.

    Raises
    ------
    Unavailable
        If it ends, or is not ready after two minutes; the message ends with the end of its log.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    process.terminate()
    raise Unavailable(f"{what} did not come up. The end of {log}:\n{log.read_text(errors='replace')[-2000:]}")


def birth_of(process_id: int) -> str | None:
    """When a process began, in the system's own words; None when there is none, or when it has ended and is a zombie."""
    if sys.platform == "linux":
        try:
            # The name, in parentheses, may hold anything; state and start time are the 1st and 20th field after it.
            fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] == "Z" else fields[19]
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(process_id)], capture_output=True, text=True).stdout
    state, _, began = told.strip().partition(" ")
    return None if not state or state.startswith("Z") else began.strip()
