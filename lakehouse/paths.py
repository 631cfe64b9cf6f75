"""Where the local platform keeps its state, and which side the code runs on."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGS = ("main", "dev", "staging", "prod")


def on_databricks() -> bool:
    """Whether this process runs on a Databricks cluster or on serverless compute.

    Databricks sets ``DATABRICKS_RUNTIME_VERSION`` in every notebook and job process.
    """
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def home() -> Path:
    """Folder of all local state: lake, MLflow store, progress, reports.

    ``WORKBOOK_HOME`` names it; without the variable it is ``.workbook`` at the root of the repository.
    """
    named = os.environ.get("WORKBOOK_HOME")
    return Path(named).expanduser().resolve() if named else ROOT / ".workbook"


def lake() -> Path:
    """Folder of all tables: ``lake/<catalog>/<schema>/<table>``."""
    return home() / "lake"
