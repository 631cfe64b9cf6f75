"""``wb ui``: MLflow's own server on the store that ``start`` uses."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakehouse.paths import ROOT
from workbook.cli import app

LOG_A_RUN = """
from lakehouse import registry
registry.install()
import mlflow
mlflow.set_experiment("/Shared/ui-test")
with mlflow.start_run(run_name="seen in the UI"):
    mlflow.log_text("fine", "report.txt")
"""


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def test_the_ui_shows_the_learners_store_and_ends_when_asked(tmp_path: Path):
    environment = {**os.environ, "WORKBOOK_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", LOG_A_RUN], check=True, cwd=ROOT, env=environment)
    command = subprocess.Popen(
        [sys.executable, "-P", "-m", "workbook", "ui"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        lines = iter(command.stdout.readline, "")
        address = next(found.group() for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        assert get(f"{address}/health") == "OK"
        experiment = "/ajax-api/2.0/mlflow/experiments/get-by-name?experiment_name=%2FShared%2Fui-test"
        assert '"name": "/Shared/ui-test"' in get(address + experiment)
    finally:
        command.send_signal(signal.SIGTERM)
        rest = command.communicate(timeout=60)[0]
    assert "The MLflow UI has ended." in rest
    assert command.returncode == 0
    with pytest.raises(OSError, match="refused"):
        get(address)


def test_a_port_that_is_taken_is_refused_before_anything_starts(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = CliRunner().invoke(app, ["ui", "--port", str(port)])
    assert done.exit_code == 2
    assert f"port {port} cannot be used" in done.output


def test_a_home_that_cannot_be_written_is_named_with_the_remedy(monkeypatch, tmp_path: Path):
    (tmp_path / "mlflow").write_text("a file where the folder should be")
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["ui"])
    assert done.exit_code == 2
    assert "WORKBOOK_HOME" in done.output
