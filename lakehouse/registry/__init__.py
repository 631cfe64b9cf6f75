"""Unity Catalog's model registry on one machine: MLflow's sqlite store behind the platform's rules."""

from __future__ import annotations

from lakehouse.registry.access import grant, revoke, set_owner, show_grants
from lakehouse.registry.grants import Grant, acting_as, current_user
from lakehouse.registry.local import install

__all__ = ["Grant", "acting_as", "current_user", "grant", "install", "revoke", "set_owner", "show_grants"]
