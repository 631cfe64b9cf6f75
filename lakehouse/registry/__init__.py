"""Unity Catalog's model registry on one machine: MLflow's sqlite store behind the platform's rules."""

from __future__ import annotations

from lakehouse.registry.grants import Grant, acting_as, current_user
from lakehouse.registry.mlflow_plugin import install
from lakehouse.registry.statements import grant, revoke, set_owner, show_grants

__all__ = ["Grant", "acting_as", "current_user", "grant", "install", "revoke", "set_owner", "show_grants"]
