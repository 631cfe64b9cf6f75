"""``wb doctor``: each fault is found and comes with a remedy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lakehouse.catalog.health import tables
from lakehouse.findings import Finding
from lakehouse.paths import ROOT
from lakehouse.spark import health
from workbook import doctor


def java(folder: Path, script: str) -> Path:
    binary = folder / "bin" / "java"
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("script", "wrong", "found"),
    [
        ("echo 'openjdk version \"17.0.15\" 2025' >&2", False, "17"),
        ("echo 'openjdk version \"25\" 2025' >&2", False, "25"),
        ("echo 'openjdk version \"11.0.2\"' >&2", True, "11"),
        ("echo 'java version \"1.8.0_402\"' >&2", True, "8"),
        ("echo 'no such architecture' >&2; exit 1", True, "no such architecture"),
        ("echo hello", True, "does not run"),
    ],
)
def test_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, wrong: bool, found: str):
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "java", script)))
    finding = health.java(tmp_path)
    assert finding.wrong is wrong
    assert found in finding.found
    if wrong:
        assert "./wb run" in finding.remedy


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert health.java(tmp_path).wrong
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    finding = health.java(tmp_path)
    assert finding.wrong
    assert "unset JAVA_HOME" in finding.remedy


def repository(folder: Path, lock: str) -> Path:
    (folder / "requirements.lock").write_text(lock)
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["pytest>=8", "no-such-package[x]<2"]\n')
    return folder


def test_packages_are_compared_with_the_lock(tmp_path: Path):
    fine = f"pytest=={pytest.__version__} ; python_version >= '3.11' \\\n    --hash=sha256:0\npytest==0.1 ; x\n"
    finding = doctor.packages(repository(tmp_path, fine))
    assert finding.wrong
    assert finding.found == "missing: no-such-package"
    finding = doctor.packages(repository(tmp_path, "pytest==0.1\n"))
    assert f"pytest {pytest.__version__} (locked: 0.1)" in finding.found


@pytest.mark.parametrize(
    ("free", "wrong", "advised"), [(0.5, True, True), (3, False, True), (50, False, False)], ids=["full", "low", "ok"]
)
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, wrong: bool, advised: bool):
    usage = type("Usage", (), {"free": int(free * doctor.GIB)})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    finding = doctor.disk(tmp_path / "not" / "there")
    assert (finding.wrong, bool(finding.remedy)) == (wrong, advised)


@pytest.mark.parametrize(("available", "wrong"), [(1, True), (4, False), (None, False)])
def test_memory(monkeypatch: pytest.MonkeyPatch, available: int | None, wrong: bool):
    monkeypatch.setattr(doctor, "_available_memory", lambda: available and available * doctor.GIB)
    assert doctor.memory().wrong is wrong


def test_a_home_that_cannot_be_written_to(tmp_path: Path):
    assert not doctor.writable(tmp_path / "new").wrong
    (tmp_path / "file").touch()
    finding = doctor.writable(tmp_path / "file")
    assert finding.wrong
    assert "WORKBOOK_HOME" in finding.remedy


def test_half_written_tables_are_named(tmp_path: Path):
    lake = tmp_path / "lake"
    good, half, empty = (lake / "main" / "churn" / name / "_delta_log" for name in ("good", "half", "empty"))
    for log in (good, half, empty):
        log.mkdir(parents=True)
    (good / "00000000000000000000.json").write_text("{}")
    (half / ".00000000000000000000.json.tmp").write_text("{}")
    (empty / "00000000000000000000.json").touch()
    (lake / "main" / "churn" / ".hidden").mkdir()
    finding = tables(tmp_path)
    assert finding.wrong
    assert "main/churn/half" in finding.found
    assert "main/churn/empty" in finding.found
    assert "good" not in finding.found


def test_a_run_at_work_is_noticed(tmp_path: Path):
    import fcntl

    assert doctor.busy(tmp_path) == Finding("Runs", "none at work")
    with (tmp_path / "run.lock").open("w") as lock:
        lock.write("123")
        lock.flush()
        assert not doctor.busy(tmp_path).remedy
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "process 123" in doctor.busy(tmp_path).found


def test_a_clock_behind_the_tables(tmp_path: Path):
    log = tmp_path / "lake" / "main" / "churn" / "t" / "_delta_log"
    log.mkdir(parents=True)
    assert not doctor.clock(tmp_path).wrong
    tomorrow = time.time() + 86400
    os.utime(log, (tomorrow, tomorrow))
    assert doctor.clock(tmp_path).wrong


def test_ports():
    assert not doctor.ports().wrong


def test_delta_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "JAR_FOLDER", tmp_path)
    assert "downloads them" in health.delta_jars(tmp_path).remedy
    folder = tmp_path / f"delta-{health.version('delta-spark')}"
    folder.mkdir()
    assert health.delta_jars(tmp_path).wrong
    (folder / "a.jar").write_text("x")
    assert not health.delta_jars(tmp_path).wrong


def test_a_look_that_fails_hides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    findings = doctor.diagnose(root=tmp_path, state=tmp_path)
    packages = next(finding for finding in findings if finding.name == "Packages")
    assert packages.wrong
    assert "requirements.lock" in packages.found
    assert doctor.show(findings) == 1
    told = capsys.readouterr().out
    assert all(finding.name in told for finding in findings)
    assert "Wrong: Packages" in told


def test_show_says_when_all_is_well(capsys: pytest.CaptureFixture[str]):
    assert doctor.show([Finding("Java", "17"), Finding("Disk", "3 GiB", "make room")]) == 0
    assert "Nothing is wrong." in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["pyspark", "mlflow"])
def test_works_where_a_package_is_broken(tmp_path: Path, broken: str):
    (tmp_path / f"{broken}.py").write_text("raise ImportError('broken')")
    told = subprocess.run(
        [sys.executable, "-P", ROOT / "workbook" / "doctor.py"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in told.stderr
    assert "Java" in told.stdout


def test_works_without_any_package(tmp_path: Path):
    # -I and -S: neither the packages of this environment nor those of the user.
    told = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "workbook" / "doctor.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert told.stderr == ""
    assert "missing: pyspark, delta-spark, mlflow" in told.stdout
    assert told.returncode == 1


def test_the_rows_of_the_platform_are_looked_at(tmp_path: Path):
    names = [finding.name for finding in doctor.diagnose(state=tmp_path)]
    assert {"Java", "Delta jars", "Lake"} < set(names)
