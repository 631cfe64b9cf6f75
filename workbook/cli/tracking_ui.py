"""``wb ui``: the MLflow UI on the runs and models of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Annotated, NoReturn

import typer

from lakehouse.errors import InvalidValue, UnusableFolder
from lakehouse.paths import home
from lakehouse.server import free_port, wait_for_port
from workbook.cli.app import app


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Show your runs and models in the MLflow UI, until Ctrl-C."""
    from lakehouse import registry
    from lakehouse.registry.addresses import artifacts_uri, database_uri

    port = _free(port) if port else free_port()
    folder = home()
    try:
        registry.install(folder)
        log = folder / "mlflow-ui.log"
        log.touch()
    except OSError as error:
        raise UnusableFolder(f"{error}. Name a writable place in WORKBOOK_HOME") from None
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", database_uri(folder), "--default-artifact-root", artifacts_uri(folder)]
    # Artifacts are files of this machine: the server reads them without a proxy.
    command += ["--workers", "1", "--no-serve-artifacts"]
    # Else MLflow starts seven processes more, for jobs that evaluate language models.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # `kill` would end this process alone and leave the server behind.
    signal.signal(signal.SIGTERM, _interrupt)
    with (
        log.open("wb") as output,
        _ended_with_us(
            subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment, start_new_session=True
            )
        ) as server,
    ):
        typer.echo("starting the MLflow UI ...")
        wait_for_port(port, server, log, "The MLflow UI")
        typer.echo(f"MLflow UI: http://127.0.0.1:{port} (Ctrl-C ends it)")
        raise typer.Exit(server.wait())


def _free(port: int) -> int:
    with socket.socket() as asked:
        # As servers bind: a port whose last connections are still fading away counts as free.
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind(("127.0.0.1", port))
        except OSError as error:
            raise InvalidValue(f"port {port} cannot be used ({error.strerror}): leave --port out") from None
    return port


@contextlib.contextmanager
def _ended_with_us(server: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The server has a group of its own: it and its workers end together, and not before this process says so."""
    try:
        yield server
    except KeyboardInterrupt:
        typer.echo("The MLflow UI has ended.")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
