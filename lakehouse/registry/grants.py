"""Who may do what: principals, privileges and ownership, kept in a small table beside the MLflow store.

Rules after the Unity Catalog privilege model. A privilege granted on a catalog or a schema holds for everything in it.
``ALL PRIVILEGES`` holds every privilege except ``MANAGE``. The owner of an object may do everything to it; the owner
of what contains it may manage it, that is grant, rename and delete, but does not read it by that alone.
The learner stands for the metastore admin and owner of everything, so that nothing gets in the way until a lesson
acts as somebody else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

LEARNER = "learner@example.com"
ACCOUNT_USERS = "account users"

_MODEL_PRIVILEGES = {"EXECUTE", "CREATE MODEL VERSION", "APPLY TAG", "MANAGE", "ALL PRIVILEGES"}
_SCHEMA_PRIVILEGES = _MODEL_PRIVILEGES | {"USE SCHEMA", "CREATE MODEL"}
_CATALOG_PRIVILEGES = _SCHEMA_PRIVILEGES | {"USE CATALOG"}

# Keyed by the number of levels in the name. For GRANT a registered model is a FUNCTION.
OBJECT_TYPES = {1: "CATALOG", 2: "SCHEMA", 3: "FUNCTION"}
PRIVILEGES = {"CATALOG": _CATALOG_PRIVILEGES, "SCHEMA": _SCHEMA_PRIVILEGES, "FUNCTION": _MODEL_PRIVILEGES}

_principal: ContextVar[str] = ContextVar("principal", default=LEARNER)

_TABLES = """
CREATE TABLE IF NOT EXISTS grants (
    securable TEXT, principal TEXT, privilege TEXT, PRIMARY KEY (securable, principal, privilege)
);
CREATE TABLE IF NOT EXISTS owners (securable TEXT PRIMARY KEY, principal TEXT NOT NULL);
"""


class Grant(NamedTuple):
    """One row of ``SHOW GRANTS``."""

    principal: str
    action_type: str
    object_type: str
    object_key: str


def current_user() -> str:
    """Name of the principal in whose name the registry is called."""
    return _principal.get()


@contextmanager
def acting_as(principal: str) -> Iterator[str]:
    """Call the registry as another principal inside a ``with`` block.

    Parameters
    ----------
    principal : str
        A user such as ``"intern@example.com"``. A new name has no privileges at all.

    Yields
    ------
    str
        The principal.

    Examples
    --------
    >>> with acting_as("intern@example.com"):
    ...     mlflow.pyfunc.load_model("models:/main.ml.churn@Champion")
    Traceback (most recent call last):
    mlflow.exceptions.RestException: PERMISSION_DENIED: User does not have USE CATALOG on Catalog 'main'.
    """
    if not principal:
        raise ValueError(f"principal={principal!r} is empty: name a user, for example 'intern@example.com'")
    token = _principal.set(principal)
    try:
        yield principal
    finally:
        _principal.reset(token)


def object_type(securable: str) -> str:
    """Type of a securable in GRANT statements: CATALOG, SCHEMA or FUNCTION."""
    return OBJECT_TYPES[securable.count(".") + 1]


def lineage(securable: str) -> list[str]:
    """The securable and all that contain it, the nearest first: ``a.b.c``, ``a.b``, ``a``."""
    parts = securable.split(".")
    return [".".join(parts[:level]) for level in range(len(parts), 0, -1)]


class GrantTable:
    """Grants and owners in one sqlite file, safe for several processes at once.

    Parameters
    ----------
    path : Path
        File of the table; made at the first use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.executescript(_TABLES)
            yield connection

    def add(self, securable: str, principal: str, privilege: str) -> None:
        """Store one grant; a grant that is there already stays."""
        with self._open() as connection:
            connection.execute("INSERT OR IGNORE INTO grants VALUES (?, ?, ?)", (securable, principal, privilege))

    def remove(self, securable: str, principal: str, privilege: str) -> None:
        """Delete one grant; an absent one is no error, as in SQL."""
        with self._open() as connection:
            connection.execute(
                "DELETE FROM grants WHERE securable = ? AND principal = ? AND privilege = ?",
                (securable, principal, privilege),
            )

    def rows(self, securable: str) -> list[Grant]:
        """Grants on a securable, those inherited from its schema and catalog included."""
        with self._open() as connection:
            return [
                Grant(principal, privilege, object_type(name), name)
                for name in lineage(securable)
                for principal, privilege in connection.execute(
                    "SELECT principal, privilege FROM grants WHERE securable = ? ORDER BY principal, privilege", (name,)
                )
            ]

    def owner(self, securable: str) -> str:
        """Owner of a securable: the learner unless somebody else made it or was given it."""
        with self._open() as connection:
            row = connection.execute("SELECT principal FROM owners WHERE securable = ?", (securable,)).fetchone()
        return row[0] if row else LEARNER

    def set_owner(self, securable: str, principal: str) -> None:
        """Make a principal the owner of a securable."""
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?)", (securable, principal))

    def forget(self, securable: str) -> None:
        """Drop what is stored about a deleted securable, so that a new one of that name starts without grants."""
        with self._open() as connection:
            connection.execute("DELETE FROM grants WHERE securable = ?", (securable,))
            connection.execute("DELETE FROM owners WHERE securable = ?", (securable,))

    def rename(self, securable: str, new_name: str) -> None:
        """Carry grants and owner over to a new name."""
        with self._open() as connection:
            connection.execute("UPDATE grants SET securable = ? WHERE securable = ?", (new_name, securable))
            connection.execute("UPDATE owners SET securable = ? WHERE securable = ?", (new_name, securable))

    def holds(self, principal: str, privilege: str, securable: str) -> bool:
        """Whether a principal has a privilege on a securable, by ownership, by a grant or by inheritance."""
        if principal == LEARNER or self.owner(securable) == principal:
            return True
        if privilege == "MANAGE" and any(self.owner(name) == principal for name in lineage(securable)):
            return True
        enough = {privilege} if privilege == "MANAGE" else {privilege, "ALL PRIVILEGES"}
        return any(
            row.principal in (principal, ACCOUNT_USERS) and row.action_type in enough for row in self.rows(securable)
        )
