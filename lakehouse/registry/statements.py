"""``GRANT``, ``REVOKE``, ``SHOW GRANTS`` and ``ALTER ... OWNER TO`` for the local registry.

On Databricks the same is SQL; there a registered model is a FUNCTION:
``GRANT EXECUTE ON FUNCTION main.ml.churn TO `intern@example.com` ``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.registry import mlflow_plugin
from lakehouse.registry.errors import refuse
from lakehouse.registry.grants import PRIVILEGES, Grant, object_type

if TYPE_CHECKING:
    from lakehouse.registry.store import UnityCatalogStore


def grant(privilege: str, securable: str, principal: str) -> None:
    """Give a principal a privilege.

    Parameters
    ----------
    privilege : str
        ``USE CATALOG``, ``USE SCHEMA``, ``CREATE MODEL``, ``CREATE MODEL VERSION``, ``EXECUTE``, ``APPLY TAG``,
        ``MANAGE`` or ``ALL PRIVILEGES``; any case, and ``_`` counts as a space.
    securable : str
        A catalog (``main``), a schema (``main.ml``) or a registered model (``main.ml.churn``).
        A grant on a catalog or schema holds for everything in it.
    principal : str
        A user, or ``"account users"`` for everybody.

    Raises
    ------
    ValueError
        If there is no such privilege.
    mlflow.exceptions.RestException
        If the securable does not exist, the privilege does not apply to it, or the current user may not manage it.
    """
    store, securable = _managed(securable)
    store.grants.add(securable, principal, _applicable(privilege, securable))


def revoke(privilege: str, securable: str, principal: str) -> None:
    """Take back a privilege granted on exactly this securable; parameters and errors as in `grant`.

    What the principal inherits from the schema or the catalog stays.
    """
    store, securable = _managed(securable)
    store.grants.remove(securable, principal, _applicable(privilege, securable))


def set_owner(securable: str, principal: str) -> None:
    """Make a principal the owner of a securable; parameters and errors as in `grant`."""
    store, securable = _managed(securable)
    store.grants.set_owner(securable, principal)


def show_grants(securable: str, principal: str | None = None) -> list[Grant]:
    """Grants on a securable, inherited ones included; the owner is not listed.

    Parameters
    ----------
    securable : str
        A catalog, a schema or a registered model.
    principal : str, optional
        Keep the rows of this principal only.

    Returns
    -------
    list of Grant
        Columns ``principal, action_type, object_type, object_key``; ``pandas.DataFrame(rows)`` shows them as a table.
    """
    store = mlflow_plugin.store()
    rows = store.grants.rows(store.securable(securable))
    return [row for row in rows if principal in (None, row.principal)]


def _managed(securable: str) -> tuple[UnityCatalogStore, str]:
    store = mlflow_plugin.store()
    securable = store.securable(securable)
    store.require("MANAGE", securable)
    return store, securable


def _applicable(privilege: str, securable: str) -> str:
    name = " ".join(privilege.upper().replace("_", " ").split())
    if name not in PRIVILEGES["CATALOG"]:
        raise ValueError(f"privilege={privilege!r} is unknown: use one of {sorted(PRIVILEGES['CATALOG'])}")
    if name not in PRIVILEGES[object_type(securable)]:
        refuse(
            "INVALID_PARAMETER_VALUE",
            f"Privilege {name} is not applicable to this entity [{securable}:{object_type(securable)}].",
        )
    return name
