"""A plain MLflow server and a receiver of its webhooks, for as long as a ``with`` block.

MLflow sends registry webhooks from its server only, and the registry of Unity Catalog has none. So the lesson starts
a server of its own, with an empty registry in a temporary folder, and a receiver that accepts only signed deliveries.
Both listen on 127.0.0.1 and end with their block, after an error too. When the process that started the server is
killed, the server ends with it.

The rules are those of ``mlflow.webhooks.delivery`` (MLflow 3.17): ``X-MLflow-Signature`` holds ``v1,`` and the base64 of
HMAC-SHA256, with the secret as key, of the delivery's id, a dot, the timestamp, a dot and the body.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

SIGNATURE, TIMESTAMP, DELIVERY_ID = "X-MLflow-Signature", "X-MLflow-Timestamp", "X-MLflow-Delivery-Id"
MAX_AGE = 300  # seconds
START_SECONDS = 120


def sign(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """The signature that MLflow sends with a delivery."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a request as anybody could, and return the status of the response."""
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


@dataclass(frozen=True)
class Delivery:
    """One request as it arrived.

    Attributes
    ----------
    headers : dict of str to str
        Names in lower case: HTTP does not care how they are written.
    body : bytes
        JSON with ``entity``, ``action``, ``timestamp`` and ``data``.
    """

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """Entity and action, as they are subscribed to: ``model_version_alias.created``."""
        said = json.loads(self.body)
        return f"{said['entity']}.{said['action']}"

    @property
    def data(self) -> dict[str, str]:
        """What happened: for an alias ``name``, ``alias`` and ``version``."""
        return dict(json.loads(self.body)["data"])

    def __str__(self) -> str:
        shown = {key: self.data[key] for key in ("name", "version", "alias", "key", "value") if self.data.get(key)}
        return f"{self.event:28} {shown}"

    def genuine(self, secret: str, now: float) -> bool:
        """Whether it was signed with the secret, at most five minutes before or after ``now`` (seconds since 1970)."""
        said = {name: self.headers.get(name.lower(), "") for name in (SIGNATURE, TIMESTAMP, DELIVERY_ID)}
        expected = sign(secret, said[DELIVERY_ID], said[TIMESTAMP], self.body)
        if not hmac.compare_digest(expected.encode(), said[SIGNATURE].encode()):
            return False
        return abs(now - float(said[TIMESTAMP])) <= MAX_AGE


class Receiver:
    """What arrived at the receiver's address.

    Attributes
    ----------
    url : str
        Where to send deliveries.
    accepted, refused : list of Delivery
        Signed with the secret, and all others, in the order of arrival.
    """

    def __init__(self, url: str, secret: str) -> None:
        self.url = url
        self.accepted: list[Delivery] = []
        self.refused: list[Delivery] = []
        self._secret = secret
        self._arrived = threading.Condition()

    def take(self, delivery: Delivery) -> int:
        """Keep a delivery and return the HTTP status to respond with: 200, or 401 if it is not genuine."""
        genuine = delivery.genuine(self._secret, time.time())
        with self._arrived:
            (self.accepted if genuine else self.refused).append(delivery)
            self._arrived.notify_all()
        return 200 if genuine else 401

    def next(self, seconds: float = 30) -> Delivery:
        """Wait for one more accepted delivery than this method has given so far.

        Raises
        ------
        TimeoutError
            If none arrives in time.
        """
        wanted = self._given + 1
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.accepted) >= wanted, seconds):
                raise TimeoutError(f"No delivery arrived at {self.url} within {seconds} seconds.")
        self._given = wanted
        return self.accepted[wanted - 1]

    def after(self, act: Callable[[], object]) -> Delivery:
        """Call ``act`` and wait for the delivery that it causes."""
        act()
        return self.next()

    _given = 0


@contextmanager
def receiver(secret: str) -> Iterator[Receiver]:
    """Listen for deliveries on a free port of 127.0.0.1, in a thread, until the block ends.

    Parameters
    ----------
    secret : str
        What the sender signs with.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(
                found.take(Delivery({name.lower(): value for name, value in self.headers.items()}, body))
            )
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the notebook shows what arrived."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(f"http://127.0.0.1:{server.server_port}", secret)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def playground(secret: str) -> Iterator[tuple[MlflowClient, Receiver]]:
    """Run a server with an empty registry and a receiver until the block ends.

    Parameters
    ----------
    secret : str
        What the receiver expects deliveries to be signed with.

    Yields
    ------
    MlflowClient
        Of the server, for tracking and registry.
    Receiver
    """
    from mlflow import MlflowClient

    with mlflow_server() as url, receiver(secret) as inbox:
        yield MlflowClient(tracking_uri=url, registry_uri=url), inbox


def add_version(client: MlflowClient, name: str) -> None:
    """Add a version to a model of the playground, and create the model if it is not there. It has no files."""
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException):  # there already
        client.create_registered_model(name)
    run = client.create_run("0").info
    client.create_model_version(name, f"{run.artifact_uri}/model", run.run_id)


def resend(url: str, delivery: Delivery) -> dict[str, int]:
    """Send a recorded delivery as somebody else could: as it was, with version 1 changed to 2, and without signature.

    Returns
    -------
    dict of str to int
        The status of each response.
    """
    changed = delivery.body.replace(b'"version": "1"', b'"version": "2"')
    return {
        "unchanged": post(url, delivery.body, delivery.headers),
        "version changed": post(url, changed, delivery.headers),
        "not signed": post(url, delivery.body, {"Content-Type": "application/json"}),
    }


@contextmanager
def mlflow_server() -> Iterator[str]:
    """Run ``mlflow server`` with an empty registry until the block ends.

    Yields
    ------
    str
        Its address, for ``MlflowClient(tracking_uri=..., registry_uri=...)``.

    Raises
    ------
    Unavailable
        If it does not come up.
    """
    from lakehouse.server import free_port

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="webhooks-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ]
        log = folder / "server.log"
        with log.open("wb") as output:
            keeper = subprocess.Popen(
                [sys.executable, __file__, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=_environment(),
            )
        try:
            _wait(f"{url}/health", keeper, log)
            yield url
        finally:
            _end(keeper)


def _environment() -> dict[str, str]:
    """That of this process without its own MLflow, and with webhooks to this machine allowed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
    return ours | {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _wait(url: str, keeper: subprocess.Popen[bytes], log: Path) -> None:
    from lakehouse.errors import Unavailable

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise Unavailable(f"The MLflow server did not come up within {START_SECONDS} seconds. The end of its log:\n{last}")


def _end(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdin is not None
    keeper.stdin.close()
    try:
        keeper.wait(20)
    except subprocess.TimeoutExpired:
        keeper.terminate()
        keeper.wait(20)


# The keeper: this file run as a program -----------------------------------------------------------------------------


def keep(command: list[str], alive: Callable[[], object]) -> None:
    """Run a command in a process group of its own, and end the group when ``alive`` returns."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=lambda: (server.wait(), os.kill(os.getpid(), signal.SIGTERM)), daemon=True).start()
    try:
        alive()
    finally:
        for sign_off in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(server.pid, sign_off)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # Standard input ends when the process that started this closes it, or dies.
    keep(sys.argv[1:], sys.stdin.buffer.read)
