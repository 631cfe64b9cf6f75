"""The addresses of the local registry: its own scheme, and the database behind it.

A home folder may hold any character that a file system allows. In an address ``?``, ``#`` and ``%`` mean something, so the
path in it is quoted.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

SCHEME = "lakehouse-uc"


def database_uri(home: Path) -> str:
    """SQLAlchemy address of the MLflow database in a home folder."""
    return sqlite_uri(home / "mlflow" / "mlflow.db")


def sqlite_uri(database: Path) -> str:
    """SQLAlchemy address of a sqlite file. SQLAlchemy unquotes the path in it."""
    quoted = quote(str(database))
    # MLflow makes the folder of an address that begins with sqlite:///, and does not unquote it.
    return f"sqlite:///{quoted}" if quoted == str(database) else f"sqlite+pysqlite:///{quoted}"


def artifacts_uri(home: Path) -> str:
    """Address of the folder of artifacts in a home folder. MLflow unquotes a path too."""
    folder = home / "mlflow" / "artifacts"
    return str(folder) if quote(str(folder)) == str(folder) else folder.as_uri()


def registry_uri(home: Path) -> str:
    """Address of the registry in a home folder."""
    return f"{SCHEME}://{quote(str(home))}"


def home_of(registry_uri: str) -> Path:
    """Home folder named by an address of the registry."""
    return Path(unquote(registry_uri.removeprefix(f"{SCHEME}://")))
