"""Fixtures of all tests: a lake of their own, one Spark session, a fresh schema for each test that asks for one."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before anything of the project is imported, so that no test ever touches the learner's own state.
_HOME = tempfile.TemporaryDirectory(prefix="workbook-tests-", ignore_cleanup_errors=True)
os.environ["WORKBOOK_HOME"] = _HOME.name

# A JVM to adopt is for this process alone: those that tests start would talk through the same gateway.
_GATEWAY = {
    name: os.environ.pop(name) for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET") if name in os.environ
}

import lakehouse  # noqa: E402, F401  (makes `databricks.feature_engineering` importable for the test modules)


@pytest.fixture(scope="session")
def home() -> Path:
    """Folder of all state for this test run."""
    return Path(_HOME.name)


@pytest.fixture(scope="session")
def spark(home: Path):
    """The session that notebooks get, classic or Connect as the environment says."""
    from lakehouse.spark import CONNECT_SERVER, get_spark

    os.environ.update(_GATEWAY)
    spark = get_spark()
    for name in _GATEWAY:
        del os.environ[name]
    yield spark
    server = CONNECT_SERVER.running()
    if server is not None:
        # First the client: it would try for minutes to reach a server that is gone.
        spark.stop()
        CONNECT_SERVER.stop()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """``offer(bank, *forms)`` makes these the questions and forms that the learner has; returns their folder."""
    from workbook.quiz import banks
    from workbook.quiz.sealed import to_json

    def offer(bank, *forms) -> Path:
        folder = tmp_path / "banks"
        folder.mkdir()
        (folder / "04_feature_store.json").write_text(to_json(bank))
        (folder / banks.FORMS).write_text(banks.to_json(forms, {}))
        for function in (banks.read_forms, banks.whole_bank):
            monkeypatch.setattr(function, "__defaults__", (folder,))
        return folder

    return offer


@pytest.fixture
def schema(spark) -> Iterator[str]:
    """A fresh schema, ``main.t_<random>``."""
    name = f"main.t_{uuid.uuid4().hex[:8]}"
    spark.sql(f"CREATE SCHEMA {name}")
    yield name
    spark.sql(f"DROP SCHEMA {name} CASCADE")
