"""Kernels that begin with their imports done: each is forked from one process that has done them once.

A notebook imports for some four seconds on a laptop's core before its first cell. Where forking is safe (Linux, WSL2)
that is paid once for a whole run; elsewhere a kernel is a new process that imports while another notebook still runs.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from lakehouse.errors import Unavailable

START_SECONDS = 120

if sys.platform == "linux":
    _PROCESSES = multiprocessing.get_context("forkserver")
else:
    _PROCESSES = multiprocessing.get_context("spawn")
_INLINE = "module://matplotlib_inline.backend_inline"


def prepare(preload: Sequence[str]) -> None:
    """Name the modules that the process behind all kernels imports. It starts with the first kernel, and only once."""
    _PROCESSES.set_forkserver_preload(["ipykernel.kernelapp", *preload])


class Kernel:
    """A Python kernel that does its imports before it is given a notebook.

    Parameters
    ----------
    environment : mapping of str to str
        Environment of the process.
    preload : sequence of str
        Modules to import while another notebook still runs.
    log : Path
        Gets what the process prints outside of any cell.
    """

    def __init__(self, environment: Mapping[str, str], preload: Sequence[str], log: Path) -> None:
        self._log = log
        self.manager = KernelManager(transport_encryption="auto")
        # The kernel that belongs to this Python: a spec that the user installed may have its name and another Python.
        self.manager._kernel_spec = KernelSpec(**get_kernel_dict())  # noqa: SLF001
        self.manager.provisioner = _Provisioner(
            kernel_spec=self.manager.kernel_spec,
            kernel_id=self.manager.kernel_id,
            parent=self.manager,
            arguments=(tuple(preload), str(log)),
        )
        self.manager.start_kernel(env=dict(environment))
        self._client = self.manager.client()
        self._client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        # What papermill talks with later.
        self.manager.client_class = "jupyter_client.asynchronous.AsyncKernelClient"

    def enter(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Wait for the kernel, move it to a notebook's folder and give it late variables.

        Raises
        ------
        RuntimeError
            The kernel died, or is not ready after two minutes.
        """
        code = f"import os\nos.chdir({str(folder)!r})\nos.environ.update({dict(environment)!r})"
        # An empty namespace of its own: nothing of this shows up in the notebook.
        wanted = self._client.execute(f"exec({code!r}, {{}})", silent=True, store_history=False)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.manager.is_alive():
            with suppress(queue.Empty):
                reply = self._client.get_shell_msg(timeout=1)
                if reply["parent_header"].get("msg_id") == wanted:
                    self._client.stop_channels()
                    return
        raise Unavailable(f"a kernel did not start; the end of its log may tell why:\n{self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End the kernel, and the processes that it started, at once."""
        process = getattr(self.manager.provisioner, "process", None)
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End a kernel that may or may not have been used."""
        self._client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)


class _Provisioner(LocalProvisioner):
    """Starts the kernel by forking instead of by its command line."""

    def __init__(self, *, arguments: tuple[Any, ...], **traits: Any) -> None:
        super().__init__(**traits)
        self._arguments = arguments

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        assert isinstance(self.parent, KernelManager)  # it has just written the connection file
        process = _PROCESSES.Process(target=_serve, args=(self.parent.connection_file, kwargs["env"], *self._arguments))
        process.start()
        self.process = _Popen(process)  # type: ignore[assignment]
        self.pid = self.pgid = process.pid
        return self.connection_info


class _Popen:
    """What a provisioner asks of a ``subprocess.Popen``, of a process that multiprocessing started."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:  # too early: it does not lead a group yet
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def _serve(connection_file: str, environment: Mapping[str, str], preload: Sequence[str], log: str) -> None:
    """Be a kernel, for as long as the process that asked for it lives."""
    os.setsid()
    threading.Thread(target=_follow, args=(multiprocessing.parent_process(),), daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    with open(log, "ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    for name in preload:
        # A module that cannot be imported is for the notebook to report.
        with suppress(Exception):
            importlib.import_module(name)
    if "matplotlib" in sys.modules:
        # Matplotlib reads MPLBACKEND, which a kernel sets as it starts, when it is imported; that was before.
        sys.modules["matplotlib"].rcParams["backend"] = _INLINE
    if "numpy" in sys.modules:
        # Forks share the state of the global generator.
        sys.modules["numpy"].random.seed()
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(argv=["-f", connection_file])


def _follow(runner: BaseProcess) -> None:
    runner.join()
    os.killpg(0, signal.SIGKILL)
